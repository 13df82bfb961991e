"""Plots of one turbine's ten-minute statistics: axes in, axes out.

Each takes a wide DataFrame as from `read_statistics` or `to_frame` (index `timestamp`, UTC, the
buckets' starts; columns `<signal>_<statistic>`; units in `attrs["units"]`) and draws on `ax`, or
on a new figure's axes. Without data the axes carry a sentence instead. A frame of several
turbines is refused with `ParameterError`.
The colours, Okabe and Ito's, cividis and blues, suit colour-blind readers and grey print.
"""

from calendar import month_name
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from etl_lib.analysis.axes import (
    BLUE,
    ORANGE,
    add_legend,
    draw_cells,
    find_missing,
    format_hours,
    format_time,
    label,
    new_axes,
    new_column,
    quantity,
    scale_of,
    write_sentence,
)
from etl_lib.analysis.marks import SMALL_MARK, flagged_bits, mark_flagged, name_mark
from etl_lib.analysis.series import draw_series, is_angle
from etl_lib.analysis.slots import of_one_turbine
from etl_lib.analysis.wind import FULL_BIN, power_curve
from etl_lib.transform.kinds import shown_column, signals_of
from etl_lib.transform.statistics import BUCKETS_A_DAY, THIN, coverage, slot_coverage

MANY = 2000
"""A scatter of more points is drawn as an image: a year as SVG takes megabytes."""
COVERAGE: dict[str, Any] = {"cmap": "cividis_r", "vmin": 0, "vmax": 1}
BAR: dict[str, Any] = {"fraction": 0.12, "pad": 0.02}
"""A colour bar's share of the width, which its labels need."""
COVERAGE_BAR = BAR | {"label": "coverage", "ticks": [0, 0.5, 1], "format": "{x:.0%}"}
COMPLETE = 1 - 1e-9
"""The coverage from which nothing is missing."""
ALL_ARRIVED = "complete: every expected reading arrived"
MARKERS = "os^vDPX*<>ph"
"""A marker for each month."""
REFERENCE: dict[str, Any] = {"color": "black", "lw": 1.6, "ls": (0, (4, 2))}
"""The line of a reference curve."""


@of_one_turbine
def plot_signal(data: pd.DataFrame, signal: str, *, ax: Axes | None = None) -> Axes:
    """A signal's mean over time with its min–max band; gaps stay gaps, thin buckets are hollow.

    An angle is drawn as points from 0° to 360°, of a counter its increments, of a state its code.
    """
    ax = new_axes(ax)
    column = shown_column(data, signal)
    if find_missing(data, column):
        return write_sentence(ax, f"no readings of {label(signal)}")
    shares = slot_coverage(data, signal)
    data = data.asfreq("10min")
    shares = shares.reindex(data.index).fillna(0)
    between = data[column].isna() & (shares > 0)
    data = data[~between]  # a line joins hourly readings, and breaks where one is missing
    draw_series(ax, data, column)
    thin = data.loc[shares[~between] < THIN, column].dropna()
    if len(thin):
        few = "fewer than half of the readings"
        ax.plot(thin.index, thin, "o", mfc="white", mec=BLUE, ms=4, label=few)
    mark_flagged(ax, data.index, data[column], flagged_bits(data, signal))
    ax.set_ylabel(quantity(data, signal))
    if column == f"{signal}_mean" and not is_angle(data, column):
        ax.set_ylim(scale_of(data, signal, data[f"{signal}_min"], data[f"{signal}_max"]))
    format_time(ax, pd.DatetimeIndex(data.index))
    return add_legend(ax)


@of_one_turbine
def plot_signals(data: pd.DataFrame, signals: Sequence[str]) -> list[Axes]:
    """`plot_signal` of each of the signals, one above the other on one time axis.

    A signal without readings gets a separate figure with a sentence.
    """
    present = [name for name in signals if not find_missing(data, shown_column(data, name))]
    column = new_column(len(present), height=0.5 + 2.6 * len(present)) if present else []
    drawn = dict(zip(present, column, strict=True))
    for signal, ax in drawn.items():
        plot_signal(data, signal, ax=ax).label_outer()
    return [drawn.get(signal) or plot_signal(data, signal) for signal in signals]


