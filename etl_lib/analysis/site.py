"""Plots of a site: what its turbines, one or several, have together. Axes in, axes out.

The frames are those of `plots`, or a farm's as from `read_statistics`.
"""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from etl_lib.analysis.axes import (
    BLUE,
    GREY,
    ORANGE,
    add_legend,
    draw_cells,
    find_missing,
    format_calendar,
    new_axes,
    quantity,
    scale_of,
    write_sentence,
)
from etl_lib.analysis.marks import flagged_bits, mark_flagged, name_mark
from etl_lib.analysis.plots import BAR, MANY, MARKERS, plot_bins
from etl_lib.analysis.wind import (
    bin_by_wind_speed,
    fit_weibull,
    name_deviations,
    turbulence,
)

WHOLE_DAY = 23.9
"""Hours with readings from which a day counts as whole."""
STRONGEST = 75
"""m/s; no stronger wind was measured at a turbine."""


def plot_wind_distribution(data: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """How often the wind blew how fast, in bins of 1 m/s, with a Weibull distribution."""
    ax = new_axes(ax)
    speeds = data.get("wind_speed_mean", pd.Series(dtype=float))
    speeds = speeds[speeds.between(0, STRONGEST)]  # without sentinels such as -9999.9
    if speeds.empty:
        return write_sentence(ax, "no distribution: no readings of wind speed")
    edges = np.arange(np.floor(speeds.max()) + 2)
    share = np.full(len(speeds), 100 / len(speeds))
    bits = flagged_bits(data.loc[speeds.index], "wind_speed")
    flagged = f", {(bits > 0).sum():,} {name_mark(bits)}" if bits.any() else ""
    means = f"{len(speeds):,} ten-minute means{flagged}"
    ax.hist(speeds, list(edges), weights=share, color=BLUE, alpha=0.4, rwidth=0.94, label=means)
    if fit := fit_weibull(speeds):
        scale, shape = fit
        x = np.linspace(0.01, edges[-1], 200)
        density = shape / scale * (x / scale) ** (shape - 1) * np.exp(-((x / scale) ** shape))
        fitted = f"Weibull, A = {scale:.1f} m/s, k = {shape:.2f}"
        ax.plot(x, 100 * density, color=ORANGE, lw=1.5, label=fitted)
    else:
        ax.plot([], [], " ", label="too few means for a Weibull fit")
    ax.set(xlabel=quantity(data, "wind_speed"), ylabel="share of the means (%)")
    ax.set_xlim(0, scale_of(data, "wind_speed", speeds)[1])
    return add_legend(ax)


def plot_turbulence(data: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Turbulence intensity against wind speed, from 3 m/s on, with the mean of each 1 m/s bin.

    The legend tells what the standard deviations are of: the source's own, or of its readings.
    """
    ax = new_axes(ax)
    if find_missing(data, "wind_speed_mean"):
        return write_sentence(ax, "no turbulence: no readings of wind speed")
    table = turbulence(data)
    if find_missing(data, "wind_speed_std"):
        return write_sentence(ax, "no turbulence: the readings have no standard deviation")
    if table.empty:
        needed = "3 m/s of wind with half of the readings and a standard deviation"
        return write_sentence(ax, f"no turbulence: never {needed}")
    large = len(table) > MANY
    names = name_deviations(data.loc[table.index], "wind_speed")
    for shape, (name, part) in zip(MARKERS, table.groupby(names, sort=False), strict=False):
        look: dict[str, Any] = {"c": GREY, "marker": shape, "lw": 0, "rasterized": large}
        points = ax.scatter(part["wind_speed"], part["intensity"], 9, **look)
        points.set(alpha=0.1 if large else 0.5, label=f"ten-minute value, {name}")
    plot_bins(ax, bin_by_wind_speed(table, 1), "intensity", "mean of a 1 m/s bin")
    bits = flagged_bits(data.loc[table.index], "wind_speed")
    mark_flagged(ax, table["wind_speed"], table["intensity"], bits)
    ax.set(xlabel=quantity(data, "wind_speed"), ylabel="turbulence intensity (%)")
    ax.set(xlim=(0, scale_of(data, "wind_speed", table["wind_speed"])[1]), ylim=(0, None))
    return add_legend(ax)


def plot_energy(days: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Energy of each day (UTC) as a calendar, a row of weeks a year. From `summarize_days`."""
    energy = days["energy"].dropna()
    calendar = [day.isocalendar() for day in energy.index]
    years = sorted({day.year for day in calendar})
    ax = new_axes(ax, height=0.9 + 1.5 * max(1, len(years)))
    if energy.empty:
        return write_sentence(ax, "no energy: no readings of power")
    column = np.array([day.week - 1 for day in calendar])
    row = np.array([8 * years.index(day.year) + day.weekday - 1 for day in calendar])
    table = np.full((8 * len(years) - 1, 53), np.nan)
    table[row, column] = energy
    image = draw_cells(ax, table, {"cmap": "cividis_r", "vmin": 0})
    part = (days.loc[energy.index, "hours_with_power"] <= WHOLE_DAY).to_numpy()
    if part.any():
        x, y = column[part] + 0.5, row[part] + 0.5
        ax.plot(x, y, "o", mfc="white", mec="black", ms=4, label="part of a day")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False, borderaxespad=0.2)
    format_calendar(ax, years, column)
    ax.figure.colorbar(image, ax=ax, label="energy (kWh)", shrink=1 / len(years), **BAR)
    return ax
