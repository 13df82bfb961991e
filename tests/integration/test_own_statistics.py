"""A source's own statistics, and signals on change, from Fonte's table to Alvo."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import numpy as np
import pyarrow as pa
import pytest
from helpers import CATALOGUE, execute
from sqlalchemy import Engine

from etl_lib.archive.store import open_archive
from etl_lib.extract.days import fetch_days, find_day
from etl_lib.extract.readings import fetch_before, fetch_readings
from etl_lib.load.day import load_day
from etl_lib.load.reading import read_statistics, verify_load
from etl_lib.load.records import LoadedDay
from etl_lib.runs.date import run_date
from etl_lib.runs.notebook import Plan
from etl_lib.settings import Settings
from etl_lib.transform.statistics import compute_statistics, to_frame
from fonteapi import table
from fonteapi.database import ON_CHANGE, Fonte, UnfitFonteError
from pgarrow.sessions import open_engine

START = datetime(2024, 5, 20, tzinfo=UTC)
FIRST, SECOND = date(2024, 5, 20), date(2024, 5, 21)
OWN = ["power.min", "power.max", "power.std"]
Put = Callable[[pa.Table], None]


@contextmanager
def open_table(url: str) -> Iterator[Fonte]:
    engine = open_engine(url)
    yield Fonte(engine, CATALOGUE)
    engine.dispose()


@pytest.fixture
def own(fonte_url: str) -> str:
    """The test's Fonte with columns for what a source has of power."""
    with open_table(fonte_url) as fonte:
        table.create_table(fonte, ["power", *OWN])
    return fonte_url


def rows(seconds: Any, **columns: Any) -> pa.Table:
    """Readings from `START` on."""
    stamps = [START + timedelta(seconds=float(second)) for second in seconds]
    stamp = pa.array(stamps, pa.timestamp("us", "UTC"))
    return pa.table({"timestamp": stamp} | columns)


def ten_minutes(days: int = 1) -> pa.Table:
    """Ten-minute means of power with what their source has of each."""
    random, count = np.random.default_rng(4), 144 * days
    mean = random.uniform(100, 2000, count)
    low, high = mean - random.uniform(0, 90, count), mean + random.uniform(0, 90, count)
    values = dict(zip(OWN, (low, high, random.uniform(0, 50, count)), strict=True))
    return rows(np.arange(count) * 600, power=mean, **values)


def bursts(days: int = 1) -> pa.Table:
    """1000 kW for nine minutes in a row of their own, then 100 kW in a row a second."""
    minutes = np.arange(0, 86_400 * days, 600)
    seconds = np.sort(np.concatenate([minutes, *(minutes + 540 + n for n in range(60))]))
    return rows(seconds, power=np.where(seconds % 600 == 0, 1000.0, 100.0))


def transfer(fonte: httpx2.Client, alvo: Engine, day: date = FIRST) -> LoadedDay:
    """One day of power as the notebook moves it."""
    found = find_day(fonte, day.isoformat())
    readings = fetch_readings(fonte, found.start, found.end, ["power"], found.turbines)
    before = fetch_before(fonte, found, readings)
    computed = compute_statistics(readings, before=before)
    load = load_day(alvo, found, computed, readings=readings.num_rows)
    assert verify_load(alvo, found, to_frame(computed)) == load.statistics
    return load


def test_columns(own: str) -> None:
    """They are columns of the table, of numbers that may be missing, with their unit."""
    found = execute(
        own,
        "SELECT attname, atttypid::regtype::text, attnotnull, col_description(attrelid, attnum)"
        " FROM pg_attribute WHERE attrelid = 'data'::regclass AND attname LIKE 'power.%'"
        " ORDER BY attnum",
    )
    assert [row[:3] for row in found] == [(name, "double precision", False) for name in OWN]
    assert found[2][3].startswith("standard deviation of power")
    assert found[2][3].endswith(", kW")
    with open_table(own) as fonte:
        table.create_table(fonte, ["power", *OWN])  # again: nothing changes
        with pytest.raises(UnfitFonteError, match=r"got power\.mean: nothing was written"):
            table.create_table(fonte, ["power.mean"])


def test_new_table(new_database: Callable[[], str]) -> None:
    """A new table has them from the first."""
    with open_table(new_database()) as fonte:
        table.create_table(fonte, ["wind_direction", "power", "wind_direction.std", *OWN])
        signals = fonte.describe().signals
    statistics = {name: signal.statistics for name, signal in signals.items()}
    assert statistics == {"power": ("min", "max", "std"), "wind_direction": ("std",)}


def test_signals(own: str, fonte: httpx2.Client) -> None:
    """`/signals` lists them beside their signal, and none of them as a signal."""
    found = {signal["name"]: signal["statistics"] for signal in fonte.get("/signals").json()}
    assert found.pop("power") == ["min", "max", "std"]
    assert set(map(tuple, found.values())) == {()}
    allowed = fonte.get("/openapi.json").json()["paths"]["/data"]["get"]["parameters"]
    [columns] = [each for each in allowed if each["name"] == "columns"]
    assert set(OWN) <= set(columns["schema"]["items"]["enum"])