@of_one_turbine
def plot_coverage(data: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Share of the expected readings that came, per signal, hour of the day (UTC) and slot.

    A reading stands for all slots of its interval: an hourly one fills its hour. Slots with flagged
    buckets are marked.
    """
    signals = signals_of(data.columns)
    ax = new_axes(ax, height=0.8 + 1.1 * max(1, len(signals)))
    if not signals or data.empty:
        return write_sentence(ax, "no readings")
    days = pd.DatetimeIndex(data.index).normalize().nunique()
    covered = [slot_coverage(data, signal) for signal in signals]
    if all(len(each) == days * BUCKETS_A_DAY and each.min() >= COMPLETE for each in covered):
        return write_sentence(ax, ALL_ARRIVED)
    rows: list[np.ndarray] = []  # per signal a row for its name, then six slots
    for signal, shares in zip(signals, covered, strict=True):
        slots = pd.DatetimeIndex(shares.index)
        means = shares.groupby([slots.minute // 10, slots.hour]).sum() / days
        table = means.unstack(fill_value=0)
        table = table.reindex(index=range(-1, 6), columns=range(24), fill_value=0.0)
        table.loc[-1] = np.nan
        ax.text(0, len(rows) * 7 + 0.85, label(signal), size="small", va="bottom")
        marked = pd.DatetimeIndex(data.index[flagged_bits(data, signal) > 0])
        ax.plot(marked.hour + 0.5, len(rows) * 7 + 1.5 + marked.minute // 10, "x", **SMALL_MARK)
        rows.append(table.to_numpy(float))
    image = draw_cells(ax, np.vstack(rows), COVERAGE)
    ax.set_aspect("auto")
    ticks = [(7 * n + slot + 1.5, f":{slot}0") for n in range(len(signals)) for slot in (0, 3)]
    ax.set_yticks(*zip(*ticks, strict=True), size="small")
    ax.set_ylabel("start of slot")
    format_hours(ax)
    ax.figure.colorbar(image, ax=ax, **COVERAGE_BAR)
    if (bits := flagged_bits(data, *signals)).any():
        ax.plot([], [], "x", label=name_mark(bits), **SMALL_MARK)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False, borderaxespad=0.2)
    return ax


@of_one_turbine
def plot_power_curve(
    data: pd.DataFrame, *, reference: pd.DataFrame | None = None, ax: Axes | None = None
) -> Axes:
    """Power against wind speed: ten-minute means by their coverage, and the mean of each bin.

    The method of bins of IEC 61400-12-1, without its corrections; a bin of fewer than three
    means is hollow. `reference` is a curve to draw, too: `wind_speed` (m/s) and `power` (kW).
    """
    ax = new_axes(ax)
    if missing := find_missing(data, "wind_speed_mean", "power_mean"):
        return write_sentence(ax, f"no power curve: no readings of {missing}")
    pairs = data.dropna(subset=["wind_speed_mean", "power_mean"])
    if pairs.empty:
        return write_sentence(ax, "no power curve: wind speed and power were never read together")
    shares = np.minimum(coverage(pairs, "wind_speed"), coverage(pairs, "power"))
    wind, power = pairs["wind_speed_mean"], pairs["power_mean"]
    image = ax.scatter(wind, power, 10, shares, lw=0, rasterized=len(pairs) > MANY, **COVERAGE)
    image.set_label("ten-minute mean")
    plot_bins(ax, power_curve(pairs), "power", "mean of a 0.5 m/s bin")
    if reference is not None:
        ax.plot(reference["wind_speed"], reference["power"], label="reference", **REFERENCE)
    mark_flagged(ax, wind, power, flagged_bits(pairs, "wind_speed", "power"))
    ax.set(xlabel=quantity(data, "wind_speed"), ylabel=quantity(data, "power"))
    ax.set_xlim(scale_of(data, "wind_speed", wind))
    ax.set_ylim(scale_of(data, "power", power))
    ax.figure.colorbar(image, ax=ax, **COVERAGE_BAR)
    return add_legend(ax)


@of_one_turbine
def plot_diurnal(data: pd.DataFrame, signal: str, *, ax: Axes | None = None) -> Axes:
    """A signal's mean by hour of the day, with the band that four in five buckets lie in."""
    ax = new_axes(ax)
    mean = f"{signal}_mean"
    if shown_column(data, signal) != mean:
        return write_sentence(ax, f"no mean day: {label(signal)} is a counter or a state")
    if find_missing(data, mean):
        return write_sentence(ax, f"no readings of {label(signal)}")
    hours = data[mean].groupby(pd.DatetimeIndex(data.index).hour)
    centre = hours.mean().reindex(range(24))
    low, high = (hours.quantile(share).reindex(range(24)) for share in (0.1, 0.9))
    x = centre.index + 0.5
    ax.fill_between(x, low, high, color=BLUE, alpha=0.2, lw=0, label="10 % to 90 % of the buckets")
    ax.plot(x, centre, ".-", color=BLUE, label="mean")
    ax.set_ylabel(quantity(data, signal))
    format_hours(ax)
    return add_legend(ax)


@of_one_turbine
def plot_monthly_power_curves(data: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """The power curve of each calendar month, bins of at least three ten-minute means."""
    ax = new_axes(ax, height=4, right=1.4)
    if missing := find_missing(data, "wind_speed_mean", "power_mean"):
        return write_sentence(ax, f"no power curves: no readings of {missing}")
    for month, part in data.groupby(pd.DatetimeIndex(data.index).month):
        curve = power_curve(part)
        full = curve[curve["count"] >= FULL_BIN]
        style = {"marker": MARKERS[month - 1], "color": plt.get_cmap("cividis")(month / 15)}
        ax.plot(full["wind_speed"], full["power"], ms=4, lw=1, label=month_name[month], **style)
    ax.set(xlabel=quantity(data, "wind_speed"), ylabel=quantity(data, "power"))
    return add_legend(ax, loc="upper left", bbox_to_anchor=(1, 1), ncols=1)


def plot_bins(ax: Axes, bins: pd.DataFrame, value: str, name: str) -> None:
    """The means of bins of wind speed; those of fewer than three values are hollow."""
    ax.plot(bins["wind_speed"], bins[value], color=ORANGE, lw=1.2)
    full = bins["count"] >= FULL_BIN
    few = f"of fewer than {FULL_BIN}"
    for chosen, fill, text in ((full, ORANGE, name), (~full, "white", few)):
        if chosen.any():
            points = bins.loc[chosen, ["wind_speed", value]].to_numpy().T
            ax.plot(*points, "o", mfc=fill, mec=ORANGE, ms=5, label=text)
