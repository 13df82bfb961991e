"""What the API says of readings: Arrow's metadata, parsed in this one place."""

from dataclasses import dataclass
from json import loads
from math import inf
from typing import Any

import pyarrow as pa

Bounds = tuple[float, float]
EVERYTHING: Bounds = (-inf, inf)
BOUNDS = ("plausible", "possible", "plausible_of_rated", "possible_of_rated")


@dataclass(frozen=True)
class Signal:
    """A signal of Fonte, or a statistic of one. All bounds are inclusive."""

    unit: str = ""
    """Empty if it is not known."""
    kind: str = "quantity"
    """`quantity`, `angle`, `counter` or `state`."""
    plausible: Bounds = EVERYTHING
    """A reading outside is suspicious."""
    possible: Bounds = EVERYTHING
    """A reading outside cannot be."""
    plausible_of_rated: Bounds = EVERYTHING
    """As `plausible`, as shares of the turbine's rated power."""
    possible_of_rated: Bounds = EVERYTHING
    register: float | None = None
    """The size of a counter's register, from which it begins again at zero; None if unknown."""

    hold: float | None = None
    """Seconds that a value holds at most, of a signal that is sampled on change; None of others."""
    statistics: tuple[str, ...] = ()
    """The source's own statistics that Fonte has of each reading, of `min`, `max`, `std`."""
    statistic_of: str = ""
    """The signal whose statistic of a source it is, as `power` of `power.std`; empty of others."""

    @property
    def form(self) -> str:
        """What decides the statistics: the kind, or `on_change` of a quantity sampled on change."""
        return "on_change" if self.hold and self.kind == "quantity" else self.kind

    @property
    def needs_before(self) -> bool:
        """Whether its statistics depend on the reading before: counters, states, on change."""
        return self.form in ("counter", "state", "on_change")


def told_intervals(readings: pa.Table) -> dict[str, float]:
    """Seconds between a turbine's readings, for the turbines of which the catalogue tells them."""
    told = loads((readings.schema.metadata or {}).get(b"intervals", b"{}"))
    return {turbine: float(seconds) for turbine, seconds in told.items()}


def read_signal(field: pa.Field) -> Signal:
    """The signal of a field; what its metadata lacks has the default."""
    metadata = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    known: dict[str, Any] = {key: metadata[key] for key in ("unit", "kind") if key in metadata}
    for name in BOUNDS:
        if name in metadata:
            low, high = map(float, metadata[name].split())
            known[name] = (low, high)
    if "register" in metadata:
        known["register"] = float(metadata["register"])
    if metadata.get("on_change") == "true":
        known["hold"] = float(metadata["hold"])
    known["statistics"] = tuple(metadata.get("statistics", "").split())
    known["statistic_of"] = metadata.get("statistic_of", "")
    return Signal(**known)
