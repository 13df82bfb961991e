"""What people wait for, with a farm's year in Fonte beside ten of its days."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import date
from functools import partial
from pathlib import Path

from benchmarks.farm import TURBINES, served
from benchmarks.measure import ROOT, Row, compare
from etl_lib.orchestration.status import find_wanted
from etl_lib.runs.notebook import Plan
from etl_lib.services import postgresql
from pgarrow.sessions import open_engine

SIGNALS = ["wind_speed", "power", "ambient_temperature"]
LAST = date(2024, 5, 21)
"""The newest day of each Fonte."""
DAYS = {"a farm's year": 365, "ten days": 10}
PORTS = (8772, 8773)
COPY = """
    INSERT INTO data (timestamp, {columns})
    SELECT timestamp - n * interval '1 day', {columns}
    FROM data, generate_series({first}, {last}) AS n
    WHERE timestamp >= '{newest}'
"""
PART = 30
"""Days that one transaction copies."""


def main() -> list[Row]:
    """A date, the status, the index and a sensor's look, each with both Fontes, taking turns."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        plans = {}
        for (name, days), port in zip(DAYS.items(), PORTS, strict=True):
            home = Path(folder) / str(days)
            shutil.copytree(ROOT / "notebooks", home / "notebooks")
            (home / "runs").mkdir()
            stack.callback(postgresql.stop_database, home)
            plans[name] = stack.enter_context(served(home, port, TURBINES, SIGNALS))
            grow(plans[name], days)
            etl(plans[name], "index")  # the first look, and the kernels' byte code
            etl(plans[name], "run", str(LAST), "--columns", *SIGNALS)
        works = {
            "etl run of a farm's date": ("run", str(LAST), "--force", "--columns", *SIGNALS),
            "etl status": ("status",),
            "etl index": ("index",),
        }
        rows = []
        for what, arguments in works.items():
            ways = {name: partial(etl, plan, *arguments) for name, plan in plans.items()}
            rows += compare(what, "a farm's year", ways, repeats=5, aim=1.2)
        looks = {name: partial(find_wanted, addresses(plan)) for name, plan in plans.items()}
        return rows + compare("a look of Dagster's sensor", "a farm's year", looks, 5, 1.2)


def grow(plan: Plan, days: int) -> None:
    """Copy Fonte's day to the days before it."""
    engine = open_engine(str(plan.settings.alvo_database_url).replace("Alvo", "Fonte"))
    columns = ", ".join(["turbine", "wind_direction", *SIGNALS])
    for first in range(1, days, PART):
        last = min(first + PART, days) - 1
        with engine.begin() as connection:
            given = {"columns": columns, "first": first, "last": last, "newest": LAST}
            connection.exec_driver_sql(COPY.format(**given))
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE data")
    engine.dispose()


def addresses(plan: Plan) -> dict[str, str]:
    """The services of a plan, as Dagster has them."""
    return {
        "fonte_api_url": plan.settings.fonte_api_url or "",
        "alvo_database_url": plan.settings.alvo_database_url or "",
        "etl_runs": str(plan.archive.location),
    }


def etl(plan: Plan, *arguments: str) -> None:
    """Run a command in the project of a plan."""
    environment = os.environ | {name.upper(): value for name, value in addresses(plan).items()}
    subprocess.run(
        [sys.executable, "-m", "etl_lib.cli", *arguments],
        env=environment | {"ETL_HOME": str(plan.home)},
        stdout=subprocess.DEVNULL,
        check=True,
    )


if __name__ == "__main__":
    print(*main(), sep="\n")
