"""Small multiples: a grid of cells, one per turbine, drawn on one Axes.

An Axes per turbine would take 15 ms each. Here the Axes' coordinates are points, 1/72 inch, and
every kind of mark is one artist for all cells. Positions are rounded to a tenth of a point,
which no eye sees and which halves the SVG.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from etl_lib.analysis.axes import DAY, GREY, WIDTH, add_wide_legend, new_axes
from etl_lib.analysis.rows import shorten
from etl_lib.analysis.slots import Numbers
from etl_lib.transform.statistics import BUCKETS_A_DAY

INCH = 72
LEFT, RIGHT, ABOVE, BELOW = 61.2, 10.8, 25.2, 36.0
"""Margins around the grid, points."""
GAP, NAME = 9.0, 13.0
"""Points between two columns, and above a cell for its name."""
LARGE = 20_000
"""More points are drawn as an image."""
TEXT, TINY = 9, 7.5
"""Font sizes: of the axes' labels and the legend; of names and ticks."""
Range = tuple[float, float]
Ticks = tuple[Sequence[float], Sequence[str]]


@dataclass(frozen=True)
class Grid:
    """Cells of one size on common scales, row by row from the top left. Lengths in points."""

    ax: Axes
    cells: int
    columns: int
    width: float
    height: float
    x_range: Range
    y_range: Range

    @property
    def dot(self) -> float:
        """Size of a dot, larger in larger cells."""
        return round(1.2 + self.width / 250, 1)

    def x(self, cell: NDArray[Any], values: Any) -> Numbers:
        """Horizontal positions of values, each in its cell."""
        low, high = self.x_range
        left = cell % self.columns * (self.width + GAP)
        return np.asarray((left + (values - low) / (high - low) * self.width).round(1))

    def y(self, cell: NDArray[Any], values: Any) -> Numbers:
        """Vertical positions of values, each in its cell."""
        low, high = self.y_range
        rows = ceil(self.cells / self.columns)
        bottom = (rows - 1 - cell // self.columns) * (self.height + NAME)
        return np.asarray((bottom + (values - low) / (high - low) * self.height).round(1))

    def mark(self, cell: NDArray[Any], x: Any, y: Any, style: str = "-", **look: Any) -> None:
        """Draw the points of all cells, in order; a line breaks at NaN."""
        positions = self.x(cell, x), self.y(cell, y)
        self.ax.plot(*positions, style, rasterized=positions[0].size > LARGE, **look)

    def lines(self, x: Any, y: Any, skip: Any = False, **look: Any) -> None:
        """A line per cell, of a row each of the tables (cells × points).

        A single row is of all cells. A line breaks at NaN, and passes over points to `skip`. A
        point without neighbours is a dot.
        """
        shape = np.broadcast_shapes((self.cells, 1), *map(np.shape, (x, y, skip)))
        end = np.full((self.cells, 1), np.nan)
        tables = (np.broadcast_to(part, shape) for part in (x, y, skip))
        x, y, skip = (np.hstack([table, end]) for table in tables)
        keep = ~(skip > 0)
        cell = np.nonzero(keep)[0]
        x, y = x[keep], y[keep]
        self.mark(cell, x, y, **look)
        missing = np.isnan(np.concatenate([[np.nan], y, [np.nan]]))
        alone = ~missing[1:-1] & missing[:-2] & missing[2:]
        if alone.any():
            self.dots(cell[alone], x[alone], y[alone], 1.5 * self.dot, color=look["color"])

    def dots(
        self, cell: NDArray[Any], x: Any, y: Any, size: float, color: str, **look: Any
    ) -> None:
        """Round dots, `size` points wide, drawn as one stroke that is lifted between them.

        Dots that touch are joined. A scatter's SVG has six times the bytes.
        """
        left, up = self.x(cell, x), self.y(cell, y)
        apart = np.hypot(np.diff(left), np.diff(up)) > size
        parts = np.column_stack([left, left + 0.1, np.full(len(left), np.nan)])
        keep = np.repeat([[True, False, False]], len(left), axis=0)
        keep[:, 1:] = np.append(apart, True)[:, None]
        stroke = parts[keep], np.repeat(up, 3)[keep.ravel()]
        style: dict[str, Any] = {"lw": size, "color": color, "solid_capstyle": "round"}
        # A stroke that is snapped to pixels or simplified would lose single dots
        large = len(left) > LARGE
        (line,) = self.ax.plot(*stroke, rasterized=large, snap=False, **style, **look)
        line.get_path().should_simplify = False

    def write(self, cell: Any, text: str) -> None:
        """Write in the middle of a cell."""
        at = np.array(cell)
        x, y = self.x(at, np.mean(self.x_range)), self.y(at, np.mean(self.y_range))
        self.ax.text(float(x), float(y), text, ha="center", va="center", size=TINY, color=GREY)


def new_grid(names: Sequence[str], x_range: Range, y_range: Range, shape: float) -> Grid:
    """A new figure with a named, empty cell per turbine; `shape` is a cell's height / width."""
    columns = max(2, min(5, ceil(sqrt(len(names)))))
    rows = ceil(len(names) / columns)
    across = WIDTH * INCH - LEFT - RIGHT
    width = (across - (columns - 1) * GAP) / columns
    height = round(12 + shape * width)
    up = rows * (height + NAME)
    total = up + ABOVE + BELOW
    ax = new_axes(None, total / INCH)
    ax.figure.subplots_adjust(
        left=LEFT / (WIDTH * INCH),
        right=1 - RIGHT / (WIDTH * INCH),
        bottom=BELOW / total,
        top=1 - ABOVE / total,
    )
    ax.set(xlim=(0, across), ylim=(0, up), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    grid = Grid(ax, len(names), columns, width, height, x_range, y_range)
    left, right, low, high = *x_range, *y_range
    x, y = [left, right, right, left, left], [low, low, high, high, low]
    grid.lines(x, y, color=GREY, lw=0.5, clip_on=False)
    for cell, name in enumerate(names):
        at = np.array(cell)
        place = float(grid.x(at, left)), float(grid.y(at, high)) + 2
        ax.text(*place, shorten(name, int(width / 4.5)), size=TINY, va="bottom")
    return grid


def label_grid(grid: Grid, across: Ticks, up: Ticks) -> None:
    """Ticks at the left cells and below the last cell of each column, thin lines in each cell."""
    cells, ax = np.arange(grid.cells), grid.ax
    left = cells[:: grid.columns, None]
    heights, widths = np.array(up[0], float), np.array(across[0], float)
    ax.set_yticks(grid.y(left, heights).ravel(), list(up[1]) * len(left), size=TINY)
    ax.tick_params(length=0, pad=3)
    for cell in cells[-grid.columns :]:
        for x, text in zip(grid.x(cell, widths), across[1], strict=True):
            y = float(grid.y(cell, grid.y_range[0])) - 3
            ax.text(float(x), y, text, size=TINY, ha="center", va="top")
    thin: dict[str, Any] = {"color": GREY, "alpha": 0.25, "lw": 0.5, "zorder": 0}
    for values, is_height in ((heights, True), (widths, False)):
        ends = np.array([*(grid.x_range if is_height else grid.y_range), np.nan])
        along, at = np.tile(ends, len(values)), np.repeat(values, 3)
        grid.lines(*((along, at) if is_height else (at, along)), **thin)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_fontsize(TEXT)
    ax.xaxis.set_label_coords(0.5, -15 / ax.get_ylim()[1])
    ax.yaxis.set_label_coords(-36 / ax.get_xlim()[1], 0.5)


def value_ticks(low: float, high: float, length: float) -> Ticks:
    """Round values from `low` to `high`, at least 16 points apart on `length` points."""
    locator = MaxNLocator(max(1, int(length / 16)), steps=[1, 2, 5, 10])
    values = [value for value in locator.tick_values(low, high) if low <= value <= high]
    return values, [f"{round(value, 9):.9g}" for value in values]


def time_ticks(first: pd.Timestamp, days: int, width: float) -> tuple[Ticks, str]:
    """Ticks of a cell whose values are slots since `first`, and what its axis is (UTC)."""
    if days == 1:
        hours = range(3, 24, 3) if width > 200 else range(6, 24, 6)
        ticks = [6.0 * hour for hour in hours], [f"{hour:02}:00" for hour in hours]
        return ticks, f"{first:%Y-%m-%d} (UTC)"
    locator = mdates.AutoDateLocator(tz="UTC", minticks=2, maxticks=max(3, int(width / 30)))
    start = mdates.date2num(first)
    values = np.array(locator.tick_values(first, first + days * DAY))
    values = values[(values > start + 0.04 * days) & (values < start + 0.96 * days)]
    formatter = mdates.ConciseDateFormatter(locator, tz="UTC")
    texts = formatter.format_ticks(values)
    return (list((values - start) * BUCKETS_A_DAY), texts), f"{formatter.get_offset()} (UTC)"


def add_key(ax: Axes) -> Axes:
    """A legend above the grid; its dots are twice as large as those of the cells."""
    look: dict[str, Any] = {"columnspacing": 1.2, "handletextpad": 0.4, "fontsize": TEXT}
    names = ax.get_legend_handles_labels()[1]
    add_wide_legend(ax, names, borderaxespad=0, markerscale=2, **look)
    return ax
