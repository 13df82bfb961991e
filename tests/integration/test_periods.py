"""Periods of small farms: what is missing, what people excluded, and what Alvo lacks."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import httpx2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from helpers import transfer
from sqlalchemy import Engine

import etl_lib
from etl_lib.analysis.period_summary import PeriodSummary
from etl_lib.analysis.reference import Reference
from etl_lib.errors import ParameterError
from etl_lib.load.exclusions import add_exclusions
from etl_lib.load.period import Period

FIRST = date(2024, 5, 1)
SIGNALS = ["wind_speed", "power"]
Put = Callable[[pa.Table], None]


@pytest.fixture
def load(put_readings: Put, fonte: httpx2.Client, alvo: Engine) -> Iterator[Callable[..., None]]:
    """Puts ten-minute readings of some days into Fonte, and loads some of the days."""

    def load(turbines: str, days: int, loaded: list[int], signals: list[str] = SIGNALS) -> None:
        stamps = pd.date_range(FIRST, periods=144 * days, freq="10min", tz="UTC", unit="us")
        for turbine in turbines.split():
            columns = {"timestamp": stamps, "turbine": [turbine] * len(stamps)}
            wind = 6 + 3 * np.sin(np.arange(len(stamps)) / 20)
            values = {"wind_speed": wind, "power": 100 * wind, "ambient_temperature": wind}
            put_readings(pa.table(columns | {name: values[name] for name in signals}))
        for day in loaded:
            transfer(fonte, alvo, FIRST + timedelta(days=day - 1), signals)

    yield load


def findings(period: Period) -> list[str]:
    return summarize(period, etl_lib.choose_reference(period)).findings


def summarize(period: Period, reference: Reference | None = None) -> PeriodSummary:
    return etl_lib.summarize_period(period, etl_lib.measure_period(period, reference))


def test_days_that_are_not_loaded(
    load: Callable[..., None], fonte: httpx2.Client, alvo: Engine
) -> None:
    """Days that nobody loaded are named as such, and are no gaps."""
    load("T1 T2", 6, [2, 3, 6])
    period = etl_lib.read_period(fonte, alvo, "2024-05-01", "2024-05-07")
    assert str(period) == "2024-05-01 to 2024-05-07: 2 turbines; 3 of 7 days are loaded"
    assert findings(period) == [
        "4 days are not loaded: 2024-05-01, 2024-05-04 to 2024-05-05 and 2024-05-07;"
        " `etl run 2024-05-01 2024-05-07` loads what Fonte has."
    ]
    summary = summarize(period)
    assert summary.coverage == pytest.approx(3 / 7)
    assert (summary.days, [*summary.runs]) == (3, [date(2024, 5, day) for day in (2, 3, 6)])
    assert summary.loaded == {"T1": 3, "T2": 3}


def test_gaps_and_exclusions(load: Callable[..., None], fonte: httpx2.Client, alvo: Engine) -> None:
    """Missing readings are reported as a gap; excluded ones are not, but lower the coverage."""
    load("T1 T2", 1, [1])
    start = datetime(2024, 5, 1, 3, tzinfo=UTC)
    with alvo.begin() as connection:
        connection.exec_driver_sql(
            "DELETE FROM data USING signal WHERE id = signal_id AND turbine = 'T1'"
            " AND timestamp >= '2024-05-01T10:00Z' AND timestamp < '2024-05-01T12:00Z'"
        )
    end = start + timedelta(hours=2)
    add_exclusions(alvo, "T2", start, end, reason="ice", author="me")
    period = etl_lib.read_period(fonte, alvo, "2024-05-01")
    assert findings(period) == [
        "T1 has no readings from 2024-05-01 10:00 to 12:00.",
        "People excluded 1 period, which counts as missing.",
    ]
    table = etl_lib.measure_period(period, None).turbines
    assert list(table["coverage"]) == pytest.approx([22 / 24] * 2)
    assert list(table["hours_with_power"]) == pytest.approx([22.0] * 2)


def test_no_wind_and_no_power(
    load: Callable[..., None], fonte: httpx2.Client, alvo: Engine
) -> None:
    """Of a farm without either the page has what there is: coverage and gaps."""
    load("T1", 1, [1], ["ambient_temperature"])
    period = etl_lib.read_period(fonte, alvo, "2024-05")
    assert etl_lib.choose_reference(period) is None
    summary = summarize(period)
    assert (summary.energy, summary.lost_energy) == (None, None)
    assert summary.coverage == pytest.approx(1 / 31)
    assert [what.partition(";")[0] for _, what in summary.headline] == ["coverage"]


def test_changes(load: Callable[..., None], fonte: httpx2.Client, alvo: Engine) -> None:
    """A day is compared with the day before, of which it says how much is there."""
    load("T1", 2, [1, 2])
    period = etl_lib.read_period(fonte, alvo, "2024-05-02")
    energy = etl_lib.measure_period(period, None).total["energy"]
    with alvo.begin() as connection:
        connection.exec_driver_sql("DELETE FROM data WHERE timestamp < '2024-05-01T12:00Z'")
    period = etl_lib.read_period(fonte, alvo, "2024-05-02")
    assert etl_lib.measure_period(period, None).total["energy"] == energy
    before = period.before["power_mean"].sum() / 6
    more = f"{energy / before - 1:.0%}"
    [(_, told), *_] = summarize(period).headline
    assert told == (
        f"energy; {more} more than on 2024-05-01, which has 50% of its readings; no data of"
        " 2023-05-02 to compare with"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("2024-06",), "Alvo holds nothing of June 2024: load it with `etl run 2024-06-01"),
        (("2024-05", None, ["T1", "X"]), "turbines: expected some of T1; got X"),
        (("2024-04",), "Alvo holds nothing of April 2024"),
        (("May",), "start: expected a day, month or year"),
    ],
)
def test_refused(
    load: Callable[..., None],
    fonte: httpx2.Client,
    alvo: Engine,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    """A period of which Alvo holds nothing, and turbines that nobody knows."""
    load("T1", 1, [1])
    with pytest.raises(ParameterError, match=message):
        etl_lib.read_period(fonte, alvo, *arguments)
