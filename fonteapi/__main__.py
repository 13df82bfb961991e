"""The command `python -m fonteapi`: readings into Fonte, your own or simulated ones."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import duckdb
from adbc_driver_manager import Error as BulkError
from sqlalchemy.exc import DBAPIError

from fonteapi import database
from fonteapi.files.load import load_file, parse_rename, parse_scale
from fonteapi.files.tables import LoadError, WrongInput
from fonteapi.files.values import Rules
from fonteapi.settings import read_settings
from pgarrow.errors import first_line
from pgarrow.sessions import open_engine

EXAMPLE = """\
example, ten-minute values of ENGIE's La Haute Borne instead of the simulated readings:
  %(prog)s sample.csv --replace \\
      --rename Date_time=timestamp P_avg=power Ws_avg=wind_speed Ot_avg=ambient_temperature

Timestamps are ISO 8601; an offset is honoured, without one they are UTC. Units are m/s, kW, °C.
A bad row is reported with its line, and then nothing of the file is kept.
"""
INTERRUPTED = 130
FAILURES = (duckdb.Error, OSError, DBAPIError, BulkError, database.UnfitFonteError)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(WrongInput.exit_code, f"{self.prog}: {message}; --help lists what there is\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns 0 loaded, 1 not loaded, 2 wrong arguments or no such file."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return WrongInput.exit_code
    try:
        print(_load(options) if options.command == "load" else _fill())  # noqa: T201
    except LoadError as error:
        trouble, code = str(error), error.exit_code
    except FAILURES as error:  # such as a full disk, a wrong password
        trouble, code = first_line(error), LoadError.exit_code
    except KeyboardInterrupt:
        trouble, code = "interrupted; nothing was loaded", INTERRUPTED
    else:
        return 0
    print(f"{parser.prog} {options.command}: {trouble}", file=sys.stderr)  # noqa: T201
    return code


def _load(options: argparse.Namespace) -> str:
    """Load a file; returns what to say of it."""
    rules = Rules(
        parse_rename(options.rename),
        parse_scale(options.unit_scale),
        options.missing,
        options.timestamp_format,
    )
    url = read_settings().database_url
    loaded = load_file(options.file, rules, url, replace=options.replace)
    text = f"loaded {loaded.readings:,} readings from {options.file}"
    text += f": {loaded.first} to {loaded.last}"
    if loaded.before:
        verb = "instead of" if options.replace else "beside"
        text += f", {verb} {loaded.before:,} that Fonte held"
    if loaded.absent:
        text += f"\nnot in the file, left empty: {', '.join(loaded.absent)}"
    if loaded.ignored:
        text += f"\nignored: {', '.join(loaded.ignored)}"
    return text


def _fill() -> str:
    """Create and fill Fonte's table, so that the API needs a read-only role; returns a report."""
    settings = read_settings()
    engine = open_engine(settings.database_url)
    written = database.fill_if_empty(engine, settings)
    return f"{written:,} readings written" if written else "Fonte has readings"


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m fonteapi", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    load = commands.add_parser(
        "load",
        help="load a CSV or Parquet file; `load --help` says how",
        description="Load a CSV or Parquet file of readings into Fonte, whole or not at all.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands.add_parser(
        "fill",
        help="make Fonte's table, and fill it with simulated readings when it is empty",
    )
    add = load.add_argument
    add("file", metavar="FILE", type=Path, help=".csv or .txt (comma, semicolon, tab), .parquet")
    words: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    add("--rename", metavar="ITS=OURS", help="what its columns are called here", **words)
    add("--unit-scale", metavar="OURS=FACTOR", help="power=0.001 makes kW of W", **words)
    add("--missing", metavar="VALUE", help="values that mean missing: -9999.9 -7999 NA", **words)
    add("--timestamp-format", metavar="FORMAT", help="as for strptime: '%%d/%%m/%%Y %%H:%%M'")
    add("--replace", action="store_true", help="delete what Fonte holds, in the same transaction")
    return parser


if __name__ == "__main__":
    sys.exit(main())
