"""Kernels forked from a process that has the heavy imports done: milliseconds each.

That process is the standard library's fork server. It imports the preload module in the
background, and ends with this process.
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
    """Whether kernels can be forked here: not on Windows, and not in a daemonic process."""
    available = "forkserver" in multiprocessing.get_all_start_methods()
    return available and not multiprocessing.current_process().daemon


def prepare(preload: str = PRELOAD) -> None:
    """Start the process to fork from, unless it runs, and do not wait for its imports.

    `preload` names the module that it imports; of a process that runs already it stays the same.
    """
    from multiprocessing import forkserver, resource_tracker

    multiprocessing.get_context("forkserver").set_forkserver_preload([preload])
    resource_tracker.ensure_running()  # it would unblock the signal, so it starts first
    # Ctrl-C reaches every process of a terminal; the fork server is to ignore it
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
    """Hide the caller's main module, which a new process would import again."""
    with _main:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def _be_kernel(arguments: list[str], environment: dict[str, str], folder: str) -> None:
    """In the forked process: replace the inherited state, then run a kernel."""
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

    np.random.seed()  # the inherited state would give every kernel the same numbers
    sys.argv = [ipykernel_launcher.__file__, *arguments]
    sys.path[:] = preload.PATH
    app = IPKernelApp.instance()
    connection = Path(arguments[arguments.index("-f") + 1])
    try:
        connection.stat()  # a kernel without this file would write one
        app.initialize(arguments)
    except (OSError, zmq.ZMQError):
        if connection.exists():
            raise
        os._exit(1)  # the caller has given this kernel up, after the fork server was killed
    if os.environ["MPLBACKEND"] == INLINE:  # ipykernel does not, as pyplot is imported already
        app.shell.enable_matplotlib("inline")  # type: ignore[union-attr]
        plt.uninstall_repl_displayhook()  # it would draw each figure a second time
    app.start()


def _end_with_parent() -> None:
    """End this process, and those that it started, when its parent has ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.killpg(0, signal.SIGKILL)
