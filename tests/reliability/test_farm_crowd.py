"""A farm's dates from several processes at once, each with other turbines and signals."""

import json
import subprocess
from collections import Counter
from datetime import datetime
from itertools import product

import pytest
from helpers import DAYS, ETL, execute, stored

from etl_lib.extract.client import open_fonte
from etl_lib.extract.days import find_day
from etl_lib.extract.readings import fetch_readings
from etl_lib.transform.statistics import compute_statistics, to_frame

pytestmark = pytest.mark.usefixtures("services", "project")
FARM = ["T1", "T2", "T3"]
Call = tuple[list[str], list[str], list[str]]
"""The dates, turbines and signals of one `etl run`."""
FEW: list[Call] = [
    (DAYS[:2], ["T1", "T2"], ["power", "wind_speed"]),
    (DAYS[:2], ["T2", "T3"], ["power", "wind_direction"]),
    (DAYS[1:2], FARM, ["wind_speed"]),
]
MANY: list[Call] = [
    (days, turbines, columns)
    for days, turbines, columns in product(
        [DAYS[:3], DAYS[1:4]],
        [FARM[:2], FARM[1:], FARM],
        [["power", "wind_speed"], ["wind_speed", "wind_direction"]],
    )
]
Series = dict[tuple[str, str, datetime], float]
"""Values of turbines' statistics, by turbine, name and bucket."""


def compute(api: str, day: str, turbine: str, columns: list[str]) -> Series:
    """The statistics of one turbine's day, computed from its readings alone."""
    with open_fonte(api) as fonte:
        found = find_day(fonte, day, [turbine])
        readings = fetch_readings(fonte, found.start, found.end, columns, [turbine])
    frame = to_frame(compute_statistics(readings)).loc[turbine].drop(columns="expected")
    return {
        (turbine, name, stamp.to_pydatetime()): value
        for name, series in frame.items()
        for stamp, value in series.dropna().items()
    }


def start(call: Call) -> subprocess.Popen[str]:
    days, turbines, columns = call
    command = [*ETL, "run", days[0], days[-1], "--force", "--turbines", *turbines]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen([*command, "--columns", *columns], **pipes)


@pytest.mark.soak
def test_other_turbines_at_once(
    farm_api: str, alvo_url: str, soak: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loads of one date with other turbines and signals end as if run one after the other."""
    monkeypatch.setenv("FONTE_API_URL", farm_api)
    calls = MANY if soak else FEW
    for one in [start(call) for call in calls]:
        shown, _ = one.communicate(timeout=600)
        assert one.returncode == 0, shown
        assert "Traceback" not in shown

    expected: Series = {}
    for days, turbines, columns in calls:
        for day, turbine in product(days, turbines):
            expected |= compute(farm_api, day, turbine, columns)
    assert {(row[0], row[1], row[3]): row[4] for row in stored(alvo_url)} == expected

    ledger = execute(alvo_url, "SELECT date::text, turbines, columns, added FROM run")
    found = Counter((day, *turbines, *columns) for day, turbines, columns, _ in ledger)
    asked = Counter((day, *turbines, *columns) for days, turbines, columns in calls for day in days)
    assert found == asked
    assert sum(added for *_, added in ledger) == len(expected)
    assert execute(alvo_url, "SELECT FROM run WHERE changed > 0 OR removed > 0") == []
    assert_status(sorted({day for days, *_ in calls for day in days}))


def assert_status(days: list[str]) -> None:
    """Each date is loaded, with a report, and lacks no turbine."""
    shown = subprocess.run([*ETL, "status", "--json"], capture_output=True, check=True)
    known = {day["date"]: day for day in json.loads(shown.stdout)}
    for day in days:
        found = known[day]
        assert (found["state"], found["turbines"], found["lacking"]) == ("loaded", FARM, [])
        assert found["report"]
    command = [*ETL, "status", days[0], days[-1]]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    counts = [line.split()[3:6] for line in table.splitlines()[1:]]
    assert counts == [["3", "of", "3"]] * len(days)
