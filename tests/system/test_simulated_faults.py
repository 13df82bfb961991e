"""The pages of a simulated farm: each fault that it has is found on one, and nothing else."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from helpers import drop_database, execute, serve

from etl_lib.archive.store import open_archive
from etl_lib.runs.batch import run_dates
from etl_lib.runs.date import Outcome
from etl_lib.runs.notebook import Plan
from etl_lib.runs.pools import threads
from etl_lib.settings import Settings
from etl_lib.transform.states import TurbineState
from fonteapi import database, table
from fonteapi.settings import Settings as FonteSettings

FIRST = date(2024, 5, 20)
DERATED, STUCK, OUTAGE, GAP = (FIRST + timedelta(days=n) for n in (0, 2, 8, 9))
HOURS = """
    SELECT turbine, value, count(*) / 6.0 FROM statistics
    WHERE signal = 'state' AND timestamp >= '{day}' AND timestamp < '{day}'::timestamptz + '1 day'
    GROUP BY 1, 2
"""


@pytest.fixture
def outcomes(
    new_database: Callable[[], str], alvo_url: str, project: Path
) -> Iterator[dict[date, Outcome]]:
    """The ten days of a farm whose derated turbine has wind enough, each by its notebook."""
    url = new_database()
    settings = FonteSettings(database_url=url, days=10, turbines=5, seed=2)
    fonte = database.open_fonte(settings)
    table.fill_if_empty(fonte, settings)
    fonte.engine.dispose()
    addresses = Settings(fonte_api_url=serve(settings), alvo_database_url=alvo_url)
    plan = Plan(["wind_speed", "power"], addresses, project, open_archive(project / "runs"))
    with threads(2) as pool:
        days = [FIRST + timedelta(days=n) for n in range(10)]
        yield {outcome.date: outcome for outcome in run_dates(pool, days, plan)}
    drop_database(url)


def hours(alvo_url: str, day: date) -> dict[tuple[str, TurbineState], float]:
    rows = execute(alvo_url, HOURS.format(day=f"{day}T00:00Z"))
    return {(turbine, TurbineState(int(state))): float(hours) for turbine, state, hours in rows}


def test_faults(outcomes: dict[date, Outcome], alvo_url: str) -> None:
    """The stuck anemometer is flagged; derating, outage and gap are states of their turbines."""
    summaries: dict[date, Any] = {day: one.summary for day, one in outcomes.items()}
    assert not any(one.error for one in outcomes.values())
    flagged = {day: found.tests for day, found in summaries.items() if found.tests}
    assert list(flagged) == [STUCK]
    assert flagged[STUCK].keys() == {"T3"}
    assert flagged[STUCK]["T3"]["wind_speed"]["flat"] == 360
    assert summaries[STUCK].suspects == ["T3"]
    page = Path(str(outcomes[STUCK].report)).read_text()
    assert "T3's wind speed did not change from 06:00 to 11:59" in page

    derated = hours(alvo_url, DERATED)
    assert 2 < derated.pop(("T2", TurbineState.DERATED)) < 6
    assert {state for _, state in derated} <= {TurbineState.RUNNING, TurbineState.STOPPED}
    outage = hours(alvo_url, OUTAGE)
    assert 3 < outage.pop(("T4", TurbineState.IDLE)) <= 8
    assert TurbineState.IDLE not in {state for _, state in outage}
    gap = hours(alvo_url, GAP)
    assert sum(count for (turbine, _), count in gap.items() if turbine == "T5") == 18
    for day, what in ((DERATED, "derated"), (OUTAGE, "idle"), (GAP, "no data")):
        assert f">{what}, h</th>" in Path(str(outcomes[day].report)).read_text()
