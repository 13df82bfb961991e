"""What can go wrong, as one small tree; every message says what was expected, what came, what now.

EtlError
├── ParameterError    a date or column that cannot be: nothing was read or written
├── SettingsError     an address or key in the environment or .env that cannot be
├── ArchiveError      the archive cannot be listed, read or written
├── FonteError        the Fonte API does not answer, or with something that is no reading
├── EmbeddedError     the PostgreSQL of this machine does not start
├── SchedulerError    who was to run the dates, on a cluster say, does not answer
└── AlvoError         Alvo does not answer, refuses, or holds something else than was loaded
"""


class EtlError(Exception):
    """The root: catch this to catch everything that the pipeline raises on purpose."""

    is_transient = False
    """Whether what failed may succeed later, as it is."""


class ParameterError(EtlError):
    """A date or column that cannot be."""


class SettingsError(EtlError):
    """An address or key that cannot be."""


class ArchiveError(EtlError):
    """The archive cannot be listed, read or written."""

    is_transient = True


class FonteError(EtlError):
    """The Fonte API does not answer, or with something that is no reading."""

    is_transient = True


class EmbeddedError(EtlError):
    """The PostgreSQL of this machine does not start."""

    is_transient = True


class SchedulerError(EtlError):
    """Who was to run the dates does not answer."""

    is_transient = True


class AlvoError(EtlError):
    """Alvo does not answer, refuses, or holds something else than was loaded."""

    is_transient = True
