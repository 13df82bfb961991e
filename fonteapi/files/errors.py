"""Why a file was not loaded."""


class LoadError(Exception):
    """The file was not loaded; the message has one line or a few."""

    exit_code = 1


class WrongInput(LoadError):  # noqa: N818  # named as users read it
    """The arguments, or the file as a whole, are not as expected."""

    exit_code = 2
