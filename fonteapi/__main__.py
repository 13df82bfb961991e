"""The command `python -m fonteapi`: load your own readings, or simulated ones, into Fonte."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import duckdb

from fonteapi import database, table
from fonteapi.files.load import Replace, load_file
from fonteapi.files.numbers import Mark
from fonteapi.files.rules import Rules, parse_rename, parse_scale, parse_turbine
from fonteapi.files.tables import LoadError, WrongInput
from fonteapi.files.units import parse_units
from fonteapi.files.zones import parse_zone
from fonteapi.settings import Settings, read_settings
from pgarrow.errors import first_line

EXAMPLE = """\
example, ten-minute values of ENGIE's La Haute Borne instead of the simulated readings:
  %(prog)s sample.csv --replace-all \\
      --rename Wind_turbine_name=turbine Date_time=timestamp P_avg=power Ws_avg=wind_speed \\
      Ot_avg=ambient_temperature

Timestamps are ISO 8601: one with an offset is converted to UTC, one without is read as UTC.
Units are m/s, kW, °C. A bad row is reported with its line, and nothing of the file is kept.
"""
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line that names its command."""

    def parse_known_args(  # type: ignore[override]  # a command's parser is called by this, too
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse, and refuse unknown arguments, which argparse leaves to the parser above."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        self.exit(WrongInput.exit_code, f"{self.prog}: {message}; --help lists the options\n")


def main(
    arguments: Sequence[str] | None = None,
    *,
    prog: str = "python -m fonteapi",
    find_settings: Callable[[], dict[str, Any]] | None = None,
) -> int:
    """Run the command; returns 0 done, 1 not done, 2 wrong arguments or no such file.

    `prog` is how help and errors name the program: with `etl`, the command is `etl load`.
    `find_settings` gives settings in place of those in the environment; it is called once the
    arguments are valid.
    """
    parser = _parser(prog)
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return WrongInput.exit_code
    try:
        given = find_settings() if find_settings else {}
        print(_run(options, read_settings(**given)))  # noqa: T201
    except LoadError as error:
        trouble, code = str(error), error.exit_code
    except (duckdb.Error, OSError, *database.FAILURES) as error:  # such as a full disk
        trouble, code = first_line(error), LoadError.exit_code
    except KeyboardInterrupt:
        trouble, code = "interrupted; nothing was loaded", INTERRUPTED
    else:
        return 0
    print(f"{prog} {options.command}: {trouble}", file=sys.stderr)  # noqa: T201
    return code


def _run(options: argparse.Namespace, settings: Settings) -> str:
    """Run the command; returns its report."""
    if options.command == "fill":
        written = table.fill_if_empty(database.open_fonte(settings), settings)
        return f"{written:,} readings written" if written else "Fonte has readings"
    rules = Rules(
        parse_rename(options.rename, settings.catalogue.signals),
        parse_scale(options.unit_scale, settings.catalogue.signals),
        parse_units(options.unit, settings.catalogue.signals),
        options.missing,
        options.timestamp_format,
        parse_turbine(options.turbine),
        parse_zone(options.timezone),
        options.decimal,
        options.label == "end",
    )
    return load_file(options.file, rules, settings, options.replace)


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = Parser(prog=prog, description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    load = commands.add_parser(
        "load",
        help="load a CSV or Parquet file; `load --help` has an example",
        description="Load a CSV or Parquet file of readings into Fonte, whole or not at all.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands.add_parser(
        "fill",
        help="fill an empty database with FONTE_DAYS (10) days of FONTE_TURBINES (1) simulated"
        " turbines",
    )
    add = load.add_argument
    add("file", metavar="FILE", type=Path, help=".csv or .txt (comma, semicolon, tab), .parquet")
    words: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    add("--rename", metavar="ITS=OURS", help="the file's name of a column, and ours", **words)
    add("--unit", metavar="OURS=UNIT", help="the file's unit: power=MW, wind_speed=knot", **words)
    add("--unit-scale", metavar="OURS=FACTOR", help="power=0.001 turns W into kW", **words)
    add("--missing", metavar="VALUE", help="values that mean missing: -9999.9 -7999 NA", **words)
    add("--timestamp-format", metavar="FORMAT", help="as for strptime: '%%d/%%m/%%Y %%H:%%M'")
    add("--timezone", metavar="ZONE", help="of timestamps without an offset: Europe/Paris (UTC)")
    text = "what stands before decimals; the other one may stand between thousands"
    add("--decimal", choices=[*Mark], type=Mark, help=text)
    text = "what a timestamp is of its interval (start)"
    add("--label", choices=("start", "end"), default="start", help=text)
    add("--turbine", metavar="NAME", help="the turbine of a file that does not name it")
    replace = load.add_mutually_exclusive_group()
    for option, value, text in (
        ("--replace", Replace.TURBINES, "delete what Fonte holds of the file's turbines first"),
        ("--replace-all", Replace.ALL, "delete all that Fonte holds first"),
    ):
        replace.add_argument(
            option,
            dest="replace",
            action="store_const",
            const=value,
            default=Replace.NONE,
            help=text,
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
