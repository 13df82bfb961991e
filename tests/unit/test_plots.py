"""What the plots show: units, gaps, bins, and a sentence where there is nothing to show."""

from collections.abc import Callable, Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from helpers import by_turbine
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

from etl_lib.analysis.days import summarize_days
from etl_lib.analysis.plots import (
    plot_coverage,
    plot_diurnal,
    plot_monthly_power_curves,
    plot_power_curve,
    plot_signal,
    plot_signals,
)
from etl_lib.analysis.site import plot_energy, plot_turbulence, plot_wind_distribution
from etl_lib.analysis.wind import fit_weibull
from etl_lib.errors import ParameterError

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
    frame["expected"] = 10.0
    units = {"wind_speed": "m/s", "power": "kW"}
    frame.attrs["units"] = {f"{n}_{s}": u for n, u in units.items() for s in STATISTICS}
    return frame


def drawn(ax: Axes) -> str:
    """Everything that is written on the figure, once it has really been drawn."""
    ax.figure.canvas.draw()
    texts = ax.figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return "\n".join(text.get_text() for text in texts if text.get_visible())


def test_signal_axes(day: pd.DataFrame) -> None:
    """A signal's axes have its unit and the day in UTC."""
    ax = plot_signal(day, "wind_speed")
    assert ax.get_ylabel() == "wind speed (m/s)"
    assert ax.get_xlabel() == "2024-05-20 (UTC)"
    assert "03:00" in drawn(ax)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), day["wind_speed_mean"])


def test_band(day: pd.DataFrame) -> None:
    """The band reaches from the minimum to the maximum."""
    band = plot_signal(day, "wind_speed").collections[0].get_paths()[0].get_extents()
    assert (band.ymin, band.ymax) == pytest.approx((-1, 15.3))


def test_a_gap_stays_a_gap(day: pd.DataFrame) -> None:
    with_gap = day.drop(day.index[30:40])
    values = plot_signal(with_gap, "wind_speed").lines[0].get_ydata()
    assert len(values) == 144
    assert np.isnan(values[30:40]).all()
    assert not np.isnan(np.delete(values, range(30, 40))).any()


def test_whole_day(day: pd.DataFrame) -> None:
    """The axis covers the whole day when the first readings are missing."""
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


def test_shared_time_axis(day: pd.DataFrame) -> None:
    """Signals share one time axis."""
    upper, lower = plot_signals(day, ["wind_speed", "power"])
    assert upper.figure is lower.figure
    assert upper.get_shared_x_axes().joined(upper, lower)
    assert (upper.get_xlabel(), lower.get_xlabel()) == ("", "2024-05-20 (UTC)")


def points(ax: Axes) -> PathCollection:
    return next(drawn for drawn in ax.collections if isinstance(drawn, PathCollection))


def fills(ax: Axes) -> dict[str, tuple[int, str]]:
    """How many marks each line of the legend stands for, and what they are filled with."""
    named = [line for line in ax.lines if not line.get_label().startswith("_")]
    return {str(x.get_label()): (len(x.get_xdata()), str(x.get_markerfacecolor())) for x in named}


def test_hollow_bins(day: pd.DataFrame) -> None:
    """Bins of fewer than three means are hollow."""
    ax = plot_power_curve(day.iloc[[50, 51, 52, 80, 81]])
    assert fills(ax)["mean of a 0.5 m/s bin"] == (1, "#D55E00")
    assert fills(ax)["of fewer than 3"] == (1, "white")
    assert len(points(ax).get_offsets()) == 5
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("wind speed (m/s)", "power (kW)")


def test_coverage_colour(day: pd.DataFrame) -> None:
    """Points of the power curve are coloured by the lower coverage of the two signals."""
    day.loc[day.index[3], "power_count"] = 4
    day.loc[day.index[4], "wind_speed_count"] = 7
    ax = plot_power_curve(day)
    assert np.asarray(points(ax).get_array())[:6].tolist() == [1, 1, 1, 0.4, 0.7, 1]
    assert "coverage" in drawn(ax)


