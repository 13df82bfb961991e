"""The mark of flagged buckets in plots: the same in each, with the tests in its legend.

`data` is a wide DataFrame as from `read_statistics`. Thin buckets have another mark: see `plots`.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from etl_lib.transform.flags import TESTS
from etl_lib.transform.kinds import FLAGS

THIN = TESTS["thin"]
MARK: dict[str, Any] = {"marker": "x", "color": "black", "ms": 4, "mew": 0.7, "ls": ""}
HALO = [withStroke(linewidth=1.5, foreground="white")]
SMALL_MARK: dict[str, Any] = {"color": "black", "ms": 2.5, "mew": 0.5, "path_effects": HALO}
"""Of cells and rows, on any colour."""


def list_tests(bits: Iterable[float]) -> list[str]:
    """The tests that flagged some buckets, without `thin`."""
    every = int(np.bitwise_or.reduce(np.nan_to_num(np.array([*bits, 0.0])).astype(int)))
    return [name for name, bit in TESTS.items() if every & bit & ~THIN]


def flagged_bits(data: pd.DataFrame, *signals: str) -> pd.Series:
    """The bits of the tests that flagged each bucket of these signals, without `thin`."""
    bits = pd.Series(0, index=data.index)
    for signal in signals:
        column = data.get(f"{signal}_{FLAGS}", pd.Series(0.0, index=data.index))
        bits |= column.fillna(0).astype(int) & ~THIN
    return bits


def name_mark(bits: pd.Series) -> str:
    """The legend of the mark: the tests that flagged the buckets."""
    return f"flagged: {', '.join(list_tests(bits))}"


def mark_flagged(ax: Axes, x: Any, y: Any, bits: pd.Series) -> None:
    """Mark the points of flagged buckets; one without a value is marked at the lower edge."""
    is_flagged = bits.to_numpy() > 0
    if not is_flagged.any():
        return
    points = pd.DataFrame({"x": np.asarray(x), "y": np.asarray(y, float)})[is_flagged]
    has_value = points["y"].notna()
    name: str | None = name_mark(bits)
    if has_value.any():
        ax.plot(points["x"][has_value], points["y"][has_value], label=name, **MARK)
        name = None
    if not has_value.all():
        edge = ax.get_xaxis_transform()
        below = points["x"][~has_value]
        ax.plot(below, np.full(len(below), 0.02), label=name, transform=edge, **MARK)
