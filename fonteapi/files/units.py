"""The units of a file's columns, from an option or from the file, into the catalogue's."""

import re
from collections.abc import Iterator, Mapping, Sequence

import duckdb

from fonteapi.catalogue import Signal
from fonteapi.files.columns import Columns
from fonteapi.files.errors import WrongInput
from fonteapi.files.rules import Rules, split_pairs
from fonteapi.files.spellings import (
    SAME,
    Conversion,
    convert,
    measures_something_else,
    read_both_ways,
)
from fonteapi.files.tables import RAW

IN_NAME = re.compile(r"(?P<name>.*?)\s*[(\[](?P<unit>[^()\[\]]+)[)\]]\s*")
"""A name with its unit at the end: `Power (MW)`, `Wind speed [knots]`."""
BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
LETTERS = "CFKW"
"""The units of one letter that count without brackets, at the end: `T_F`, and not `Power_A`."""
LONGEST = 4
"""The letters of a unit that is no usual one: mbar, degF."""
MOST_FACTOR = 1e7
"""A word without brackets that changes values by more than this is no unit."""
COLUMN = re.compile(r"units?|uom|unit[ _]of[ _]measure|einheit(en)?", re.IGNORECASE)
"""The names of a narrow file's column of units."""


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


def find_unit_column(columns: Columns) -> list[int]:
    """The position of a narrow file's column of units, if it has one."""
    used = {*columns.positions}
    titles = enumerate(columns.header if columns.narrow else ())
    return [at for at, title in titles if COLUMN.fullmatch(title) and at not in used][:1]


def read_written(
    con: duckdb.DuckDBPyConnection, columns: Columns, below: Sequence[Sequence[str]]
) -> dict[str, list[str]]:
    """The file's name of a column, or tag → what may be its units: from lines `below` the names.

    Those of a tag are in a column of `raw`.
    """
    if not columns.narrow:
        cells = zip(columns.header, *below, strict=False)
        return {title: [cell.strip(" ()[]") for cell in more] for title, *more in cells}
    if not (found := find_unit_column(columns)):
        return {}
    tag, unit = (f"trim(c{position}::VARCHAR)" for position in (columns.narrow[0], found[0]))
    query = f"SELECT {tag}, list(DISTINCT {unit} ORDER BY {unit}) FROM {RAW} GROUP BY 1"  # noqa: S608
    return {
        title: [unit for unit in units if unit] for title, units in con.execute(query).fetchall()
    }


def find_conversions(
    columns: Columns,
    written: Mapping[str, Sequence[str]],
    rules: Rules,
    signals: Mapping[str, Signal],
) -> tuple[dict[str, Conversion], list[str]]:
    """How the values of each signal become the catalogue's unit, and lines on what was found.

    A unit in a name, or one that is `written` elsewhere, counts unless the rules have a unit or a
    scale of the signal. A source's own statistic without any has those of its signal. Raises
    `WrongInput` for a unit of something else, such as kWh of power, and for different ones.
    """
    conversions: dict[str, Conversion] = {}
    notes = []
    for name in sorted(columns.signals, key=lambda name: "." in name):
        expected, usual = signals[name].unit, conversions.get(name.partition(".")[0], Conversion())
        if name in rules.scale:
            conversions[name] = Conversion(rules.scale[name])
        elif name in rules.units:
            conversions[name] = convert(rules.units[name], expected) or Conversion()
            notes.append(_describe(name, rules.units[name], expected))
        else:
            conversions[name], note = _convert_columns(columns, name, written, expected, usual)
            notes.append(note)
        if name.endswith(".std"):  # a difference has no zero of its own
            conversions[name] = Conversion(conversions[name].factor)
    return conversions, notes


def _describe(name: str, unit: str, expected: str) -> str:
    same = convert(unit, expected) == Conversion()
    return "" if same else f"{name} converted from {unit} to {expected}"


