"""How long `make run` takes for a date when everything is installed and Fonte is filled.

Beside it: papermill's command line on a notebook without cells, which is the floor of any
executed notebook.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import nbformat

ROOT = Path(__file__).parent.parent
REPEATS = 3


def main() -> None:
    """Take turns between both and print their medians and the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shutil.copytree(ROOT / "notebooks", home / "notebooks")
        empty = home / "empty.ipynb"
        nbformat.write(nbformat.v4.new_notebook(), empty)
        papermill = [sys.executable, "-m", "papermill", "-k", "python3", str(empty), os.devnull]
        make = ["make", "-C", str(ROOT), "run"]
        seconds(make, home)  # the first date makes the databases
        runs, floors = [], []
        for day in range(21, 21 + REPEATS):
            runs.append(seconds([*make, f"DATE=2024-05-{day}"], home))
            floors.append(seconds(papermill, home))
    print(f"one date, median of {REPEATS}")
    print(f"  make run                       {median(runs):.1f} s   (aim: at most 8)")
    print(f"  papermill on an empty notebook {median(floors):.1f} s")
    print(f"  ratio                          {median(runs) / median(floors):.1f}")


def seconds(command: list[str], home: Path) -> float:
    """How long a command takes in a project of its own."""
    start = time.perf_counter()
    environment = os.environ | {"ETL_HOME": str(home)}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
