"""The catalogue: what the signals of Fonte are, from `catalogue.toml` and the user's own file.

The table, the API's documentation and the metadata of Arrow answers come from here; from that
metadata come the units in Alvo and on the axes of plots.
"""

import re
import tomllib
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

SHIPPED = Path(__file__).with_name("catalogue.toml")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
RESERVED = {"id", "timestamp", "turbine"}
"""The other columns of Fonte's table."""
TURBINE_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""A turbine is named as its SCADA names it."""
ONLY_TURBINE = "T1"
"""The turbine of readings that name none, unless FONTE_TURBINE names it."""


class Kind(StrEnum):
    """What a signal is; the kind decides its statistics."""

    QUANTITY = "quantity"
    ANGLE = "angle"


def _check_bounds(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] < bounds[1]:
        return bounds
    raise ValueError("expected the lower bound before the upper one")


Bounds = Annotated[tuple[float, float], AfterValidator(_check_bounds)]


class Signal(BaseModel):
    """A measured quantity of a turbine."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    unit: str = Field(min_length=1, max_length=20)
    kind: Kind
    description: str = Field(min_length=1)
    iec_61400_25: str | None = None
    """Name in IEC 61400-25, as OpenOA spells it."""
    plausible: Bounds | None = None
    """Inclusive bounds outside which a reading is suspicious (a sentinel, a broken sensor)."""
    example: float | None = None

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of the signal's field in an Arrow schema."""
        known = {
            "unit": self.unit,
            "kind": self.kind,
            "description": self.description,
            "iec_61400_25": self.iec_61400_25,
            "plausible": self.plausible and "{:g} {:g}".format(*self.plausible),
        }
        return {key: value for key, value in known.items() if value is not None}


Catalogue = dict[str, Signal]
"""Signals by their names, in order."""


def read_catalogue(own: Path | str | None = None) -> Catalogue:
    """The shipped catalogue, with what the file `own` adds to it or changes in it.

    Raises `ValueError` with one line that names the file, the entry and the key.
    """
    entries, source = _read_entries(SHIPPED), Path(own or SHIPPED)
    for name, changes in (_read_entries(source) if own else {}).items():
        entries[name] = entries.get(name, {}) | changes
    return {name: _parse(name, entry, source) for name, entry in entries.items()}


def _read_entries(path: Path) -> dict[str, dict[str, Any]]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: neither UTF-8 nor TOML
        raise ValueError(f"{path}: expected a TOML file, got {error}") from None
    signals = found.pop("signals", {})
    if found:
        raise ValueError(f"{path}: expected [signals.NAME], got {next(iter(found))!r}")
    if not isinstance(signals, dict):
        raise ValueError(f"{path}: expected [signals.NAME], got signals = {signals!r}")
    for name, entry in signals.items():
        if not NAME.fullmatch(name) or name in RESERVED:
            raise ValueError(
                f"{path}: [signals.{name}]: expected a name of small letters, digits and _, 40 at"
                f" most, other than {', '.join(sorted(RESERVED))}"
            )
        if not isinstance(entry, dict):
            raise ValueError(f"{path}: expected [signals.{name}], got {name} = {entry!r}")
        if "name" in entry:
            raise ValueError(f"{path}: [signals.{name}] name: expected it in the brackets only")
    return signals


def _parse(name: str, entry: dict[str, Any], path: Path) -> Signal:
    try:
        return Signal(name=name, **entry)
    except ValidationError as error:
        problem = error.errors()[0]
        key = problem["loc"][0] if problem["loc"] else "name"
        message = problem["msg"].removeprefix("Value error, ")
        message = message.replace("Input should be", "expected")
        got = "" if problem["type"] == "missing" else f", got {problem['input']!r}"
        raise ValueError(f"{path}: [signals.{name}] {key}: {message}{got}") from None


def arrow_schema(signals: Iterable[Signal], *, named: bool = False) -> pa.Schema:
    """The Arrow schema of readings of these signals; each field has its signal's metadata.

    If `named`, the second field is the turbine of each reading.
    """
    timestamp = pa.field("timestamp", pa.timestamp("us", "UTC"), nullable=False)
    turbine = [pa.field("turbine", pa.string(), nullable=False)] if named else []
    fields = [pa.field(signal.name, pa.float64(), metadata=signal.metadata) for signal in signals]
    return pa.schema([timestamp, *turbine, *fields])
