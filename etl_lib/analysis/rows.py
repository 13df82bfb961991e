"""Heat maps of a farm: a row per turbine, time across."""

from collections.abc import Sequence
from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from etl_lib.analysis.axes import DAY, WIDTH, add_wide_legend, format_time, new_axes
from etl_lib.analysis.marks import SMALL_MARK, name_mark
from etl_lib.analysis.slots import Numbers, Slots

HATCH: dict[str, Any] = {"hatch": "/////", "facecolor": "white", "edgecolor": "#c8c8c8"}
"""What stands behind the cells, and is seen where one is missing."""
MARGINS, BAR_WIDTH = 0.9, 0.95
"""Inches: the height of a figure without its rows; the width of the colour bar with its labels."""


def draw_rows(
    slots: Slots,
    table: Numbers,
    colours: dict[str, Any],
    bar: dict[str, Any] | None,
    ax: Axes | None,
    bits: pd.Series | None = None,
    keys: Sequence[Artist] = (),
) -> Axes:
    """A table (turbines × slots or days) as coloured cells, the first turbine at the top.

    NaN is hatched. `colours` are options of `imshow`, `bar` of the colour bar; None is
    without one. `bits` are those of the rows of `slots.data`, as from `flagged_bits`: cells with
    flagged buckets are marked. `keys` go into the legend.
    """
    count = len(slots.names)
    names = [shorten(name) for name in slots.names]
    if ax is None:
        least = 1.5 if bar else 0.5  # a colour bar needs some height for its labels
        height = max(least, min(0.3, 0.06 + 4 / count) * count)
        ax = new_axes(None, height=MARGINS + height)
        left, right = 0.3 + 0.075 * max(map(len, names)), 0.25
        ax.figure.subplots_adjust(left=left / WIDTH)
        bar = bar and bar | {"fraction": BAR_WIDTH / (WIDTH - left - right), "aspect": 6 * height}
    first, last = slots.first, slots.first + slots.days * DAY
    sides = mdates.date2num(first), mdates.date2num(last)
    image = ax.imshow(table, extent=(*sides, count, 0), interpolation="none", **colours)
    ax.set_aspect("auto")
    ax.hlines(range(count + 1), *sides, "white", lw=1)
    ax.set_yticks(np.arange(count) + 0.5, names, size=min(9.0, 120 / count + 5))
    format_time(ax, pd.DatetimeIndex([first, last - DAY]))
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)
    if bar:
        ax.figure.colorbar(image, ax=ax, **bar)
    key: list[Any] = [*keys]
    if np.isnan(table).any():
        ax.patch.set(**HATCH)
        key.append(Patch(label="no readings", linewidth=0, **HATCH))
    if bits is not None and bits.any():
        flagged = slots.place(bits.to_numpy(float)) > 0
        turbine, column = np.nonzero(flagged.reshape(*table.shape, -1).any(axis=2))
        x = sides[0] + (column + 0.5) * (sides[1] - sides[0]) / table.shape[1]
        key += ax.plot(x, turbine + 0.5, "x", label=name_mark(bits), **SMALL_MARK)
    if key:
        names = [str(each.get_label()) for each in key]
        add_wide_legend(ax, names, handles=key, borderaxespad=0.2)
    return ax


def shorten(name: str, length: int = 24) -> str:
    """A name of at most `length` characters: a long one loses its middle."""
    end = length - 1 - length // 3
    return name if len(name) <= length else f"{name[: length // 3]}…{name[-end:]}"
