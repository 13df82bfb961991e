"""Suggests what a file's columns may be, for `etl load --preview`. Nothing is loaded by it."""

import re
from collections.abc import Sequence

from fonteapi.files.turbines import COLUMN
from fonteapi.files.units import IN_NAME

STAMP = re.compile(r"time|date|stamp|zeit|datum|fecha|hora|valid|horodat", re.IGNORECASE)
MOMENT = re.compile(r"\d{4}|\d+[/.-]\d+[/.-]\d+|\d:\d\d")
DAY = re.compile(r"\s*\d+[/.-]\d+[/.-]\d+([ T]00:00(:00)?)?\s*")
"""A date alone; Excel's have a midnight."""
CLOCK = re.compile(r"\s*\d{1,2}:\d\d(:\d\d([.,]\d+)?)?( ?[AaPp]\.?[Mm]\.?)?\s*")
DERIVED = re.compile(
    r"\b(std|stdev|stddev|min|max|median|count|quality|flag|gust|factor|curve|setpoint|lost)\b"
    r"|deviation|minimum|maximum|theoretical|reactive",
    re.IGNORECASE,
)
"""Names of what is not a mean."""
SIGNALS = {
    "wind_speed": r"wind ?speed|^wind$|windgeschw|velocidad|vitesse|^ws\b|^wspd|windsnelheid|^vel",
    "power": r"power|leistung|potencia|puissance|^p\b|^pot|^kw$|^patv",
    "wind_direction": r"wind ?dir|windrichtung|^wd\b|^wa\b|^wdir|direccion",
    "nacelle_direction": r"nacelle (position|dir)|^ya\b|^ndir|yaw pos",
    "ambient_temperature": r"(ambient|outdoor|outside|air).*temp|^temp|aussentemp|^ot\b|^tmpf?$",
    "pitch_angle": r"pitch|blade angle|^ba\b",
    "rotor_speed": r"rotor (speed|rpm)|^rs\b",
    "reactive_power": r"reactive|^q\b",
}
"""Signal → what its column is often called."""


def suggest_names(header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, str]:
    """The file's name → ours, for the first column that may be each; `rows` are a few of them."""
    found: dict[str, str] = {}
    moments: dict[str, list[str]] = {}
    for place, title in enumerate(header):
        values = [str(row[place]) for row in rows if place < len(row)]
        if STAMP.search(title) and values and all(map(MOMENT.search, values)):
            moments.setdefault(title, values)
    days = [title for title, values in moments.items() if all(map(DAY.fullmatch, values))]
    clocks = [title for title, values in moments.items() if all(map(CLOCK.fullmatch, values))]
    whole = [title for title in moments if title not in (*days, *clocks)]
    if days and clocks and not whole:
        found |= {"date": days[0], "time": clocks[0]}
    elif moments:
        found["timestamp"] = (*whole, *moments)[0]
    for title in filter(COLUMN.fullmatch, header):
        found.setdefault("turbine", title)
    for signal, pattern in SIGNALS.items():
        for title in header:
            name = re.sub(r"[_,./-]+", " ", IN_NAME.sub(r"\g<name>", title))
            is_derived = DERIVED.search(name) and signal != "reactive_power"
            if re.search(pattern, name, re.IGNORECASE) and not is_derived:
                if title not in found.values():
                    found[signal] = title
                break
    return {title: name for name, title in found.items()}
