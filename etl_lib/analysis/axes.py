"""The common parts of the plots: axes, labels, time, and a sentence instead of an empty plot."""

from collections.abc import Sequence
from datetime import date
from math import ceil
from textwrap import wrap
from typing import Any
from weakref import WeakSet

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats

from etl_lib.transform.kinds import shown_column

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#767676"
DAY = pd.Timedelta(days=1)
WIDTH = 7.5
"""Width of a figure, inches."""
HEAT = "Blues"
"""Colours of a quantity: little is pale, and dark in dark mode, where pages invert plots."""
CUT_OUT = 25.0
"""m/s, up to which wind speed is drawn."""
LETTERS = 85
"""What fits beside each other in a legend; the sign of an entry takes eight."""
SENTENCE, LETTERS_AN_INCH, LONGEST = 0.5, 12, 50
"""Height of a figure that has a sentence instead of a plot, inches, its letters an inch, and in a
line."""
_own: WeakSet[Figure] = WeakSet()
"""The figures that were made here, not by the caller."""


def use_svg() -> None:
    """Make the notebook keep its figures as SVG: sharp at any size, small, with real text."""
    plt.rcParams["svg.fonttype"] = "none"
    set_matplotlib_formats("svg", bbox_inches=None)


def new_axes(ax: Axes | None, height: float = 3.2, right: float = 0.25) -> Axes:
    """The axes given, else a new figure's, `height` and the margin at the `right` in inches."""
    return ax if ax is not None else new_column(1, height, right)[0]


def new_column(rows: int, height: float, right: float = 0.25) -> list[Axes]:
    """A new figure of the page's width: axes one above the other on one horizontal axis.

    Margins are fixed, with room for a legend, ticks and labels. A layout engine of matplotlib
    would take as long as the drawing, and the left edges of two figures would differ.
    """
    figure, axes = plt.subplots(rows, figsize=(WIDTH, height), sharex=True, squeeze=False)
    figure.subplots_adjust(
        left=0.85 / WIDTH,
        right=1 - right / WIDTH,
        bottom=0.55 / height,
        top=1 - 0.35 / height,
        hspace=0.25,
    )
    _own.add(figure)
    return list(axes.flat)


def find_missing(data: pd.DataFrame, *names: str) -> str | None:
    """The label of the first column that has no values; None when all have some."""
    missing = (name for name in names if name not in data or not data[name].notna().any())
    return next((label(name.rpartition("_")[0]) for name in missing), None)


def write_sentence(ax: Axes, sentence: str) -> Axes:
    """Write a sentence instead of a plot; a figure of our own for it alone gets low."""
    figure = ax.get_figure(root=True)
    at: dict[str, Any] = {"x": 0.5, "ha": "center"}
    if figure and figure in _own and len(figure.axes) == 1:
        # A figure no wider than the sentence is not made smaller on a phone
        lines = wrap(sentence, LONGEST)
        sentence = "\n".join(lines)
        figure.set_size_inches(
            max(map(len, lines)) / LETTERS_AN_INCH, SENTENCE + 0.2 * (len(lines) - 1)
        )
        ax.set_position((0, 0, 0.99, 1))
        at = {"x": 0, "ha": "left"}
    ax.text(y=0.5, s=sentence, va="center", transform=ax.transAxes, color=GREY, **at)
    ax.set_axis_off()
    return ax


def label(name: str) -> str:
    """A signal's name for people: `wind speed`."""
    return name.replace("_", " ")


def quantity(data: pd.DataFrame, signal: str) -> str:
    """A signal with its unit, if it has one, as an axis label."""
    unit = data.attrs.get("units", {}).get(shown_column(data, signal), "unknown unit")
    return label(signal) if unit == "1" else f"{label(signal)} ({unit})"


def scale_of(data: pd.DataFrame, signal: str, *values: Any) -> tuple[float, float]:
    """The scale of an axis with these values, NaN being none; the same on each page if it can be.

    Wind speed is drawn from 0 to 25 m/s, and power from 0 to the largest rated power, if it is
    known; values beyond make the scale longer. Others have their range, and a twentieth at each
    end.
    """
    low = min(float(np.nanmin(each)) for each in values)
    high = max(float(np.nanmax(each)) for each in values)
    margin = (high - low) / 20 or 1.0
    rated = data.attrs.get("rated_powers", {})
    top = {"wind_speed": CUT_OUT, "power": max(rated.values(), default=0.0)}.get(signal, 0.0)
    unit = data.attrs.get("units", {}).get(f"{signal}_mean")
    if not top or unit not in ("m/s", "kW"):
        return low - margin, high + margin
    return min(0.0, low) - top / 40, max(top, high) + top / 40


