"""Quantities that are sampled on change, against values that are written down second by second."""

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl_lib.analysis.days import summarize_days
from etl_lib.analysis.quality import check_readings
from etl_lib.analysis.slots import Slots
from etl_lib.analysis.wind import name_deviations
from etl_lib.extract.days import Day
from etl_lib.transform.interval import find_intervals
from etl_lib.transform.statistics import (
    compute_statistics,
    coverage,
    day_coverage,
    slot_coverage,
    statistics_sql,
    to_frame,
)

START = datetime(2024, 5, 20, tzinfo=UTC)
DAY = 86_400
NAMES = ("mean", "min", "max", "std", "count", "coverage")
Reading = tuple[str, int, float | None]
"""Turbine, seconds since `START`, kW."""


def table(readings: Iterable[Reading], hold: int = 3600, on_change: bool = True) -> pa.Table:
    """Readings of power, in the order given."""
    known = {"unit": "kW"} | ({"on_change": "true", "hold": str(hold)} if on_change else {})
    schema = pa.schema(
        [
            pa.field("timestamp", pa.timestamp("us", "UTC"), nullable=False),
            pa.field("turbine", pa.string(), nullable=False),
            pa.field("power", pa.float64(), metadata=known),
        ]
    )
    rows = list(readings)
    stamps = [START + timedelta(seconds=second) for _, second, _ in rows]
    return pa.table([stamps, [row[0] for row in rows], [row[2] for row in rows]], schema)


def with_wind(readings: pa.Table, wind: list[float | None]) -> pa.Table:
    """The readings with a signal that comes at an interval."""
    return readings.append_column(pa.field("wind_speed", pa.float64()), [wind])


def bursts(hours: int = 24) -> list[Reading]:
    """1000 kW for nine minutes in one row, then a row a second near 100 kW, and so on."""
    rows: list[Reading] = []
    for start in range(0, hours * 3600, 600):
        rows.append(("T1", start, 1000.0))
        rows += [("T1", start + 540 + n, 100.0 + (0.5 if n % 2 else -0.5)) for n in range(60)]
    return rows


def expect(readings: list[Reading], hold: int) -> dict[tuple[str, datetime], list[float | None]]:
    """The statistics of each turbine's day, second by second."""
    found: dict[tuple[str, datetime], list[float | None]] = {}
    known = [row for row in readings if row[2] is not None and math.isfinite(row[2])]
    for turbine in {row[0] for row in readings if row[1] >= 0}:
        held = np.full(2 * DAY, np.nan)  # from the day before on
        own = dict(row[1:] for row in known if row[0] == turbine)
        for second in sorted(own):
            held[DAY + second :] = np.nan
            held[DAY + second : DAY + second + hold] = own[second]
        for start in range(0, DAY, 600):
            values = held[DAY + start : DAY + start + 600]
            values = values[np.isfinite(values)]
            if len(values):
                count = sum(start <= second < start + 600 for second in own) or None
                parts = [values.mean(), values.min(), values.max(), values.std(), count]
                found[turbine, START + timedelta(seconds=start)] = [*parts, len(values) / 600]
    return found


@st.composite
def series(draw: st.DrawFn, first: int = 0) -> list[Reading]:
    """Readings of two turbines at any second of a day, no stamp of a turbine twice."""
    values = st.sampled_from([0.0, -3.5, 1e6, 7.25, None, math.nan])
    seconds = st.integers(first, first + DAY - 1) | st.integers(first, first + 1800)
    return [
        (turbine, second, draw(values))
        for turbine in "AB"
        for second in sorted(draw(st.sets(seconds, max_size=25)))
    ]


@given(series(first=-DAY), series(), st.sampled_from([1, 60, 3600, DAY]), st.randoms())
def test_second_by_second(
    before: list[Reading], rows: list[Reading], hold: int, random: Random
) -> None:
    """Every statistic equals that of the values of all seconds, with the day before."""
    random.shuffle(rows)
    computed = compute_statistics(table(rows, hold), before=table(before, hold)).to_pylist()
    found = {
        (row["turbine"], row["timestamp"]): [row[f"power_{name}"] for name in NAMES]
        for row in computed
        if row["power_mean"] is not None
    }
    expected = expect([*before, *rows], hold)
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key] == [None if v is None else pytest.approx(v, abs=1e-5) for v in values]
        low, mean, high = (found[key][NAMES.index(name)] for name in ("min", "mean", "max"))
        assert low <= mean <= high


def test_bursts() -> None:
    """The mean of a bucket is by time; without the declaration the burst outweighs the rest."""
    frame = to_frame(compute_statistics(table(bursts()))).loc["T1"]
    assert frame["power_mean"].to_list() == pytest.approx([910.0] * 144)
    assert frame["power_std"].to_list() == pytest.approx(
        [(0.9 * 90**2 + 0.1 * (810**2 + 0.25)) ** 0.5] * 144
    )
    assert set(frame["power_count"]) == {61}
    assert set(frame["power_coverage"]) == {1}
    plain = to_frame(compute_statistics(table(bursts(), on_change=False))).loc["T1"]
    assert plain["power_mean"].to_list() == pytest.approx([7000 / 61] * 144)


