"""The command `etl`: its parser, dispatch, exit codes and signals.

It imports nothing heavy, so that `etl --help` and a wrong argument are answered at once.
"""

import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Sequence
from dataclasses import fields
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

from etl_lib.cli.arguments import Parser
from etl_lib.cli.options import (
    ArchiveOptions,
    ExcludeOptions,
    ExclusionsOptions,
    ExportOptions,
    ForgetOptions,
    InitOptions,
    NoOptions,
    PruneOptions,
    ReportOptions,
    RunOptions,
    StatusOptions,
)
from etl_lib.cli.output import Exit
from etl_lib.errors import EtlError, ParameterError
from etl_lib.kernels import fork
from etl_lib.runs import PRELOAD


class Command(NamedTuple):
    """One command: the function of its name in `module` takes a record of `options`."""

    module: str
    options: type[Any]
    help: str


COMMANDS = {
    "run": Command("run", RunOptions, "load dates and archive a report of each"),
    "status": Command("status", StatusOptions, "show the state of each date"),
    "report": Command("report", ReportOptions, "make a page of a week, a month or a year"),
    "index": Command("index", ArchiveOptions, "write the page that lists the reports"),
    "load": Command("services", NoOptions, "load your own CSV or Parquet file into Fonte"),
    "exclude": Command("exclude", ExcludeOptions, "leave a turbine's period out of analyses"),
    "exclusions": Command("exclude", ExclusionsOptions, "list what is excluded, or undo it"),
    "export": Command("export", ExportOptions, "write statistics to a Parquet, CSV or Excel file"),
    "forget": Command("forget", ForgetOptions, "delete all that Alvo has of some turbines"),
    "prune": Command("prune", PruneOptions, "remove old attempts from the archive"),
    "init": Command("init", InitOptions, "make a folder in which every command works"),
    "serve": Command("services", NoOptions, "keep the embedded services up"),
    "stop": Command("services", NoOptions, "stop the embedded PostgreSQL"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = next((word for word in words[:1] if word in COMMANDS), "")
    program = f"etl {name}".rstrip()
    try:
        # The arguments of `etl load` are for the parser of fonteapi
        return _run(name, words[1:] if name == "load" else _parse(words))
    except ParameterError as error:
        return _fail(f"{program}: {error}; see {program} --help", Exit.WRONG_ARGUMENTS)
    except EtlError as error:
        return _fail(f"{program}: {error}", Exit.NOT_DONE)
    except KeyboardInterrupt:
        return _fail(f"{program}: interrupted; what was loaded stays loaded", Exit.INTERRUPTED)
    except BrokenPipeError:  # in `etl … | head`, the reader has all that it wants
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.NOT_DONE
    except OSError as error:  # such as a full disk behind stdout
        return _fail(f"{program}: {error}", Exit.NOT_DONE)


def command() -> NoReturn:
    """Run `main` and end the process."""
    gc.set_threshold(100_000)  # imports make many objects, and hardly any garbage
    # requests sets this filter too, but threads that import at once undo each other's filters
    warnings.filterwarnings("ignore", "SOCKS support in urllib3")
    code = main()
    # What this process started is stopped on the way out, and a second Ctrl-C must not prevent it
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.excepthook = lambda _: None  # a thread that is cut short would print a traceback
    if "duckdb" not in sys.modules:  # it reports its types as leaked after a freeze
        gc.freeze()  # the interpreter would walk a million objects once more before it ends
    sys.exit(code)


def make_parser() -> Parser:
    """The parser of `etl` and its commands."""
    parser = Parser(prog="etl", description="Wind-turbine readings, day by day.")
    subparsers = parser.add_subparsers(dest="name", required=True, metavar="COMMAND")
    for name, each in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=each.help, description=each.help)
        for one in fields(each.options):
            settings = dict(one.metadata)
            subparser.add_argument(settings.pop("name"), **settings)
    return parser


def _parse(words: Sequence[str]) -> Any:
    """The record of options that the words give."""
    given = vars(make_parser().parse_args(words))
    return COMMANDS[given.pop("name")].options(**given)


def _run(name: str, options: Any) -> int:
    """Import the module of a command, and run the command."""
    is_warm = isinstance(options, ReportOptions) or (
        isinstance(options, RunOptions) and not options.cold
    )
    if is_warm and fork.can_fork():
        fork.prepare(PRELOAD)  # the imports of the kernels go on while ours do
    module = import_module(f"etl_lib.cli.{COMMANDS[name].module}")
    return int(getattr(module, name)(options))


def _fail(line: str, code: Exit) -> Exit:
    print(line, file=sys.stderr)  # noqa: T201
    return code


def _interrupt(*_: object) -> NoReturn:
    """End the command at SIGTERM as Ctrl-C does, so that it stops what it started."""
    raise KeyboardInterrupt
