"""How long a notebook may take."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True)
class Limits:
    """Seconds that a notebook may take, and each of its cells; None or 0 is as long as it takes."""

    notebook: float | None = 600
    cell: float | None = None

    def count_down(self) -> Callable[[object], float | None]:
        """What tells nbclient, before each cell, how many seconds that cell has."""
        end = self.notebook and monotonic() + self.notebook

        def measure(_: object) -> float | None:
            rest = end and max(end - monotonic(), 0.001)  # nbclient takes 0 for no limit
            return min(filter(None, (rest, self.cell)), default=None)

        return measure

    def __str__(self) -> str:
        """As it is said when a cell was cut."""
        given = {"the notebook (--timeout)": self.notebook, "a cell (--cell-timeout)": self.cell}
        return " and ".join(f"{limit:g} s for {what}" for what, limit in given.items() if limit)


USUAL = Limits()
"""A date takes a second or two; this ends what would never end."""
