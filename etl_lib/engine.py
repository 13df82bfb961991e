"""papermill's engine with warm kernels: `papermill --engine warm`, and the one that `etl run` uses.

papermill imports this module when it is imported itself; whoever needs it imports papermill first.
"""

import os
from tempfile import TemporaryDirectory
from typing import Any

from papermill.engines import NBClientEngine
from traitlets.config import Config

from etl_lib.kernels import KernelManager


class WarmEngine(NBClientEngine):
    """papermill's engine with warm kernels, each on sockets in a private folder of its own."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        warm: bool = True,
        environment: dict[str, str] | None = None,
        write_once: bool = False,
        **options: Any,
    ) -> Any:
        """Execute; `environment` is added to the kernel's, `warm=False` starts an ordinary one.

        `write_once` writes the notebook when it has ended, well or not, instead of twice a cell.
        """
        path = nb_man.output_path
        with TemporaryDirectory(prefix="etl-") as folder:
            manager = {
                "warm": warm,
                "environment": environment or {},
                "connection_file": f"{folder}/kernel.json",
            }
            if os.name != "nt":  # nobody else on the machine can listen in
                manager |= {"transport": "ipc", "ip": f"{folder}/kernel"}
            fixed = {
                "config": Config(KernelManager=manager),
                "kernel_manager_class": KernelManager,
                # What a kernel logs of an interrupt is no news to whoever interrupted it
                "extra_arguments": ["--log-level=CRITICAL"],
                # All that lasts is written when the last cell ends: no farewell is waited for
                "shutdown_kernel": "immediate",
            }
            nb_man.output_path = None if write_once else path
            try:
                return super().execute_managed_notebook(nb_man, kernel_name, **options, **fixed)
            finally:
                nb_man.output_path = path
