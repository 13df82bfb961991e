"""The command `etl`: progress and exit codes; nothing else."""

import argparse
import gc
import json
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from etl_lib.cli.arguments import make_parser
from etl_lib.errors import EtlError, ParameterError
from etl_lib.kernels import fork as forks
from etl_lib.parameters import parse_columns, parse_date
from etl_lib.runs import PRELOAD

if TYPE_CHECKING:
    from etl_lib.archive.store import Archive
    from etl_lib.settings import Settings

DONE, FAILED, WRONG_ARGUMENTS, INTERRUPTED = 0, 1, 2, 130
LONGEST = 1_000_000
"""Seconds or days that a limit may have."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0 all done, 1 a date failed, 2 wrong arguments."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        options, rest = make_parser().parse_known_args(arguments)
        if rest and options.command != "load":
            raise ParameterError(f"unknown arguments: {' '.join(rest)}; `etl --help` lists them")
        options.rest = rest
        return COMMANDS[options.command](options)
    except ParameterError as error:
        return _fail(error, WRONG_ARGUMENTS)
    except EtlError as error:
        return _fail(error, FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted; what was loaded stays loaded", INTERRUPTED)
    except OSError as error:  # stdout is on a full disk, say
        if not isinstance(error, BrokenPipeError):
            return _fail(error, FAILED)
        # `etl … | head`: whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def command() -> NoReturn:
    """`main` as a process of its own."""
    gc.set_threshold(100_000)  # imports make objects by the hundred thousand, and no garbage
    # requests says so, too; but threads that import at once undo each other's filters
    warnings.filterwarnings("ignore", "SOCKS support in urllib3")
    code = main()
    # On the way out, what was started is stopped: one Ctrl-C more does not break that off, and a
    # thread that was cut short has nothing to say
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.excepthook = lambda _: None
    if "duckdb" not in sys.modules:  # whose types would look leaked
        gc.freeze()  # or the interpreter walks a million objects once more before it ends
    sys.exit(code)


def run(options: argparse.Namespace) -> int:
    """`etl run`: execute each date's notebook into the archive."""
    first, last = _period(options)
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    if options.jobs < 1:
        raise ParameterError(f"--jobs: expected 1 or more, got {options.jobs}")
    _check_number("--timeout", options.timeout)
    _check_number("--cell-timeout", options.cell_timeout)
    columns = parse_columns(options.columns)
    if not options.cold and forks.can_fork():
        forks.prepare(PRELOAD)
    # Only now what takes a second to import: a wrong argument is answered at once
    from etl_lib.services.embedded import start_missing
    from etl_lib.settings import find_home, read_settings

    home, settings = find_home(), start_missing(read_settings())
    archive = _archive(options, settings, home)
    # and this while the services start
    from etl_lib.archive.index import write_index
    from etl_lib.archive.status import read_status
    from etl_lib.archive.store import shown
    from etl_lib.cli.progress import Progress
    from etl_lib.kernels.limits import Limits
    from etl_lib.runs.batch import run_dates
    from etl_lib.runs.date import Plan
    from etl_lib.runs.pools import cluster, threads

    known = read_status(settings, archive, first, last)
    skipped = []
    if options.states:
        days = [day for day in days if day in known and known[day].state in options.states]
    elif not options.force:
        skipped = [known[d] for d in days if d in known and known[d].is_current(columns)]
        days = sorted(set(days) - {status.date for status in skipped})
    with cluster(options.scheduler) if options.scheduler else threads(options.jobs) as pool:
        limits = Limits(options.timeout, options.cell_timeout)
        plan = Plan(columns, settings, home, archive, warm=not options.cold, limits=limits)
        outcomes = run_dates(pool, days, plan)
        progress = Progress(len(days), skipped, pool.size)
        try:
            with progress, closing(outcomes):
                for outcome in outcomes:
                    progress.tell(outcome)
        finally:  # after Ctrl-C, too
            if progress.has_archived:
                page = write_index(archive, read_status(settings, archive))
                _say(f"  all dates {shown(page)}")
    return FAILED if progress.failed else DONE


