"""The embedded default: what has no address in the settings is started on this machine.

A PostgreSQL of the project's own (`embedded`), and the Fonte API in a thread of this process on a
free loopback port.
The only module of `etl_lib` that knows `fonteapi` by more than its address.
"""

import os
import socket
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from etl_lib.services.postgresql import start_database
from etl_lib.settings import Settings, find_home


def start_missing(settings: Settings) -> Settings:
    """The settings with every address filled in; what had none is started.

    Called again in the same process it starts nothing new.
    """
    filled: dict[str, Any] = {}
    if settings.alvo_database_url is None:
        filled["alvo_database_url"] = start_database(find_home(), "Alvo")
    if settings.fonte_api_url is None:
        is_embedded = settings.fonte_database_url is None
        filled["fonte_api_url"] = start_api(find_fonte(settings), is_embedded=is_embedded)
    return settings.model_copy(update=filled)


def find_fonte(settings: Settings) -> str:
    """The address of Fonte's database as the settings say, else of the embedded one, running."""
    return settings.fonte_database_url or start_database(find_home(), "Fonte")


def load_readings(settings: Settings, arguments: Sequence[str]) -> int:
    """`python -m fonteapi load` into the Fonte of the settings; returns its exit code."""
    from fonteapi.__main__ import main

    os.environ["FONTE_DATABASE_URL"] = find_fonte(settings)
    return main(["load", *arguments])


@cache
def start_api(database_url: str, *, is_embedded: bool) -> str:
    """Serve the Fonte API over `database_url` from this process; returns its address.

    An embedded Fonte is filled with simulated readings. Another one only if FONTE_DAYS is set.
    """
    from fonteapi.settings import SIMULATED_DAYS, read_settings

    settings = read_settings(database_url=database_url, _env_file=find_home() / ".env")
    if is_embedded and settings.days is None:
        settings = settings.model_copy(update={"days": SIMULATED_DAYS})

    def create() -> Any:
        from fonteapi.main import create_app

        return create_app(settings)

    return serve(create)


def serve(create: Callable[[], Any]) -> str:
    """Serve the ASGI application that `create` makes on a free loopback port.

    Returns its address at once: what is asked before the application is up waits for it; when
    it does not come up, the address is closed. It runs in a thread that ends with the process,
    however that ends: no server is left behind.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()

    def run() -> None:
        import uvicorn

        with listener:
            config = uvicorn.Config(
                create(),
                log_level="warning",
                access_log=False,
                # Not uvloop, where it is installed: it crashes with a process that ends meanwhile
                loop="asyncio",
                http="fonteapi.protection.deadlines:Connection",
            )
            uvicorn.Server(config).run(sockets=[listener])

    threading.Thread(target=run, name="Fonte API", daemon=True).start()
    return f"http://{host}:{port}"
