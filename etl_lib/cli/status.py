"""The command `etl status`."""

from collections.abc import Iterable
from datetime import date, timedelta

from pydantic import TypeAdapter

from etl_lib.archive.status import (
    DayStatus,
    describe_newest,
    describe_wanting,
    find_known,
    read_status,
)
from etl_lib.archive.store import display_path, project_archive
from etl_lib.cli.options import StatusOptions
from etl_lib.cli.output import Exit, say
from etl_lib.errors import ParameterError
from etl_lib.services.embedded import start_missing
from etl_lib.settings import read_settings

NEWEST = 60
"""Days that are shown by default."""


def status(options: StatusOptions) -> Exit:
    """Print the state of each date, as a table, as JSON or in one line."""
    if options.all and options.first:
        raise ParameterError("status: expected START or --all, got both")
    settings = start_missing(read_settings())
    archive = project_archive(settings, options.runs)
    first, known = options.first, None
    if first is None and not options.all and (known := find_known(settings)):
        first = max(known.first, known.last - timedelta(NEWEST - 1))
    first = date.min if options.all else first  # asks Fonte for each day
    days = list(read_status(settings, archive, first, options.end).values())
    wanting = describe_wanting(days, options.max_age)
    is_check = options.check or options.max_age is not None
    if options.json:
        say(TypeAdapter(list[DayStatus]).dump_json(days, indent=2).decode())
    elif is_check:
        say(f"{wanting or 'nothing to do'}; {describe_newest(days)}")
    else:
        print_table(days)
        if known and first != known.first:
            say(f"the last {NEWEST} days; etl status --all shows all, from {known.first} on")
    return Exit.NOT_DONE if is_check and wanting else Exit.DONE


def print_table(days: Iterable[DayStatus]) -> None:
    """Print a header and one line per day, and lines of what a loaded day lacks."""
    days = list(days)
    is_farm = any(len(day.turbines) + len(day.lacking) > 1 for day in days)
    turbines = f"  {'turbines':>8}" if is_farm else ""
    width = max([7, *(len(day.state) for day in days)])
    head = f"{'date':10}  {'state':{width}}  {'readings':>8}{turbines}  {'coverage':>8}"
    say(f"{head}  {'loaded (UTC)':16}  report")
    for day in days:
        coverage = "" if day.coverage is None else f"{day.coverage:.1%}"
        loaded = f"{day.loaded:%Y-%m-%d %H:%M}" if day.loaded else ""
        # papermill and JupyterLab load a day without a report, or overwrite the one they wrote
        missing = "none: etl run --force makes one" if day.loaded else ""
        report = display_path(day.report) if day.report else missing
        counts = f"{len(day.turbines)} of {len(day.turbines) + len(day.lacking)}"
        turbines = f"  {counts:>8}" if is_farm else ""
        line = f"{day.date}  {day.state:{width}}  {day.readings:8,}{turbines}  {coverage:>8}"
        say(f"{line}  {loaded:16}  {report}".rstrip())
        if day.loaded and day.lacking:
            say(f"            lacks {', '.join(day.lacking)}")
        if day.suspicion:
            say(f"            look at the readings of {day.suspicion}")
        if day.statistics == 0:
            say(f"            no readings of {', '.join(day.columns)}")
