"""Power curves of a farm's turbines, over one another and in a grid.

`curves` has a row per turbine and bin, `farm` a row per bin of all turbines; both are as from
`power_curve`. The index of `curves` is the turbine's number among the names, and the bin.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from etl_lib.analysis.axes import BLUE, GREY, ORANGE, add_legend, new_axes, quantity, scale_of
from etl_lib.analysis.grid import add_key, label_grid, new_grid, value_ticks
from etl_lib.analysis.marks import SMALL_MARK, flagged_bits, name_mark
from etl_lib.analysis.plots import MARKERS, REFERENCE
from etl_lib.analysis.rows import shorten
from etl_lib.analysis.slots import Numbers, Slots
from etl_lib.analysis.wind import FULL_BIN
from etl_lib.transform.kinds import TURBINE

LIGHT = "#56B4E9"
COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", LIGHT, "black", GREY)
"""Okabe and Ito's, with grey for their yellow, which is faint on white."""
NAMED = 3
"""How many turbines are named among more than eight."""
CELL = 0.5
"""Height / width of a cell."""


def overlay_curves(
    slots: Slots, curves: pd.DataFrame, farm: pd.DataFrame, reference: pd.DataFrame | None = None
) -> Axes:
    """All curves over one another, on a new figure, and the reference curve of all of them."""
    named = _name_curves(slots, curves, farm)
    ax = new_axes(None, height=4, right=0.7 + 0.08 * max(26, *map(len, named.values())))
    if len(slots.names) > len(COLOURS):
        count = curves.index.get_level_values(TURBINE).nunique()
        ax.plot(*_broken(curves), color=GREY, lw=0.5, label=f"each of {count} turbines")
        ax.plot(farm["wind_speed"], farm["power"], color="black", lw=1.8, label="mean of all")
    for place, (number, text) in enumerate(named.items()):
        curve = curves[curves.index.get_level_values(TURBINE) == number]
        few = curve[curve["count"] < FULL_BIN]
        look: dict[str, Any] = {"color": COLOURS[place], "marker": MARKERS[place], "ms": 4}
        if curve.empty:
            look = {"ls": ""}
        ax.plot(curve["wind_speed"], curve["power"], label=text, lw=1, **look)
        ax.plot(few["wind_speed"], few["power"], **look | {"mfc": "white", "ls": ""})
    if reference is not None:
        ax.plot(reference["wind_speed"], reference["power"], label="reference", **REFERENCE)
    if (curves["count"] < FULL_BIN).any():
        hollow = f"hollow: bin of fewer than {FULL_BIN}"
        ax.plot([], [], "o", mfc="white", mec="black", ms=4, label=hollow)
    set_curve_scales(ax, slots.data, curves["wind_speed"], curves["power"])
    return add_legend(ax, loc="upper left", bbox_to_anchor=(1, 1), ncols=1, fontsize=9)


def _name_curves(slots: Slots, curves: pd.DataFrame, farm: pd.DataFrame) -> dict[int, str]:
    """The legend's text for each turbine that has a colour: all, or those furthest off."""
    names = [shorten(name) for name in slots.names]
    if len(names) > len(COLOURS):
        unit = slots.data.attrs.get("units", {}).get("power_mean", "unknown unit")
        far = _distances(curves, farm).nlargest(NAMED)
        return {n: f"{names[n]}: {far[n]:,.0f} {unit} off" for n in map(int, far.index)}
    drawn = curves.index.get_level_values(TURBINE)
    return {n: f"{name}{'' if n in drawn else ': no curve'}" for n, name in enumerate(names)}


def _broken(curves: pd.DataFrame) -> tuple[Numbers, Numbers]:
    """Wind speed and power of all curves, NaN between two turbines."""
    number = curves.index.get_level_values(TURBINE).to_numpy()
    between = np.flatnonzero(np.diff(number)) + 1
    wind, power = (curves[name].to_numpy(float) for name in ("wind_speed", "power"))
    return np.insert(wind, between, np.nan), np.insert(power, between, np.nan)