def test_equal_values() -> None:
    """Values that are equal have themselves as mean, and no deviation."""
    rows = [("T1", second, 0.1) for second in (0, 17, 211, 540)]
    [row] = compute_statistics(table(rows)).to_pylist()[:1]
    assert [row[f"power_{name}"] for name in NAMES] == [0.1, 0.1, 0.1, 0, 4, 1]


def test_hold() -> None:
    """After `hold` seconds it is not known what held: coverage falls, then there is no row."""
    frame = to_frame(compute_statistics(table([("T1", 0, 5.0)], hold=900))).loc["T1"]
    assert frame["power_coverage"].to_list() == coverage(frame, "power").to_list() == [1, 0.5]
    assert frame["power_count"].to_list()[:1] == [1]
    assert frame["power_count"].isna().to_list() == [False, True]
    assert frame["power_mean"].to_list() == [5, 5]


def test_midnight() -> None:
    """The value of the day before holds into the day, in minimum and maximum, too."""
    before, day = table([("T1", -300, 9.0)]), table([("T1", 300, 1.0)])
    [row, *_] = compute_statistics(day, before=before).to_pylist()
    assert [row[f"power_{name}"] for name in NAMES] == [5, 1, 9, 4, 1, 1]
    [row, *_] = compute_statistics(day).to_pylist()
    assert (row["power_mean"], row["power_coverage"]) == (1, 0.5)


def test_coverage_of_the_day() -> None:
    """A day's coverage is the share of its time for which a value held; energy is by bucket."""
    half = [("T1", second, 60.0) for second in range(0, DAY // 2, 1800)]
    computed = compute_statistics(table(half, hold=1800))
    assert day_coverage(computed, ["T1"]) == pytest.approx(0.5)
    day = summarize_days(to_frame(computed)).iloc[0]
    found = day["coverage"], day["energy"], day["hours_with_power"]
    assert found == pytest.approx((0.5, 720, 12))


@pytest.mark.parametrize("seconds", [60, 600, 3600])
def test_beside_a_regular_signal(seconds: int) -> None:
    """The interval is that of the signals that come at one; neither disturbs the other."""
    regular: list[Reading] = [("T1", second, None) for second in range(0, DAY, seconds)]
    rows = [*bursts(), *((turbine, second + 7, power) for turbine, second, power in regular)]
    wind = [None] * len(bursts()) + [8.0] * len(regular)
    readings = with_wind(table(rows), wind)
    assert find_intervals(readings) == {"T1": seconds}
    computed = compute_statistics(readings)
    frame = to_frame(computed).loc["T1"]
    assert frame["power_mean"].to_list() == pytest.approx([910.0] * 144)
    assert frame["wind_speed_count"].sum() == len(regular)
    assert day_coverage(computed, ["T1"]) == pytest.approx(1)
    for signal in ("power", "wind_speed"):
        assert slot_coverage(frame, signal).to_list() == [1] * 144
    day = summarize_days(frame).iloc[0]
    assert day["coverage"] == pytest.approx(1)
    assert (day["energy"], day["hours_with_power"]) == pytest.approx((910 * 24, 24))
    # In a table, a value on change stands for its own bucket alone
    few = frame.iloc[:1].assign(power_coverage=1.0)
    slots = Slots.of(few)
    held = {name: np.isfinite(slots.hold(np.array([1.0]), name)).sum() for name in NAMES[:1]}
    assert held == {"mean": max(1, seconds // 600)}
    assert np.isfinite(slots.hold(np.array([1.0]), "power")).sum() == 1


def test_no_interval() -> None:
    """Values on change alone have no interval: a bucket expects one."""
    readings = table(bursts(1))
    assert find_intervals(readings) == {"T1": 600}
    assert set(compute_statistics(readings)["expected"].to_pylist()) == {1}
    assert list(statistics_sql(readings)) == ["on_change"]


def test_minutes_without_a_reading() -> None:
    """A value covers the minutes for which it may hold."""
    day = Day(date(2024, 5, 20), 0, {}, START, turbines=["T1"])
    rows = [("T1", 0, 1.0), ("T1", 7200, 2.0)]
    quality: Any = check_readings(table(rows), day).loc["T1"]["power"]
    assert quality["minutes without a reading"] == 1440 - 120
    assert quality["longest gap, minutes"] == 1440 - 180


def test_state() -> None:
    """A state that is sampled on change holds so long, instead of two intervals."""
    known = {"unit": "1", "kind": "state"}
    rows = table([("T1", 0, 1.0), ("T1", 60, 2.0), ("T1", 120, 3.0)], hold=1800)
    held = known | {"on_change": "true", "hold": "1800"}
    modes = {}
    for name, metadata in (("usual", known), ("on change", held)):
        field = pa.field("status", pa.float64(), metadata=metadata)
        readings = rows.rename_columns(["timestamp", "turbine", "status"])
        readings = readings.cast(readings.schema.set(2, field))
        modes[name] = compute_statistics(readings)["status_mode"].to_pylist()
    assert modes == {"usual": [3], "on change": [3, 3, 3, 3]}


def test_deviation_by_time() -> None:
    """The deviation of values on change is not taken for a source's own."""
    frame = to_frame(compute_statistics(table([("T1", 0, 5.0)]))).loc["T1"]
    assert set(name_deviations(frame, "power")) == {"std of values on change"}
