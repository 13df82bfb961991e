"""The units of a file's columns, from an option or from their names, into the catalogue's."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from fonteapi.catalogue import Signal
from fonteapi.files.rules import Rules, split_pairs
from fonteapi.files.tables import File, WrongInput

IN_NAME = re.compile(r".*[(\[](?P<unit>[^()\[\]]+)[)\]]\s*")
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
    file: File, rules: Rules, signals: Mapping[str, Signal]
) -> tuple[dict[str, Conversion], list[str]]:
    """How the values of each signal become the catalogue's unit, and lines on what was found.

    A unit in a name counts unless the rules have a unit or a scale of the signal. Raises
    `WrongInput` for a unit of something else, such as kWh of power.
    """
    conversions = {name: Conversion(factor) for name, factor in rules.scale.items()}
    notes = []
    for name in file.signals:
        title = file.header[file.columns[name]]
        found = IN_NAME.fullmatch(title)
        unit = rules.units.get(name) or (found["unit"].strip() if found else "")
        expected = signals[name].unit
        if name in rules.scale or not unit or unit == expected:
            continue
        conversion = convert(unit, expected)
        if conversion:
            conversions[name] = conversion
            notes += [f"{name} converted from {unit} to {expected}"] * (conversion != Conversion())
        elif _is_known(unit):
            raise WrongInput(
                f"column {title!r}: expected a unit of {name}, such as {expected}, got {unit!r};"
                f" if its name is wrong, give the unit: --unit {name}={expected}"
            )
        else:
            notes.append(f"{name}: taken as {expected}; {unit!r} in {title!r} is no known unit")
    return conversions, notes


@cache
def convert(unit: str, target: str) -> Conversion | None:
    """The conversion from one unit to another; None if they measure different things."""
    unit = SAME.get(unit, unit)
    if unit == target:
        return Conversion()
    if target == "°C":
        unit = TEMPERATURES.get(unit, unit)
    try:
        zero, one = (_registry().Quantity(value, unit).to(target).magnitude for value in (0.0, 1.0))
    except Exception:  # noqa: BLE001  # pint's parser raises many kinds
        return None
    return Conversion(one - zero, zero)


def _is_known(unit: str) -> bool:
    try:
        return bool(_registry().Unit(unit))
    except Exception:  # noqa: BLE001
        return False


@cache
def _registry() -> Any:
    """The units that pint knows, loaded when a unit differs from the catalogue's."""
    import pint

    registry: Any = pint.UnitRegistry()
    registry.define("volt_ampere_reactive = volt * ampere = var")
    return registry
