"""The commands `etl serve`, `etl stop` and `etl load`."""

import time
from collections.abc import Sequence
from contextlib import suppress

from etl_lib.cli.options import NoOptions
from etl_lib.cli.output import Exit, say
from etl_lib.services.embedded import load_readings, start_fonte, start_missing
from etl_lib.services.postgresql import stop_database
from etl_lib.settings import find_home, read_settings


def serve(_: NoOptions) -> Exit:
    """Keep the embedded services up until Ctrl-C, and print their addresses."""
    given = read_settings()
    settings = start_missing(given)
    addresses = settings.model_copy(update={"fonte_database_url": start_fonte(settings)})
    for name, address in addresses:
        # Only embedded addresses: a configured one may contain a password
        if name.endswith("_url") and getattr(given, name) is None:
            say(f"export {name.upper()}='{address}'")
    api = "$FONTE_API_URL" if given.fonte_api_url else settings.fonte_api_url
    say(f"# The API's documentation: {api}/docs. Stop with Ctrl-C.")
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(1)  # short, as a signal just before it is handled at its end
    return Exit.DONE


def stop(_: NoOptions) -> Exit:
    """Stop the embedded PostgreSQL, even if other processes use it."""
    stopped = stop_database(find_home())
    say("the embedded PostgreSQL is stopped" if stopped else "no embedded PostgreSQL was running")
    return Exit.DONE


def load(arguments: Sequence[str]) -> int:
    """Run the loader on the configured Fonte, or on the embedded one."""
    code, simulated = load_readings(read_settings(), arguments)
    if code == Exit.DONE and simulated:
        names = " ".join(simulated)
        say(f"what was loaded of simulated days stays in Alvo: etl forget {names} deletes it")
    return code