def test_rasterized(day: pd.DataFrame) -> None:
    """A year of points is drawn as an image, a day is not."""
    many = pd.concat([day.set_axis(day.index + pd.Timedelta(days=n)) for n in range(20)])
    many.attrs = day.attrs
    assert points(plot_power_curve(many)).get_rasterized()
    assert points(plot_turbulence(many)).get_rasterized()
    assert not points(plot_power_curve(day)).get_rasterized()


def cells(ax: Axes) -> np.ndarray:
    return np.ma.filled(ax.images[0].get_array(), np.nan)


def test_coverage(day: pd.DataFrame) -> None:
    """Coverage is shown by signal, hour and slot."""
    day.loc[day.index[6 * 3 + 2], "power_count"] = 5  # 03:20
    ax = plot_coverage(day.drop(day.index[[*range(12, 18), 30]]))  # without 02:00 to 03:00, 05:00
    wind, power = cells(ax)[1:7], cells(ax)[8:14]
    assert wind[:, 2].tolist() == power[:, 2].tolist() == [0] * 6
    assert power[:, 3].tolist() == [1, 1, 0.5, 1, 1, 1]
    assert wind[:, 5].tolist() == [0, 1, 1, 1, 1, 1]
    assert np.delete(wind, [2, 5], axis=1).min() == 1
    assert np.isnan(cells(ax)[[0, 7]]).all()  # where the names stand
    assert {"wind speed", "power", ":00", ":30", "hour (UTC)"} <= set(drawn(ax).splitlines())


def test_mean_coverage(day: pd.DataFrame) -> None:
    """Coverage of many days is their mean."""
    second = day.set_axis(day.index + pd.Timedelta(days=1))[6:]
    ax = plot_coverage(pd.concat([day, second]))
    assert cells(ax)[1:7, :2].tolist() == [[0.5, 1]] * 6


def hourly(day: pd.DataFrame) -> pd.DataFrame:
    """The same day of hourly readings, at half past."""
    frame = day[3::6].assign(expected=1 / 6, power_count=1.0, wind_speed_count=1.0)
    return frame.drop(frame.index[5])  # without 05:30


def test_coverage_of_hourly_readings(day: pd.DataFrame) -> None:
    """An hourly reading fills an hour of slots, on the days of the readings alone."""
    wind = cells(plot_coverage(hourly(day)))[1:7]
    full = np.ones((6, 24))
    full[:3, 0] = 0  # before the first
    full[3:, 5] = full[:3, 6] = 0
    np.testing.assert_array_equal(wind, full)


def test_line_of_hourly_readings(day: pd.DataFrame) -> None:
    """A line joins hourly readings and breaks where one is missing; they are not thin."""
    lines = plot_signal(hourly(day), "wind_speed").lines
    assert [line.get_label() for line in lines] == ["mean"]
    values = np.asarray(lines[0].get_ydata())
    assert values[:5].tolist() == pytest.approx([0.3, 0.9, 1.5, 2.1, 2.7])
    assert np.isnan(values[5:11]).all()  # from 05:30 to 06:20
    assert np.isfinite(values[11:]).all()


def test_energy_of_hourly_readings(day: pd.DataFrame) -> None:
    """A mean of hourly readings counts for an hour."""
    frame = hourly(day)
    found = summarize_days(frame).iloc[0]
    assert found["hours_with_power"] == pytest.approx(23)
    assert found["energy"] == pytest.approx(frame["power_mean"].sum())
    assert found["coverage"] == pytest.approx(23 / 24)


