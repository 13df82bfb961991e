"""The command `etl load`."""

from collections.abc import Sequence

from etl_lib.services.embedded import load_readings
from etl_lib.settings import read_settings


def load(arguments: Sequence[str]) -> int:
    """Hand the arguments to the loader, for the Fonte of the settings or the embedded one."""
    return load_readings(read_settings(), arguments)
