"""JupyterLab: what its server loads, a hook that keeps runs out of the project's notebooks.

No notebook imports this, and nothing here reads or writes data.
"""

from typing import Any

from etl_lib.lab.saving import strip_run

__all__ = ["strip_run"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """What Jupyter's server asks: `jupyter_server_config.json`, beside this, names the module."""
    return [{"module": "etl_lib.lab"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Strip notebooks when they are saved."""
    server.contents_manager.register_pre_save_hook(strip_run)