def test_wind_distribution(day: pd.DataFrame) -> None:
    """The wind distribution has bins of 1 m/s and its Weibull fit."""
    ax = plot_wind_distribution(day)
    bars = {round(bar.get_x() + bar.get_width() / 2, 6): bar.get_height() for bar in ax.patches}
    assert bars[3.5] == pytest.approx(100 * 10 / 144)  # 3.0 to 3.9
    assert bars[14.5] == pytest.approx(100 * 4 / 144)  # 14.0 to 14.3
    assert sum(bars.values()) == pytest.approx(100)
    (curve,) = ax.lines
    scale, shape = fit_weibull(day["wind_speed_mean"]) or (0, 0)
    share_up_to_15 = 100 * (1 - np.exp(-((15 / scale) ** shape)))
    area = np.trapezoid(curve.get_ydata(), curve.get_xdata())
    assert area == pytest.approx(share_up_to_15, abs=0.1)
    assert f"Weibull, A = {scale:.1f} m/s, k = {shape:.2f}" in drawn(ax)
    assert "144 ten-minute means" in drawn(ax)


def test_no_fit(day: pd.DataFrame) -> None:
    """An hour of one wind speed is not fitted."""
    day["wind_speed_mean"] = 5.0
    assert "too few means for a Weibull fit" in drawn(plot_wind_distribution(day))
    assert "too few means for a Weibull fit" in drawn(plot_wind_distribution(day[:5]))


def test_turbulence(day: pd.DataFrame) -> None:
    """Turbulence is drawn from 3 m/s on."""
    ax = plot_turbulence(day)
    offsets = np.asarray(points(ax).get_offsets())
    assert offsets[:, 0].min() == 3
    np.testing.assert_allclose(offsets[:, 1], 100 * 0.5 / offsets[:, 0])
    assert ax.get_ylabel() == "turbulence intensity (%)"
    assert "mean of a 1 m/s bin" in fills(ax)


def test_mean_day(day: pd.DataFrame) -> None:
    """The mean day is drawn by hour."""
    ax = plot_diurnal(day, "wind_speed")
    (mean,) = ax.lines
    assert mean.get_xdata()[[0, -1]].tolist() == [0.5, 23.5]
    assert mean.get_ydata()[2] == pytest.approx(day["wind_speed_mean"].iloc[12:18].mean())
    band = ax.collections[0].get_paths()[0].get_extents()
    assert band.ymin == pytest.approx(np.quantile(day["wind_speed_mean"].iloc[:6], 0.1))
    assert band.ymax == pytest.approx(np.quantile(day["wind_speed_mean"].iloc[-6:], 0.9))
    assert ax.get_xlabel() == "hour (UTC)"


def test_months_differ_without_colour(day: pd.DataFrame) -> None:
    years = [day.set_axis(day.index + pd.DateOffset(months=n)) for n in range(24)]
    data = pd.concat(years)
    data.attrs = day.attrs
    lines = plot_monthly_power_curves(data).lines
    assert [line.get_label() for line in lines][::5] == ["January", "June", "November"]
    assert len({line.get_marker() for line in lines}) == 12


def test_calendar(day: pd.DataFrame) -> None:
    """The calendar puts days into weeks and marks partial days."""
    half = day.set_axis(day.index + pd.Timedelta(days=8))[72:]
    days = summarize_days(pd.concat([day, half]))
    ax = plot_energy(days)
    table = cells(ax)
    for date, energy in days["energy"].items():
        _, week, weekday = date.isocalendar()
        assert table[weekday - 1, week - 1] == energy
    assert np.isfinite(table).sum() == 2
    (dot,) = ax.lines
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (22 - 0.5, 2 - 0.5)  # Tuesday, week 22
    assert {"Mon", "2024", "Sun", "Jun", "part of a day", "energy (kWh)"} <= set(
        drawn(ax).splitlines()
    )


def test_years(day: pd.DataFrame) -> None:
    """Years of energy stand below one another."""
    stamps = ["2020-12-31", "2021-01-03", "2021-01-04", "2022-12-31"]  # the first two: week 53
    parts = [day.set_axis(pd.date_range(s, periods=144, freq="10min", tz="UTC")) for s in stamps]
    table = cells(plot_energy(summarize_days(pd.concat(parts))))
    assert list(zip(*np.nonzero(np.isfinite(table)), strict=True)) == [
        *((3, 52), (6, 52)),
        (8, 0),
        (16 + 5, 51),
    ]


