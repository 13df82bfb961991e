"""The embedded default: a service that has no address in the settings starts on this machine.

PostgreSQL runs in the project's folder, the Fonte API in a thread of this process on a free
loopback port.
"""

import socket
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from etl_lib.errors import SettingsError
from etl_lib.services.postgresql import start_database
from etl_lib.settings import Settings, find_home


def start_missing(settings: Settings) -> Settings:
    """The settings with every address filled in; a service without one is started.

    A second call in the same process starts nothing new.
    """
    filled: dict[str, Any] = {}
    if settings.alvo_database_url is None:
        filled["alvo_database_url"] = start_alvo(settings)
    if settings.fonte_api_url is None:
        is_embedded = settings.fonte_database_url is None
        filled["fonte_api_url"] = start_api(
            start_fonte(settings), settings.fonte_catalogue, is_embedded=is_embedded
        )
    return settings.model_copy(update=filled)


def start_alvo(settings: Settings) -> str:
    """The address of Alvo: the one of the settings, else the embedded one, started."""
    return settings.alvo_database_url or start_database(find_home(), "Alvo")


def start_fonte(settings: Settings) -> str:
    """The address of Fonte's database: the one of the settings, else the embedded one, started."""
    return settings.fonte_database_url or start_database(find_home(), "Fonte")


def load_readings(settings: Settings, arguments: Sequence[str]) -> tuple[int, list[str]]:
    """Run `etl load` with these arguments on the Fonte of the settings.

    Returns its exit code, and the turbines whose simulated readings gave way to the file.
    """
    from fonteapi.__main__ import main
    from fonteapi.turbines import list_simulated

    before: dict[str, list[str]] = {}

    def find_settings() -> dict[str, Any]:  # help and wrong arguments start nothing
        address = start_fonte(settings)
        before[address] = list_simulated(address)
        given = {"database_url": address, "catalogue": settings.fonte_catalogue}
        return given | {"_env_file": find_home() / ".env"}

    code = main(["load", *arguments], prog="etl", find_settings=find_settings)
    gone = [set(names) - set(list_simulated(url)) for url, names in before.items() if names]
    return code, sorted(set().union(*gone))


@cache
def start_api(database_url: str, catalogue: Path | None, *, is_embedded: bool) -> str:
    """Serve the Fonte API over `database_url` from this process; returns its address.

    An embedded Fonte is filled with simulated readings, another one only if FONTE_DAYS is set.
    """
    from fonteapi.settings import SIMULATED_DAYS, read_settings

    given = {"database_url": database_url, "catalogue": catalogue}
    try:
        settings = read_settings(**given, _env_file=find_home() / ".env")
    except SystemExit as stop:
        raise SettingsError(str(stop).removeprefix("fonteapi: ")) from None
    if is_embedded and settings.days is None:
        settings = settings.model_copy(update={"days": SIMULATED_DAYS})

    def create() -> Any:
        from fonteapi.main import create_app

        return create_app(settings)

    return serve(create)


def serve(create: Callable[[], Any]) -> str:
    """Serve the ASGI application that `create` makes on a free loopback port.

    Returns the address at once: a request before the application is up waits for it; if it does
    not come up, the port is closed. The server is a thread that ends with the process.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    # Its connections inherit this; asyncio sets it only on sockets that name their protocol
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    host, port = listener.getsockname()

    def run() -> None:
        import uvicorn

        with listener:
            config = uvicorn.Config(
                create(),
                log_level="warning",
                access_log=False,
                loop="asyncio",  # uvloop crashes when the process ends while it runs
                http="fonteapi.protection.deadlines:Connection",
            )
            uvicorn.Server(config).run(sockets=[listener])

    threading.Thread(target=run, name="Fonte API", daemon=True).start()
    return f"http://{host}:{port}"
