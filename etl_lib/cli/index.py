"""The command `etl index`."""

from etl_lib.archive.index import write_index
from etl_lib.archive.status import read_status
from etl_lib.archive.store import display_path, project_archive
from etl_lib.cli.options import ArchiveOptions
from etl_lib.cli.output import Exit, say
from etl_lib.services.embedded import start_missing
from etl_lib.settings import read_settings


def index(options: ArchiveOptions) -> Exit:
    """Write the page that lists the reports."""
    settings = start_missing(read_settings())
    archive = project_archive(settings, options.runs)
    page = write_index(archive, read_status(settings, archive))
    say(f"{display_path(page)}  <- open this in a browser")
    return Exit.DONE
