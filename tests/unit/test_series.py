"""Plots of counters and states: increments and codes, and never a mean of them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import matplotlib as mpl
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from helpers import LOADED
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from etl_lib.analysis.day import summarize
from etl_lib.analysis.farm import compare_signals, plot_heat_map
from etl_lib.analysis.plots import plot_coverage, plot_diurnal, plot_signal, plot_signals
from etl_lib.analysis.quality import check_readings
from etl_lib.extract.days import Day
from etl_lib.transform.statistics import compute_statistics, to_frame

START = datetime(2024, 5, 20, tzinfo=UTC)
KINDS = {"energy": ("counter", "kWh"), "status": ("state", "1")}


@pytest.fixture(autouse=True)
def figures() -> Iterator[None]:
    mpl.use("agg")
    yield
    plt.close("all")


def table(days: int = 1, interval: int = 60, turbines: tuple[str, ...] = ("A",)) -> pa.Table:
    """Energy that grows by a unit a reading, twice that at B, and a code that changes at noon."""
    count = days * 86_400 // interval
    stamps = [START + timedelta(seconds=n * interval) for n in range(count)]
    columns = {
        "timestamp": pa.array(stamps * len(turbines), pa.timestamp("us", "UTC")),
        "turbine": np.repeat(turbines, count),
        "energy": np.concatenate([np.arange(count) * (1.0 + (name == "B")) for name in turbines]),
        "status": [1.0 if stamp.hour < 12 else 5.0 for stamp in stamps] * len(turbines),
    }
    schema = pa.schema(
        [
            ("timestamp", pa.timestamp("us", "UTC")),
            ("turbine", pa.string()),
            *(
                pa.field(name, pa.float64(), metadata={"kind": kind, "unit": unit})
                for name, (kind, unit) in KINDS.items()
            ),
        ]
    )
    return pa.table(columns, schema)


def statistics(days: int = 1, interval: int = 60, *turbines: str) -> pd.DataFrame:
    return to_frame(compute_statistics(table(days, interval, turbines or ("A",))))


def legend(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_counter() -> None:
    """A counter's line is its increments, with the signal's unit."""
    frame = statistics().loc["A"]
    ax = plot_signal(frame, "energy")
    [line] = ax.lines
    np.testing.assert_array_equal(line.get_ydata(), [9] + [10] * 143)
    assert legend(ax) == ["increment"]
    assert ax.get_ylabel() == "energy (kWh)"
    assert not ax.collections  # no band


def test_state() -> None:
    """A state's code is drawn in steps, on whole numbers, and without a unit."""
    frame = statistics().loc["A"]
    ax = plot_signal(frame, "status")
    [line] = ax.lines
    assert line.get_drawstyle() == "steps-post"
    np.testing.assert_array_equal(line.get_ydata(), [1] * 72 + [5] * 72)
    assert legend(ax) == ["code that held longest"]
    assert ax.get_ylabel() == "status"
    assert all(float(tick).is_integer() for tick in ax.get_yticks())


@pytest.mark.parametrize("interval", [600, 1800, 3600])
def test_held_code(interval: int) -> None:
    """A code that holds between two readings is drawn, and is not hollow."""
    frame = statistics(1, interval).loc["A"]
    assert len(frame) == 144
    ax = plot_signal(frame, "status")
    assert len(ax.lines[0].get_xdata()) == 144
    assert legend(ax) == ["code that held longest"]
    assert np.isfinite(np.asarray(ax.lines[0].get_ydata(), float)).all()


def test_thin() -> None:
    """A bucket with fewer than half of the readings is hollow, of either kind."""
    rows = [n for n in range(1440) if not 300 <= n < 396]
    frame = to_frame(compute_statistics(table().take(rows))).loc["A"]
    # The minute after the last reading, in which its code held, is a bucket of the state alone
    for signal, starts in {"energy": ["06:30"], "status": ["05:00", "06:30"]}.items():
        ax = plot_signal(frame, signal)
        assert legend(ax)[1:] == ["fewer than half of the readings"]
        assert [f"{stamp:%H:%M}" for stamp in ax.lines[1].get_xdata()] == starts
    gap = np.asarray(plot_signal(frame, "status").lines[0].get_ydata(), float)
    assert np.isnan(gap[31:39]).all()
    assert np.isnan(gap).sum() == 8


