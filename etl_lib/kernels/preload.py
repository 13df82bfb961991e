"""The imports that every notebook's kernel needs, done once in the process that kernels fork from.

A project's own preload module imports this one first, then its own libraries, then calls
`freeze`. None of them may start a thread or open a connection: neither survives a fork.
"""

import atexit
import gc
import io
import os
import sys
from importlib import import_module

gc.disable()  # imports make objects by the hundred thousand, and no garbage
os.environ["MPLBACKEND"] = "agg"  # a kernel sets its own
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # ipykernel's debugger warns at length without
PATH = [entry for entry in sys.path if entry]
"""Where modules are found; multiprocessing puts the caller's into each process that it forks."""
sys.path[:] = PATH  # without the working directory, which may vanish during these imports
MODULES = (
    *("ipykernel.debugger", "ipykernel.ipkernel", "ipykernel.kernelapp", "ipykernel.zmqshell"),
    *("IPython.core.completerlib", "IPython.core.debugger", "IPython.core.magics.execution"),
    *("IPython.core.oinspect", "IPython.extensions.storemagic", "sqlite3"),
    *("tornado.platform.asyncio", "importlib.readers"),
    *("matplotlib.pyplot", "matplotlib.backends.backend_svg", "matplotlib_inline.backend_inline"),
)
for name in MODULES:
    import_module(name)


def freeze() -> None:
    """End the preload: draw a first figure, and keep the objects out of every later collection."""
    from matplotlib import pyplot as plt
    from matplotlib.backends.registry import backend_registry

    # The first figure finds the fonts and the image writers
    backend_registry.list_all()  # type: ignore[no-untyped-call]
    plt.switch_backend("agg")
    plt.imshow([[0]])
    plt.savefig(io.BytesIO(), format="svg")
    plt.close("all")
    gc.freeze()  # a kernel's first collection would copy all of this
    gc.enable()
    atexit.register(os._exit, 0)  # there is nothing to clean up, and frozen objects look leaked
