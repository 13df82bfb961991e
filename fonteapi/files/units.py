"""The units of a file's columns, from an option or from their names, into the catalogue's."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from fonteapi.catalogue import Signal
from fonteapi.files.columns import Columns
from fonteapi.files.errors import WrongInput
from fonteapi.files.rules import Rules, split_pairs

IN_NAME = re.compile(r"(?P<name>.*?)\s*[(\[](?P<unit>[^()\[\]]+)[)\]]\s*")
"""A name with its unit at the end: `Power (MW)`, `Wind speed [knots]`."""
SAME = {"rpm": "1/min", "r/min": "1/min", "U/min": "1/min", "deg": "°", "degrees": "°", "Deg": "°"}
"""Spellings that need no conversion. A revolution is a count here, and not an angle."""
TEMPERATURES = {"C": "degC", "F": "degF", "K": "kelvin", "Celsius": "degC", "Fahrenheit": "degF"}
"""Letters that mean a temperature where one is expected."""


class Conversion(NamedTuple):
    """A value in the catalogue's unit is value × factor + offset."""

    factor: float = 1.0
    offset: float = 0.0


def parse_units(words: Sequence[str], signals: Mapping[str, Signal]) -> dict[str, str]:
    """Signal → the unit of its column, from words such as `power=MW`."""
    units: dict[str, str] = {}
    for word, name, unit in split_pairs("--unit", words, signals):
        if not unit or convert(unit, signals[name].unit) is None:
            raise WrongInput(
                f"--unit {word!r}: expected a unit of {name}, such as {signals[name].unit}, got"
                f" {unit!r}"
            )
        if units.setdefault(name, unit) != unit:
            raise WrongInput(f"--unit: {name} has two units, {units[name]} and {unit}")
    return units


def find_conversions(
    columns: Columns, below: Sequence[Sequence[str]], rules: Rules, signals: Mapping[str, Signal]
) -> tuple[dict[str, Conversion], list[str]]:
    """How the values of each signal become the catalogue's unit, and lines on what was found.

    A unit in a name, or in a line `below` the names, counts unless the rules have a unit or a
    scale of the signal. A source's own statistic without any has those of its signal. Raises
    `WrongInput` for a unit of something else, such as kWh of power.
    """
    conversions: dict[str, Conversion] = {}
    notes = []
    for name in sorted(columns.signals, key=lambda name: "." in name):
        title, expected = columns.titles[name], signals[name].unit
        signal, _, statistic = name.partition(".")
        unit = rules.units.get(name) or _find_unit(columns, title, below)
        if name in rules.scale:
            conversions[name] = Conversion(rules.scale[name])
        elif unit:
            conversions[name], note = _convert_column(name, title, unit, expected)
            notes.append(note)
        else:
            conversions[name] = conversions.get(signal, Conversion())
        if statistic == "std":  # a difference has no zero of its own
            conversions[name] = Conversion(conversions[name].factor)
    return conversions, notes


def _convert_column(name: str, title: str, unit: str, expected: str) -> tuple[Conversion, str]:
    """The conversion of a column, and a line on it; raises `WrongInput` if there is none."""
    conversion = convert(unit, expected)
    if conversion:
        same = conversion == Conversion()
        return conversion, "" if same else f"{name} converted from {unit} to {expected}"
    if _is_known(unit):
        raise WrongInput(
            f"column {title!r}: expected a unit of {name}, such as {expected}, got {unit!r}; if"
            f" its name is wrong, give the unit: --unit {name}={expected}"
        )
    return Conversion(), f"{name}: taken as {expected}; {unit!r} in {title!r} is no known unit"


def _find_unit(columns: Columns, title: str, below: Sequence[Sequence[str]]) -> str:
    """The unit in a name, else the one below it; empty without any."""
    if found := IN_NAME.fullmatch(title):
        return found["unit"].strip()
    if title in columns.header:
        place = columns.header.index(title)
        for line in below:
            if (unit := line[place].strip(" ()[]")) and _is_known(unit):
                return unit
    return ""


@cache
def convert(unit: str, target: str) -> Conversion | None:
    """The conversion from one unit to another; None if they measure different things."""
    unit = SAME.get(unit, unit)
    if unit == target:
        return Conversion()
    if target == "°C":
        unit = TEMPERATURES.get(unit, unit)
    for spelling in (unit, unit.lower()):  # Metres/Second
        try:
            quantities = [_registry().Quantity(value, spelling) for value in (0.0, 1.0)]
            zero, one = (quantity.to(target).magnitude for quantity in quantities)
        except Exception:  # noqa: BLE001, S112  # pint's parser raises many kinds
            continue
        return Conversion(one - zero, zero)
    return None


def _is_known(unit: str) -> bool:
    for spelling in (SAME.get(unit, unit), unit.lower()):
        try:
            return bool(_registry().Unit(spelling))
        except Exception:  # noqa: BLE001, S112
            continue
    return False


@cache
def _registry() -> Any:
    """The units that pint knows, loaded when a unit differs from the catalogue's."""
    import pint

    registry: Any = pint.UnitRegistry()
    registry.define("volt_ampere_reactive = volt * ampere = var")
    return registry
