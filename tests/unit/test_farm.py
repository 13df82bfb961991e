"""What the plots of a farm show: each turbine in its place, on common scales, also without data."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from etl_lib.analysis.days import summarize_days, summarize_turbines
from etl_lib.analysis.farm import (
    compare_coverage,
    compare_power_curves,
    compare_signals,
    plot_heat_map,
)
from etl_lib.analysis.plots import plot_coverage, plot_power_curve, plot_signal, plot_signals
from etl_lib.analysis.wind import power_curve
from etl_lib.transform.statistics import slot_coverage

STATISTICS = ("mean", "min", "max", "std", "count")
UNITS = {"wind_speed": "m/s", "power": "kW", "wind_direction": "°"}
SLOTS = 144
LONG = "A-long-name-of-a-wind-farm_and-its-turbine.{:02}"


@pytest.fixture(autouse=True)
def figures() -> Iterator[None]:
    mpl.use("agg")
    yield
    plt.close("all")


def one_day(shift: float = 0.0, factor: float = 1.0, date: str = "2024-05-20") -> pd.DataFrame:
    """A turbine's day: wind from 0 to 14.3 m/s, power of its cube, a direction that turns once."""
    stamps = pd.date_range(date, periods=SLOTS, freq="10min", tz="UTC", name="timestamp")
    wind = np.arange(SLOTS) / 10 + shift
    means = {"wind_speed": wind, "power": factor * wind**3, "wind_direction": wind * 25 % 360}
    frame = pd.DataFrame(index=stamps)
    for name, mean in means.items():
        numbers = (mean, mean - 1, mean + 1, 0.5, 10.0)
        for statistic, values in zip(STATISTICS, numbers, strict=True):
            frame[f"{name}_{statistic}"] = values
    return frame.assign(expected=10.0)


