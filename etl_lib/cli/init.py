"""The command `etl init`."""

from etl_lib.cli.options import InitOptions
from etl_lib.cli.output import Exit, say
from etl_lib.project import init_folder


def init(options: InitOptions) -> Exit:
    """Put the notebooks and the other files of a project into a folder."""
    for path in init_folder(options.folder):
        say(f"wrote {path}")
    say(f"{options.folder} is ready: go there, then `etl run 2024-05-20`")
    return Exit.DONE
