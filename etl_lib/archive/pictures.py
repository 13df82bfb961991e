"""The small pictures of the index: all of one signal have the same scale."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from etl_lib.archive.attempts import DayFacts

HEIGHT = 48
"""Of a picture's own units: half a pixel each."""
UNITS = {"power": "kW", "wind_speed": "m/s"}
"""A summary has no unit of the others."""


@dataclass(frozen=True)
class Scale:
    """The bottom and the top of all pictures of a signal."""

    signal: str
    low: float
    top: float
    is_rated: bool
    """Whether the top is the rated power."""

    def __str__(self) -> str:
        low, top = (f"{end:,.10g}" for end in (self.low, self.top))
        return f"{low} to {top} {UNITS.get(self.signal, '')}".rstrip()

    def draw(self, values: Sequence[float | None]) -> str:
        """Draw the area below the values as the path of an SVG, whose width is their number less 1.

        Gaps stay gaps. What lies beyond the scale is cut.
        """
        zero, path, last = self._place(0), [], None
        for step, value in enumerate(values):
            if value is None:
                path.append(f"V{zero}z" if last is not None else "")
                last = None
                continue
            y = self._place(value)
            move = "h1" if y == last else f"l1 {y - (last or 0)}"
            path.append(f"M{step} {zero}V{y}" if last is None else move)
            last = y
        path.append(f"V{zero}z" if last is not None else "")
        return "".join(path).replace(" -", "-")

    def _place(self, value: float) -> int:
        share = (value - self.low) / ((self.top - self.low) or 1)
        return round(HEIGHT * (1 - min(max(share, 0), 1)))


def find_scales(days: Iterable[DayFacts]) -> dict[str, Scale]:
    """Find the scale of each drawn signal: from 0 to the rated power, or to the highest value.

    Values below 0 extend it, except those of power: what a turbine takes in a calm is small.
    """
    values, rated = defaultdict[str, list[float]](list), 0.0
    for day in days:
        if day.outline:
            known = [value for value in day.outline.values if value is not None]
            values[day.outline.signal] += [min(known), max(known)] if known else []
            if day.outline.signal == "power" and day.rated_power:
                rated = max(rated, day.rated_power / day.turbines)
    scales = {}
    for signal, found in values.items():
        if found:
            is_rated = signal == "power" and rated > 0
            low = 0.0 if signal == "power" else -_round_up(-min(found))
            top = rated if is_rated else _round_up(max(found))
            scales[signal] = Scale(signal, low, top, is_rated)
    return scales


def _round_up(value: float) -> float:
    """The next number of two digits, so that a scale seldom changes; 0 for what is below it."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** (floor(log10(value)) - 1)
    return ceil(value / unit) * unit
