"""The commands `etl exclude` and `etl exclusions`."""

import getpass
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pydantic import TypeAdapter
from sqlalchemy import Engine

from etl_lib.cli.options import ExcludeOptions, ExclusionsOptions
from etl_lib.cli.output import Exit, say
from etl_lib.errors import ParameterError
from etl_lib.load.alvo import open_alvo
from etl_lib.load.exclusions import add_exclusions, delete_exclusion, list_exclusions
from etl_lib.load.records import Exclusion
from etl_lib.services.embedded import start_alvo
from etl_lib.settings import read_settings

HEAD = ("id", "turbine", "signal", "start (UTC)", "end (UTC)", "reason", "author")


def exclude(options: ExcludeOptions) -> Exit:
    """Exclude signals of a turbine in a period, and print a line for each."""
    author = options.author or _find_user()
    with _open() as alvo:
        added = add_exclusions(
            alvo,
            options.turbine,
            options.start,
            options.end,
            reason=options.reason,
            author=author,
            signals=options.signals or (),
        )
    for each in added:
        say(f"excluded {_describe(each)}")
    return Exit.DONE


def exclusions(options: ExclusionsOptions) -> Exit:
    """Print all exclusions as a table or as JSON, or delete one."""
    if options.undo and options.json:
        raise ParameterError("--json: expected it without --undo, which prints one line")
    with _open() as alvo:
        if options.undo:
            say(f"undone: {_describe(delete_exclusion(alvo, options.undo))}")
            return Exit.DONE
        found = list_exclusions(alvo)
    if options.json:
        say(TypeAdapter(list[Exclusion]).dump_json(found, indent=2).decode())
    else:
        _print_table(found)
    return Exit.DONE


@contextmanager
def _open() -> Iterator[Engine]:
    """Alvo alone: neither command needs Fonte."""
    alvo = open_alvo(start_alvo(read_settings()))
    try:
        yield alvo
    finally:
        alvo.dispose()


def _find_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have a number alone
        raise ParameterError("--author: expected a name, since this user has no login") from None


def _describe(each: Exclusion) -> str:
    start, end = each.period
    what = f"{each.signal or 'all signals'} of {each.turbine}"
    return f"{what} from {start} to {end} UTC: {each.reason} (exclusion {each.id})"


def _print_table(found: Sequence[Exclusion]) -> None:
    if not found:
        say("no exclusions")
        return
    rows = [
        (str(each.id), each.turbine, each.signal or "all", *each.period, each.reason, each.author)
        for each in found
    ]
    widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
    for row in (HEAD, *rows):
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        say("  ".join(cells).rstrip())
