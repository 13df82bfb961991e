"""The command `python -m fonteapi`: load your own readings, or simulated ones, into Fonte."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import duckdb

from fonteapi import database, table
from fonteapi.files.drafts import draft
from fonteapi.files.errors import LoadError, WrongInput
from fonteapi.files.load import Replace, load_files
from fonteapi.files.numbers import Mark
from fonteapi.files.options import read_rules, read_thousands
from fonteapi.files.preview import preview_files
from fonteapi.files.profiles import apply_profile, list_profiles, write_profile
from fonteapi.settings import Settings, read_settings
from pgarrow.errors import first_line

EXAMPLE = """\
example, ten-minute values of ENGIE's La Haute Borne:
  %(prog)s sample.csv \\
      --rename Wind_turbine_name=turbine Date_time=timestamp P_avg=power Ws_avg=wind_speed \\
      Ot_avg=ambient_temperature

Look first: --preview shows how a file is understood. Timestamps have any usual form; one without an
offset is UTC, unless --timezone names a zone. Numbers are in the catalogue's units (m/s, kW, °C),
unless the file or --unit names others. A bad row is reported with its line, and nothing is kept.
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
    options.words = list(arguments or sys.argv[1:])[1:]
    options.optional = []
    if options.command is None:
        parser.print_help(sys.stderr)
        return WrongInput.exit_code
    try:
        given = find_settings() if find_settings else {}
        print(_run(options, read_settings(**given), prog))  # noqa: T201
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


def _run(options: argparse.Namespace, settings: Settings, prog: str) -> str:
    """Run the command; returns its report."""
    if options.command == "fill":
        if settings.days == 0:
            return "nothing written: FONTE_DAYS is 0"
        written = table.fill_if_empty(database.open_fonte(settings), settings)
        return f"{written:,} readings written" if written else "Fonte has readings"
    return _load(options, settings, prog)


def _load(options: argparse.Namespace, settings: Settings, prog: str) -> str:
    command = [*prog.split(), "load", *(w for w in options.words if w != "--preview")]
    read_thousands(options)
    if options.profile:
        apply_profile(options.profile, options)
    rules = read_rules(options, settings)
    if options.preview:
        text, refusal = preview_files(options.files, rules, settings, command)
        if refusal is None:
            return text
        print(text)  # noqa: T201
        raise refusal
    if options.save_profile is None:
        return load_files(options.files, rules, settings, options.replace)
    with draft(options.save_profile) as kept:
        write_profile(kept, options)
        report = load_files(options.files, rules, settings, options.replace)
    return f"{report}\nthe options are in {options.save_profile}: --profile {options.save_profile}"


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = Parser(prog=prog, description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    load = commands.add_parser(
        "load",
        help="load files of readings; `load --help` has an example",
        description="Load files of readings into Fonte, all of them or none.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands.add_parser(
        "fill",
        help="fill an empty database with FONTE_DAYS (10) days of FONTE_TURBINES (1) simulated"
        " turbines",
    )
    text = (
        "text with any delimiter, Parquet or Excel, also compressed; folders, .zip, or - for input"
    )
    load.add_argument("files", metavar="FILE", nargs="+", help=text)
    _add_files(load)
    _add_shapes(load)
    _add_values(load)
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


WORDS: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
"""An option that takes several words, and may be given several times."""


def _add_files(load: argparse.ArgumentParser) -> None:
    add = load.add_argument_group("the file").add_argument
    text = "show how the file is understood, and write nothing"
    add("--preview", action="store_true", help=text)
    text = f"options for an export that many people have ({', '.join(list_profiles())}), or a file"
    add("--profile", metavar="NAME", help=text)
    text = "write the options as a profile, for other files of the same export"
    add("--save-profile", metavar="FILE", type=Path, help=text)
    add(
        "--delimiter",
        metavar="MARK",
        help="what stands between fields, where the file does not tell",
    )
    add("--header-row", metavar="LINE", type=int, help="the line of the names, counted from 1")
    add("--names", metavar="NAME", help="the names of the columns of a file without any", **WORDS)
    add("--sheet", metavar="NAME", help="the sheet of an Excel file with several")
    text = "refuse a file with bad rows (the default), or leave them out and write them beside it"
    add("--bad-rows", choices=("refuse", "skip"), default="refuse", help=text)


def _add_shapes(load: argparse.ArgumentParser) -> None:
    add = load.add_argument_group("columns and turbines").add_argument
    add("--rename", metavar="ITS=OURS", help="the file's name of a column, and ours", **WORDS)
    text = "a signal with a column for each turbine: 'PW{turbine}=power'"
    add("--wide", metavar="ITS=OURS", help=text, **WORDS)
    text = (
        "a row for each value: the columns of the tags, which --rename renames, and of the values"
    )
    add("--narrow", nargs=2, metavar=("TAG", "VALUE"), help=text)
    add("--where", metavar="ITS=VALUE", help="only rows with this value in a column", **WORDS)
    add("--turbine", metavar="NAME", help="the turbine of a file that does not name it")
    text = "finds the turbine in the file's name: 'Turbine_(\\w+)'"
    add("--turbine-from-name", metavar="PATTERN", help=text)


def _add_values(load: argparse.ArgumentParser) -> None:
    add = load.add_argument_group("timestamps and values").add_argument
    add("--timestamp-format", metavar="FORMAT", help="as for strptime: '%%d/%%m/%%Y %%H:%%M'")
    add("--timezone", metavar="ZONE", help="of timestamps without an offset: Europe/Paris (UTC)")
    text = "what a timestamp is of its interval (start)"
    add("--label", choices=("start", "end"), help=text)
    add("--unit", metavar="OURS=UNIT", help="the file's unit: power=MW, wind_speed=knot", **WORDS)
    add("--unit-scale", metavar="OURS=FACTOR", help="power=0.001 turns W into kW", **WORDS)
    add("--missing", metavar="VALUE", help="values that mean missing: -9999.9 -7999 NA", **WORDS)
    text = "signals that are sampled on change: a value holds until the next one"
    add("--on-change", metavar="OURS", help=text, **WORDS)
    text = "what stands before decimals; the other one may stand between thousands"
    add("--decimal", choices=[*Mark], type=Mark, help=text)
    add("--thousands", choices=[*Mark], type=Mark, help="what stands between thousands")


if __name__ == "__main__":
    sys.exit(main())
