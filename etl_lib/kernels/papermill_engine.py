"""A papermill engine with warm kernels and time limits.

papermill imports this module while it is imported itself: import papermill first.
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
    """papermill's engine with warm kernels, each on sockets in its own private folder."""

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
        """Execute; `environment` is added to the kernel's, `warm=False` starts an ordinary kernel.

        Without `limits` nbclient's `execution_timeout` of a cell applies.
        `write_once` writes the notebook when it has ended, instead of twice a cell. An error from
        outside the cells, such as the death of the kernel, is added to the notebook.
        """
        path = nb_man.output_path
        nb_man.output_path = None if write_once else path
        fixed: dict[str, Any] = {
            "kernel_manager_class": KernelManager,
            # A kernel logs each interrupt as an error
            "extra_arguments": ["--log-level=CRITICAL"],
            # After the last cell nothing is left to write, so nothing is waited for
            "shutdown_kernel": "immediate",
        }
        if limits:
            fixed["timeout_func"] = limits.count_down()
        try:
            with TemporaryDirectory(prefix="etl-") as folder:
                manager = {"warm": warm, "preload": cls.preload, "environment": environment or {}}
                fixed["config"] = Config(KernelManager=manager | _sockets(folder))
                super().execute_managed_notebook(nb_man, kernel_name, **options, **fixed)
        except CellTimeoutError as error:
            words = f"cut at the limit of {limits}" if limits else str(error)
            _add_error(nb_man, CellTimeoutError(words))
        except Exception as error:  # noqa: BLE001  # such as a dead kernel
            _add_error(nb_man, error)
        finally:
            nb_man.output_path = path


def _sockets(folder: str) -> dict[str, str]:
    """The kernel's files in a private folder, so that other users of the machine cannot listen."""
    connection = {"connection_file": f"{folder}/kernel.json"}
    if os.name == "nt":
        return connection
    return connection | {"transport": "ipc", "ip": f"{folder}/kernel"}


def _add_error(nb_man: Any, error: Exception) -> None:
    """Put an error that no cell raised into the last cell that was begun."""
    cells = [cell for cell in nb_man.nb.cells if cell.cell_type == "code"]
    begun = [cell for cell in cells if cell.metadata.papermill["start_time"]] or cells[:1]
    if not begun:
        raise error
    name, text = type(error).__name__, str(error)
    output = new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])
    last = begun[-1]
    # A kernel that is killed may have reported an interrupt, which papermill would raise instead
    others = [other for other in last.outputs if other.output_type != "error"]
    last.outputs = [*others, output]
    nb_man.cell_exception(last)
