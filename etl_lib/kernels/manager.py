"""Jupyter's kernel manager, client and provisioner for forked kernels.

Each notebook has its own process; only imports are shared. Where forking is not available the
kernel is an ordinary one: slower, otherwise the same.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import Empty
from typing import Any
from weakref import WeakSet

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Bool, Dict, Type, Unicode

from etl_lib.kernels import fork as forks

LAUNCHER = "ipykernel_launcher"
POLL_SECONDS = 0.005
BATCH_VARIABLE = "ETL_BATCH"
"""The variable that names a kernel's batch: the kernels of a batch are ended together."""


def kill_kernels(batch: str) -> None:
    """Kill the kernels that this process runs for a batch; their notebooks fail."""
    for kernel in list(_running):
        process = kernel.process
        if process is not None and kernel.batch == batch:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class KernelClient(AsyncKernelClient):
    """A client that is ready when the kernel says so."""

    def _context_default(self) -> zmq.asyncio.Context:
        context = super()._context_default()
        # The kernel opens its sockets a moment after ours, whose default is to retry every 100 ms
        context.setsockopt(zmq.RECONNECT_IVL, int(POLL_SECONDS * 1000))
        return context

    def start_channels(self, *channels: Any, **named: Any) -> None:
        """Open all channels but the heartbeat: the process itself shows whether it lives."""
        super().start_channels(*channels, **{**named, "hb": False})

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait for the kernel's welcome, then for its answer; raises RuntimeError without one.

        After the welcome no message of the kernel is missed. jupyter_client, which supports older
        kernels, repeats its request until one arrives.
        """
        deadline = time.monotonic() + (timeout or float("inf"))
        await self._next(self.iopub_channel, deadline)
        self.kernel_info()
        await self._next(self.shell_channel, deadline)

    async def _next(self, channel: Any, deadline: float) -> None:
        while True:
            with suppress(Empty):
                await channel.get_msg(timeout=1)
                return
            manager: Any = self.parent
            if not await manager.is_alive():
                raise RuntimeError("Kernel died before it was ready")
            if time.monotonic() > deadline:
                raise RuntimeError("Kernel was not ready in time")


class KernelManager(AsyncKernelManager):
    """Starts a kernel, a warm one where that is possible."""

    client_factory = Type(KernelClient)
    warm = Bool(True, help="fork it from a process that has the imports done").tag(config=True)
    preload = Unicode(forks.PRELOAD, help="the module that does those imports").tag(config=True)
    environment = Dict(help="variables of this kernel only").tag(config=True)

    async def _async_pre_start_kernel(self, **options: Any) -> Any:
        options["env"] = {**options.get("env", os.environ), **self.environment}
        if self.provisioner is None:
            self.provisioner = Provisioner(kernel_spec=self.kernel_spec, parent=self)
        return await super()._async_pre_start_kernel(**options)

    async def _async_wait(self, pollinterval: float = POLL_SECONDS) -> None:
        await super()._async_wait(pollinterval)


class Provisioner(LocalProvisioner):
    """Starts, kills and cleans up a kernel's process."""

    process: Any = None
    batch: str | None = None
    """The batch that this kernel belongs to."""

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        """Fork the kernel if it is this environment's Python kernel, else start its command."""
        manager: Any = self.parent
        self.batch = options["env"].get(BATCH_VARIABLE)
        is_ours = cmd[0] == sys.executable and LAUNCHER in cmd
        if manager.warm and is_ours and forks.can_fork():
            arguments = cmd[cmd.index(LAUNCHER) + 1 :]
            folder = str(options.get("cwd") or Path.cwd())
            forked = forks.fork_kernel(arguments, options["env"], folder, manager.preload)
            self.process = _Process(forked)
            self.pid = self.pgid = self.process.pid
        else:
            await super().launch_kernel(cmd, **options)
        _running.add(self)
        return self.connection_info

    async def cleanup(self, restart: bool = False) -> None:
        """Also kill the processes that the kernel started, however it ended."""
        if self.pgid and not restart:
            with suppress(ProcessLookupError):
                os.killpg(self.pgid, signal.SIGKILL)
        await super().cleanup(restart)


class _Process:
    """A forked process with what the provisioner uses of `subprocess.Popen`'s interface."""

    stdin = stdout = stderr = None

    def __init__(self, process: BaseProcess) -> None:
        self.pid = process.pid or 0
        self.kill, self.terminate = process.kill, process.terminate
        self._process = process

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self.poll()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


_running: WeakSet[Provisioner] = WeakSet()
