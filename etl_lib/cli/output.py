"""What a command leaves: lines on stdout and an exit code."""

from enum import IntEnum
from functools import partial

say = partial(print, flush=True)
"""Print a line at once, so that a full disk or a closed pipe is noticed here."""


class Exit(IntEnum):
    """The exit code of `etl`."""

    DONE = 0
    NOT_DONE = 1
    """The command or one of its dates failed, or `etl status --check` found work."""
    WRONG_ARGUMENTS = 2
    INTERRUPTED = 130
