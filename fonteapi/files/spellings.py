"""How people write units, and how values of one become those of another."""

import re
from functools import cache
from typing import Any, NamedTuple

WORDS = {
    "1/min": "1/min /min min-1 min^-1 rpm r/min rev/min u/min",
    "1/s": "1/s s-1 s^-1 rps r/s rev/s u/s",
    "°": "° deg degs degree degrees",
    "m/s": "m/s m/sec ms-1 m.s-1 metre/second metres/second meter/second meters/second",
    "km/h": "km/h km/hr kmh kmph kph",
    "mph": "mph mi/h miles/hour",
    "knot": "knot knots kn kt kts",
    "hPa": "hpa",
    "mbar": "mbar",
    "inHg": "inhg",
    "%": "% pct percent %rh",
}
"""pint's spelling → those of people, in any case: only units that no case makes another one."""
SAME = {word: unit for unit, words in WORDS.items() for word in words.split()}
MARKS = str.maketrans({"º": "°", "˚": "°", "℃": "°C", "℉": "°F"})
"""Characters that look like a degree sign."""
TEMPERATURE = re.compile(
    r"(?P<mark>deg(?:rees?)?\.?|°)?\s*(?P<unit>c(?:elsius)?|f(?:ahrenheit)?|k(?:elvin)?)", re.I
)
TEMPERATURES = {"c": "degC", "f": "degF", "k": "kelvin"}
POWER = re.compile(r"(?P<prefix>[kmgt]?)(?P<base>wh|w|var|va)", re.I)
BASES = {"w": "W", "wh": "Wh", "var": "var", "va": "VA"}
PREFIXES = {"K": "k", "g": "G", "t": "T"}
"""Prefixes whose other case means nothing; m and M are both one."""
ANGLES = ("radian", "degree", "turn", "revolution", "cycle")
"""Units of angles. For pint they are plain numbers, and 1 is a radian."""


class Conversion(NamedTuple):
    """A value in the catalogue's unit is value × factor + offset."""

    factor: float = 1.0
    offset: float = 0.0


def read_both_ways(unit: str) -> tuple[str, str] | None:
    """Both units that `mw` or `mvar` could be, with mega and with milli; None for a clear one.

    People write `mW` for megawatts, too.
    """
    found = POWER.fullmatch(unit)
    if not found or found["prefix"] != "m":
        return None
    base = BASES[found["base"].lower()]
    return f"M{base}", f"m{base}"


@cache
def convert(unit: str, target: str) -> Conversion | None:
    """The conversion from one unit to another; None if they measure different things."""
    target = _spell(target)
    unit = _spell(unit, is_temperature=target == "degC")
    if unit == target:
        return Conversion()
    parsed = parse_unit(unit)
    if parsed is None:
        return None
    if target == "1/min" and _is_angle(parsed):  # a revolution is a count, and not an angle
        target = "rpm"
    if _is_angle(parsed) != _is_angle(parse_unit(target)):
        return None
    try:
        quantities = [_registry().Quantity(value, parsed) for value in (0.0, 1.0)]
        zero, one = (quantity.to(target).magnitude for quantity in quantities)
    except Exception:  # noqa: BLE001  # pint raises many kinds
        return None
    return Conversion(one - zero, zero)


def measures_something_else(unit: str) -> bool:
    """Whether a unit that does not fit is one; lengths and times may be heights and intervals."""
    parsed = parse_unit(_spell(unit)) if re.search(r"[^\W\d]|[°%]", unit) else None
    if parsed is None:
        return False
    return dict(parsed.dimensionality) not in ({"[length]": 1}, {"[time]": 1})


def _spell(unit: str, *, is_temperature: bool = False) -> str:
    """A unit as pint spells it; letters such as F mean one of temperature where that is expected.

    The case of a letter never changes what it means: MVAr are not millivar.
    """
    unit = " ".join(unit.translate(MARKS).split())
    if found := TEMPERATURE.fullmatch(unit):
        if found["mark"] or len(found["unit"]) > 1 or is_temperature:
            return TEMPERATURES[found["unit"][0].lower()]
    elif (found := POWER.fullmatch(unit)) and read_both_ways(unit) is None:
        prefix = found["prefix"]
        return PREFIXES.get(prefix, prefix) + BASES[found["base"].lower()]
    return SAME.get(unit.replace(" ", "").lower(), unit)


@cache
def parse_unit(unit: str) -> Any:
    """pint's unit of its spelling, or None."""
    try:
        parsed = _registry().Unit(unit)
    except Exception:  # noqa: BLE001  # pint's parser raises many kinds
        return None
    return None if "speed_of_light" in str(parsed) else parsed  # c, which names a sensor


def _is_angle(parsed: Any) -> bool:
    return any(
        word in part and "Cel" not in part and "Fahr" not in part
        for part in str(parsed).split()
        for word in ANGLES
    )


@cache
def _registry() -> Any:
    """The units that pint knows, loaded when a unit differs from the catalogue's."""
    import pint

    registry: Any = pint.UnitRegistry()
    registry.define("volt_ampere_reactive = volt * ampere = var")
    return registry
