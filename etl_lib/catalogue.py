"""What the API says of readings: Arrow's metadata, parsed in this one place."""

from dataclasses import dataclass
from json import loads
from math import inf

import pyarrow as pa


@dataclass(frozen=True)
class Signal:
    """A signal of Fonte, or a statistic of one."""

    unit: str = ""
    """Empty if it is not known."""
    kind: str = "quantity"
    """`quantity` or `angle`; it decides the statistics."""
    plausible: tuple[float, float] = (-inf, inf)
    """Inclusive bounds outside which a reading is suspicious."""


def told_intervals(readings: pa.Table) -> dict[str, float]:
    """Seconds between a turbine's readings, for the turbines of which the catalogue tells them."""
    told = loads((readings.schema.metadata or {}).get(b"intervals", b"{}"))
    return {turbine: float(seconds) for turbine, seconds in told.items()}


def read_signal(field: pa.Field) -> Signal:
    """The signal of a field; what its metadata lacks has the default."""
    metadata = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    known = {key: metadata[key] for key in ("unit", "kind") if key in metadata}
    if "plausible" not in metadata:
        return Signal(**known)
    low, high = map(float, metadata["plausible"].split())
    return Signal(**known, plausible=(low, high))
