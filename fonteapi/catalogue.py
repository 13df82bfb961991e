"""The catalogue: what Fonte's signals and turbines are, by `catalogue.toml` and the user's file.

The table, the API's documentation and the metadata of Arrow answers come from here; from that
metadata come the units in Alvo and on the axes of plots.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from pydantic import Field, ValidationError

from fonteapi.signals import OWN_STATISTICS, Entry, Kind, Positive, Signal, make_statistic

__all__ = ["Catalogue", "Kind", "Model", "Signal", "Turbine", "arrow_schema", "read_catalogue"]
SHIPPED = Path(__file__).with_name("catalogue.toml")
NAME = "[a-z][a-z0-9_]{0,39}"
RESERVED = {"id", "timestamp", "turbine", "simulated", "state"}
"""The other columns of Fonte's table, and the series of what a turbine does."""
TURBINE_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""A turbine is named as its SCADA names it."""
ONLY_TURBINE = "T1"
"""The turbine of readings that name none, unless FONTE_TURBINE names it."""


E = TypeVar("E", bound=Entry)


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

    @property
    def columns(self) -> dict[str, Signal]:
        """The signals, then the sources' own statistics of them, such as `power.std`."""
        statistics = {
            f"{name}.{word}": make_statistic(signal, word)
            for name, signal in self.signals.items()
            for word in OWN_STATISTICS.get(signal.kind, ())
        }
        return {**self.signals, **{name: each for name, each in statistics.items() if each}}

    def find(self, name: str) -> Signal | None:
        """The signal of that name, or a source's own statistic of one, such as `power.std`.

        None if there is none: neither a signal, nor a statistic that its kind may have.
        """
        signal, _, statistic = name.partition(".")
        known = self.signals.get(signal)
        return make_statistic(known, statistic) if known and statistic else self.signals.get(name)


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
