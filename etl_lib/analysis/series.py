"""One signal over time, drawn as its kind asks: a line, steps or points."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from etl_lib.analysis.axes import BLUE, format_turn

NAMES = {"mean": "mean", "delta": "increment", "mode": "code that held longest"}
"""What the statistic that stands for a signal is called in a legend."""
LINE: dict[str, Any] = {"color": BLUE, "ms": 3, "lw": 1.2}


def is_angle(data: pd.DataFrame, column: str) -> bool:
    """Whether a column of `to_frame` holds directions."""
    return bool(data.attrs.get("kinds", {}).get(column) == "angle")


def name_of(column: str) -> str:
    """The legend's name for a column that stands for a signal."""
    return NAMES[column.rpartition("_")[2]]


def draw_series(ax: Axes, data: pd.DataFrame, column: str) -> None:
    """Draw the column that stands for a signal, on the time axis; NaN breaks a line.

    A quantity has its min-max band. An angle is drawn as points: a line would cross the plot at
    every north wind. A state is drawn in steps, since there is nothing between two codes.
    """
    name, values = name_of(column), data[column]
    signal, _, statistic = column.rpartition("_")
    if is_angle(data, column):
        ax.plot(data.index, values, ".", color=BLUE, ms=4, label=name)
        format_turn(ax)
    elif statistic == "mode":
        ax.plot(data.index, values, ".-", drawstyle="steps-post", label=name, **LINE)
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        if statistic == "mean":
            band = data[f"{signal}_min"], data[f"{signal}_max"]
            text = "minimum to maximum"
            ax.fill_between(data.index, *band, color=BLUE, alpha=0.2, lw=0, label=text)
        ax.plot(data.index, values, ".-", label=name, **LINE)
