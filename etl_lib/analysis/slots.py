"""A farm's statistics as tables: a row per turbine, a column per ten-minute slot.

`data` is a wide DataFrame as from `read_statistics`: the index is `turbine` and `timestamp` (UTC,
the buckets' starts). A frame without the level `turbine` holds a single turbine.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from etl_lib.errors import ParameterError
from etl_lib.parameters import Span
from etl_lib.transform.kinds import TURBINE
from etl_lib.transform.statistics import BUCKET, BUCKETS_A_DAY, due

Draw = TypeVar("Draw", bound=Callable[..., Any])
CANCEL = 1e-5
"""A mean unit vector that is shorter has no direction, as in `angle.sql`."""
Numbers = NDArray[np.float64]


def of_one_turbine(draw: Draw) -> Draw:
    """Let a plot of one turbine take a farm's frame that has one, and refuse one of several.

    The refusal is a `ParameterError` that names them.
    """

    @wraps(draw)
    def checked(data: pd.DataFrame, *arguments: Any, **options: Any) -> Any:
        if (alone := only_turbine(data)) is None:
            names = name_turbines(data)[1]
            raise ParameterError(
                f"data: expected one turbine, such as data.loc[{names[0]!r}], got"
                f" {', '.join(names)}; compare_signals, compare_coverage and"
                " compare_power_curves show several side by side"
            )
        return draw(alone, *arguments, **options)

    return cast(Draw, checked)


def only_turbine(data: pd.DataFrame, turbines: Sequence[str] = ()) -> pd.DataFrame | None:
    """The frame of the only turbine, `timestamp` alone its index; None if there are several."""
    farm, names = name_turbines(data, turbines)
    return one_turbine(farm, names[0] if names else "") if len(names) < 2 else None


def one_turbine(data: pd.DataFrame, name: str | None = None) -> pd.DataFrame:
    """A turbine's rows, `timestamp` alone their index; an empty frame if it has no readings.

    Without a name, the first turbine of the frame.
    """
    name = next(iter(data.index.get_level_values(TURBINE)), "") if name is None else name
    known = name in data.index.get_level_values(TURBINE)
    frame = pd.DataFrame(data.loc[name] if known else data.iloc[:0].droplevel(TURBINE))
    frame.attrs = data.attrs
    return frame


def name_turbines(
    data: pd.DataFrame, turbines: Sequence[str] = ()
) -> tuple[pd.DataFrame, list[str]]:
    """The frame with the level `turbine`, and the names: those asked for, else the frame's.

    Raises `ValueError` if the frame has rows but no level `turbine`, and several are asked for.
    """
    if data.index.nlevels == 1:
        if len(turbines) > 1 and len(data):
            raise ValueError(f"expected the index level {TURBINE!r}: {len(turbines)} are asked for")
        name = turbines[0] if turbines else TURBINE
        levels: list[Any] = [[name] * len(data), pd.DatetimeIndex(data.index)]
        index = pd.MultiIndex.from_arrays(levels, names=[TURBINE, "timestamp"])
        data, attrs = data.set_axis(index), data.attrs
        data.attrs = attrs
    return data, list(dict.fromkeys(turbines or data.index.unique(TURBINE)))


@dataclass(frozen=True)
class Slots:
    """The rows of the turbines asked for, and where each belongs in a table."""

    names: list[str]
    data: pd.DataFrame
    first: pd.Timestamp
    """Midnight (UTC) of the first day; NaT without readings."""
    days: int
    """From the first day to the last, those without readings included."""
    turbine: NDArray[np.intp]
    """A row's turbine, the number of its name."""
    slot: NDArray[np.int64]
    """A row's ten-minute slot, counted from `first`."""

    @classmethod
    def of(
        cls, data: pd.DataFrame, turbines: Sequence[str] = (), span: Span | None = None
    ) -> "Slots":
        """Find each row's place. `turbines`: the names asked for, with or without readings.

        Without a span the days are those of the frame, whose rows lie within the span.
        """
        farm, names = name_turbines(data, turbines)
        turbine = pd.Index(names).get_indexer(farm.index.get_level_values(TURBINE))
        if (turbine < 0).any():
            farm, turbine = farm[turbine >= 0], turbine[turbine >= 0]
        stamps = pd.DatetimeIndex(farm.index.get_level_values(1))
        first, last = stamps.normalize().min(), stamps.normalize().max()
        days = 0 if farm.empty else (last - first).days + 1
        if span is not None:
            first, days = pd.Timestamp(span.start), span.days
        slot = ((stamps - first) // BUCKET).to_numpy(dtype=np.int64, na_value=0)
        return cls(names, farm, first, days, turbine, slot)

    @property
    def size(self) -> int:
        """Slots of all days."""
        return self.days * BUCKETS_A_DAY

    def column(self, name: str) -> Numbers:
        """A column's values, one per row."""
        return self.data[name].to_numpy(float)

    def place(self, values: Numbers) -> Numbers:
        """The rows' values as a table (turbines × slots), NaN where there is no row."""
        table = np.full((len(self.names), self.size), np.nan)
        table[self.turbine, self.slot] = values
        return table

    def hold(self, values: Numbers, signal: str) -> Numbers:
        """As `place`; a value stands for all slots of its interval, an hourly one for six."""
        table = self.place(values)
        held = np.ceil(1 / due(self.data, signal).to_numpy(float))
        for n in range(1, int(held.max(initial=1))):
            late = (held > n) & (self.slot + n < self.size)
            turbine, slot = self.turbine[late], self.slot[late] + n
            earlier = table[turbine, slot]
            table[turbine, slot] = np.where(np.isnan(earlier), values[late], earlier)
        return table

    def by_day(self, table: Numbers) -> Numbers:
        """The mean of each day's values (turbines × days), NaN for a day without any."""
        days = table.reshape(len(self.names), self.days, BUCKETS_A_DAY)
        count = np.isfinite(days).sum(axis=2)
        return np.where(count, np.nansum(days, axis=2) / np.maximum(count, 1), np.nan)

    def sum_by_day(self, table: Numbers) -> Numbers:
        """The sum of each day's values (turbines × days), NaN for a day without any."""
        days = table.reshape(len(self.names), self.days, BUCKETS_A_DAY)
        return np.where(np.isfinite(days).any(axis=2), np.nansum(days, axis=2), np.nan)

    def mode_by_day(self, table: Numbers) -> Numbers:
        """The most frequent value of each day (turbines × days); of several the largest."""
        days = table.reshape(len(self.names), self.days, BUCKETS_A_DAY)
        most, found = np.zeros(days.shape[:2]), np.full(days.shape[:2], np.nan)
        for code in np.unique(table[np.isfinite(table)]):
            count = (days == code).sum(axis=2)
            found = np.where((count > 0) & (count >= most), code, found)
            most = np.maximum(most, count)
        return found

    def mean_angles(self, values: Numbers, signal: str) -> Numbers:
        """The direction of each day's mean unit vector, weighted by count: degrees, 0 to 360.

        NaN where the vectors cancel.
        """
        counts = self.column(f"{signal}_count")
        vectors = counts * np.exp(1j * np.radians(values))
        parts = vectors.imag, vectors.real, counts
        east, north, weight = (self.by_day(self.hold(part, signal)) for part in parts)
        cancel = np.hypot(east, north) < CANCEL * weight
        return np.where(cancel, np.nan, np.degrees(np.arctan2(east, north)) % 360)
