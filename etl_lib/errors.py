"""The errors that the pipeline raises on purpose: `EtlError` and its kinds.

Each message says what was expected, what came, and what to do.
"""

import os

IN_LAB = "JPY_SESSION_NAME" in os.environ
"""Whether this is the kernel of a notebook that is open in JupyterLab: its server sets this."""


class EtlError(Exception):
    """The root: catch this to catch everything that the pipeline raises on purpose."""

    is_transient = True
    """Whether the same call may succeed later."""

    if IN_LAB:  # elsewhere the traceback is archived with the notebook

        def _render_traceback_(self) -> list[str]:
            """What IPython shows of the error: one line, since the cell is in view."""
            return [f"{type(self).__name__}: {self}"]


class ParameterError(EtlError):
    """An invalid date, column or argument: nothing was read or written."""

    is_transient = False


class SettingsError(EtlError):
    """An invalid address or key in the environment or `.env`."""

    is_transient = False


class ArchiveError(EtlError):
    """The archive cannot be listed, read or written."""


class FonteError(EtlError):
    """The Fonte API is unreachable, or returned something other than readings."""


class EmbeddedError(EtlError):
    """The embedded PostgreSQL does not start."""


class SchedulerError(EtlError):
    """The Dask scheduler, or another that runs the dates, does not answer."""


class BrowserError(EtlError):
    """No browser is found, or it does not print a page."""


class AlvoError(EtlError):
    """Alvo does not answer, refuses, or holds other values than were loaded."""
