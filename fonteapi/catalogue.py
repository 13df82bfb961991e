"""The catalogue: what Fonte's signals and turbines are, by `catalogue.toml` and the user's file.

The table, the API's documentation and the metadata of Arrow answers come from here; from that
metadata come the units in Alvo and on the axes of plots.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pyarrow as pa
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

SHIPPED = Path(__file__).with_name("catalogue.toml")
NAME = "[a-z][a-z0-9_]{0,39}"
RESERVED = {"id", "timestamp", "turbine", "simulated"}
"""The other columns of Fonte's table."""
TURBINE_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""A turbine is named as its SCADA names it."""
ONLY_TURBINE = "T1"
"""The turbine of readings that name none, unless FONTE_TURBINE names it."""


E = TypeVar("E", bound="Entry")


class Kind(StrEnum):
    """What a signal is; the kind decides its statistics."""

    QUANTITY = "quantity"
    ANGLE = "angle"
    COUNTER = "counter"
    STATE = "state"

    @property
    def needs_before(self) -> bool:
        """Whether its statistics depend on the reading before, and so on the day before."""
        return self in (Kind.COUNTER, Kind.STATE)


POWER_UNITS = ("kW", "kvar", "kVA")
"""Signals in these may have bounds as shares of the turbine's rated power, which is in kW."""

Positive = Annotated[float, Field(gt=0)]


def _check_bounds(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] < bounds[1]:
        return bounds
    raise ValueError("expected the lower bound before the upper one")


Bounds = Annotated[tuple[float, float], AfterValidator(_check_bounds)]


class Entry(BaseModel):
    """An entry of the catalogue; a key that it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Signal(Entry):
    """A measured quantity of a turbine."""

    name: str
    unit: str = Field(min_length=1, max_length=20)
    kind: Kind
    description: str = Field(min_length=1)
    iec_61400_25: str | None = None
    """Name in IEC 61400-25, as OpenOA spells it."""
    plausible: Bounds | None = None
    """Inclusive bounds outside which a reading is suspicious (a sentinel, a broken sensor)."""
    possible: Bounds | None = None
    """Inclusive bounds outside which a reading cannot be; they contain the plausible ones."""
    plausible_of_rated: Bounds | None = None
    """As `plausible`, as shares of the turbine's rated power."""
    possible_of_rated: Bounds | None = None
    """As `possible`, as shares of the turbine's rated power."""
    register_size: Positive | None = Field(default=None, alias="register")
    """Where a counter begins again at zero, in its unit."""
    example: float | None = None

    @field_validator("possible", "possible_of_rated")
    @classmethod
    def _check_containment(cls, bounds: Bounds | None, info: ValidationInfo) -> Bounds | None:
        name = str(info.field_name).replace("possible", "plausible")
        inner = info.data.get(name)
        if bounds and inner and not bounds[0] <= inner[0] < inner[1] <= bounds[1]:
            raise ValueError(f"expected bounds that contain {name}, {inner[0]:g} to {inner[1]:g}")
        return bounds

    @field_validator("plausible_of_rated", "possible_of_rated")
    @classmethod
    def _check_unit(cls, bounds: Bounds | None, info: ValidationInfo) -> Bounds | None:
        unit = info.data.get("unit", "kW")
        if bounds and unit not in POWER_UNITS:
            known = ", ".join(POWER_UNITS)
            raise ValueError(f"expected only for a unit of power ({known}), which {unit} is not")
        return bounds

    @field_validator("register_size")
    @classmethod
    def _check_kind(cls, size: float | None, info: ValidationInfo) -> float | None:
        kind = info.data.get("kind", Kind.COUNTER)
        if size is not None and kind != Kind.COUNTER:
            raise ValueError(f"expected only for the kind counter, which {kind} is not")
        return size

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of the signal's field in an Arrow schema."""
        known: dict[str, str | None] = {
            "unit": self.unit,
            "kind": self.kind,
            "description": self.description,
            "iec_61400_25": self.iec_61400_25,
            "register": repr(self.register_size) if self.register_size else None,
        }
        for name in ("plausible", "possible", "plausible_of_rated", "possible_of_rated"):
            bounds = getattr(self, name)
            known[name] = "{!r} {!r}".format(*bounds) if bounds else None
        return {key: value for key, value in known.items() if value is not None}


class Model(Entry):
    """What the turbines of a model have in common; None if it is not known."""

    rated_power: Positive | None = Field(default=None, description="kW", examples=[2050])
    hub_height: Positive | None = Field(default=None, description="m", examples=[80])
    rotor_diameter: Positive | None = Field(default=None, description="m", examples=[82])


