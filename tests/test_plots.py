"""What the plots show: units, gaps, bins, and a sentence where there is nothing to show."""

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, QuadMesh

from etl_lib.plots import (
    plot_coverage,
    plot_energy,
    plot_power_curve,
    plot_signal,
    plot_signals,
    power_curve,
)
from etl_lib.summary import summarize_days

STATISTICS = ("mean", "min", "max", "std", "count")


@pytest.fixture(autouse=True)
def figures() -> Iterator[None]:
    mpl.use("agg")
    yield
    plt.close("all")


@pytest.fixture
def day() -> pd.DataFrame:
    """A day with wind from 0 to 14.3 m/s and power of its cube."""
    stamps = pd.date_range("2024-05-20", periods=144, freq="10min", tz="UTC", name="timestamp")
    wind = np.arange(144) / 10
    frame = pd.DataFrame(index=stamps)
    for name, mean in (("wind_speed", wind), ("power", wind**3)):
        for statistic, values in zip(
            STATISTICS, (mean, mean - 1, mean + 1, 0.5, 10.0), strict=True
        ):
            frame[f"{name}_{statistic}"] = values
    units = {"wind_speed": "m/s", "power": "kW"}
    frame.attrs["units"] = {f"{n}_{s}": u for n, u in units.items() for s in STATISTICS}
    return frame


def drawn(ax: Axes) -> str:
    """Everything that is written on the figure, once it has really been drawn."""
    ax.figure.canvas.draw()
    texts = ax.figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return "\n".join(text.get_text() for text in texts if text.get_visible())


def test_a_signal_is_drawn_with_its_unit_and_its_day_in_utc(day: pd.DataFrame) -> None:
    ax = plot_signal(day, "wind_speed")
    assert ax.get_ylabel() == "wind speed (m/s)"
    assert ax.get_xlabel() == "2024-05-20 (UTC)"
    assert "03:00" in drawn(ax)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), day["wind_speed_mean"])


def test_the_band_reaches_from_the_minimum_to_the_maximum(day: pd.DataFrame) -> None:
    band = plot_signal(day, "wind_speed").collections[0].get_paths()[0].get_extents()
    assert (band.ymin, band.ymax) == pytest.approx((-1, 15.3))


def test_a_gap_stays_a_gap(day: pd.DataFrame) -> None:
    with_gap = day.drop(day.index[30:40])
    values = plot_signal(with_gap, "wind_speed").lines[0].get_ydata()
    assert len(values) == 144
    assert np.isnan(values[30:40]).all()
    assert not np.isnan(np.delete(values, range(30, 40))).any()


def test_the_axis_covers_the_whole_day_when_its_start_is_missing(day: pd.DataFrame) -> None:
    low, high = plot_signal(day[60:], "wind_speed").get_xlim()
    assert high - low == pytest.approx(1)


def test_thin_buckets_are_hollow(day: pd.DataFrame) -> None:
    day.loc[day.index[5:8], "wind_speed_count"] = [4, 5, 1]  # five of ten is not thin
    thin = plot_signal(day, "wind_speed").lines[1]
    assert len(thin.get_xdata()) == 2
    assert thin.get_markerfacecolor() == "white"


def test_many_days_are_labelled_by_date(day: pd.DataFrame) -> None:
    later = day.set_axis(day.index + pd.Timedelta(days=3))
    later.attrs = {}
    ax = plot_signal(pd.concat([day, later]), "wind_speed")
    assert ax.get_xlabel() == "time (UTC)"
    assert "2024-May" in drawn(ax)


def test_signals_stand_above_one_another_on_one_time_axis(day: pd.DataFrame) -> None:
    upper, lower = plot_signals(day, ["wind_speed", "power"])
    assert upper.figure is lower.figure
    assert upper.get_shared_x_axes().joined(upper, lower)
    assert (upper.get_xlabel(), lower.get_xlabel()) == ("", "2024-05-20 (UTC)")