def format_time(ax: Axes, stamps: pd.DatetimeIndex) -> None:
    """Label the time axis in UTC; a single day is shown from midnight to midnight."""
    first, last = stamps[0].normalize(), stamps[-1].normalize() + DAY
    ax.set_xlim(mdates.date2num(first), mdates.date2num(last))
    if last - first == DAY:
        hours = pd.date_range(first, last, freq="3h")
        ax.set_xticks(mdates.date2num(hours), list(hours.strftime("%H:%M")))
        ax.set_xlabel(f"{first:%Y-%m-%d} (UTC)")
    else:
        locator = mdates.AutoDateLocator(tz="UTC")
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator, tz="UTC"))
        ax.set_xlabel("time (UTC)")


def format_hours(ax: Axes) -> None:
    """Label an axis of the day's hours in UTC."""
    ax.set_xlim(0, 24)
    ax.set_xticks(range(0, 25, 3), [f"{hour:02}:00" for hour in range(0, 25, 3)])
    ax.set_xlabel("hour (UTC)")


def format_turn(ax: Axes) -> None:
    """Label a vertical axis of directions, degrees clockwise from north."""
    ax.set_ylim(0, 360)
    ax.set_yticks(range(0, 361, 90), ["0 N", "90 E", "180 S", "270 W", "360 N"])


def format_calendar(ax: Axes, years: list[int], weeks: np.ndarray) -> None:
    """Monday at the top; months below, years at the left; at least half a year's width."""
    ax.set_anchor("W")
    months = [date(years[-1], month, 4) for month in range(1, 13)]  # the 4th is of that ISO year
    starts = [month.isocalendar().week - 0.5 for month in months]
    ax.set_xticks(starts, [f"{month:%b}" for month in months])
    first = max(0, min(weeks.min() - 4, 53 - 26))
    ax.set_xlim(first, max(weeks.max() + 1, first + 26))
    rows = [(8 * n + at, text) for n, year in enumerate(years)
            for at, text in ((0.5, "Mon"), (3.5, str(year)), (6.5, "Sun"))]  # fmt: skip
    ax.set_yticks(*zip(*rows, strict=True))
    ax.set_xlabel("week (UTC days)")


def draw_cells(ax: Axes, table: Any, colours: dict[str, Any]) -> Any:
    """A table as coloured cells, its first row at the top, NaN left white."""
    rows, columns = table.shape
    image = ax.imshow(table, extent=(0, columns, rows, 0), interpolation="none", **colours)
    ax.hlines(range(rows + 1), 0, columns, "white", lw=0.7)
    ax.vlines(range(columns + 1), 0, rows, "white", lw=0.7)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return image


def add_legend(ax: Axes, **place: Any) -> Axes:
    """A legend above the axes, where it hides no data, or at another place."""
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    names = ax.get_legend_handles_labels()[1]
    columns = count_columns(names)
    above: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": columns}
    ax.legend(frameon=False, borderaxespad=0.2, **above | place)
    figure = ax.get_figure(root=True)
    if figure and figure in _own and not place:
        rows = ceil(len(names) / columns)
        top = 1 - (0.15 + 0.2 * rows) / figure.get_figheight()
        figure.subplots_adjust(top=min(top, figure.subplotpars.top))
    return ax


def add_wide_legend(ax: Axes, names: Sequence[str], **look: Any) -> None:
    """A legend of up to five columns above the axes; the figure grows if it has several rows."""
    columns = count_columns(names, most=5)
    figure = ax.get_figure(root=True)
    if figure and figure in _own:
        old = figure.get_figheight()
        new = old + 0.2 * (ceil(len(names) / columns) - 1)
        figure.set_figheight(new)
        for each in figure.axes:
            left, bottom, width, height = each.get_position().bounds
            each.set_position((left, bottom * old / new, width, height * old / new))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, frameon=False, **look)


def count_columns(names: Sequence[str], most: int = 3) -> int:
    """The columns of a legend that fit the page's width; it is filled by columns."""
    for columns in range(min(most, len(names)), 1, -1):
        rows = ceil(len(names) / columns)
        widths = [max(map(len, names[n : n + rows])) for n in range(0, len(names), rows or 1)]
        if sum(widths) + 8 * columns <= LETTERS:
            return columns
    return 1