def test_data(own: str, put_readings: Put, fonte: httpx2.Client) -> None:
    """`/data` answers them where they are named, in any form, and nothing new otherwise."""
    put_readings(ten_minutes())
    [row, *_] = fonte.get("/data").json()
    assert [name for name in row if "." in name] == []
    query = {"columns": ["power", "power.std"]}
    [row, *_] = fonte.get("/data", params=query).json()
    assert list(row) == ["timestamp", "power", "power.std"]
    assert row["power.std"] == ten_minutes()["power.std"][0].as_py()
    text = fonte.get("/data", params=query, headers={"accept": "text/csv"}).text
    assert text.startswith("timestamp,power,power.std\n2024-05-20T00:00:00Z,")
    alone = fonte.get("/data", params={"columns": "power.std"}).json()
    assert list(alone[0]) == ["timestamp", "power.std"]


@pytest.mark.parametrize("name", ["power.mean", "power.", "wind_speed.std", "energy.std", "x.std"])
def test_unknown(own: str, fonte: httpx2.Client, name: str) -> None:
    """One that Fonte does not have is refused with the names that it has."""
    answer = fonte.get("/data", params={"columns": name})
    assert answer.status_code == 422
    [problem] = answer.json()["detail"]
    assert (problem["input"], "'power.std'" in problem["msg"]) == (name, True)


def test_readings(own: str, put_readings: Put, fonte: httpx2.Client) -> None:
    """Who fetches power gets what its source has of it, too."""
    put_readings(ten_minutes())
    readings = fetch_readings(fonte, START, START + timedelta(days=1), ["power", "wind_speed"])
    assert readings.column_names == ["timestamp", "turbine", "power", "wind_speed", *OWN]
    assert readings.select(OWN).equals(ten_minutes().select(OWN).cast(readings.select(OWN).schema))
    wind = fetch_readings(fonte, START, START + timedelta(days=1), ["wind_speed"])
    assert wind.column_names == ["timestamp", "turbine", "wind_speed"]


def test_series(own: str, put_readings: Put, fonte: httpx2.Client, alvo: Engine) -> None:
    """Of ten-minute readings Alvo's series equal what the source has, exactly."""
    put_readings(ten_minutes())
    load = transfer(fonte, alvo)
    assert (load.columns, load.coverage, load.statistics) == (["power"], 1, 144 * 5)
    frame = read_statistics(alvo).loc["T1"]
    for name in OWN:
        assert frame[name.replace(".", "_")].to_list() == ten_minutes()[name].to_pylist()
    assert frame.attrs["units"]["power_std"] == "kW"


def test_fingerprints(fonte_url: str, put_readings: Put, fonte: httpx2.Client) -> None:
    """A change of power.std alone is one of power; columns that are empty change nothing."""
    put_readings(ten_minutes(2).select(["timestamp", "power"]))
    plain = fetch_days(fonte)
    with open_table(fonte_url) as opened:
        table.create_table(opened, ["power", *OWN])
    assert {day: found.fingerprints for day, found in fetch_days(fonte).items()} == {
        day: found.fingerprints for day, found in plain.items()
    }
    seen = [plain[FIRST].fingerprints["T1"]]
    for change in ('"power.std" = 0', '"power.std" = 5, "power.max" = 5', '"power.max" = NULL'):
        execute(fonte_url, f"UPDATE data SET {change} WHERE timestamp = '{START}'")
        days = fetch_days(fonte)
        assert days[SECOND].fingerprints == plain[SECOND].fingerprints
        found = days[FIRST].fingerprints["T1"]
        assert {name for name in found if found[name] != seen[-1][name]} == {"power"}
        assert found not in seen
        seen.append(found)
    execute(fonte_url, f"UPDATE data SET \"power.std\" = NULL WHERE timestamp = '{START}'")
    assert fetch_days(fonte)[FIRST].fingerprints == plain[FIRST].fingerprints


def test_without_their_signal(fonte_url: str, fonte: httpx2.Client) -> None:
    """A column of statistics whose signal the table lacks is ignored, as other columns are."""
    execute(fonte_url, 'ALTER TABLE data ADD COLUMN "humidity.std" double precision')
    assert fonte.get("/data", params={"columns": "humidity.std"}).status_code == 422
    assert fonte.get("/days").json() == []


