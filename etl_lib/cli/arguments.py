"""How the words of a command line are read: the parser, types and actions of arguments."""

import argparse
import os
import re
import unicodedata
from collections.abc import Callable
from dataclasses import field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, NoReturn

from etl_lib.errors import ParameterError
from etl_lib.parameters import parse_columns, parse_date, parse_turbines

LARGEST = 1_000_000
"""The largest limit, in seconds or days."""


class Parser(argparse.ArgumentParser):
    """A parser that raises `ParameterError` with one line instead of printing its usage."""

    def error(self, message: str) -> NoReturn:
        raise ParameterError(message.removeprefix("argument "))


def day(text: str) -> date:
    """The UTC day that `text` names: `YYYY-MM-DD`, or `yesterday`."""
    return datetime.now(UTC).date() - timedelta(days=1) if text == "yesterday" else parse_date(text)


def number(text: str) -> float:
    """A number from 0 to `LARGEST`."""
    value = float(text)
    if not 0 <= value <= LARGEST:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to {LARGEST:,}, got {text}")
    return value


def count(text: str) -> int:
    """A whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {value}")
    return value


def age(text: str) -> timedelta:
    """A time span in days or weeks, such as `90d` or `12w`."""
    found = re.fullmatch(r"(\d{1,4})([dw])", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected days or weeks, such as 90d or 12w; got {text}")
    return timedelta(days=int(found[1]) * (7 if found[2] == "w" else 1))


def one_line(text: str) -> str:
    """Text that is not blank, in one line; control characters and invalid ones are refused."""
    found = " ".join(text.split())
    if not found or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in found):
        raise argparse.ArgumentTypeError(f"expected some words, got {text!r}")
    return found


class LastDay(argparse.Action):
    """Refuse an END before the day that it follows; without an END that day is the last."""

    def __call__(self, _: object, options: Any, end: Any, name: str | None = None) -> None:
        if end and end < options.first:
            raise argparse.ArgumentError(self, f"expected {options.first} or later, got {end}")
        options.end = end or options.first


class LaterTime(argparse.Action):
    """Refuse an END that is not after START."""

    def __call__(self, _: object, options: Any, end: Any, name: str | None = None) -> None:
        if end <= options.start:
            start = options.start.isoformat()
            expected = f"expected a time after {start}, since END is exclusive"
            raise argparse.ArgumentError(self, f"{expected}; got {end.isoformat()}")
        options.end = end


class Names(argparse.Action):
    """Make one list of signals, or of turbines, from all words of each use of the option."""

    def __call__(self, _: object, options: Any, words: Any, name: str | None = None) -> None:
        given = getattr(options, self.dest)
        before = [] if given is self.default else given
        setattr(options, self.dest, NAMES[self.dest]([*before, *words]))


NAMES: dict[str, Callable[[list[str]], list[str] | None]] = {
    "columns": parse_columns,
    "turbines": parse_turbines,
    "signals": partial(parse_columns, parameter="--signal"),
}
"""What reads the words of each option that takes several."""


CORES = os.cpu_count() or 1
FLAG = {"action": "store_true"}
NAMED: dict[str, Any] = {"nargs": "+", "metavar": "NAME", "action": Names}
"""Of an option that takes several names."""
SECONDS: dict[str, Any] = {"metavar": "SECONDS", "type": number}
END: dict[str, Any] = {"metavar": "END", "nargs": "?", "type": day, "action": LastDay}


def argument(name: str, text: str, **settings: Any) -> Any:
    """A field that is filled from the argument `name`; `settings` are those of argparse."""
    return field(metadata={"name": name, "help": text, **settings})
