"""What can go wrong, as one small tree; every message says what was expected, what came, what now.

EtlError
├── ParameterError    a date or column that cannot be: nothing was read or written
├── SettingsError     an address in the environment or .env that cannot be
├── FonteError        the Fonte API does not answer, or with something that is no reading
└── AlvoError         Alvo does not answer, refuses, or holds something else than was loaded
"""


class EtlError(Exception):
    """The root: catch this to catch everything that the pipeline raises on purpose."""


class ParameterError(EtlError):
    """A date or column that cannot be."""


class SettingsError(EtlError):
    """An address that cannot be."""


class FonteError(EtlError):
    """The Fonte API does not answer, or with something that is no reading."""


class AlvoError(EtlError):
    """Alvo does not answer, refuses, or holds something else than was loaded."""
