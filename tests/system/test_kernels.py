"""Kernels forked from a process with the imports done: fresh, isolated, and the same to look at."""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
import pytest
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from etl_lib.kernels import fork as forks

Execute = Callable[..., list[Any]]
FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.title('a figure')"


def notebook(*sources: str) -> NotebookNode:
    made = nbformat.v4.new_notebook()
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python", "language": "python"}
    made.cells = [nbformat.v4.new_code_cell(source, id=f"c{n}") for n, source in enumerate(sources)]
    return made


@pytest.fixture
def execute(tmp_path: Path) -> Execute:
    """Runs cells in a kernel of their own; returns the outputs of each."""

    def execute(*sources: str, **options: Any) -> list[Any]:
        ran = papermill.execute_notebook(
            notebook(*sources),
            tmp_path / "out.ipynb",
            engine_name="warm",
            kernel_name="python3",
            progress_bar=False,
            **options,
        )
        return [cell.outputs for cell in ran.cells]

    return execute


def text(outputs: list[Any]) -> str:
    return "".join(output.get("text") or output["data"]["text/plain"] for output in outputs)


def test_preloaded(execute: Execute) -> None:
    """A kernel has its imports before it starts."""
    look = "import sys\n{'pandas', 'duckdb', 'matplotlib.pyplot'} <= set(sys.modules)"
    assert text(execute(look)[0]) == "True"
    assert text(execute(look, warm=False)[0]) == "False"


@pytest.mark.parametrize("warm", [True, False])
def test_figure_once(execute: Execute, *, warm: bool) -> None:
    """A figure is drawn and shown once."""
    count = (
        "from matplotlib import pyplot as plt\nfrom matplotlib.figure import Figure\n"
        "drawn, draw = [], Figure.draw\n"
        "Figure.draw = lambda self, renderer: (drawn.append(1), draw(self, renderer))[1]"
    )
    shown = execute(count, "plt.plot([1, 2]);", "len(drawn), plt.get_fignums()", warm=warm)
    assert [sorted(output["data"]) for output in shown[1]] == [["image/png", "text/plain"]]
    assert text(shown[2]).endswith(", [])")
    if warm:  # an ordinary kernel draws for its display hook, too
        assert text(shown[2]) == "(2, [])"  # once to measure it, once as the image


def test_isolated(execute: Execute) -> None:
    """Nothing of one notebook reaches the next."""
    change = [
        "here = 1\nimport os, pandas, matplotlib.pyplot as plt, etl_lib",
        "os.environ['LEFT'] = 'behind'\nos.chdir('/')\npandas.LEFT = etl_lib.LEFT = 'behind'",
        "plt.rcParams['lines.linewidth'] = 99\nplt.figure(77)\nplt.ioff();",
    ]
    execute(*change)
    look = (
        "import os, pandas, matplotlib.pyplot as plt, etl_lib\n"
        "['here' in globals(), 'LEFT' in os.environ, os.getcwd() == '/', hasattr(pandas, 'LEFT'),\n"
        "hasattr(etl_lib, 'LEFT'), plt.rcParams['lines.linewidth'] == 99, plt.get_fignums()]"
    )
    assert text(execute(look)[0]) == str([False] * 6 + [[]])


