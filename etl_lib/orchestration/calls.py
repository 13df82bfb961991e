"""Calls to a process that has its imports done, from those that it starts.

For a scheduler that begins a new process for every run, two seconds of imports each, and lives
long itself.
"""

import os
import tempfile
from collections.abc import Generator
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from pkgutil import resolve_name
from threading import Thread
from typing import Any

from etl_lib.errors import EtlError, SchedulerError

ADDRESS = "ETL_CALLS"
"""The variable by which a process tells those that it starts where it takes their calls."""


def answer_calls() -> None:
    """Take the calls of every process that this one starts from now on."""
    # In a folder that nobody else may enter
    listener = Listener(f"{tempfile.mkdtemp(prefix='etl-')}/calls")
    os.environ[ADDRESS] = str(listener.address)
    Thread(target=_listen, args=(listener,), daemon=True).start()


def call(function: str, *arguments: Any, on_break: tuple[Any, ...]) -> Generator[Any]:
    """What a generator yields, run where calls are taken, or here when nobody takes any.

    Functions are named, `package.module:function`, so that the caller need not import them. When
    the caller breaks off, or dies, `on_break` (a function's name, and its arguments) is called
    there. Raises what the generator raises, an unforeseen error as `EtlError`.
    """
    try:
        connection = Client(os.environ[ADDRESS])
    except (KeyError, OSError):  # nobody does, or is there any more
        yield from resolve_name(function)(*arguments)
        return
    with connection:
        connection.send((function, arguments, on_break))
        while True:
            try:
                is_item, told = connection.recv()
            except EOFError:
                raise SchedulerError("the process that took the call has died") from None
            if is_item:
                yield told
            elif told is None:
                return
            else:
                raise told


def _listen(listener: Listener) -> None:
    while True:
        Thread(target=_answer, args=(listener.accept(),), daemon=True).start()


def _answer(connection: Connection) -> None:
    with connection, suppress(OSError, EOFError):  # the caller is gone
        function, arguments, on_break = connection.recv()
        Thread(target=_await_break, args=(connection, *on_break), daemon=True).start()
        try:
            for item in resolve_name(function)(*arguments):
                connection.send((True, item))
            connection.send((False, None))
        except EtlError as error:
            connection.send((False, error))
        except Exception as error:  # noqa: BLE001  # the caller is to know
            connection.send((False, EtlError(f"{type(error).__name__}: {error}")))


def _await_break(connection: Connection, function: str, *arguments: Any) -> None:
    """The caller says nothing more: what comes is its end, before ours or after."""
    with suppress(OSError, EOFError):
        connection.recv()
    resolve_name(function)(*arguments)