def status(options: argparse.Namespace) -> int:
    """`etl status`: what is done of each date."""
    first, last = _period(options) if options.date else (None, None)
    if options.max_age is not None:
        _check_number("--max-age", options.max_age)
    from etl_lib.archive.status import describe_newest, describe_wanting, read_status
    from etl_lib.archive.store import shown
    from etl_lib.services.embedded import start_missing
    from etl_lib.settings import find_home, read_settings

    settings = start_missing(read_settings())
    found = read_status(settings, _archive(options, settings, find_home()), first, last)
    wanting = describe_wanting(found.values(), options.max_age)
    is_check = options.check or options.max_age is not None
    code = FAILED if is_check and wanting else DONE
    if options.json:
        _say(json.dumps([day.record() for day in found.values()], indent=2))
        return code
    if is_check:
        _say(f"{wanting or 'nothing to do'}; {describe_newest(found.values())}")
        return code
    _say(f"{'date':10}  {'state':7}  {'readings':>8}  {'coverage':>8}  {'loaded (UTC)':16}  report")
    for day in found.values():
        coverage = "" if day.coverage is None else f"{day.coverage:.1%}"
        loaded = f"{day.loaded:%Y-%m-%d %H:%M}" if day.loaded else ""
        report = shown(day.report) if day.report else ""
        line = f"{day.date}  {day.state:7}  {day.readings:8,}  {coverage:>8}  {loaded:16}  {report}"
        _say(line.rstrip())
    return DONE


def report(options: argparse.Namespace) -> int:
    """`etl report`: write the archive's index anew."""
    from etl_lib.archive.index import write_index
    from etl_lib.archive.status import read_status
    from etl_lib.archive.store import shown
    from etl_lib.services.embedded import start_missing
    from etl_lib.settings import find_home, read_settings

    settings = start_missing(read_settings())
    archive = _archive(options, settings, find_home())
    page = write_index(archive, read_status(settings, archive))
    _say(f"{shown(page)}  <- open this in a browser")
    return DONE


def load(options: argparse.Namespace) -> int:
    """`etl load`: `python -m fonteapi load` with the embedded Fonte where no other is set."""
    from etl_lib.services.embedded import load_readings
    from etl_lib.settings import read_settings

    return load_readings(read_settings(), options.rest)


def serve(options: argparse.Namespace) -> int:
    """`etl serve`: keep the embedded services up until interrupted."""
    from etl_lib.services.embedded import start_fonte, start_missing
    from etl_lib.settings import read_settings

    given = read_settings()
    settings = start_missing(given)
    addresses = settings.model_copy(update={"fonte_database_url": start_fonte(settings)})
    for name, address in addresses:
        if name.endswith("_url") and getattr(given, name) is None:  # or it may hold a password
            _say(f"export {name.upper()}='{address}'")
    api = "$FONTE_API_URL" if given.fonte_api_url else settings.fonte_api_url
    _say(f"# The API's documentation: {api}/docs. Stop with Ctrl-C.")
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(1)  # not without end: a signal that comes just before is heard after it
    return DONE


def stop(options: argparse.Namespace) -> int:
    """`etl stop`: stop the embedded PostgreSQL, whoever started it."""
    from etl_lib.services.postgresql import stop_database
    from etl_lib.settings import find_home

    stopped = stop_database(find_home())
    _say("the embedded PostgreSQL is stopped" if stopped else "no embedded PostgreSQL was running")
    return DONE


COMMANDS = {
    "run": run,
    "status": status,
    "report": report,
    "load": load,
    "serve": serve,
    "stop": stop,
}


def _archive(options: argparse.Namespace, settings: "Settings", home: Path) -> "Archive":
    """The archive that was asked for, else the one of the settings, else the project's own."""
    from etl_lib.archive.store import Archive

    return Archive(options.runs or settings.etl_runs or home / "runs")


def _period(options: argparse.Namespace) -> tuple[date, date]:
    """The first and the last day that were asked for."""
    first, last = parse_date(options.date), parse_date(options.end or options.date)
    if last < first:
        raise ParameterError(f"END: expected {first} or later, got {last}")
    return first, last


def _check_number(name: str, given: float) -> None:
    """Refuse what is no length of time; a million days are longer than any."""
    if not 0 <= given <= LONGEST:
        raise ParameterError(f"{name}: expected a number from 0 to {LONGEST:,}, got {given:g}")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def _fail(error: object, code: int) -> int:
    print(f"etl: {error}", file=sys.stderr)  # noqa: T201
    return code


def _interrupt(*_: object) -> None:
    """SIGTERM ends the command as Ctrl-C does: what it started is stopped on the way out."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    command()
