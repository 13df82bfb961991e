"""Plots of a period; `period` as from `read_period`, `performance` as from `measure_period`."""

from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from etl_lib.analysis.axes import (
    BLUE,
    HEAT,
    WIDTH,
    add_legend,
    format_time,
    new_axes,
    write_sentence,
)
from etl_lib.analysis.performance import DAY
from etl_lib.analysis.period_numbers import Performance
from etl_lib.analysis.plots import BAR
from etl_lib.analysis.rows import BAR_WIDTH, HATCH, MARGINS, shorten
from etl_lib.load.period import Period

MOST_DAYS = 100
"""More days are drawn as weeks, and more weeks than this as months."""
STEPS = (("D", "day"), ("W-MON", "week"), ("MS", "month"))


def plot_period_energy(period: Period, performance: Performance, *, ax: Axes | None = None) -> Axes:
    """Energy as cells: a row per turbine, a column per day; of one turbine as bars.

    A long period has a column per week or month. The scale ends at the largest rated power, if it
    is known, so that two pages compare.
    """
    energy = performance.amounts["energy"].unstack(DAY).reindex(period.turbines)
    if not energy.notna().any(axis=None):
        return write_sentence(new_axes(ax), "no energy: no readings of power")
    table, step = _resample(energy / 1000)
    rated = max(period.rated_powers.values(), default=0.0)
    hours = {"day": 24, "week": 7 * 24, "month": 31 * 24}[step]
    top = max(rated * hours / 1000, float(np.nanmax(table.to_numpy()))) or 1.0
    first = pd.DatetimeIndex(table.columns)
    edges = mdates.date2num(first.append(pd.DatetimeIndex([period.span.end]).tz_localize(None)))
    name = f"energy of a {step} (MWh)"
    if len(table) == 1:
        return _draw_bars(period, table.iloc[0], edges, (top, name), ax)
    return _draw_cells(period, table, edges, (top, name), ax)


def _resample(energy: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The sums of weeks or months, if there are many days, and the name of a column."""
    tables = (
        (energy.T.resample(rule, closed="left", label="left").sum(min_count=1).T, step)
        for rule, step in STEPS
    )
    return next(each for each in tables if each[0].shape[1] <= MOST_DAYS or each[1] == "month")


def _draw_bars(
    period: Period, energy: pd.Series, edges: Any, scale: tuple[float, str], ax: Axes | None
) -> Axes:
    ax = new_axes(ax)
    widths = np.diff(edges)
    ax.bar(edges[:-1], energy, 0.9 * widths, align="edge", color=BLUE, label=period.turbines[0])
    ax.set(ylabel=scale[1], ylim=(min(0.0, energy.min()), scale[0]))
    format_time(ax, pd.DatetimeIndex([period.span.first, period.span.last], tz="UTC"))
    return add_legend(ax)


def _draw_cells(
    period: Period,
    table: pd.DataFrame,
    edges: Any,
    scale: tuple[float, str],
    ax: Axes | None,
) -> Axes:
    count, names = len(table), [shorten(turbine) for turbine in period.turbines]
    bar: dict[str, Any] = BAR | {"label": scale[1]}
    if ax is None:
        height = max(1.5, min(0.3, 0.06 + 4 / count) * count)
        ax = new_axes(None, height=MARGINS + height)
        left, right = 0.3 + 0.075 * max(map(len, names)), 0.25
        ax.figure.subplots_adjust(left=left / WIDTH)
        bar |= {"fraction": BAR_WIDTH / (WIDTH - left - right), "aspect": 6 * height}
    ax.patch.set(**HATCH)
    values = np.ma.masked_invalid(table.to_numpy())
    look: dict[str, Any] = {"cmap": HEAT, "edgecolors": "white", "linewidth": 0.5}
    mesh = ax.pcolormesh(edges, np.arange(count + 1), values, vmin=0, vmax=scale[0], **look)
    ax.invert_yaxis()
    ax.set_yticks(np.arange(count) + 0.5, names, size=min(9.0, 120 / count + 5))
    format_time(ax, pd.DatetimeIndex([period.span.first, period.span.last], tz="UTC"))
    ax.set_xlim(edges[0], edges[-1])
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)
    ax.figure.colorbar(mesh, ax=ax, **bar)
    return ax
