"""Turbines beside their neighbours over days: what drifts, or jumps, is a sensor or a setting.

`data` is a farm's wide DataFrame as from `read_statistics`; all figures are by UTC day.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from etl_lib.analysis.axes import (
    GREY,
    add_legend,
    find_missing,
    format_time,
    label,
    new_axes,
    quantity,
    write_sentence,
)
from etl_lib.analysis.curves import COLOURS
from etl_lib.analysis.plots import MARKERS
from etl_lib.analysis.rows import shorten
from etl_lib.analysis.slots import Numbers, Slots
from etl_lib.analysis.wind import CURVE_BIN, find_bins, power_curve
from etl_lib.transform.kinds import TURBINE

DIRECTIONS = ("nacelle_direction", "wind_direction")
"""The first of them that was loaded tells the north of a turbine."""
SOME = 0.05
"""Share of a curve's largest power below which a turbine may as well stand."""
SMALLEST = 36
"""A day with fewer buckets, a quarter of it, tells nothing."""


def find_north(data: pd.DataFrame) -> str | None:
    """The signal that tells the north of turbines; None if no direction was loaded."""
    return next((name for name in DIRECTIONS if not find_missing(data, f"{name}_mean")), None)


def find_north_offsets(
    data: pd.DataFrame, signal: str, turbines: Sequence[str] = ()
) -> pd.DataFrame:
    """How far each turbine's direction is from its neighbours': degrees, one row a day.

    A column per turbine: the median over the day's buckets of the difference to the mean direction
    of the other turbines, -180 to 180. NaN on a day with fewer than six hours of both. A wrong
    north shows as a step that stays; a wake, or a hill, as a small difference that does not.
    """
    slots = Slots.of(data, turbines)
    vectors = np.exp(1j * np.radians(slots.place(slots.column(f"{signal}_mean"))))
    others = np.nansum(vectors, axis=0) - np.nan_to_num(vectors)
    apart = np.degrees(np.angle(vectors * np.conj(others)))
    return _by_day(slots, np.where(np.abs(others) > 0, apart, np.nan))


def find_residuals(data: pd.DataFrame, turbines: Sequence[str] = ()) -> pd.DataFrame:
    """How far each turbine's power is from the power curve of all of these days: kW, a row a day.

    The curve is that of all turbines, by the method of bins; a column per turbine has the median
    over the day's buckets in which the curve gives some power. NaN on a day with fewer than six
    hours of these.
    """
    slots = Slots.of(data, turbines)
    curve = power_curve(slots.data)
    bins = find_bins(slots.data["wind_speed_mean"], CURVE_BIN)
    power = curve["power"].where(curve["power"] >= SOME * curve["power"].max())
    expected = power.reindex(bins).to_numpy()
    return _by_day(slots, slots.place(slots.column("power_mean") - expected))


def _by_day(slots: Slots, table: Numbers) -> pd.DataFrame:
    """The median of each day, a column per turbine; NaN where a day has too few values."""
    days = table.reshape(len(slots.names), slots.days, -1)
    enough = np.isfinite(days).sum(axis=2) >= SMALLEST
    filled = np.where(enough[:, :, None], days, 0.0)
    medians = np.where(enough, np.nanmedian(filled, axis=2), np.nan)
    index = pd.date_range(slots.first, periods=slots.days, freq="D", name="date")
    return pd.DataFrame(medians.T, index=index, columns=pd.Index(slots.names, name=TURBINE))


def plot_north_offsets(data: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Each turbine's direction beside its neighbours', day by day: a step is a new north."""
    ax = new_axes(ax, right=1.6)
    if len(Slots.of(data).names) < 2:
        return write_sentence(ax, "no directions to compare: there is one turbine")
    if (signal := find_north(data)) is None:
        return write_sentence(ax, "no readings of nacelle direction or wind direction")
    name = f"{label(signal)} beside the others' (°)"
    return _draw(ax, find_north_offsets(data, signal), name)


def plot_residuals(data: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Each turbine's power beside the curve of all, day by day."""
    ax = new_axes(ax, right=1.6)
    if missing := find_missing(data, "wind_speed_mean", "power_mean"):
        return write_sentence(ax, f"no power curve: no readings of {missing}")
    return _draw(ax, find_residuals(data), f"{quantity(data, 'power')} beside the curve")


def _draw(ax: Axes, table: pd.DataFrame, name: str) -> Axes:
    """A line per turbine; of more than eight, those that are furthest off have a colour."""
    far = table.abs().max().sort_values(ascending=False).index[: len(COLOURS)]
    rest = table[table.columns.difference(far)]
    if not rest.empty:
        text = f"each of {rest.shape[1]} others"
        for place, column in enumerate(rest):
            ax.plot(
                table.index, rest[column], color=GREY, lw=0.5, label=text if not place else None
            )
    for place, turbine in enumerate(sorted(far)):
        look: dict[str, Any] = {"color": COLOURS[place], "marker": MARKERS[place], "ms": 3, "lw": 1}
        ax.plot(table.index, table[turbine], label=shorten(turbine), **look)
    ax.axhline(0, color=GREY, lw=0.5)
    ax.set_ylabel(name)
    format_time(ax, pd.DatetimeIndex(table.index))
    return add_legend(ax, loc="upper left", bbox_to_anchor=(1, 1), ncols=1, fontsize=9)