def test_read_back() -> None:
    """A frame of Alvo, without kinds, is drawn alike; one without increments gets a sentence."""
    frame = statistics()
    frame.attrs = {"units": frame.attrs["units"]}
    upper, lower = plot_signals(frame.loc["A"], ["energy", "status"])
    assert (legend(upper), legend(lower)) == (["increment"], ["code that held longest"])
    first = frame.loc["A"].iloc[:1].drop(columns="energy_delta")
    [text] = plot_signal(first, "energy").texts
    assert text.get_text() == "no readings of energy"


@pytest.mark.parametrize("interval", [600, 3600])
def test_grid(interval: int) -> None:
    """Of several turbines, increments are lines and codes are points, those that hold full ones."""
    frame = statistics(1, interval, "A", "B")
    energy, status = compare_signals(frame, ["energy", "status"], ["A", "B"])
    assert legend(energy) == ["increment"]
    assert legend(status) == ["code that held longest"]
    [points] = [line for line in status.lines if line.get_solid_capstyle() == "round"]
    heights = np.asarray(points.get_ydata(), float)
    assert len(np.unique(heights[np.isfinite(heights)])) == 2
    across = np.asarray(points.get_xdata(), float)
    jumps = np.flatnonzero(np.diff(heights) != 0)
    assert not (np.isfinite(across[jumps]) & np.isfinite(across[jumps + 1])).any()


def heat(ax: Axes) -> np.ndarray:
    return np.asarray(ax.images[0].get_array().filled(np.nan))


def test_heat_map() -> None:
    """A day's cell is the sum of a counter's increments, and a state's most frequent code."""
    frame = statistics(3, 600, "A", "B")
    np.testing.assert_array_equal(
        heat(plot_heat_map(frame, "energy"))[:, 1:], [[144] * 2, [288] * 2]
    )
    frame.loc[("B", pd.Timestamp("2024-05-21 00:00Z")), "status_mode"] = 5
    np.testing.assert_array_equal(heat(plot_heat_map(frame, "status")), [[5] * 3] * 2)
    frame.loc[("A", pd.Timestamp("2024-05-22 23:50Z")), "status_mode"] = 1
    np.testing.assert_array_equal(heat(plot_heat_map(frame, "status"))[0], [5, 5, 1])
    day = heat(plot_heat_map(statistics(1, 3600, "A", "B"), "status"))
    np.testing.assert_array_equal(day, [[1] * 72 + [5] * 72] * 2)


def test_no_mean_day() -> None:
    """Counters and states have no mean day."""
    for signal in KINDS:
        [text] = plot_diurnal(statistics().loc["A"], signal).texts
        assert text.get_text() == f"no mean day: {signal} is a counter or a state"
    first = statistics().loc["A"].iloc[:1].drop(columns="energy_delta")
    [text] = plot_diurnal(first, "energy").texts
    assert text.get_text() == "no mean day: energy is a counter or a state"


def test_coverage() -> None:
    """The plot has both; an hourly reading fills its hour, and a whole day is a sentence."""
    whole = statistics(1, 3600).loc["A"]
    ax = plot_coverage(whole.iloc[6:])
    assert [text.get_text() for text in ax.texts] == ["energy", "status"]
    cells = np.asarray(ax.images[0].get_array().filled(np.nan))
    assert np.nansum(cells) == 2 * 138
    [sentence] = plot_coverage(whole).texts
    assert sentence.get_text() == "complete: every expected reading arrived"


@pytest.mark.parametrize(
    ("columns", "signal", "values"),
    [
        (["energy"], "energy", [9.5] + [10.0] * 71),
        (["status", "energy"], "energy", [9.5] + [10.0] * 71),
        (["status"], "status", [None] * 72),
    ],
)
def test_outline(columns: list[str], signal: str, values: list[float | None]) -> None:
    """The index shows a counter's increments; codes have no outline."""
    readings = table().select(["timestamp", "turbine", *columns])
    load = LOADED.model_copy(update={"columns": columns, "turbines": ["A"]})
    day = Day(START.date(), 1440, {}, START, turbines=["A"])
    frame = to_frame(compute_statistics(readings))
    summary = summarize(load, frame, check_readings(readings, day))
    assert summary.outline is not None
    assert (summary.outline.signal, summary.outline.values) == (signal, values)
    assert summary.by_turbine["A"].coverage == 1
    assert (summary.energy, summary.mean_wind_speed) == (None, None)
