"""papermill's engine with warm kernels: `papermill --engine warm`, and the one that `etl run` uses.

papermill imports this module when it is imported itself; whoever needs it imports papermill first.
"""

import os
from tempfile import TemporaryDirectory
from typing import Any

from nbclient.exceptions import CellTimeoutError
from nbformat.v4 import new_output
from papermill.engines import NBClientEngine
from traitlets.config import Config

from etl_lib.kernels.fork import PRELOAD
from etl_lib.kernels.limits import Limits
from etl_lib.kernels.manager import KernelManager


class WarmEngine(NBClientEngine):
    """papermill's engine with warm kernels, each on sockets in a private folder of its own."""

    preload = PRELOAD
    """The module whose imports a warm kernel has done when it starts."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        warm: bool = True,
        environment: dict[str, str] | None = None,
        write_once: bool = False,
        limits: Limits | None = None,
        **options: Any,
    ) -> None:
        """Execute; `environment` is added to the kernel's, `warm=False` starts an ordinary one.

        Without `limits` nbclient's own `execution_timeout` of a cell holds.
        `write_once` writes the notebook when it has ended, well or not, instead of twice a cell.
        What ends a notebook from outside, the death of its kernel say, is told in the notebook.
        """
        path = nb_man.output_path
        with TemporaryDirectory(prefix="etl-") as folder:
            manager = {
                "warm": warm,
                "preload": cls.preload,
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
            if limits:
                fixed["timeout_func"] = limits.count_down()
            nb_man.output_path = None if write_once else path
            try:
                super().execute_managed_notebook(nb_man, kernel_name, **options, **fixed)
            except CellTimeoutError as error:
                words = f"cut at the limit of {limits}" if limits else str(error)
                _tell(nb_man, CellTimeoutError(words))
            except Exception as error:  # noqa: BLE001  # a dead kernel, say
                _tell(nb_man, error)
            finally:
                nb_man.output_path = path


def _tell(nb_man: Any, error: Exception) -> None:
    """Put an error that no cell raised where those of cells are: in the last that was begun."""
    cells = [cell for cell in nb_man.nb.cells if cell.cell_type == "code"]
    begun = [cell for cell in cells if cell.metadata.papermill["start_time"]] or cells[:1]
    if not begun:
        raise error
    name, text = type(error).__name__, str(error)
    told = new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])
    last = begun[-1]
    # A kernel that is being ended may have said that it was interrupted, which papermill would tell
    said = [output for output in last.outputs if output.output_type != "error"]
    last.outputs = [*said, told]
    nb_man.cell_exception(last)
