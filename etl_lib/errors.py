"""The errors that the pipeline raises on purpose, as one small tree.

Each message says what was expected, what came, and what to do.

EtlError
├── ParameterError    an invalid date, column or argument: nothing was read or written
├── SettingsError     an invalid address or key in the environment or .env
├── ArchiveError      the archive cannot be listed, read or written
├── FonteError        the Fonte API is unreachable, or returned something other than readings
├── EmbeddedError     the embedded PostgreSQL does not start
├── SchedulerError    the Dask scheduler, or another that runs the dates, does not answer
└── AlvoError         Alvo does not answer, refuses, or holds other values than were loaded
"""


class EtlError(Exception):
    """The root: catch this to catch everything that the pipeline raises on purpose."""

    is_transient = False
    """Whether the same call may succeed later."""


class ParameterError(EtlError):
    """An invalid date, column or argument."""


class SettingsError(EtlError):
    """An invalid address or key."""


class ArchiveError(EtlError):
    """The archive cannot be listed, read or written."""

    is_transient = True


class FonteError(EtlError):
    """The Fonte API is unreachable, or returned something other than readings."""

    is_transient = True


class EmbeddedError(EtlError):
    """The embedded PostgreSQL does not start."""

    is_transient = True


class SchedulerError(EtlError):
    """The scheduler that runs the dates does not answer."""

    is_transient = True


class AlvoError(EtlError):
    """Alvo does not answer, refuses, or holds other values than were loaded."""

    is_transient = True
