"""What the API says of readings: Arrow's metadata, parsed in this one place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from json import loads
from math import inf
from typing import Any

import pyarrow as pa

SHIPPED = (
    "wind_speed",
    "power",
    "wind_direction",
    "nacelle_direction",
    "yaw_error",
    "energy",
    "reactive_power",
    "pitch_angle",
    "rotor_speed",
    "generator_speed",
    "generator_temperature",
    "gearbox_temperature",
    "nacelle_temperature",
    "ambient_temperature",
    "status",
    "humidity",
    "pressure",
)
"""The signals of `fonteapi/catalogue.toml`, in its order, which Alvo does not know."""
Bounds = tuple[float, float]
EVERYTHING: Bounds = (-inf, inf)
BOUNDS = (
    "plausible",
    "possible",
    "plausible_of_rated",
    "possible_of_rated",
    "flat_except",
    "flat_except_of_rated",
)
NUMBERS = (
    "register",
    "flat_minutes",
    "flat_tolerance",
    "spike",
    "calm",
    "producing",
    "flagged_share",
    "look_back",
)


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

    flat_minutes: float | None = None
    """A value that does not change for so long is suspicious; None: not tested."""
    flat_tolerance: float = 0.0
    """The largest difference of two readings, one after the other, that count as equal."""
    flat_except: Bounds | None = None
    """The values of which a flat line is real, as wind in a calm."""
    flat_except_of_rated: Bounds | None = None
    """As `flat_except`, as shares of the turbine's rated power."""
    spike: float | None = None
    """A reading further from the middle of its neighbours is suspicious; None: not tested."""
    calm: float | None = None
    """Of a wind speed: below it a turbine gives no power. None of other signals."""
    producing: float | None = None
    """Of a power: above this share of rated power a turbine needs wind. None of other signals."""
    flagged_share: float = 0.0
    """More of a turbine's readings of a day that are suspicious need a look."""
    states: Mapping[float, str] = field(default_factory=dict)
    """Of a status signal: what the turbine does, by code, such as `idle`. Empty of others."""
    look_back: float = 0.0
    """Seconds before a day of which its statistics and flags depend on the readings."""

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
    return _read_told(readings, b"intervals")


def rated_powers(readings: pa.Table) -> dict[str, float]:
    """The rated power of turbines, kW, for those of which it is known."""
    return _read_told(readings, b"rated_powers")


def _read_told(readings: pa.Table, what: bytes) -> dict[str, float]:
    told = loads((readings.schema.metadata or {}).get(what, b"{}"))
    return {turbine: float(value) for turbine, value in told.items()}


def read_signal(described: pa.Field) -> Signal:
    """The signal of a field; what its metadata lacks has the default."""
    metadata = {k.decode(): value.decode() for k, value in (described.metadata or {}).items()}
    known: dict[str, Any] = {key: metadata[key] for key in ("unit", "kind") if key in metadata}
    for name in BOUNDS:
        if name in metadata:
            low, high = map(float, metadata[name].split())
            known[name] = (low, high)
    known |= {name: float(metadata[name]) for name in NUMBERS if name in metadata}
    if "states" in metadata:
        told = loads(metadata["states"])
        known["states"] = {code: state for state, codes in told.items() for code in codes}
    if metadata.get("on_change") == "true":
        known["hold"] = float(metadata["hold"])
    known["statistics"] = tuple(metadata.get("statistics", "").split())
    known["statistic_of"] = metadata.get("statistic_of", "")
    return Signal(**known)
