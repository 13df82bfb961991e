"""The command `etl report`."""

from pathlib import Path

from etl_lib.archive.index import write_index
from etl_lib.archive.pdf import find_browser, print_page
from etl_lib.archive.status import read_status
from etl_lib.archive.store import PAGE_SUFFIX, PRINT_SUFFIX, display_path, project_archive
from etl_lib.cli.options import ReportOptions
from etl_lib.cli.output import Exit, say
from etl_lib.parameters import CURVES, parse_span
from etl_lib.runs.notebook import Plan
from etl_lib.runs.period import run_period
from etl_lib.services.embedded import start_missing
from etl_lib.settings import find_home, read_settings


def report(options: ReportOptions) -> Exit:
    """Execute the notebook of a period, archive its page, then write the index."""
    span = parse_span(options.start, options.end)
    browser = find_browser() if options.pdf else None
    reference = options.reference
    if reference not in (None, *CURVES):  # the notebook runs in another folder
        reference = str(Path(str(reference)).resolve())
    home, settings = find_home(), start_missing(read_settings())
    archive = project_archive(settings, options.runs)
    plan = Plan([], settings, home, archive, turbines=options.turbines)
    outcome = run_period(span, plan, reference)
    if outcome.summary:
        say(f"{span}  {outcome.summary.line}")
    else:
        say(f"{span}  failed: {outcome.error}")
    if outcome.page:
        say(f"  report    {display_path(outcome.page)}  <- open this in a browser")
    elif outcome.notebook:
        say(f"  notebook  {display_path(outcome.notebook)}")
    if browser and outcome.page:
        page = archive.read(outcome.name + PAGE_SUFFIX).decode()
        printed = archive.write(outcome.name + PRINT_SUFFIX, print_page(browser, page))
        say(f"  printed   {display_path(printed)}")
    index = write_index(archive, read_status(settings, archive))
    say(f"  all pages {display_path(index)}")
    return Exit.DONE if outcome.page else Exit.NOT_DONE
