"""The command `etl prune`."""

from datetime import UTC, datetime

from etl_lib.archive.index import write_index
from etl_lib.archive.retention import Surplus, find_reports, find_surplus, remove
from etl_lib.archive.status import read_status
from etl_lib.archive.store import Archive, display_path, project_archive
from etl_lib.cli.options import PruneOptions
from etl_lib.cli.output import Exit, say
from etl_lib.errors import AlvoError
from etl_lib.load.alvo import open_alvo
from etl_lib.load.ledger import named_notebooks
from etl_lib.services.embedded import start_alvo, start_missing
from etl_lib.settings import read_settings


def prune(options: PruneOptions) -> Exit:
    """Remove superseded and failed attempts from the archive, then write the index."""
    settings, before = read_settings(), datetime.now(UTC) - options.older_than
    archive = project_archive(settings, options.runs)
    files = archive.names()  # before the ledger: what is loaded meanwhile is not among them
    alvo = open_alvo(start_alvo(settings))
    try:
        named = named_notebooks(alvo)
    finally:
        alvo.dispose()
    surplus = find_surplus(files, named, options.keep, before)
    if surplus.files and named.isdisjoint(files) and find_reports(files):
        raise AlvoError(
            f"expected an Alvo whose ledger names notebooks of {display_path(archive.location)},"
            " got one that names none of them: set ALVO_DATABASE_URL to the Alvo of this archive"
        )
    if options.dry_run:
        say(f"would remove {_describe(surplus, archive)}")
        return Exit.DONE
    remove(archive, surplus, before)
    say(f"removed {_describe(surplus, archive)}")
    if surplus.files:
        page = write_index(archive, read_status(start_missing(settings), archive))
        say(f"  all dates {display_path(page)}")
    return Exit.DONE


def _describe(surplus: Surplus, archive: Archive) -> str:
    attempts = "1 attempt" if surplus.attempts == 1 else f"{surplus.attempts:,} attempts"
    files = "1 file" if len(surplus.files) == 1 else f"{len(surplus.files):,} files"
    where = display_path(archive.location)
    return f"{attempts} ({files}, {surplus.size:,} bytes) from {where}"