def _distances(curves: pd.DataFrame, farm: pd.DataFrame) -> pd.Series:
    """Each curve's mean distance from the farm's over its full bins, weighted by count (kW)."""
    full = curves[curves["count"] >= FULL_BIN]
    mean = farm["power"].reindex(full.index.get_level_values("bin")).to_numpy()
    sums = (full["power"] - mean).abs().mul(full["count"]).groupby(level=TURBINE).sum()
    distances: pd.Series = sums / full["count"].groupby(level=TURBINE).sum()
    return distances


def set_curve_scales(ax: Axes, data: pd.DataFrame, wind: Any, power: Any) -> None:
    """Name both axes of a power curve, and give them the scales of each page."""
    ax.set(xlabel=quantity(data, "wind_speed"), ylabel=quantity(data, "power"))
    ax.set_xlim(scale_of(data, "wind_speed", wind))
    ax.set_ylim(scale_of(data, "power", power))


def grid_curves(
    slots: Slots,
    curves: pd.DataFrame,
    drawn: Sequence[pd.DataFrame | None],
    known: Mapping[Hashable, pd.DataFrame],
) -> Axes:
    """Each turbine's ten-minute means and bins in a cell, over the curve that is `drawn` there.

    That is one of the `known` reference curves; if there are none, the farm's mean in each cell.
    """
    wind, power = slots.column("wind_speed_mean"), slots.column("power_mean")
    pairs = np.isfinite(wind) & np.isfinite(power)
    scales = (
        scale_of(slots.data, "wind_speed", wind[pairs]),
        scale_of(slots.data, "power", power[pairs]),
    )
    grid = new_grid(slots.names, *scales, CELL)
    ticks = value_ticks(*scales[0], grid.width / 1.6), value_ticks(*scales[1], grid.height)
    label_grid(grid, *ticks)
    grid.dots(slots.turbine[pairs], wind[pairs], power[pairs], grid.dot, LIGHT)
    grid.ax.plot([], [], "o", color=LIGHT, ms=grid.dot, label="ten-minute mean")
    cell = curves.index.get_level_values(TURBINE).to_numpy()
    empty = np.setdiff1d(range(grid.cells), cell)
    lines = [None if number in empty else curve for number, curve in enumerate(drawn)]
    every = "reference" if known else "mean of all turbines"
    x, y = _pad(lines)
    inside = np.where(y <= scales[1][1], y, np.nan)  # not into the cell above
    grid.lines(x, inside, color=GREY, lw=1.2, label=every)
    for chosen, fill, text in (
        (curves["count"] >= FULL_BIN, ORANGE, "mean of a 0.5 m/s bin"),
        (curves["count"] < FULL_BIN, "white", f"of fewer than {FULL_BIN}"),
    ):
        x, y = curves.loc[chosen, ["wind_speed", "power"]].to_numpy().T
        if len(x):
            look: dict[str, Any] = {"mfc": fill, "mec": ORANGE, "ms": 1.2 * grid.dot, "mew": 0.5}
            grid.mark(cell[chosen], x, y, "o", label=text, **look)
    bits = flagged_bits(slots.data, "wind_speed", "power")
    is_flagged = pairs & (bits.to_numpy() > 0)
    if is_flagged.any():
        at = slots.turbine[is_flagged], wind[is_flagged], power[is_flagged]
        grid.mark(*at, "x", label=name_mark(bits), **SMALL_MARK)
    for number in empty:
        grid.write(number, "no curve")
    grid.ax.set(xlabel=quantity(slots.data, "wind_speed"), ylabel=quantity(slots.data, "power"))
    return add_key(grid.ax)


def _pad(curves: Sequence[pd.DataFrame | None]) -> tuple[Numbers, Numbers]:
    """Wind speed and power of curves as tables, a row each, NaN after the last bin."""
    size = max([1, *(len(curve) for curve in curves if curve is not None)])
    wind, power = np.full((2, len(curves), size), np.nan)
    for row, curve in enumerate(curves):
        if curve is not None:
            wind[row, : len(curve)] = curve["wind_speed"]
            power[row, : len(curve)] = curve["power"]
    return wind, power
