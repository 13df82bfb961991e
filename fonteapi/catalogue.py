"""The catalogue: every signal that Fonte holds, with its unit and meaning.

The table, the API's documentation and the metadata of Arrow answers come from here; from that
metadata come the units in Alvo and on the axes of plots.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa


@dataclass(frozen=True)
class Signal:
    """A measured quantity of one turbine."""

    name: str
    unit: str
    description: str
    iec_61400_25: str
    """Name in IEC 61400-25, as OpenOA spells it."""
    plausible: tuple[float, float]
    """Inclusive bounds outside which a reading is suspicious (a sentinel, a broken sensor)."""
    example: float

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of the signal's field in an Arrow schema."""
        low, high = self.plausible
        return {
            "unit": self.unit,
            "description": self.description,
            "iec_61400_25": self.iec_61400_25,
            "plausible": f"{low:g} {high:g}",
        }


SIGNALS = {
    signal.name: signal
    for signal in (
        Signal("wind_speed", "m/s", "wind speed at hub height", "WMET_HorWdSpd", (0, 75), 7.42),
        Signal(
            "power",
            "kW",
            "active power; below zero the standing turbine draws from the grid",
            "WTUR_W",
            (-1_000, 20_000),
            846.1,
        ),
        Signal("ambient_temperature", "°C", "air temperature", "WMET_EnvTmp", (-60, 60), 11.3),
    )
}

SignalName = StrEnum("SignalName", {name: name for name in SIGNALS})  # type: ignore[misc]
SignalName.__doc__ = "The signals of Fonte."


def arrow_schema(columns: Sequence[str]) -> pa.Schema:
    """The Arrow schema of readings of these signals; each field has its signal's metadata."""
    timestamp = pa.field("timestamp", pa.timestamp("us", "UTC"), nullable=False)
    return pa.schema(
        [timestamp]
        + [pa.field(name, pa.float64(), metadata=SIGNALS[name].metadata) for name in columns]
    )
