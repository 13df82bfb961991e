"""Both ends of the pipeline, opened as the settings say."""

import atexit
from typing import NamedTuple

import httpx2
from sqlalchemy import Engine

from etl_lib.alvo import open_alvo
from etl_lib.config import read_settings
from etl_lib.extract import open_fonte
from etl_lib.local import start_missing


class Connections(NamedTuple):
    """Fonte, where readings come from, and Alvo, where statistics go."""

    fonte: httpx2.Client
    alvo: Engine


def connect() -> Connections:
    """Open Fonte's API and Alvo; what the settings give no address for starts on this machine.

    Addresses come from the environment or the project's `.env`, never from parameters:
    parameters are stored in the executed notebook.
    """
    settings = start_missing(read_settings())
    assert settings.fonte_api_url and settings.alvo_database_url
    connections = Connections(
        open_fonte(settings.fonte_api_url), open_alvo(settings.alvo_database_url)
    )
    atexit.register(connections.fonte.close)
    atexit.register(connections.alvo.dispose)
    return connections
