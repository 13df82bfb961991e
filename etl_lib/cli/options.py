"""The arguments of each command: a frozen record, each field of which is one argument."""
# ruff: noqa: RUF009  # `argument` returns a dataclass field

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from etl_lib.cli.arguments import (
    CORES,
    END,
    FLAG,
    NAMED,
    SECONDS,
    LaterTime,
    Names,
    age,
    argument,
    count,
    day,
    number,
    one_line,
)
from etl_lib.kernels.limits import USUAL
from etl_lib.parameters import parse_time


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
        **NAMED,
        default=["wind_speed", "power"],
    )
    turbines: list[str] | None = argument(
        "--turbines", "turbines, one or more words (default: all that Fonte has)", **NAMED
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
class ReportOptions(ArchiveOptions):
    """The arguments of `etl report`."""

    start: str = argument(
        "start", "the first day, month or year: 2024-05-20, 2024-05 or 2024", metavar="START"
    )
    end: str | None = argument(
        "end", "the last one, inclusive (default: START)", metavar="END", nargs="?"
    )
    turbines: list[str] | None = argument(
        "--turbines", "turbines, one or more words (default: all)", **NAMED
    )
    reference: str | None = argument(
        "--reference",
        "the power curve to compare with: fleet, own or a CSV file (default: fleet)",
        metavar="CURVE",
    )
    pdf: bool = argument("--pdf", "also print the page to a PDF, with a Chromium", **FLAG)


@dataclass(frozen=True)
class StatusOptions(ArchiveOptions):
    """The arguments of `etl status`."""

    first: date | None = argument(
        "first", "the first day (default: the last 60 days)", metavar="START", nargs="?", type=day
    )
    end: date | None = argument("end", "the last day, inclusive (default: START)", **END)
    all: bool = argument("--all", "show every day that Fonte or Alvo knows", **FLAG)
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
class ExportOptions:
    """The arguments of `etl export`."""

    first: date = argument(
        "first", "the UTC day: YYYY-MM-DD or yesterday", metavar="START", type=day
    )
    end: date = argument("end", "the last day of a range, inclusive", **END)
    file: Path = argument(
        "file", "a name that ends in .parquet, .csv, .csv.gz or .xlsx", metavar="FILE", type=Path
    )
    columns: list[str] | None = argument(
        "--columns", "signals, one or more words (default: all that Alvo has)", **NAMED
    )
    turbines: list[str] | None = argument(
        "--turbines", "turbines, one or more words (default: all that Alvo has)", **NAMED
    )
    long: bool = argument("--long", "a row per statistic (default: per turbine and bucket)", **FLAG)
    names: str | None = argument(
        "--names", "the names and units of another program: openoa", choices=["openoa"]
    )
    excluding: bool = argument("--excluding", "leave out what people excluded", **FLAG)
    force: bool = argument("--force", "replace files that are there", **FLAG)


@dataclass(frozen=True)
class PruneOptions(ArchiveOptions):
    """The arguments of `etl prune`."""

    keep: int = argument(
        "--keep",
        "newest attempts of each date and period that stay (default: 1)",
        metavar="N",
        type=count,
        default=1,
    )
    older_than: timedelta = argument(
        "--older-than",
        "days or weeks, such as 12w; younger attempts stay (default: 90d)",
        metavar="AGE",
        type=age,
        default=timedelta(days=90),
    )
    dry_run: bool = argument("--dry-run", "show how much would be removed", **FLAG)


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