def test_what_is_missing_is_said(day: pd.DataFrame) -> None:
    power_only = day.filter(like="power")
    empty = day.iloc[:0]
    assert "no readings of wind speed" in drawn(plot_signal(power_only, "wind_speed"))
    assert "no readings of power" in drawn(plot_signal(empty, "power"))
    assert "no readings of wind speed" in drawn(plot_power_curve(power_only))
    assert "no readings" in drawn(plot_coverage(pd.DataFrame()))
    assert "no readings" in drawn(plot_coverage(empty))
    assert "no readings of power" in drawn(plot_energy(summarize_days(pd.DataFrame())))
    assert "no readings of wind speed" in drawn(plot_wind_distribution(power_only))
    assert "no readings of wind speed" in drawn(plot_turbulence(power_only))
    assert "no readings of wind speed" in drawn(plot_monthly_power_curves(power_only))
    assert "no readings of wind speed" in drawn(plot_diurnal(power_only, "wind_speed"))
    assert "never 3 m/s of wind" in drawn(plot_turbulence(day[:20]))


def test_no_power_curve(day: pd.DataFrame) -> None:
    """Signals that never occur together give no power curve."""
    day.loc[day.index[:72], "power_mean"] = np.nan
    day.loc[day.index[72:], "wind_speed_mean"] = np.nan
    assert "were never" in drawn(plot_power_curve(day))


def test_empty_day(day: pd.DataFrame) -> None:
    """Plots of an empty day are sentences."""
    axes = plot_signals(day.iloc[:0], ["wind_speed", "power"])
    assert [drawn(ax).strip() for ax in axes] == [
        "no readings of wind speed",
        "no readings of power",
    ]


def test_absent_signal(day: pd.DataFrame) -> None:
    """A signal without readings takes a line; the others keep the labels of their time axis."""
    first, second, third = plot_signals(day, ["wind_speed", "rain", "power"])
    assert first.figure is third.figure
    assert len(first.figure.axes) == 2
    assert any(label.get_visible() and label.get_text() for label in third.get_xticklabels())
    assert second.figure.get_figheight() == 0.5
    given = plt.figure(figsize=(9, 3)).add_subplot()
    assert plot_signal(day, "rain", ax=given).figure.get_figheight() == 3


def test_axes_in_axes_out(day: pd.DataFrame) -> None:
    figure, given = plt.subplots(8)
    days = summarize_days(day)
    assert plot_signal(day, "power", ax=given[0]) is given[0]
    assert plot_power_curve(day, ax=given[1]) is given[1]
    assert plot_coverage(day, ax=given[2]) is given[2]
    assert plot_energy(days, ax=given[3]) is given[3]
    assert plot_wind_distribution(day, ax=given[4]) is given[4]
    assert plot_turbulence(day, ax=given[5]) is given[5]
    assert plot_diurnal(day, "power", ax=given[6]) is given[6]
    assert plot_monthly_power_curves(day, ax=given[7]) is given[7]
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("scale", [1, 1000])
def test_text_fits(day: pd.DataFrame, scale: float) -> None:
    """No text is cut off at the edge of a figure."""
    day[[name for name in day if name.startswith("power")]] *= scale
    units = day.attrs
    month = pd.concat([day.shift(n, freq="D") for n in range(40)])
    month.attrs = units
    for data in (day, month):
        plot_signals(data, ["wind_speed", "power"])
        plot_power_curve(data)
        plot_coverage(data)
        plot_wind_distribution(data)
        plot_turbulence(data)
        plot_diurnal(data, "power")
        plot_monthly_power_curves(data)
        plot_energy(summarize_days(data))
    for figure in map(plt.figure, plt.get_fignums()):
        drawn_on, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert 0 <= drawn_on.x0 < drawn_on.x1 <= width, drawn(figure.axes[0])
        assert 0 <= drawn_on.y0 < drawn_on.y1 <= height, drawn(figure.axes[0])


