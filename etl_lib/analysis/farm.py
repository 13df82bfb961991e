"""Plots and numbers that put a farm's turbines side by side.

Each takes a wide DataFrame as from `read_statistics` (index `turbine` and `timestamp`, UTC, the
buckets' starts; columns `<signal>_<statistic>` and `expected`; units and kinds in `attrs`) and
the names of the `turbines` asked for, in order. One without readings has an empty row or cell.
Without names, the frame's turbines are shown. A single turbine is drawn as in `plots`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from etl_lib.analysis.axes import (
    BLUE,
    HEAT,
    find_missing,
    label,
    new_axes,
    quantity,
    scale_of,
    write_sentence,
)
from etl_lib.analysis.curves import grid_curves, overlay_curves
from etl_lib.analysis.grid import add_key, label_grid, new_grid, time_ticks, value_ticks
from etl_lib.analysis.marks import SMALL_MARK, flagged_bits, name_mark
from etl_lib.analysis.plots import (
    ALL_ARRIVED,
    BAR,
    COMPLETE,
    COVERAGE,
    COVERAGE_BAR,
    plot_coverage,
    plot_power_curve,
    plot_signal,
    plot_signals,
)
from etl_lib.analysis.reference import Reference
from etl_lib.analysis.rows import draw_rows
from etl_lib.analysis.series import is_angle, name_of
from etl_lib.analysis.slots import Numbers, Slots, only_turbine
from etl_lib.analysis.wind import power_curve
from etl_lib.transform.kinds import TURBINE, shown_column, signals_of
from etl_lib.transform.statistics import THIN, coverage

CELL = 0.34
"""Height / width of a cell."""
TURN = {"vmin": 0, "vmax": 360, "cmap": "twilight"}
TURN_BAR: dict[str, Any] = {"ticks": [0, 90, 180, 270, 360], "format": "{x:.0f}°"}


def compare_signals(
    data: pd.DataFrame, signals: Sequence[str], turbines: Sequence[str] = ()
) -> list[Axes]:
    """A figure per signal: each turbine's mean over time in a cell of a grid, on common scales.

    Gaps stay gaps, thin buckets are hollow, and a line joins hourly readings. An angle is drawn
    as points from 0° to 360°; of a counter its increments as a line, of a state its code as points.
    """
    if (alone := only_turbine(data, turbines)) is not None:
        return plot_signals(alone, signals)
    slots = Slots.of(data, turbines)
    return [_compare_signal(slots, signal) for signal in signals]


def plot_heat_map(
    data: pd.DataFrame, signal: str, turbines: Sequence[str] = (), *, ax: Axes | None = None
) -> Axes:
    """A signal's mean as colour: a row per turbine, a column per ten-minute slot of the day.

    Of several days a column is a day's mean; that of an angle is the direction of the mean of
    unit vectors, weighted by count. A counter has its increments, and a day their sum; a state has
    its code, and a day the one of most buckets. Hatched where there are no readings.
    """
    if (alone := only_turbine(data, turbines)) is not None:
        return plot_signal(alone, signal, ax=ax)
    slots = Slots.of(data, turbines)
    column = shown_column(slots.data, signal)
    if find_missing(slots.data, column):
        return write_sentence(new_axes(ax), f"no readings of {label(signal)}")
    turns, values = is_angle(slots.data, column), slots.column(column)
    if slots.days == 1:
        table = slots.hold(values, signal)
    elif turns:
        table = slots.mean_angles(values, signal)
    elif column.endswith("_mean"):
        table = slots.by_day(slots.hold(values, signal))
    else:
        combine = slots.sum_by_day if column.endswith("_delta") else slots.mode_by_day
        table = combine(slots.place(values))
    colours = TURN if turns else {"cmap": HEAT} | _limits(slots.data, signal, column, table)
    bar = BAR | {"label": quantity(slots.data, signal)} | (TURN_BAR if turns else {})
    return draw_rows(slots, table, colours, bar, ax, flagged_bits(slots.data, signal))


def _limits(data: pd.DataFrame, signal: str, column: str, table: Numbers) -> dict[str, float]:
    """The ends of a colour scale: of means those of the axes, else what the table has."""
    if not column.endswith("_mean") or not np.isfinite(table).any():
        return {}
    low, high = scale_of(data, signal, table)
    return {"vmin": low, "vmax": high}


def compare_coverage(
    data: pd.DataFrame, turbines: Sequence[str] = (), *, ax: Axes | None = None
) -> Axes:
    """Share of the expected readings that came: a row per turbine, a column per slot or day.

    The mean over the signals. A reading stands for all slots of its interval.
    """
    if (alone := only_turbine(data, turbines)) is not None:
        return plot_coverage(alone, ax=ax)
    slots = Slots.of(data, turbines)
    signals = signals_of(slots.data.columns)
    if not signals or slots.data.empty:
        return write_sentence(new_axes(ax), "no readings")
    table = np.zeros((len(slots.names), slots.size))
    for signal in signals:
        shares = coverage(slots.data, signal).to_numpy()
        table += np.nan_to_num(slots.hold(np.where(shares > 0, shares, np.nan), signal))
    table /= len(signals)
    if table.min() >= COMPLETE:
        return write_sentence(new_axes(ax), ALL_ARRIVED)
    table = table if slots.days == 1 else slots.by_day(table)
    bits = flagged_bits(slots.data, *signals)
    return draw_rows(slots, table, COVERAGE, COVERAGE_BAR, ax, bits)


def compare_power_curves(
    data: pd.DataFrame, turbines: Sequence[str] = (), reference: Reference | None = None
) -> list[Axes]:
    """Power curves by the method of bins: a figure of all turbines, then a grid with one in a cell.

    The first shows up to eight turbines in colours; of more, grey lines, the farm's mean, and the
    turbines furthest from it. A cell shows the ten-minute means, their bins, and the reference
    curve, or without one the farm's mean.
    """
    if (alone := only_turbine(data, turbines)) is not None:
        name = next(iter([*turbines, *map(str, data.index.unique(0))]), "")
        curve = reference.curve_of(name) if reference else None
        return [plot_power_curve(alone, reference=curve)]
    slots = Slots.of(data, turbines)
    if missing := find_missing(slots.data, "wind_speed_mean", "power_mean"):
        return [write_sentence(new_axes(None), f"no power curves: no readings of {missing}")]
    pairs = slots.data[["wind_speed_mean", "power_mean"]]
    pairs.attrs = {}  # pandas would copy them at each step
    farm = power_curve(pairs)
    if farm.empty:
        never = "wind speed and power were never read together"
        return [write_sentence(new_axes(None), f"no power curves: {never}")]
    parts = {turbine: power_curve(part) for turbine, part in pairs.groupby(slots.turbine)}
    curves = pd.concat(parts, names=[TURBINE, "bin"])
    known = reference.curves if reference else {}
    drawn = [reference.curve_of(name) if reference else farm for name in slots.names]
    only = next(iter(known.values())) if len(known) == 1 else None
    return [overlay_curves(slots, curves, farm, only), grid_curves(slots, curves, drawn, known)]


def _compare_signal(slots: Slots, signal: str) -> Axes:
    """The grid of one signal."""
    column = shown_column(slots.data, signal)
    if find_missing(slots.data, column):
        return write_sentence(new_axes(None), f"no readings of {label(signal)}")
    values, name = slots.column(column), name_of(column)
    shares = coverage(slots.data, signal).to_numpy()
    held = slots.hold(np.where(shares > 0, shares, np.nan), signal)
    turns = is_angle(slots.data, column)
    scale = (0.0, 360.0) if turns else scale_of(slots.data, signal, values)
    grid = new_grid(slots.names, (0, slots.size), scale, CELL)
    times, what = time_ticks(slots.first, slots.days, grid.width)
    turn = [0, 180, 360], ["0 N", "180 S", "360 N"]
    label_grid(grid, times, turn if turns else value_ticks(*scale, grid.height))
    table, there = slots.place(values), np.isfinite(values)
    if turns or column.endswith("_mode"):
        grid.dots(*_pick(slots, values, there), grid.dot, BLUE)
        grid.ax.plot([], [], "o", color=BLUE, ms=grid.dot, label=name)
    else:
        between = np.isnan(table) & (held > 0)
        grid.lines(np.arange(slots.size), table, between, color=BLUE, lw=0.9, label=name)
    thin = there & ~(held[slots.turbine, slots.slot] >= THIN)
    if thin.any():
        few: dict[str, Any] = {"mfc": "white", "mec": BLUE, "ms": 1.4 * grid.dot, "mew": 0.6}
        grid.mark(*_pick(slots, values, thin), "o", label="fewer than half of the readings", **few)
    if (bits := flagged_bits(slots.data, signal)).any():
        at = np.where(there, values, scale[0])  # below a bucket without a value
        is_flagged = bits.to_numpy() > 0
        grid.mark(*_pick(slots, at, is_flagged), "x", label=name_mark(bits), **SMALL_MARK)
    for cell in np.flatnonzero(~np.isfinite(table).any(axis=1)):
        grid.write(cell, "no readings")
    grid.ax.set(xlabel=what, ylabel=quantity(slots.data, signal))
    return add_key(grid.ax)


def _pick(slots: Slots, values: Numbers, rows: Any) -> tuple[Any, Any, Any]:
    """Turbine, slot and value of the chosen rows."""
    return slots.turbine[rows], slots.slot[rows], values[rows]
