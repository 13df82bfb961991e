"""How a file's columns and values become readings, from the words of the command line."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from zoneinfo import ZoneInfo

from fonteapi.catalogue import TURBINE_NAME
from fonteapi.files.numbers import Mark
from fonteapi.files.tables import KEYS, WrongInput


@dataclass(frozen=True)
class Rules:
    """How a file's columns and values become readings."""

    rename: Mapping[str, str]
    """The file's name → ours."""
    scale: Mapping[str, float]
    """Signal → the factor of its values."""
    units: Mapping[str, str]
    """Signal → the unit of its values, where it is not the catalogue's."""
    missing: Sequence[str]
    """Words and numbers of the file that mean "missing"."""
    timestamp_format: str | None
    """As for `strptime`; without it timestamps are ISO 8601."""
    turbine: str | None = None
    """The turbine of a file that has no column of them."""
    zone: ZoneInfo | None = None
    """The zone of timestamps without an offset; None is UTC."""
    decimal: Mark | None = None
    """What stands before decimals; None: the file tells."""
    label_end: bool = False
    """Whether a timestamp is the end of its interval."""


def parse_turbine(name: str | None) -> str | None:
    """The name of the file's turbine, if it is one."""
    if name is None or re.fullmatch(TURBINE_NAME, name):
        return name
    raise WrongInput(f"--turbine: expected letters, digits and . _ -, 64 at most, got {name!r}")


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
