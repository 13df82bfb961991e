"""What a day's notebook needs, imported once in the process that kernels are forked from.

Nothing here may start a thread or open a connection: neither survives a fork.
"""

import atexit
import gc
import io
import os
import sys
from importlib import import_module

gc.disable()  # imports make objects by the hundred thousand, and no garbage
os.environ["MPLBACKEND"] = "agg"  # a kernel has its own
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # or ipykernel's debugger says so much
PATH = [entry for entry in sys.path if entry]
"""Where modules are found; multiprocessing puts the caller's into each process that it forks."""
MODULES = (
    *("ipykernel.debugger", "ipykernel.ipkernel", "ipykernel.kernelapp", "ipykernel.zmqshell"),
    *("IPython.core.completerlib", "IPython.core.debugger", "IPython.core.magics.execution"),
    *("IPython.core.oinspect", "IPython.extensions.storemagic", "sqlite3"),
    *("tornado.platform.asyncio", "httpcore2", "truststore", "importlib.readers"),
    *("matplotlib.pyplot", "matplotlib.backends.backend_svg", "matplotlib_inline.backend_inline"),
    *("pandas.core.reshape.reshape", "pandas.io.formats.html", "adbc_driver_postgresql.dbapi"),
    *("psycopg2.extras", "sqlalchemy.dialects.postgresql.psycopg2", "etl_lib.services.local"),
)
for name in MODULES:
    import_module(name)

import etl_lib  # noqa: E402
from etl_lib.settings import code_version  # noqa: E402

for name in etl_lib.__all__:  # each is imported when it is first asked for
    getattr(etl_lib, name)
code_version()  # of what is imported here

from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.backends.registry import backend_registry  # noqa: E402

# The first figure finds the fonts, and what writes images
backend_registry.list_all()  # type: ignore[no-untyped-call]
plt.switch_backend("agg")
plt.imshow([[0]])
plt.savefig(io.BytesIO(), format="svg")
plt.close("all")

gc.freeze()  # or a kernel's first collection copies all of this
gc.enable()
atexit.register(os._exit, 0)  # there is nothing to tidy, and what is frozen would look leaked