def _convert_columns(
    columns: Columns,
    name: str,
    written: Mapping[str, Sequence[str]],
    expected: str,
    usual: Conversion,
) -> tuple[Conversion, str]:
    """The one conversion of a signal's columns, or tags, and a line on it; `usual` without a unit.

    Raises `WrongInput` if there are several.
    """
    first: tuple[str, str, Conversion] | None = None
    note = ""
    for title, turbine in _list_titles(columns, name):
        named = [unit.strip() for unit in BRACKETS.findall(title) if unit.strip()]
        more = written.get(title, ())
        marked = [*named, *more]
        loose = [] if title == name else _split(title, marked, turbine, expected)
        unit = _choose_unit(name, title, marked, loose, expected)
        conversion = convert(unit, expected) if unit else usual
        assert conversion
        if first and conversion != first[2]:
            raise WrongInput(
                f"{first[0]!r} and {title!r} are {name} in different units,"
                f" {first[1] or expected} and {unit or expected}: load them one after the other,"
                f" or give the unit of all: --unit {name}={expected}"
            )
        first = first or (title, unit, conversion)
        unknown = named[:1] or (more[:1] if columns.narrow else [])
        if unit:
            note = note or _describe(name, unit, expected)
        elif unknown:
            what = f"{unknown[0]!r} in {title!r}"
            note = note or f"{name}: taken as {expected}; {what} is no known unit"
    return first[2] if first else usual, note


def _list_titles(columns: Columns, name: str) -> Iterator[tuple[str, str | None]]:
    """The columns, or tags, of a signal, each with the turbine that it names."""
    places = {columns.header[position]: place for position, place in columns.places.items()}
    for title, place in {**places, **columns.tags}.items():
        if place.signal == name:
            yield title, place.turbine


def _choose_unit(
    name: str, title: str, marked: Sequence[str], loose: Sequence[str], expected: str
) -> str:
    """The unit of a column, of what brackets and other places have, or its name; empty without any.

    Raises `WrongInput` if they are two, or one that could be two, or one of something else.
    """
    units = [each for unit in [*marked, *loose] for each in read_both_ways(unit) or (unit,)]
    fitting = {unit: found for unit in units if (found := convert(unit, expected))}
    first = next(iter(fitting), "")
    other = next((unit for unit in fitting if fitting[unit] != fitting[first]), None)
    if other:
        both = (first, other)
        raise WrongInput(
            f"column {title!r}: its unit could be {' or '.join(both)}: choose with"
            f" {' or '.join(f'--unit {name}={unit}' for unit in both)}"
        )
    if not fitting and (other := next(filter(measures_something_else, marked), None)):
        raise WrongInput(
            f"column {title!r}: expected a unit of {name}, such as {expected}, got {other!r}; if"
            f" its name is wrong, give the unit: --unit {name}={expected}"
        )
    return first


def _split(title: str, marked: Sequence[str], turbine: str | None, expected: str) -> list[str]:
    """The parts of a name without its brackets that may be units: `MW` of `Power_MW`."""
    text = BRACKETS.sub(" ", title)
    parts = [part.strip() for part in re.split("[_,;]", text)]
    words = [part for part in parts if len(part) > 1]
    words += [part for part in parts[1:][-1:] if part and part in LETTERS]
    if not any(convert(unit, expected) for unit in marked):  # not `Generator RPM (rad/s)`
        words += [word for word in text.split()[1:][-1:] if len(word) > 1]
    units = []
    for word in words:
        found = convert(word, expected) if _may_be_unit(word) else None
        is_likely = found and 1 / MOST_FACTOR < abs(found.factor) < MOST_FACTOR
        if word != turbine and (is_likely or read_both_ways(word)):
            units.append(word)
    return units


def _may_be_unit(word: str) -> bool:
    """Whether pint, which takes half a second to load, has to be asked about a word."""
    is_short = len(word) <= LONGEST and bool(re.fullmatch(r"[^\W\d]+|°[^\W\d]|%", word))
    return is_short or "/" in word or word.lower() in SAME