def test_environment_and_folder(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel has the environment and the folder that it is given."""
    monkeypatch.setenv("OURS", "1")
    before = dict(os.environ)
    look = "import os\nprint(os.environ['OURS'], os.environ['ITS'], os.getcwd())"
    folder = {"metadata": {"path": str(tmp_path)}}
    said = execute(look, environment={"ITS": "2"}, resources=folder)
    assert text(said[0]) == f"1 2 {tmp_path}\n"
    assert dict(os.environ) == before
    monkeypatch.delenv("OURS")  # after the process that is forked from has started
    assert text(execute("import os\nos.environ.get('OURS', 'gone')")[0]) == "'gone'"


def test_time_zone(execute: Execute) -> None:
    """The environment's time zone applies in the kernel."""
    said = execute("import time\ntime.tzname[0]", environment={"TZ": "XYZ-5"})
    assert text(said[0]) == "'XYZ'"


def test_kernels_draw_different_random_numbers(execute: Execute) -> None:
    draw = "import random, numpy\n(random.random(), numpy.random.rand())"
    first, second = (eval(text(execute(draw)[0])) for _ in range(2))
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_warm_equals_cold(execute: Execute) -> None:
    """A warm and an ordinary kernel give the same notebook."""
    cells = [
        FIGURE,
        "import pandas as pd\npd.DataFrame({'a': [1, 2.5]})",
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\n__name__, sys.argv, sys.path",
        "%matplotlib inline\nimport matplotlib\nmatplotlib.get_backend()",
        "from matplotlib_inline.backend_inline import set_matplotlib_formats\n"
        "set_matplotlib_formats('retina')\nplt.figure(figsize=(2, 1)).text(0, 0, 'x');",
        "import warnings\nwarnings.warn('mind')\nplt.rcParams['figure.figsize']",
        "from IPython.display import display, HTML\ndisplay(HTML('<b>b</b>'), display_id='one')",
    ]
    warm, ordinary = execute(*cells), execute(*cells, warm=False)
    assert [[o["output_type"] for o in cell] for cell in warm] == [
        [o["output_type"] for o in cell] for cell in ordinary
    ]
    for mine, other in zip(warm, ordinary, strict=True):
        assert without_places(mine) == without_places(other)


def without_places(outputs: list[Any]) -> str:
    """The outputs as text, without what differs from process to process."""
    import re

    return re.sub(r"ipykernel_\d+/\d+|kernel\.json|/tmp/etl-\w+", "", str(outputs))


def test_figure(execute: Execute) -> None:
    """The figure of a warm kernel is in the notebook."""
    (outputs,) = execute(FIGURE)
    assert "image/png" in outputs[-1]["data"]


def test_long_output(execute: Execute) -> None:
    """A cell with a long output keeps every line."""
    (said,) = execute("for n in range(100_000): print(n)")
    assert text(said).split() == [str(n) for n in range(100_000)]


def test_running_event_loop(execute: Execute) -> None:
    """A notebook can be run inside a running event loop."""

    async def run() -> list[Any]:
        return execute("1 + 1")

    assert text(asyncio.run(run())[0]) == "2"


def test_error_as_papermill(execute: Execute, tmp_path: Path) -> None:
    """An error is raised as papermill raises it."""
    with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
        execute("1 / 0")
    assert "ZeroDivisionError" in (tmp_path / "out.ipynb").read_text()


def test_dead_kernel(execute: Execute, tmp_path: Path) -> None:
    """A kernel that dies affects no other, and its notebook shows the cell."""
    with pytest.raises(PapermillExecutionError, match="DeadKernelError: Kernel died"):
        execute("'before'", "import ctypes\nctypes.string_at(0)", "'after'", write_once=True)
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    outputs = {cell.source: cell.outputs for cell in cells if cell.cell_type == "code"}
    before, died, after = outputs.values()
    assert text(before) == "'before'"
    assert died[-1].ename == "DeadKernelError"
    assert after == []
    assert text(execute("'alive'")[0]) == "'alive'"


@pytest.mark.parametrize("warm", [True, False])
def test_cell_limit(execute: Execute, tmp_path: Path, warm: bool) -> None:
    """A cell over its time limit is cut, and its kernel ends."""
    pid = tmp_path / "pid"
    cell = f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    with pytest.raises(PapermillExecutionError, match="CellTimeoutError: A cell timed out"):
        execute(cell, warm=warm, execution_timeout=3)
    assert not psutil.pid_exists(int(pid.read_text()))


@pytest.mark.parametrize("warm", [True, False])
def test_child_processes(execute: Execute, warm: bool) -> None:
    """Processes that a notebook started end with its kernel."""
    start = "import subprocess\nprint(subprocess.Popen(['sleep', '1000']).pid)"
    child = int(text(execute(start, warm=warm)[0]))
    deadline = time.monotonic() + 5
    while psutil.pid_exists(child) and psutil.Process(child).status() != "zombie":
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("warm", [True, False])
def test_children_of_dead_kernel(execute: Execute, tmp_path: Path, warm: bool) -> None:
    """Processes that a notebook started end when its kernel is killed."""
    pid = tmp_path / "pid"
    cell = (
        "import os, subprocess\n"
        f"open({str(pid)!r}, 'w').write(str(subprocess.Popen(['sleep', '1000']).pid))\n"
        "os.kill(os.getpid(), 9)"
    )
    with pytest.raises(PapermillExecutionError, match="DeadKernelError"):
        execute(cell, warm=warm)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(int(pid.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_dead_caller(tmp_path: Path) -> None:
    """Killed with -9, the runner leaves no kernel, and no process to fork from."""
    path = tmp_path / "long.ipynb"
    nbformat.write(notebook("import os\nprint(os.getpid())", "import time\ntime.sleep(100)"), path)
    command = [sys.executable, "-m", "papermill", "--engine", "warm", str(path), str(path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as runner:
        deadline = time.monotonic() + 60
        while "stdout" not in path.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        started = psutil.Process(runner.pid).children(recursive=True)
        kernel = int(text(nbformat.read(path, as_version=4).cells[0].outputs))
        assert kernel in [process.pid for process in started]
        runner.kill()
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []


def test_papermills_own_command_has_the_engine(tmp_path: Path) -> None:
    path, out = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    nbformat.write(notebook("import sys\n{'duckdb', 'papermill'} & set(sys.modules)"), path)
    command = [sys.executable, "-m", "papermill", "--engine", "warm", str(path), str(out)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert text(nbformat.read(out, as_version=4).cells[0].outputs) == "{'duckdb'}"
    assert "plain text" not in ended.stderr  # sockets in a private folder, and no word on TCP


def test_main_module(tmp_path: Path) -> None:
    """A kernel does not run the caller's main module."""
    nbformat.write(notebook("1"), tmp_path / "in.ipynb")
    script = tmp_path / "script.py"
    script.write_text(
        "import papermill\n"
        "print('started')\n"
        "for n in range(2):\n"
        "    papermill.execute_notebook('in.ipynb', None, engine_name='warm', progress_bar=False)\n"
    )
    ended = subprocess.run(
        [sys.executable, script.name], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert ended.stdout == "started\n"


def test_no_fork(execute: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be forked, the kernel is an ordinary one."""
    monkeypatch.setattr(forks, "can_fork", lambda: False)
    assert text(execute("import sys\n'duckdb' in sys.modules")[0]) == "False"


def test_daemonic_process() -> None:
    """A daemonic process forks nothing."""
    child = multiprocessing.get_context("fork").Process(target=exit_unless_ordinary, daemon=True)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert forks.can_fork()


def exit_unless_ordinary() -> None:
    os._exit(int(forks.can_fork()))


def test_preload_is_passive() -> None:
    """The preloaded modules start no thread and open no connection."""
    code = (
        "import etl_lib.kernels.preload, threading, psutil\n"
        "print(len(threading.enumerate()), len(psutil.Process().net_connections()))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "1 0\n"


def test_abandoned_kernel(tmp_path: Path) -> None:
    """A kernel that nobody waits for ends without output."""
    code = """
import os
from etl_lib.kernels import fork as forks

if __name__ == "__main__":
    gone = os.path.join(os.getcwd(), "gone", "kernel.json")
    kernel = forks.fork_kernel(["-f", gone], {**os.environ, "MPLBACKEND": forks.INLINE}, ".")
    kernel.join(60)
    print(kernel.exitcode)
    kernel.kill()
"""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("1\n", "")
    assert list(tmp_path.iterdir()) == []


def test_vanished_directory(tmp_path: Path) -> None:
    """The process that kernels fork from survives the end of the directory it began in."""
    code = (
        "import multiprocessing, os, sys\n"
        "from etl_lib.kernels import fork\n"
        "fork.prepare()\n"
        "os.rmdir(os.getcwd())\n"
        "os.chdir('/')\n"
        "forked = multiprocessing.get_context('forkserver').Process(target=int)\n"
        "forked.start()\n"
        "forked.join()\n"
        "sys.exit(forked.exitcode)\n"
    )
    folder = tmp_path / "gone"
    folder.mkdir()
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
