"""The command `etl run`."""

from collections.abc import Mapping
from contextlib import closing
from datetime import date, timedelta

from etl_lib.archive.index import write_index
from etl_lib.archive.status import DayStatus, read_status
from etl_lib.archive.store import display_path, project_archive
from etl_lib.cli.options import RunOptions
from etl_lib.cli.output import Exit, say
from etl_lib.cli.progress import Progress
from etl_lib.kernels.limits import Limits
from etl_lib.runs.batch import run_dates
from etl_lib.runs.notebook import Plan
from etl_lib.runs.pools import cluster, threads
from etl_lib.services.embedded import start_missing
from etl_lib.settings import find_home, read_settings


def run(options: RunOptions) -> Exit:
    """Execute the notebook of each date that needs it, then write the index."""
    home, settings = find_home(), start_missing(read_settings())
    archive = project_archive(settings, options.runs)
    known = read_status(settings, archive, options.first, options.end)
    days, skipped = choose(options, known)
    limits = Limits(options.timeout, options.cell_timeout)
    plan = Plan(
        options.columns,
        settings,
        home,
        archive,
        turbines=options.turbines,
        warm=not options.cold,
        limits=limits,
    )
    with cluster(options.scheduler) if options.scheduler else threads(options.jobs) as pool:
        progress = Progress(len(days), skipped, pool.size)
        try:
            with progress, closing(run_dates(pool, days, plan)) as outcomes:
                for outcome in outcomes:
                    progress.show(outcome)
        finally:  # also after Ctrl-C
            if progress.has_archived and not progress.silent:
                page = write_index(archive, read_status(settings, archive))
                say(f"  all dates {display_path(page)}")
    return Exit.NOT_DONE if progress.failed or progress.silent else Exit.DONE


def choose(
    options: RunOptions, known: Mapping[date, DayStatus]
) -> tuple[list[date], list[DayStatus]]:
    """The dates to run, and the status of those that need no run."""
    length = (options.end - options.first).days + 1
    days = [options.first + timedelta(offset) for offset in range(length)]
    states = [state for state in ("missing", "failed", "stale") if getattr(options, state)]
    if states:
        return [day for day in days if day in known and known[day].state in states], []
    if options.force:
        return days, []
    current = [
        known[day]
        for day in days
        if day in known and known[day].is_current(options.columns, options.turbines)
    ]
    return sorted(set(days) - {status.date for status in current}), current
