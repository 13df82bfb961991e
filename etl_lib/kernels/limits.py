"""The time limits of a notebook and of its cells."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True)
class Limits:
    """Seconds that a notebook and each of its cells may take; 0 is no limit."""

    notebook: float = 600
    cell: float = 0

    def count_down(self) -> Callable[[object], float | None]:
        """Start the clock; returns the function that nbclient asks for each cell's seconds."""
        end = self.notebook and monotonic() + self.notebook

        def measure(_: object) -> float | None:
            rest = end and max(end - monotonic(), 0.001)  # to nbclient 0 is no limit
            return min(filter(None, (rest, self.cell)), default=None)

        return measure

    def __str__(self) -> str:
        """The limits as the error of a cell that was cut words them."""
        given = {"the notebook (--timeout)": self.notebook, "a cell (--cell-timeout)": self.cell}
        return " and ".join(f"{limit:g} s for {what}" for what, limit in given.items() if limit)


USUAL = Limits()
"""A date takes a second or two; this ends a notebook that hangs."""
