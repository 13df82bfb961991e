"""Connections to both ends of the pipeline, Fonte and Alvo."""

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import httpx2
from sqlalchemy import Engine

from etl_lib.errors import AlvoError
from etl_lib.extract.client import open_fonte
from etl_lib.load.alvo import alvo_connection, open_alvo
from etl_lib.services.embedded import start_missing
from etl_lib.settings import Settings, read_settings

ANSWER_SECONDS = 5


class Connections(NamedTuple):
    """Fonte, the source of readings, and Alvo, the target of statistics."""

    fonte: httpx2.Client
    alvo: Engine


def connect() -> Connections:
    """Open Fonte's API and Alvo; a service without an address in the settings is started here.

    Addresses come from the environment or the project's `.env`, never from parameters:
    parameters are stored in the executed notebook. Both close when the process ends.
    """
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(connected(start_missing(read_settings())))


@contextmanager
def connected(settings: Settings) -> Iterator[Connections]:
    """Both ends at the addresses of `settings`, for the time of a `with` block."""
    assert settings.fonte_api_url
    assert settings.alvo_database_url
    with open_fonte(settings.fonte_api_url, settings.fonte_api_key) as fonte:
        alvo = open_alvo(settings.alvo_database_url)
        try:
            yield Connections(fonte, alvo)
        finally:
            alvo.dispose()


def find_silent(settings: Settings) -> str:
    """The service that does not answer, asked once and without a retry; empty if both do."""
    with connected(settings) as (fonte, alvo):
        try:
            fonte.get("/health", timeout=ANSWER_SECONDS).raise_for_status()
        except httpx2.HTTPError:
            return "the Fonte API"
        try:
            with alvo_connection(alvo):
                return ""
        except AlvoError:
            return "Alvo"
