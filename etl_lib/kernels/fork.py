"""Processes forked from one in which the heavy imports are done: a kernel in milliseconds.

The process to fork from is the fork server of the standard library. It imports `preload` once,
while we go on, and ends with us.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

PRELOAD = "etl_lib.kernels.preload"
INLINE = "module://matplotlib_inline.backend_inline"
_main = threading.Lock()


def can_fork() -> bool:
    """Whether there is a fork server; not on Windows, nor where a process may have no children."""
    available = "forkserver" in multiprocessing.get_all_start_methods()
    return available and not multiprocessing.current_process().daemon


def prepare(preload: str = PRELOAD) -> None:
    """Start the process to fork from, unless it runs, and do not wait for its imports.

    `preload` names the module that it imports; of a process that runs already it stays the same.
    """
    from multiprocessing import forkserver, resource_tracker

    multiprocessing.get_context("forkserver").set_forkserver_preload([preload])
    resource_tracker.ensure_running()  # here, since it unblocks the signal when it has begun
    # Ctrl-C goes to everybody in the terminal; this process is ours to end
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def fork_kernel(
    arguments: Sequence[str], environment: dict[str, str], folder: str, preload: str = PRELOAD
) -> BaseProcess:
    """A running IPython kernel with these arguments, environment and working directory."""
    prepare(preload)
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=_be_kernel, args=(list(arguments), environment, folder))
    with _without_main():
        process.start()
    return process


@contextmanager
def _without_main() -> Iterator[None]:
    """Hide the caller's main module, which a new process would import again: a second, or worse."""
    with _main:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def _be_kernel(arguments: list[str], environment: dict[str, str], folder: str) -> None:
    """In the forked process: replace what it inherited by its own state, then run a kernel."""
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    import ipykernel_launcher
    import numpy as np
    import zmq
    from ipykernel.kernelapp import IPKernelApp
    from matplotlib import pyplot as plt

    from etl_lib.kernels import preload

    np.random.seed()  # or every kernel draws the same random numbers
    sys.argv = [ipykernel_launcher.__file__, *arguments]
    sys.path[:] = preload.PATH
    app = IPKernelApp.instance()
    connection = Path(arguments[arguments.index("-f") + 1])
    try:
        connection.stat()  # or a kernel makes itself one
        app.initialize(arguments)
    except (OSError, zmq.ZMQError):
        if connection.exists():
            raise
        os._exit(1)  # whoever asked for it has given it up: when the fork server was killed, say
    if os.environ["MPLBACKEND"] == INLINE:  # else figures vanish: pyplot is there already
        app.shell.enable_matplotlib("inline")  # type: ignore[union-attr]
        plt.uninstall_repl_displayhook()  # or each figure is drawn once more, for nobody
    app.start()


def _end_with_parent() -> None:
    """End this process and what it started when whoever asked for it is gone."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.killpg(0, signal.SIGKILL)
