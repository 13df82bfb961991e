"""The arguments of each command: a frozen record, each field of which is one argument."""
# ruff: noqa: RUF009  # `argument` returns a dataclass field

import argparse
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from etl_lib.errors import ParameterError
from etl_lib.kernels.limits import USUAL
from etl_lib.parameters import parse_columns, parse_date, parse_time, parse_turbines

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
SECONDS: dict[str, Any] = {"metavar": "SECONDS", "type": number}
END: dict[str, Any] = {"metavar": "END", "nargs": "?", "type": day, "action": LastDay}


def argument(name: str, text: str, **settings: Any) -> Any:
    """A field that is filled from the argument `name`; `settings` are those of argparse."""
    return field(metadata={"name": name, "help": text, **settings})


@dataclass(frozen=True)
class NoOptions:
    """`etl serve` and `etl stop` take no arguments."""


@dataclass(frozen=True)
class InitOptions:
    """The arguments of `etl init`."""

    folder: Path = argument("folder", "the folder, new or not", metavar="FOLDER", type=Path)


@dataclass(frozen=True)
class ArchiveOptions:
    """The arguments of `etl index`."""

    runs: str | None = argument(
        "--runs", "the archive: a folder or s3://bucket/prefix (default: runs/)", metavar="PLACE"
    )


@dataclass(frozen=True)
class RunOptions(ArchiveOptions):
    """The arguments of `etl run`."""

    first: date = argument(
        "first", "the UTC day: YYYY-MM-DD or yesterday", metavar="DATE", type=day
    )
    end: date = argument("end", "the last day of a range, inclusive", **END)
    columns: list[str] = argument(
        "--columns",
        "signals, one or more words (default: wind_speed power)",
        nargs="+",
        metavar="NAME",
        action=Names,
        default=["wind_speed", "power"],
    )
    turbines: list[str] | None = argument(
        "--turbines",
        "turbines, one or more words (default: all that Fonte has)",
        nargs="+",
        metavar="NAME",
        action=Names,
    )
    jobs: int = argument(
        "--jobs", "dates at a time (default: the cores)", metavar="N", type=count, default=CORES
    )
    scheduler: str | None = argument(
        "--scheduler", "run the dates on a Dask cluster: tcp://host:8786", metavar="ADDRESS"
    )
    force: bool = argument("--force", "also run dates that are loaded and unchanged", **FLAG)
    cold: bool = argument("--cold", "start an ordinary kernel for each date, not a fork", **FLAG)
    timeout: float = argument(
        "--timeout",
        f"limit of a date's notebook (default: {USUAL.notebook}; 0: none)",
        default=USUAL.notebook,
        **SECONDS,
    )
    cell_timeout: float = argument(
        "--cell-timeout", "limit of each cell (default: none)", default=USUAL.cell, **SECONDS
    )
    missing: bool = argument("--missing", "only dates that were never loaded", **FLAG)
    failed: bool = argument("--failed", "only dates whose last attempt failed", **FLAG)
    stale: bool = argument("--stale", "only dates that changed in Fonte since the load", **FLAG)


@dataclass(frozen=True)
class StatusOptions(ArchiveOptions):
    """The arguments of `etl status`."""

    first: date | None = argument(
        "first", "the first day (default: all days)", metavar="START", nargs="?", type=day
    )
    end: date | None = argument("end", "the last day, inclusive (default: START)", **END)
    json: bool = argument("--json", "print JSON for programs", **FLAG)
    check: bool = argument(
        "--check", "print one line; exit 1 when an ended day needs a run", **FLAG
    )
    max_age: float | None = argument(
        "--max-age", "like --check, also when no load is that new", metavar="DAYS", type=number
    )


@dataclass(frozen=True)
class ForgetOptions(ArchiveOptions):
    """The arguments of `etl forget`."""

    turbines: list[str] | None = argument(
        "turbines", "turbines, one or more words", nargs="+", metavar="TURBINE", action=Names
    )
    yes: bool = argument("--yes", "delete without asking", **FLAG)


@dataclass(frozen=True)
class ExcludeOptions:
    """The arguments of `etl exclude`."""

    turbine: str = argument("turbine", "the turbine, as Alvo names it", metavar="TURBINE")
    start: datetime = argument(
        "start",
        "the first time: YYYY-MM-DD or YYYY-MM-DDTHH:MM[:SS], UTC without an offset",
        metavar="START",
        type=parse_time,
    )
    end: datetime = argument(
        "end", "the time before which it ends", metavar="END", type=parse_time, action=LaterTime
    )
    reason: str = argument(
        "--reason",
        "why, such as icing or maintenance",
        metavar="TEXT",
        type=one_line,
        required=True,
    )
    signals: list[str] | None = argument(
        "--signal",
        "signals, one or more words (default: all of the turbine)",
        dest="signals",
        nargs="+",
        metavar="NAME",
        action=Names,
    )
    author: str | None = argument(
        "--author", "who excludes it (default: the user's login)", metavar="NAME", type=one_line
    )


@dataclass(frozen=True)
class ExclusionsOptions:
    """The arguments of `etl exclusions`."""

    json: bool = argument("--json", "print JSON for programs", **FLAG)
    undo: int | None = argument(
        "--undo", "delete the exclusion of this number", metavar="ID", type=count
    )