def test_mark(fonte_url: str) -> None:
    """A column is marked in its comment, which keeps what it has; marking again changes nothing."""
    comment = "SELECT col_description('data'::regclass, attnum) FROM pg_attribute"
    comment += " WHERE attrelid = 'data'::regclass AND attname = 'power'"
    [(plain,)] = execute(fonte_url, comment)
    with open_table(fonte_url) as fonte:
        assert not fonte.describe().signals["power"].on_change
        for _ in range(2):
            table.mark_on_change(fonte, ["power"])
            assert execute(fonte_url, comment) == [(f"{plain} {ON_CHANGE}",)]
        signals = fonte.describe().signals
        assert [name for name, signal in signals.items() if signal.on_change] == ["power"]
        execute(fonte_url, "COMMENT ON COLUMN data.power IS NULL")
        table.mark_on_change(fonte, ["power"])
        assert execute(fonte_url, comment) == [(ON_CHANGE,)]
        execute(fonte_url, "ALTER TABLE data ADD COLUMN humidity double precision")
        table.create_table(fonte, ["power", "pressure"])  # a load that adds a column
        assert fonte.describe().signals["power"].on_change


@pytest.mark.parametrize("name", ["wind_direction", "humidity", "power.std", "timestamp"])
def test_wrong_mark(own: str, name: str) -> None:
    """A signal of a kind that does not hold, and what is no signal here, is refused by name."""
    with open_table(own) as fonte:
        with pytest.raises(UnfitFonteError, match=rf"^expected [^\n]* got {name}"):
            table.mark_on_change(fonte, ["power", name])
        assert not fonte.describe().signals["power"].on_change


def test_catalogue_first(fonte_url: str) -> None:
    """The catalogue's word goes before the comment."""
    with open_table(fonte_url) as fonte:
        table.mark_on_change(fonte, ["power"])
        power = CATALOGUE.signals["power"].model_copy(update={"on_change": False})
        other = Fonte(fonte.engine, type(CATALOGUE)({"power": power}, {}))
        assert not other.describe().signals["power"].on_change


def test_on_change(fonte_url: str, put_readings: Put, fonte: httpx2.Client, alvo: Engine) -> None:
    """A declared signal is weighted by time; the declaration makes its days stale, and back."""
    put_readings(bursts(2))
    before = fetch_days(fonte)
    load = transfer(fonte, alvo, SECOND)
    assert (load.coverage, load.statistics) == (pytest.approx(61 / 600), 144 * 6)  # thin
    with open_table(fonte_url) as opened:
        table.mark_on_change(opened, ["power"])
    assert (
        fetch_days(fonte)[FIRST].fingerprints["T1"]["power"]
        != (before[FIRST].fingerprints["T1"]["power"])
    )
    load = transfer(fonte, alvo, SECOND)
    assert (load.coverage, load.statistics, load.intervals) == (1, 144 * 6, [600])
    frame = read_statistics(alvo).loc["T1"]
    assert frame["power_mean"].to_list() == pytest.approx([910] * 144, abs=1e-9)
    assert frame["power_coverage"].to_list() == [1] * 144
    assert frame.attrs["units"]["power_coverage"] == "1"
    execute(fonte_url, "COMMENT ON COLUMN data.power IS NULL")
    load = transfer(fonte, alvo, SECOND)
    assert (load.removed, load.statistics) == (144, 144 * 6)
    assert "power_coverage" not in read_statistics(alvo)


def test_day_before(fonte_url: str, put_readings: Put, fonte: httpx2.Client) -> None:
    """A change of the day before is one of the day, as its last value holds over midnight."""
    put_readings(bursts(2))
    with open_table(fonte_url) as opened:
        table.mark_on_change(opened, ["power"])
    days = fetch_days(fonte)
    execute(fonte_url, "UPDATE data SET power = 7 WHERE timestamp = '2024-05-20 23:59:59+00'")
    changed = fetch_days(fonte)
    assert all(changed[day].fingerprints != days[day].fingerprints for day in (FIRST, SECOND))
    day = find_day(fonte, str(SECOND))
    readings = fetch_readings(fonte, day.start, day.end, ["power", "wind_speed"], day.turbines)
    before = fetch_before(fonte, day, readings)
    assert before.column_names == ["timestamp", "turbine", "power", "wind_speed"]
    assert len(before) == len(fetch_readings(fonte, day.start - timedelta(1), day.start, ["power"]))


@pytest.mark.parametrize("declared", [False, True])
def test_page(
    fonte_url: str,
    put_readings: Put,
    fonte_api: str,
    alvo_url: str,
    project: Any,
    declared: bool,
) -> None:
    """The day's page says how the readings come, in one quiet sentence."""
    put_readings(bursts())
    if declared:
        with open_table(fonte_url) as opened:
            table.mark_on_change(opened, ["power"])
    settings = Settings(fonte_api_url=fonte_api, alvo_database_url=alvo_url)
    outcome = run_date(FIRST, Plan(["power"], settings, project, open_archive(project / "runs")))
    assert outcome.error is None
    assert outcome.notebook is not None
    page = outcome.notebook.read_text(encoding="utf-8")
    assert "Traceback" not in page
    assert ("T1: readings come irregularly (1 s to 9 min apart)" in page) is not declared
    assert ("power is sampled on change: a value holds 60 min at most" in page) is declared
    assert outcome.summary is not None
    assert outcome.summary.energy == pytest.approx(24 * (910 if declared else 7000 / 61))
