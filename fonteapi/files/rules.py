"""How a file's columns and values become readings, from the words of the command line."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fonteapi.catalogue import TURBINE_NAME, Signal
from fonteapi.files.errors import WrongInput
from fonteapi.files.numbers import Mark
from fonteapi.signals import HELD_KINDS

STAMPS = ("timestamp", "date", "time")
KEYS = (*STAMPS, "turbine")
"""The columns beside signals; `date` and `time` together are a timestamp, and `turbine` is needed
in a file of several turbines only."""


class Wide(NamedTuple):
    """A signal that has a column for each turbine."""

    pattern: re.Pattern[str]
    """Of a column's name; its group is the turbine."""
    signal: str


@dataclass(frozen=True)
class Rules:
    """How a file's columns and values become readings."""

    rename: Mapping[str, str]
    """The file's name → ours."""
    optional: Collection[str] = ()
    """The names of `rename` that a file need not have, since a profile has them."""
    scale: Mapping[str, float] = field(default_factory=dict)
    """Signal → the factor of its values."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Signal → the unit of its values, where it is not the catalogue's."""
    missing: Sequence[str] = ()
    """Words and numbers of the file that mean "missing"."""
    timestamp_format: str | None = None
    """As for `strptime`; without it timestamps are ISO 8601."""
    turbine: str | None = None
    """The turbine of a file that has no column of them."""
    zone: ZoneInfo | None = None
    """The zone of timestamps without an offset; None is UTC."""
    decimal: Mark | None = None
    """What stands before decimals; None: the file tells."""
    label_end: bool | None = None
    """Whether a timestamp is the end of its interval; None: the file tells, else it is not."""
    wide: Sequence[Wide] = ()
    narrow: tuple[str, str] | None = None
    """The names of the columns of tags and of values."""
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The file's name of a column → its values in the rows that count."""
    turbine_from_name: re.Pattern[str] | None = None
    """Finds the turbine in a file's name: its groups, joined by _."""
    delimiter: str | None = None
    """What stands between fields; None: the file tells."""
    header_row: int | None = None
    """The line of the names; None: the file tells."""
    names: Sequence[str] = ()
    """The names of a file without any."""
    sheet: str | None = None
    """Of an Excel file."""
    on_change: Sequence[str] = ()
    """Signals that are sampled on change."""
    skip_bad: bool = False
    """Whether bad rows are left out; else none of the file is loaded."""


def parse_delimiter(text: str | None) -> str | None:
    """The character between fields; `\\t` is a tab."""
    mark = "\t" if text == "\\t" else text
    if mark is not None and (len(mark) != 1 or mark in '"\r\n'):
        raise WrongInput(f"--delimiter: expected one character, got {text!r}")
    return mark


def parse_turbine(name: str | None) -> str | None:
    """The name of the file's turbine, if it is one."""
    if name is None or re.fullmatch(TURBINE_NAME, name):
        return name
    raise WrongInput(f"--turbine: expected letters, digits and . _ -, 64 at most, got {name!r}")


def parse_pattern(text: str | None) -> re.Pattern[str] | None:
    """The regular expression of `--turbine-from-name`; raises `WrongInput` for another text."""
    if text is None:
        return None
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise WrongInput(f"--turbine-from-name {text!r}: {error}") from None
    if not pattern.groups:
        raise WrongInput(
            f"--turbine-from-name: expected a group around the name, as in 'Turbine_(\\w+)', got"
            f" {text!r}"
        )
    return pattern


def parse_on_change(names: Sequence[str], signals: Mapping[str, Signal]) -> list[str]:
    """The signals that are sampled on change, which only some kinds may be."""
    for name in names:
        kind = signals[name].kind if name in signals and "." not in name else None
        if kind not in HELD_KINDS:
            got = f"{name}, of the kind {kind}" if kind else repr(name)
            raise WrongInput(f"--on-change: expected a {' or '.join(HELD_KINDS)}, got {got}")
    return list(dict.fromkeys(names))


def parse_where(words: Sequence[str]) -> dict[str, list[str]]:
    """Column → values, from words such as `Station=44`."""
    where: dict[str, list[str]] = {}
    for word in words:
        name, mark, value = (part.strip() for part in word.partition("="))
        if not name or not mark:
            raise WrongInput(f"--where: expected 'Its name=value', got {word!r}")
        where.setdefault(name, []).append(value)
    return where


def parse_wide(words: Sequence[str], signals: Collection[str]) -> list[Wide]:
    """Patterns and their signals, from words such as `PW{turbine}=power`."""
    found = []
    for word in words:
        pattern, _, signal = (part.strip() for part in word.rpartition("="))
        if signal not in signals:
            raise WrongInput(
                f"--wide {word!r}: expected one of {', '.join(signals)}, got {signal!r}"
            )
        before, mark, after = pattern.partition("{turbine}")
        if not mark or mark in after:
            raise WrongInput(f"--wide {word!r}: expected 'Its name {{turbine}}={signal}'")
        name = f"{re.escape(before)}({TURBINE_NAME}){re.escape(after)}"
        found.append(Wide(re.compile(name), signal))
    return found


def parse_rename(words: Sequence[str], signals: Collection[str]) -> dict[str, str]:
    """The file's name → ours, from words such as `Ws_avg=wind_speed`."""
    names = [*KEYS, *signals]
    rename: dict[str, str] = {}
    for word in words:
        source, _, name = (part.strip() for part in word.rpartition("="))
        if not source:
            raise WrongInput(f"--rename: expected 'Its name=wind_speed', got {word!r}")
        if name not in names:
            raise WrongInput(f"--rename {word!r}: expected one of {', '.join(names)}, got {name!r}")
        if rename.setdefault(source, name) != name:
            raise WrongInput(f"--rename: {source!r} cannot be both {rename[source]} and {name}")
    return rename


def parse_scale(words: Sequence[str], signals: Collection[str]) -> dict[str, float]:
    """Signal → its factor, from words such as `power=0.001`."""
    scale: dict[str, float] = {}
    for _, name, text in split_pairs("--unit-scale", words, signals):
        factor = to_number(text)
        if not factor or not isfinite(factor):
            raise WrongInput(f"--unit-scale: expected a number as in {name}=0.001, got {text!r}")
        if scale.setdefault(name, factor) != factor:
            raise WrongInput(f"--unit-scale: {name} has two factors, {scale[name]} and {factor}")
    return scale


def split_pairs(
    option: str, words: Iterable[str], signals: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """Each word such as `power=MW`, its signal and its text."""
    for word in words:
        name, _, text = (part.strip() for part in word.partition("="))
        if name not in signals:
            allowed = ", ".join(signals)
            raise WrongInput(f"{option} {word!r}: expected one of {allowed}, got {name!r}")
        yield word, name, text


def to_number(text: str) -> float | None:
    """The number that a text spells, or None."""
    try:
        return float(text)
    except ValueError:
        return None