def test_the_power_curve_averages_bins_of_half_a_metre_per_second(day: pd.DataFrame) -> None:
    bins = power_curve(day)
    centre = 8.0
    inside = day[(day["wind_speed_mean"] >= 7.75) & (day["wind_speed_mean"] < 8.25)]
    assert bins.loc[centre, "count"] == len(inside) == 5
    assert bins.loc[centre, "power"] == pytest.approx(inside["power_mean"].mean())
    assert bins.loc[centre, "wind_speed"] == pytest.approx(inside["wind_speed_mean"].mean())
    assert bins["count"].sum() == 144


def test_bins_of_fewer_than_three_means_are_hollow(day: pd.DataFrame) -> None:
    few = day.iloc[[50, 51, 52, 80, 81]]
    ax = plot_power_curve(few)
    fills = {line.get_label(): line.get_markerfacecolor() for line in ax.lines}
    assert fills["bin of fewer than 3"] == "white"
    assert [len(line.get_xdata()) for line in ax.lines] == [2, 1, 1]
    scatter = next(c for c in ax.collections if isinstance(c, PathCollection))
    assert len(scatter.get_offsets()) == 5
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("wind speed (m/s)", "power (kW)")


def test_coverage_is_shown_by_signal_and_hour(day: pd.DataFrame) -> None:
    day.loc[day.index[6:12], "power_count"] = 5
    ax = plot_coverage(day.drop(day.index[12:18]))
    mesh = next(c for c in ax.collections if isinstance(c, QuadMesh))
    table = np.asarray(mesh.get_array()).reshape(2, 24)
    assert table[0, :4].tolist() == [1, 1, 0, 1]
    assert table[1, :4].tolist() == pytest.approx([1, 0.5, 0, 1])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["wind speed", "power"]


def test_coverage_of_many_days_is_their_mean(day: pd.DataFrame) -> None:
    second = day.set_axis(day.index + pd.Timedelta(days=1))[6:]
    ax = plot_coverage(pd.concat([day, second]))
    mesh = next(c for c in ax.collections if isinstance(c, QuadMesh))
    assert np.asarray(mesh.get_array()).reshape(2, 24)[0, :2].tolist() == pytest.approx([0.5, 1])


def test_a_day_that_was_measured_in_part_is_a_hollow_bar(day: pd.DataFrame) -> None:
    half = day.set_axis(day.index + pd.Timedelta(days=1))[72:]
    days = summarize_days(pd.concat([day, half]))
    ax = plot_energy(days)
    assert ax.get_ylabel() == "energy (kWh)"
    assert [bar.get_height() for bar in ax.patches] == pytest.approx(days["energy"].to_list())
    assert ax.patches[0].get_facecolor() != ax.patches[1].get_facecolor() == (1, 1, 1, 1)


def test_what_is_missing_is_said(day: pd.DataFrame) -> None:
    power_only = day.filter(like="power")
    empty = day.iloc[:0]
    assert "no readings of wind speed" in drawn(plot_signal(power_only, "wind_speed"))
    assert "no readings of power" in drawn(plot_signal(empty, "power"))
    assert "no readings of wind speed" in drawn(plot_power_curve(power_only))
    assert "no readings" in drawn(plot_coverage(pd.DataFrame()))
    assert "no readings of power" in drawn(plot_energy(summarize_days(pd.DataFrame())))


def test_signals_that_were_never_read_together_give_no_power_curve(day: pd.DataFrame) -> None:
    day.loc[day.index[:72], "power_mean"] = np.nan
    day.loc[day.index[72:], "wind_speed_mean"] = np.nan
    assert "never read together" in drawn(plot_power_curve(day))


def test_an_empty_day_is_drawn_as_sentences(day: pd.DataFrame) -> None:
    axes = plot_signals(day.iloc[:0], ["wind_speed", "power"])
    assert drawn(axes[0]).count("no readings of") == 2


def test_axes_in_axes_out(day: pd.DataFrame) -> None:
    figure, given = plt.subplots(4)
    days = summarize_days(day)
    assert plot_signal(day, "power", ax=given[0]) is given[0]
    assert plot_power_curve(day, ax=given[1]) is given[1]
    assert plot_coverage(day, ax=given[2]) is given[2]
    assert plot_energy(days, ax=given[3]) is given[3]
    assert plt.get_fignums() == [figure.number]