@pytest.mark.parametrize("sentinel", [-9999.9, -7999, 9999.9, 3.4e38])
def test_sentinel(day: pd.DataFrame, sentinel: float) -> None:
    """A sentinel is left out of the distribution."""
    day.loc[day.index[0], "wind_speed_mean"] = sentinel
    ax = plot_wind_distribution(day)
    assert "143 ten-minute means" in drawn(ax)
    assert ax.get_xlim()[1] < 75
    day["wind_speed_mean"] = sentinel
    assert "no distribution" in drawn(plot_wind_distribution(day))


@pytest.mark.parametrize(
    "plot",
    [
        lambda data: plot_signal(data, "power"),
        lambda data: plot_signals(data, ["power"]),
        lambda data: plot_diurnal(data, "power"),
        *(plot_coverage, plot_power_curve, plot_monthly_power_curves),
    ],
)
def test_turbines_are_not_mixed(day: pd.DataFrame, plot: Callable[[pd.DataFrame], object]) -> None:
    """A plot of one turbine refuses a frame of several, and takes one of a farm with one."""
    with pytest.raises(ParameterError, match=r"expected one turbine, .*loc\['A1'\], got A1, B2;"):
        plot(by_turbine(A1=day, B2=day))
    plot(by_turbine(A1=day))


def test_site_of_several_turbines(day: pd.DataFrame) -> None:
    """Wind distribution and turbulence are those of all turbines together."""
    both = by_turbine(A1=day, B2=day)
    both.attrs = day.attrs
    assert "288 ten-minute means" in drawn(plot_wind_distribution(both))
    one, two = (points(plot_turbulence(data)).get_offsets() for data in (day, both))
    assert len(two) == 2 * len(one)


def labels(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def test_flagged_buckets_are_marked(day: pd.DataFrame) -> None:
    """The same mark in each plot, with the tests in the legend; thin buckets have another."""
    flags = pd.Series(np.nan, index=day.index)
    windy = np.flatnonzero(day["wind_speed_mean"] > 5)  # turbulence needs some wind
    flags.iloc[windy[:2]], flags.iloc[windy[2]], flags.iloc[windy[3]] = 4, 12, 64
    flagged = day.assign(wind_speed_flags=flags)
    flagged.attrs = day.attrs
    mark = "flagged: flat, spike"
    for ax in (
        plot_signal(flagged, "wind_speed"),
        plot_power_curve(flagged),
        plot_turbulence(flagged),
    ):
        assert mark in labels(ax)
        [line] = [line for line in ax.lines if line.get_label() == mark]
        assert len(line.get_xdata()) <= 3
    assert any(f", 3 {mark}" in text for text in labels(plot_wind_distribution(flagged)))
    covered = plot_coverage(flagged.iloc[:-1])
    assert labels(covered) == [mark]
    assert sorted(len(line.get_xdata()) for line in covered.lines) == [0, 0, 3]
    assert covered.get_xlim() == (0, 24)
    assert not [text for text in labels(plot_signal(flagged, "power")) if "flagged" in text]


def test_a_flagged_bucket_without_a_value(day: pd.DataFrame) -> None:
    """It is marked at the lower edge."""
    flags = pd.Series(np.nan, index=day.index)
    flags.iloc[4] = 1
    flagged = day.assign(wind_speed_flags=flags)
    flagged.attrs = day.attrs
    for statistic in ("mean", "min", "max", "std", "count"):
        flagged.loc[flagged.index[4], f"wind_speed_{statistic}"] = np.nan
    ax = plot_signal(flagged, "wind_speed")
    [line] = [line for line in ax.lines if line.get_label() == "flagged: impossible"]
    assert (len(line.get_xdata()), line.get_ydata()[0]) == (1, 0.02)
