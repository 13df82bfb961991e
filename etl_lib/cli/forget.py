"""The command `etl forget`."""

import sys

from etl_lib.archive.index import write_index
from etl_lib.archive.status import read_status
from etl_lib.archive.store import display_path, project_archive
from etl_lib.cli.options import ForgetOptions
from etl_lib.cli.output import Exit, say
from etl_lib.errors import ParameterError
from etl_lib.load.alvo import open_alvo
from etl_lib.load.forget import Found, count_statistics, forget_turbines, list_turbines
from etl_lib.services.embedded import start_alvo, start_missing
from etl_lib.settings import read_settings


def forget(options: ForgetOptions) -> Exit:
    """Delete the statistics, series and exclusions of turbines, then write the index."""
    turbines = options.turbines or []
    if not options.yes and not sys.stdin.isatty():
        raise ParameterError("expected a terminal to ask before it deletes, or --yes")
    settings = read_settings()
    alvo = open_alvo(start_alvo(settings))
    try:
        _refuse_unknown(turbines, list_turbines(alvo))
        if not options.yes and not _confirm(count_statistics(alvo, turbines), turbines):
            say("nothing was deleted")
            return Exit.NOT_DONE
        gone = forget_turbines(alvo, turbines)
    finally:
        alvo.dispose()
    archive = project_archive(settings, options.runs)
    where = display_path(archive.location)
    say(f"deleted {_describe(gone, turbines)} from Alvo; their reports stay in {where}")
    page = write_index(archive, read_status(start_missing(settings), archive))
    say(f"  all dates {display_path(page)}")
    return Exit.DONE


def _refuse_unknown(turbines: list[str], known: list[str]) -> None:
    unknown = [name for name in turbines if name not in known]
    if unknown or not turbines:
        expected = f"some of {', '.join(known)}" if known else "none, since Alvo has no series"
        got = ", ".join(unknown) or "no name"
        raise ParameterError(f"turbines: expected {expected}; got {got}")


def _confirm(found: Found, turbines: list[str]) -> bool:
    """Ask on the terminal; anything but yes is no, and so is the end of the input."""
    try:
        answer = input(f"Delete {_describe(found, turbines)} from Alvo? [y/N] ")
    except EOFError:
        say("")
        return False
    return answer.strip().lower() in ("y", "yes")


def _describe(found: Found, turbines: list[str]) -> str:
    dates = "1 date" if found.dates == 1 else f"{found.dates:,} dates"
    text = f"{found.statistics:,} statistics of {', '.join(turbines)} on {dates}"
    exclusions = "1 exclusion" if found.exclusions == 1 else f"{found.exclusions:,} exclusions"
    return f"{text}, and {exclusions}," if found.exclusions else text