def join(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The farm of these turbines, as `read_statistics` gives it."""
    farm = pd.concat(frames, names=["turbine", "timestamp"])
    names = [(f"{name}_{statistic}", name) for name in UNITS for statistic in STATISTICS]
    angles = {f"wind_direction_{statistic}" for statistic in ("mean", "min", "max")}
    farm.attrs["units"] = {column: UNITS[name] for column, name in names}
    farm.attrs["kinds"] = {
        column: "angle" if column in angles else "quantity" for column, _ in names
    }
    return farm


def hourly(day: pd.DataFrame) -> pd.DataFrame:
    """The same day of hourly readings, at half past."""
    counts = {f"{name}_count": 1.0 for name in UNITS}
    return day[3::6].assign(expected=1 / 6, **counts)


NAMES = ["whole", "noon", "hourly", "absent", "blind", "slow"]


@pytest.fixture
def farm() -> pd.DataFrame:
    """Five turbines that differ in what came of them; nothing came of `absent` of `NAMES`."""
    blind = one_day(4)
    blind[[name for name in blind if name.startswith("wind_speed")]] = np.nan
    ten_minutes = {f"{name}_count": 1.0 for name in UNITS}
    return join(
        {
            "whole": one_day(),
            "noon": one_day(1)[SLOTS // 2 :],
            "hourly": hourly(one_day(2)),
            "blind": blind,
            "slow": one_day(5).assign(expected=1.0, **ten_minutes),
        }
    )


def drawn(ax: Axes) -> list[str]:
    """Everything that is written on the figure, once it has really been drawn."""
    ax.figure.canvas.draw()
    texts = ax.figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return [text.get_text() for text in texts if text.get_visible()]


def cells(ax: Axes) -> np.ndarray:
    return np.ma.filled(ax.images[0].get_array(), np.nan)


def line(ax: Axes, name: str) -> Line2D:
    return next(found for found in ax.lines if found.get_label() == name)


def boxes(ax: Axes) -> np.ndarray:
    """Left, bottom, right and top of the frames, by cell."""
    frames = np.column_stack(ax.lines[0].get_data()).reshape(-1, 6, 2)
    return np.hstack([frames[:, 0], frames[:, 2]])


def read(ax: Axes, marks: Line2D, cell: int) -> np.ndarray:
    """The marks in a cell as shares of its width and, by the ticks, values; NaN for a break."""
    left, bottom, right, top = boxes(ax)[cell]
    first_bottom, first_top = boxes(ax)[0][[1, 3]]
    ticks = [(at, float(label.get_text().split()[0]))
             for at, label in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
             if first_bottom - 0.2 <= at <= first_top + 0.2]  # fmt: skip
    (low_at, low), (high_at, high) = ticks[0], ticks[-1]
    x, y = np.asarray(marks.get_xdata(), float), np.asarray(marks.get_ydata(), float)
    inside = (x > left - 0.2) & (x < right + 0.2) & (y > bottom - 0.2) & (y < top + 0.2)
    start, end = np.flatnonzero(inside)[[0, -1]]
    share = (x[start : end + 1] - left) / (right - left)
    height = y[start : end + 1] - bottom + first_bottom
    return np.column_stack([share, low + (height - low_at) / (high_at - low_at) * (high - low)])


def is_empty(ax: Axes, cell: int) -> bool:
    """Whether no line or mark lies in a cell, apart from its frame and the ticks' thin lines."""
    left, bottom, right, top = boxes(ax)[cell]
    for marks in [found for found in ax.lines[1:] if found.get_zorder() > 0]:
        x, y = np.asarray(marks.get_xdata(), float), np.asarray(marks.get_ydata(), float)
        if ((x > left) & (x < right) & (y > bottom) & (y < top)).any():
            return False
    return True


def texts_in(ax: Axes, cell: int) -> list[str]:
    """The texts of a cell: the name above it, and what is written inside."""
    left, bottom, right, top = boxes(ax)[cell]
    return [text.get_text() for text in ax.texts
            if left <= text.get_position()[0] < right
            and bottom <= text.get_position()[1] < top + 5]  # fmt: skip


def same_picture(one: Axes, other: Axes) -> bool:
    pictures = []
    for ax in (one, other):
        ax.figure.canvas.draw()
        pictures.append(np.asarray(ax.figure.canvas.buffer_rgba()))
    return np.array_equal(*pictures)


def test_cells_show_the_means(farm: pd.DataFrame) -> None:
    """Each turbine's means stand in its cell, on scales that all cells share."""
    (ax,) = compare_signals(farm, ["wind_speed"], NAMES)
    for name in ("whole", "noon", "slow"):
        marks = read(ax, line(ax, "mean"), NAMES.index(name))
        means = farm.loc[name]["wind_speed_mean"]
        share = (means.index - pd.Timestamp("2024-05-20", tz="UTC")) / pd.Timedelta(days=1)
        kept = marks[np.isfinite(marks[:, 1])]
        np.testing.assert_allclose(kept[:, 0], share, atol=0.001)
        np.testing.assert_allclose(kept[:, 1], means, atol=0.03)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("2024-05-20 (UTC)", "wind speed (m/s)")
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[: len(labels) // 2] == labels[len(labels) // 2 :] == ["0", "10", "20"]
    low, high = boxes(ax)[3, [1, 3]]
    assert all(low <= at <= high for at in ax.get_yticks()[len(labels) // 2 :])
    assert {"06:00", "18:00", "mean"} <= set(drawn(ax))


def test_every_turbine_is_named(farm: pd.DataFrame) -> None:
    (ax,) = compare_signals(farm, ["wind_speed"], NAMES)
    assert [texts_in(ax, cell)[0] for cell in range(6)] == NAMES
    left, bottom, _, top = boxes(ax).T
    assert (np.diff(left[:3]) > 0).all()  # from the top left, row by row
    np.testing.assert_array_equal(left[:3], left[3:])
    assert (bottom[:3] > top[3:]).all()
    assert len(ax.figure.axes) == 1


@pytest.mark.parametrize("name", ["absent", "blind"])
def test_empty_cell(farm: pd.DataFrame, name: str) -> None:
    """A turbine without rows, or with NaN only, has an empty cell."""
    (ax,) = compare_signals(farm, ["wind_speed"], NAMES)
    assert is_empty(ax, NAMES.index(name))
    assert texts_in(ax, NAMES.index(name)) == [name, "no readings"]
    assert texts_in(ax, 0) == ["whole"]
    assert not is_empty(ax, 0)


def test_a_gap_stays_a_gap(farm: pd.DataFrame) -> None:
    gap = farm.loc["whole"].index[30:40]
    (ax,) = compare_signals(farm.drop([("whole", stamp) for stamp in gap]), ["power"])
    values = read(ax, line(ax, "mean"), 0)[:, 1]
    assert len(values) == SLOTS
    assert np.isnan(values[30:40]).all()
    assert not np.isnan(np.delete(values, range(30, 40))).any()


def test_hourly_readings_are_joined(farm: pd.DataFrame) -> None:
    """A line joins hourly readings beside turbines of other intervals, and breaks at a gap."""
    missing = ("hourly", farm.loc["hourly"].index[5])
    (ax,) = compare_signals(farm.drop([missing]), ["wind_speed"], NAMES)
    values = read(ax, line(ax, "mean"), NAMES.index("hourly"))[:, 1]
    np.testing.assert_allclose(values[:5], 2 + np.arange(0.3, 3, 0.6), atol=0.03)
    assert np.isnan(values[5:11]).all()  # from 05:30 to 06:20
    assert np.isfinite(values[11:]).all()


def test_a_reading_between_gaps_is_seen(farm: pd.DataFrame) -> None:
    """A single mean, which no line shows, is a dot."""
    stamps = farm.loc["whole"].index[[20, *range(22, 40)]]
    (ax,) = compare_signals(farm.drop([("whole", stamp) for stamp in stamps]), ["wind_speed"])
    dots = ax.lines[ax.lines.index(line(ax, "mean")) + 1]
    np.testing.assert_allclose(read(ax, dots, 0)[0], [21 / SLOTS, 2.1], atol=0.03)


def test_angles_are_points(farm: pd.DataFrame) -> None:
    """An angle's means are dots from 0° to 360°; no stroke crosses the cell."""
    (ax,) = compare_signals(farm, ["wind_direction"], NAMES)
    strokes = max((found for found in ax.lines if found.get_zorder() > 0 and found.get_lw() > 1),
                  key=lambda found: len(found.get_xdata()))  # fmt: skip
    lengths = np.hypot(*np.diff(np.column_stack(strokes.get_data()), axis=0).T)
    assert np.nanmax(lengths) <= strokes.get_linewidth()
    marks = read(ax, strokes, NAMES.index("hourly"))
    starts = marks[np.isfinite(marks).all(axis=1)][::2]  # each stroke is a dot
    np.testing.assert_allclose(starts[:, 1], farm.loc["hourly"]["wind_direction_mean"], atol=0.5)
    assert {"0 N", "180 S", "360 N"} <= set(drawn(ax))


def test_dots_are_seen() -> None:
    """Every dot of an angle that does not change is really drawn."""
    day = hourly(one_day()).assign(wind_direction_mean=100.0)
    (ax,) = compare_signals(join({"a": day, "b": day}), ["wind_direction"])
    ax.figure.canvas.draw()
    picture = np.asarray(ax.figure.canvas.buffer_rgba())
    for left, bottom, right, top in boxes(ax):
        hours = left + (right - left) * (np.arange(24) + 0.5) / 24
        height = bottom + (top - bottom) * 100 / 360
        places = ax.transData.transform(np.column_stack([hours, np.full(24, height)]))
        x, y = places.round().astype(int).T
        assert (picture[len(picture) - 1 - y, x, 0] < 100).all()
    file = BytesIO()
    ax.figure.savefig(file, format="svg")
    (path,) = [path for path in file.getvalue().decode().split("<path ") if path.count("M ") == 48]
    assert path.count("L ") == 48  # a stroke each


def test_thin_buckets_are_hollow(farm: pd.DataFrame) -> None:
    """Thin buckets are hollow in their turbine's cell; of ten, five readings are not thin."""
    thin = farm.loc["noon"].index[5:8]
    farm.loc[[("noon", stamp) for stamp in thin], "wind_speed_count"] = [4, 5, 1]
    (ax,) = compare_signals(farm, ["wind_speed"], NAMES)
    marks = line(ax, "fewer than half of the readings")
    assert marks.get_markerfacecolor() == "white"
    assert len(marks.get_xdata()) == 2
    np.testing.assert_allclose(read(ax, marks, 1)[:, 1], [8.7, 8.9], atol=0.03)


def test_unread_signal(farm: pd.DataFrame) -> None:
    """A signal without readings is a sentence, others are drawn."""
    missing, there = compare_signals(farm, ["humidity", "power"], NAMES)
    assert "no readings of humidity" in drawn(missing)
    assert "power (kW)" in drawn(there)


def test_artists_are_shared() -> None:
    """Fifty turbines take no more lines than two."""
    day = one_day()
    counts = []
    for size in (2, 50):
        (ax,) = compare_signals(join({f"t{n}": day for n in range(size)}), ["power"])
        counts.append((len(ax.lines), len(ax.collections), len(ax.figure.axes)))
    assert counts[0] == counts[1]


def test_order_and_choice(farm: pd.DataFrame) -> None:
    """The names asked for give order and choice; those of the frame are the default."""
    (ax,) = compare_signals(farm, ["power"], ["slow", "whole", "slow"])
    assert [texts_in(ax, cell) for cell in range(len(boxes(ax)))] == [["slow"], ["whole"]]
    np.testing.assert_allclose(
        read(ax, line(ax, "mean"), 1)[:, 1], farm.loc["whole"]["power_mean"], atol=60
    )
    assert list(summarize_turbines(farm).index) == sorted({*NAMES} - {"absent"})
    np.testing.assert_array_equal(
        cells(plot_heat_map(farm, "power", ["slow", "whole"]))[1], farm.loc["whole"]["power_mean"]
    )


ALONE: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "signals": (
        lambda data, names: compare_signals(data, ["wind_speed", "wind_direction"], names)[0],
        lambda data: plot_signals(data, ["wind_speed", "wind_direction"])[0],
    ),
    "heat map": (
        lambda data, names: plot_heat_map(data, "power", names),
        lambda data: plot_signal(data, "power"),
    ),
    "coverage": (lambda data, names: compare_coverage(data, names), plot_coverage),
    "power curve": (lambda data, names: compare_power_curves(data, names)[0], plot_power_curve),
}


@pytest.mark.parametrize("what", ALONE)
@pytest.mark.parametrize("given", [[], ["noon"]])
def test_one_turbine_is_drawn_as_before(farm: pd.DataFrame, what: str, given: list[str]) -> None:
    """A single turbine, in a farm's frame or a plain one, has the plot of a single turbine."""
    compare, plot = ALONE[what]
    alone = farm.loc["noon"]
    assert alone.attrs == farm.attrs
    assert same_picture(compare(alone, given), plot(alone))
    assert same_picture(compare(farm if given else farm.loc[["noon"]], given), plot(alone))


@pytest.mark.parametrize("what", ALONE)
def test_nothing_was_read(farm: pd.DataFrame, what: str) -> None:
    """A frame without rows is a sentence, for one turbine and for several."""
    compare, _ = ALONE[what]
    for names in ([], ["a"], ["a", "b"]):
        for empty in (farm.iloc[:0], farm.loc["whole"].iloc[:0], pd.DataFrame()):
            assert any("no readings" in text for text in drawn(compare(empty, names)))


def test_unknown_turbine(farm: pd.DataFrame) -> None:
    """Readings of an unnamed turbine are not taken for those of several."""
    with pytest.raises(ValueError, match="expected the index level 'turbine'"):
        compare_coverage(farm.loc["whole"], ["a", "b"])


def test_heat_map(farm: pd.DataFrame) -> None:
    """A row per turbine, a column per slot; an hourly reading fills its hour."""
    ax = plot_heat_map(farm, "wind_speed", NAMES)
    table = cells(ax)
    assert table.shape == (6, SLOTS)
    np.testing.assert_array_equal(table[0], farm.loc["whole"]["wind_speed_mean"])
    assert np.isnan(table[1, :72]).all()
    np.testing.assert_array_equal(table[1, 72:], farm.loc["noon"]["wind_speed_mean"])
    assert np.isnan(table[2, :3]).all()
    hours = np.repeat(farm.loc["hourly"]["wind_speed_mean"].to_numpy(), 6)
    np.testing.assert_array_equal(table[2, 3:], hours[:-3])
    assert np.isnan(table[[3, 4]]).all()
    assert [text.get_text() for text in ax.get_yticklabels()] == NAMES
    assert ax.get_yticks().tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert ax.get_ylim() == (6, 0)  # the first at the top
    assert ax.images[0].get_extent()[2:] == [6, 0]
    assert {"wind speed (m/s)", "no readings", "03:00", "2024-05-20 (UTC)"} <= set(drawn(ax))
    assert ax.images[0].get_cmap().name == "Blues"


def test_later_readings_replace_held_ones(farm: pd.DataFrame) -> None:
    """A reading stands for its interval, but not where there is another."""
    early = one_day(7)[2:3].assign(expected=1 / 6)  # 00:20, and 00:30 is there
    data = join({"hourly": pd.concat([early, farm.loc["hourly"]]), "whole": one_day()})
    table = cells(plot_heat_map(data, "wind_speed"))
    assert table[0, 2:5].tolist() == [7.2, 2.3, 2.3]


def test_gaps_are_hatched(farm: pd.DataFrame) -> None:
    """What is missing is hatched, and nothing is where nothing is missing."""
    ax = plot_heat_map(farm, "power", ["whole", "absent"])
    assert ax.patch.get_hatch()
    assert to_hex(ax.images[0].get_cmap().get_bad(), keep_alpha=True) == "#00000000"
    whole = plot_heat_map(farm, "power", ["whole", "slow"])
    assert not whole.patch.get_hatch()
    assert "no readings" not in drawn(whole)


def test_angles_have_a_cyclic_map(farm: pd.DataFrame) -> None:
    ax = plot_heat_map(farm, "wind_direction", NAMES)
    assert ax.images[0].get_cmap().name == "twilight"
    assert ax.images[0].get_clim() == (0, 360)
    assert {"0°", "360°", "wind direction (°)"} <= set(drawn(ax))


def days_apart() -> pd.DataFrame:
    """Two turbines: one has two days with a day between, one has the first only, from noon."""
    first, last = one_day(), one_day(3, date="2024-05-22")
    last["wind_direction_mean"] = np.where(np.arange(SLOTS) < 72, 350.0, 20.0)
    last.loc[last.index[72:], "wind_direction_count"] = 5.0
    return join({"a": pd.concat([first, last]), "b": one_day(1)[72:]})


def test_days(farm: pd.DataFrame) -> None:
    """Of several days, a column is a day's mean; a day without readings is a gap."""
    data = days_apart()
    ax = plot_heat_map(data, "power")
    means = data["power_mean"].groupby(["turbine", data.index.get_level_values(1).date]).mean()
    expected = [[means.iloc[0], np.nan, means.iloc[1]], [means.iloc[2], np.nan, np.nan]]
    np.testing.assert_allclose(cells(ax), expected)
    assert ax.get_xlabel() == "time (UTC)"


def test_mean_angle_of_a_day() -> None:
    """A day's direction is that of the mean vector, weighted by count."""
    table = cells(plot_heat_map(days_apart(), "wind_direction"))
    east, north = (2 * f(np.radians(350)) + f(np.radians(20)) for f in (np.sin, np.cos))
    assert table[0, 2] == pytest.approx(np.degrees(np.arctan2(east, north)) % 360)
    assert 350 < table[0, 2] < 360
    opposite = days_apart()
    opposite["wind_direction_mean"] = np.resize([90.0, 270.0], len(opposite))
    opposite["power_mean"] = 0.0
    opposite.loc[("b", slice(None)), "wind_direction_mean"] = 45.0
    assert np.isnan(cells(plot_heat_map(opposite, "wind_direction"))[0]).all()


def test_coverage(farm: pd.DataFrame) -> None:
    """Coverage is the mean over the signals; 0 where nothing came."""
    farm.loc[("whole", farm.loc["whole"].index[7]), "power_count"] = 4.0
    ax = compare_coverage(farm, NAMES)
    table = cells(ax)
    slots = pd.date_range("2024-05-20", periods=SLOTS, freq="10min", tz="UTC")
    for row, name in zip(table, NAMES, strict=True):
        if name == "absent":
            assert (row == 0).all()
        else:
            shares = [slot_coverage(farm.loc[name], signal) for signal in UNITS]
            expected = sum(share.reindex(slots, fill_value=0) for share in shares) / 3
            np.testing.assert_allclose(row, expected)
    assert table[0, 7] == pytest.approx((1 + 0.4 + 1) / 3)
    assert table[4] == pytest.approx(2 / 3)  # two of three signals
    assert [text.get_text() for text in ax.get_yticklabels()] == NAMES
    assert {"coverage", "100%"} <= set(drawn(ax))
    assert ax.images[0].get_cmap().name == "cividis_r"
    assert len(ax.figure.axes) == 2  # with one colour bar


def test_coverage_of_days() -> None:
    expected = [[1, 0, (1 + 1 + (1 + 0.5) / 2) / 3], [0.5, 0, 0]]
    np.testing.assert_allclose(cells(compare_coverage(days_apart())), expected)


def test_curves_over_one_another(farm: pd.DataFrame) -> None:
    """Up to eight turbines have their curves by the method of bins, colours and markers."""
    ax, _ = compare_power_curves(farm, NAMES)
    for name in ("whole", "noon", "slow", "hourly"):
        curve = power_curve(farm.loc[name])
        np.testing.assert_array_equal(line(ax, name).get_xdata(), curve["wind_speed"])
        np.testing.assert_array_equal(line(ax, name).get_ydata(), curve["power"])
    shown = [line(ax, name) for name in ("whole", "noon", "slow", "hourly")]
    assert len({found.get_color() for found in shown}) == 4
    assert len({found.get_marker() for found in shown}) == 4
    assert {"absent: no curve", "blind: no curve", "power (kW)"} <= set(drawn(ax))


def test_hollow_bins(farm: pd.DataFrame) -> None:
    """Bins of fewer than three means are hollow in both figures."""
    over, grid = compare_power_curves(farm, ["hourly", "whole"])
    few = [found for found in over.lines if found.get_markerfacecolor() == "white"]
    counts = [power_curve(farm.loc[name])["count"] for name in ("hourly", "whole")]
    expected = [int((count < 3).sum()) for count in counts]
    assert [len(found.get_xdata()) for found in few] == [*expected, 0]  # the last: the legend's
    assert len(line(grid, "of fewer than 3").get_xdata()) == sum(expected)
    filled = sum(int((count >= 3).sum()) for count in counts)
    assert len(line(grid, "mean of a 0.5 m/s bin").get_xdata()) == filled


def many() -> pd.DataFrame:
    """Ten turbines, of which one makes less and one more than the others."""
    factors = {"low": 0.6, "high": 1.3}
    names = ["t0", "t1", "low", "t3", "t4", "high", "t6", "t7", "t8", "t9"]
    return join({name: one_day(factor=factors.get(name, 1.0)) for name in names})


def test_odd_curves_are_named() -> None:
    """Of more than eight turbines, those furthest from the farm's mean curve have names."""
    data = many()
    ax, _ = compare_power_curves(data)
    farm, low = power_curve(data), power_curve(data.loc["low"])
    labels = [str(found.get_label()) for found in ax.lines]
    labels = [label for label in labels if label.endswith("off")]
    full = low["count"] >= 3
    weights = low["count"][full]
    far = float(np.average((low["power"] - farm["power"]).abs()[full], weights=weights))
    assert labels[0] == f"low: {far:,.0f} kW off"
    assert [label.split(":")[0] for label in labels[:2]] == ["low", "high"]
    assert len(labels) == 3
    np.testing.assert_array_equal(line(ax, "mean of all").get_ydata(), farm["power"])
    grey = np.asarray(line(ax, "each of 10 turbines").get_ydata())
    assert np.isnan(grey).sum() == 9
    np.testing.assert_array_equal(
        grey[np.isfinite(grey)],
        np.concatenate([power_curve(data.loc[name])["power"] for name in data.index.unique(0)]),
    )


def test_grid_of_curves(farm: pd.DataFrame) -> None:
    """A cell has its turbine's means and bins, and the farm's mean curve."""
    _, ax = compare_power_curves(farm, NAMES)
    whole = power_curve(farm)
    for name in ("whole", "noon", "slow"):
        cell = NAMES.index(name)
        mean = read(ax, line(ax, "mean of all turbines"), cell)[:, 1]
        np.testing.assert_allclose(mean[np.isfinite(mean)], whole["power"], atol=10)
        curve = power_curve(farm.loc[name])
        bins = read(ax, line(ax, "mean of a 0.5 m/s bin"), cell)[:, 1]
        np.testing.assert_allclose(bins, curve["power"][curve["count"] >= 3], atol=10)
    assert texts_in(ax, 3) == ["absent", "no curve"]
    assert is_empty(ax, 3)
    assert is_empty(ax, 4)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("wind speed (m/s)", "power (kW)")
    dots = next(found for found in ax.lines if found.get_solid_capstyle() == "round")
    hourly = read(ax, dots, NAMES.index("hourly"))[:, 1]
    np.testing.assert_allclose(
        np.unique(hourly[np.isfinite(hourly)])[[0, -1]],
        farm.loc["hourly"]["power_mean"].iloc[[0, -1]],
        atol=10,
    )


def test_no_power_curves(farm: pd.DataFrame) -> None:
    """Without wind speed or power, or the two together, there is a sentence."""
    (ax,) = compare_power_curves(farm.filter(regex="power|expected"), NAMES)
    assert "no power curves: no readings of wind speed" in drawn(ax)
    farm.loc[("whole", slice(None)), "power_mean"] = np.nan
    (ax,) = compare_power_curves(farm, ["whole", "blind"])
    assert any("were never" in text for text in drawn(ax))


def test_summary(farm: pd.DataFrame) -> None:
    """A turbine's numbers are those of its only day."""
    farm.loc["slow", "power_mean"] = np.nan
    table = summarize_turbines(farm, NAMES)
    assert list(table.columns) == ["coverage", "mean_wind_speed", "energy", "hours_with_power"]
    assert (table.index.name, list(table.index)) == ("turbine", NAMES)
    for name in ("whole", "noon", "hourly", "blind", "slow"):
        (expected,) = summarize_days(farm.loc[name]).to_numpy()
        np.testing.assert_allclose(table.loc[name], expected)
    assert table.loc["absent", "coverage"] == 0
    assert table.loc["absent", ["mean_wind_speed", "energy"]].isna().all()
    assert table.loc["absent", "hours_with_power"] == 0
    assert np.isnan(table.loc["blind", "mean_wind_speed"])
    assert np.isnan(table.loc["slow", "energy"])
    assert table.loc["hourly", "energy"] == pytest.approx(farm.loc["hourly"]["power_mean"].sum())


def test_summary_of_days() -> None:
    """Coverage is of all days that the frame has; one without a turbine's readings counts as 0."""
    data = days_apart()
    table = summarize_turbines(data)
    days = summarize_days(data.loc["a"])
    assert table.loc["a", "coverage"] == pytest.approx(days["coverage"].sum() / 2)
    assert table.loc["b", "coverage"] == pytest.approx(0.5 / 2)
    assert table.loc["a", "energy"] == pytest.approx(data.loc["a"]["power_mean"].sum() / 6)
    assert table.loc["a", "hours_with_power"] == pytest.approx(48)
    assert table.loc["a", "mean_wind_speed"] == pytest.approx((7.15 + 10.15) / 2)


def test_summary_of_no_readings(farm: pd.DataFrame) -> None:
    for empty in (pd.DataFrame(), farm.iloc[:0]):
        table = summarize_turbines(empty, ["a", "b"])
        assert table["coverage"].tolist() == [0, 0]
        assert table["energy"].isna().all()


def test_axes_in_axes_out(farm: pd.DataFrame) -> None:
    figure, given = plt.subplots(3)
    assert plot_heat_map(farm, "power", NAMES, ax=given[0]) is given[0]
    assert compare_coverage(farm, NAMES, ax=given[1]) is given[1]
    assert plot_heat_map(farm, "humidity", NAMES, ax=given[2]) is given[2]
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize(("size", "name"), [(3, "R{:02}"), (12, LONG), (50, LONG)])
def test_text_fits(size: int, name: str) -> None:
    """No text is cut off at the edge of a figure, nor runs from one cell into the next."""
    days = {name.format(n): one_day(factor=10 + n / 5) for n in range(size)}
    two = {key: pd.concat([day, day.shift(24, freq="h")]) for key, day in days.items()}
    for data in (join(days), join(two)):
        grids = compare_signals(data, ["power", "wind_direction"])
        over, grid = compare_power_curves(data)
        drawn(over)
        for ax in (*grids, grid):
            lefts = {text.get_position()[0] for text in ax.texts if text.get_va() == "bottom"}
            for text in (text for text in ax.texts if text.get_va() == "bottom"):
                extent = text.get_window_extent().transformed(ax.transData.inverted())
                assert not any(extent.x0 + 1 < left < extent.x1 for left in lefts)
        for ax in (plot_heat_map(data, "power"), compare_coverage(data)):
            assert ax.get_position().width > 0.5
    for figure in map(plt.figure, plt.get_fignums()):
        drawn_on, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert 0 <= drawn_on.x0 < drawn_on.x1 <= width, drawn(figure.axes[0])
        assert 0 <= drawn_on.y0 < drawn_on.y1 <= height, drawn(figure.axes[0])