class Turbine(Model):
    """The facts of a turbine, which override those of its model; None if it is not known."""

    model: str | None = Field(default=None, examples=["MM82"])
    latitude: float | None = Field(default=None, ge=-90, le=90, description="degrees north")
    longitude: float | None = Field(default=None, ge=-180, le=180, description="degrees east")
    elevation: float | None = Field(default=None, description="of its foot above the sea, m")
    interval: int | None = Field(
        default=None, ge=1, le=3600, description="time between two readings, seconds", examples=[60]
    )


@dataclass(frozen=True)
class Catalogue:
    """What is known of signals and turbines, each by its name, in order."""

    signals: Mapping[str, Signal]
    turbines: Mapping[str, Turbine]


def read_catalogue(own: Path | str | None = None) -> Catalogue:
    """The shipped catalogue, with what the file `own` adds to it or changes in it.

    Raises `ValueError` with one line that names the file, the entry and the key.
    """
    tables, source = _read_tables(SHIPPED), Path(own or SHIPPED)
    for table, entries in (_read_tables(source) if own else {}).items():
        for name, changes in entries.items():
            tables[table][name] = tables[table].get(name, {}) | changes
    signals = {
        name: _parse(Signal, "signals", name, {"name": name} | entry, source)
        for name, entry in tables["signals"].items()
    }
    models = {
        name: _parse(Model, "models", name, entry, source)
        for name, entry in tables["models"].items()
    }
    turbines = {}
    for name, entry in tables["turbines"].items():
        if "model" in entry and entry["model"] not in list(models):  # a list: it may be no text
            known = ", ".join(models) or "none"
            raise ValueError(
                f"{source}: [turbines.{name}] model: expected one of [models.NAME]: {known},"
                f" got {entry['model']!r}"
            )
        model = models[entry["model"]] if "model" in entry else Model()
        facts = model.model_dump(exclude_none=True) | entry
        turbines[name] = _parse(Turbine, "turbines", name, facts, source)
    return Catalogue(signals, turbines)


TABLES = {
    "signals": (
        re.compile(f"(?!({'|'.join(sorted(RESERVED))})$){NAME}"),
        f"small letters, digits and _, 40 at most, other than {', '.join(sorted(RESERVED))}",
    ),
    "models": (re.compile(r"\S(.{0,62}\S)?"), "64 letters at most"),
    "turbines": (re.compile(TURBINE_NAME), "letters, digits and . _ -, 64 at most"),
}
"""The tables of a file, and the names of their entries."""


def _read_tables(path: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """The entries of each table of a file."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: neither UTF-8 nor TOML
        raise ValueError(f"{path}: expected a TOML file, got {error}") from None
    if others := found.keys() - TABLES.keys():
        expected = ", ".join(f"[{table}.NAME]" for table in TABLES)
        raise ValueError(f"{path}: expected {expected}, got {min(others)!r}")
    for table, entries in found.items():
        if not isinstance(entries, dict):
            raise ValueError(f"{path}: expected [{table}.NAME], got {table} = {entries!r}")
        for name, entry in entries.items():
            pattern, letters = TABLES[table]
            if not pattern.fullmatch(name):
                raise ValueError(f"{path}: [{table}.{name}]: expected a name of {letters}")
            if not isinstance(entry, dict):
                raise ValueError(f"{path}: expected [{table}.{name}], got {name} = {entry!r}")
            if "name" in entry:
                raise ValueError(f"{path}: [{table}.{name}] name: expected it in the brackets only")
    return {table: found.get(table, {}) for table in TABLES}


def _parse(kind: type[E], table: str, name: str, entry: dict[str, Any], path: Path) -> E:
    try:
        return kind(**entry)
    except ValidationError as error:
        problem = error.errors()[0]
        key = problem["loc"][0] if problem["loc"] else "name"
        message = problem["msg"].removeprefix("Value error, ")
        message = message.replace("Input should be", "expected")
        got = "" if problem["type"] == "missing" else f", got {problem['input']!r}"
        raise ValueError(f"{path}: [{table}.{name}] {key}: {message}{got}") from None


def arrow_schema(signals: Iterable[Signal], *, named: bool = False) -> pa.Schema:
    """The Arrow schema of readings of these signals; each field has its signal's metadata.

    If `named`, the second field is the turbine of each reading.
    """
    timestamp = pa.field("timestamp", pa.timestamp("us", "UTC"), nullable=False)
    turbine = [pa.field("turbine", pa.string(), nullable=False)] if named else []
    fields = [pa.field(signal.name, pa.float64(), metadata=signal.metadata) for signal in signals]
    return pa.schema([timestamp, *turbine, *fields])
