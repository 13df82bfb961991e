"""The load of a day on a real Alvo: whole or not at all, and the same when run twice."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import httpx2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from helpers import (
    DAY,
    FARM,
    execute,
    farm_statistics,
    make_statistics,
    stored,
    with_turbine,
)
from sqlalchemy import Engine

from benchmarks import load as benchmark
from etl_lib.analysis.quality import quality_of
from etl_lib.errors import AlvoError
from etl_lib.extract.days import Day, find_day
from etl_lib.extract.readings import fetch_readings
from etl_lib.load import day as load
from etl_lib.load.alvo import create_tables, open_alvo
from etl_lib.load.day import load_day
from etl_lib.load.ledger import has_run, last_loads, loaded_turbines
from etl_lib.load.reading import read_statistics, verify_load
from etl_lib.transform.statistics import compute_statistics, to_frame

NEXT = replace(DAY, date=date(2024, 5, 21))


def test_names_and_units(alvo: Engine, alvo_url: str) -> None:
    """Every statistic is stored under its name, with its unit."""
    computed = make_statistics()
    load_day(alvo, DAY, computed, readings=1440)
    rows = stored(alvo_url)
    assert len(rows) == 144 * 5
    for name in ("power_mean", "power_min", "power_max", "power_std", "power_count"):
        assert [r.value for r in rows if r.name == name] == computed[name].to_pylist()
        assert [r.timestamp for r in rows if r.name == name] == computed["timestamp"].to_pylist()
    assert {r.unit for r in rows if r.name != "power_count"} == {"kW"}


def test_nulls(alvo: Engine, alvo_url: str) -> None:
    """Nulls are not stored."""
    stamps = [DAY.start, DAY.start + timedelta(minutes=10)]
    readings = pa.table(
        {"timestamp": pa.array(stamps, pa.timestamp("us", "UTC")), "power": [5.0, None]}
    )
    readings = with_turbine(readings)
    loaded = load_day(alvo, DAY, compute_statistics(readings), readings=2)
    rows = [(r.name, r.value) for r in stored(alvo_url)]
    assert rows == [("power_count", 1), ("power_max", 5), ("power_mean", 5), ("power_min", 5)]
    assert loaded.statistics == 4


def test_idempotent(alvo: Engine, alvo_url: str) -> None:
    """Loading a day twice leaves the same rows."""
    load_day(alvo, DAY, make_statistics(), readings=1440)
    before = stored(alvo_url)
    load_day(alvo, DAY, make_statistics(), readings=1440)
    assert stored(alvo_url) == before


def test_a_corrected_value_arrives(alvo: Engine) -> None:
    load_day(alvo, DAY, make_statistics(), readings=1440)
    load_day(alvo, DAY, make_statistics(scale=2), readings=1440)
    frame = read_statistics(alvo)
    pd.testing.assert_frame_equal(
        frame, to_frame(make_statistics(scale=2)), check_freq=False, check_like=True
    )


def test_changed_angle(alvo: Engine) -> None:
    """Of two angles the smaller difference counts as the change."""
    field = pa.field("wind_direction", pa.float64(), metadata={"unit": "°", "kind": "angle"})
    stamp = pa.field("timestamp", pa.timestamp("us", "UTC"))
    for value in (359.0, 1.0):
        readings = pa.table([[DAY.start], [value]], schema=pa.schema([stamp, field]))
        computed = compute_statistics(with_turbine(readings))
        loaded = load_day(alvo, DAY, computed, readings=1)
    assert (loaded.changed, loaded.largest_change) == (3, "wind_direction_max by 2 °")


def test_a_vanished_bucket_vanishes(alvo: Engine) -> None:
    load_day(alvo, DAY, make_statistics(), readings=1440)
    load_day(alvo, DAY, make_statistics(buckets=100), readings=1000)
    assert len(read_statistics(alvo)) == 100


def test_an_empty_day_empties_the_day(alvo: Engine, alvo_url: str) -> None:
    load_day(alvo, DAY, make_statistics(), readings=1440)
    loaded = load_day(alvo, DAY, make_statistics(buckets=0), readings=0)
    assert stored(alvo_url) == []
    assert (loaded.statistics, loaded.coverage) == (0, 0.0)


def test_a_load_says_what_it_changed(alvo: Engine, alvo_url: str) -> None:
    first = load_day(alvo, DAY, make_statistics(buckets=100), readings=1000)
    assert first.changes == "500 added, 0 changed, 0 removed"
    same = load_day(alvo, DAY, make_statistics(buckets=100), readings=1000)
    assert same.changes == "0 added, 0 changed, 0 removed"

    stamps = [DAY.start + timedelta(minutes=m) for m in range(500, 1010)]
    values = [float(m % 97) for m in range(500, 1010)]
    values[95] += 900.0  # of the bucket 09:50; a tenth of it for the mean
    field = pa.field("power", pa.float64(), metadata={"unit": "kW"})
    schema = pa.schema([pa.field("timestamp", pa.timestamp("us", "UTC")), field])
    other = compute_statistics(with_turbine(pa.table([stamps, values], schema=schema)))
    second = load_day(alvo, DAY, other, readings=510)
    assert (second.added, second.changed, second.removed) == (5, 3, 250)
    assert second.largest_change is not None
    assert second.largest_change.startswith(("power_max by 9", "power_std by"))
    (row,) = execute(alvo_url, f"SELECT * FROM run WHERE id = {second.run_id}")
    assert (row.added, row.changed, row.removed) == (5, 3, 250)
    assert row.largest_change == second.largest_change


def test_other_days_and_other_signals_stay(alvo: Engine) -> None:
    load_day(alvo, NEXT, make_statistics(NEXT), readings=1440)
    load_day(alvo, DAY, make_statistics(name="wind_speed"), readings=1440)
    load_day(alvo, DAY, make_statistics(), readings=1440)
    load_day(alvo, DAY, make_statistics(scale=3), readings=1440)
    frame = read_statistics(alvo)
    assert frame["power_mean"].count() == 288
    assert frame["wind_speed_mean"].count() == 144


def test_ledger(alvo: Engine, alvo_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger has one row for each load."""
    monkeypatch.setenv("ETL_NOTEBOOK", "2024-05-20/x.ipynb")
    first = load_day(alvo, DAY, make_statistics(), readings=1440)
    monkeypatch.delenv("ETL_NOTEBOOK")
    second = load_day(alvo, DAY, make_statistics(buckets=72), readings=720)
    rows = execute(alvo_url, "SELECT * FROM run ORDER BY id")
    assert [row.id for row in rows] == [first.run_id, second.run_id]
    assert first.run_id < second.run_id
    assert [row.notebook for row in rows] == ["2024-05-20/x.ipynb", None]
    assert [row.readings for row in rows] == [1440, 720]
    assert [row.statistics for row in rows] == [720, 360]
    assert [row.coverage for row in rows] == [1.0, 0.5]
    assert [row.intervals for row in rows] == [[60.0], [60.0]]
    assert [row.turbines for row in rows] == [["T1"], ["T1"]]
    assert [row.fingerprints for row in rows] == [[DAY.fingerprint("T1", ["power"])]] * 2
    assert {(row.date, row.started, row.is_whole) for row in rows} == {
        (DAY.date, DAY.asked_at, True)
    }
    assert rows[0].columns == ["power"]
    assert rows[0].finished >= rows[0].started
    assert has_run(alvo, "2024-05-20/x.ipynb")
    assert not has_run(alvo, "2024-05-20/y.ipynb")


@pytest.mark.parametrize("where", ["_to_rows", "code_version"])
def test_failure_after_delete(
    alvo: Engine, alvo_url: str, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A failure after the delete leaves the day as it was."""
    load_day(alvo, DAY, make_statistics(), readings=1440)
    before, ledger = stored(alvo_url), execute(alvo_url, "SELECT * FROM run")

    def fail(*_: object) -> None:
        raise RuntimeError("injected")

    monkeypatch.setattr(load, where, fail)  # `_to_rows` comes before the COPY, the other after it
    with pytest.raises(RuntimeError, match="injected"):
        load_day(alvo, DAY, make_statistics(scale=2), readings=1440)
    assert stored(alvo_url) == before
    assert execute(alvo_url, "SELECT * FROM run") == ledger


def test_failed_copy(alvo: Engine, alvo_url: str) -> None:
    """A failed COPY leaves the day as it was."""
    load_day(alvo, DAY, make_statistics(), readings=1440)
    before = stored(alvo_url)
    execute(alvo_url, "ALTER TABLE data ADD CHECK (value <> 3 * 90)")
    with pytest.raises(AlvoError, match="violates check constraint"):
        load_day(alvo, DAY, make_statistics(scale=3), readings=1440)
    assert stored(alvo_url) == before


def test_nobody_sees_half_a_load(alvo: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    load_day(alvo, DAY, make_statistics(), readings=1440)
    seen = []
    real = load._to_rows

    def look(*arguments: Any) -> Any:
        seen.append(len(read_statistics(alvo)))  # from another session, after the delete
        return real(*arguments)

    monkeypatch.setattr(load, "_to_rows", look)
    load_day(alvo, DAY, make_statistics(buckets=10), readings=100)
    assert seen == [144]
    assert len(read_statistics(alvo)) == 10


def test_concurrent_loads(alvo: Engine, alvo_url: str) -> None:
    """Concurrent loads of one day with new signals agree."""
    barrier = threading.Barrier(6)

    def write(number: int) -> None:
        table = make_statistics(scale=number + 1)
        barrier.wait()
        load_day(alvo, DAY, table, readings=1440)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    frame = read_statistics(alvo)
    assert len(frame) == 144
    assert frame["power_max"].max() / 96 in range(1, 7)  # one writer's, not a mixture
    winner = make_statistics(scale=frame["power_max"].max() / 96)
    assert verify_load(alvo, DAY, to_frame(winner)) == 720
    assert execute(alvo_url, "SELECT count(*) FROM run")[0][0] == 6
    assert execute(alvo_url, "SELECT count(*) FROM signal")[0][0] == 6


def test_no_deadlock(alvo: Engine) -> None:
    """Concurrent loads of overlapping signals do not deadlock."""
    barrier = threading.Barrier(8)

    def write(number: int) -> None:
        day = replace(DAY, date=DAY.date + timedelta(days=number))
        names = ["power", "wind_speed", "ambient_temperature"]
        tables = [make_statistics(day, name) for name in (names if number % 2 else names[::-1])]
        both = tables[0]
        for table in tables[1:]:
            for name in table.schema.names[2:-1]:
                both = both.append_column(table.schema.field(name), table[name])
        barrier.wait()
        load_day(alvo, day, both, readings=1440)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    frame = read_statistics(alvo).drop(columns="expected")
    assert frame.notna().to_numpy().sum() == 8 * 144 * 15


def test_wide_frame(alvo: Engine) -> None:
    """Statistics are read back as a wide frame with units."""
    load_day(alvo, DAY, make_statistics(), readings=1440)
    frame = read_statistics(alvo, DAY.start, DAY.start + timedelta(hours=1)).loc["T1"]
    assert list(frame.index) == list(pd.date_range(DAY.start, periods=6, freq="10min"))
    assert frame.attrs["units"]["power_mean"] == "kW"
    names = [f"power_{s}" for s in ("mean", "min", "max", "std", "count", "flags")]
    assert list(frame.columns) == [*names, "expected"]


def test_empty_alvo(alvo: Engine) -> None:
    """An empty Alvo reads as an empty frame."""
    frame = read_statistics(alvo)
    assert frame.empty
    assert list(frame.columns) == ["expected"]


def test_verify_signals(alvo: Engine) -> None:
    """The comparison covers only the loaded signals."""
    load_day(alvo, DAY, make_statistics(name="wind_speed"), readings=1440)
    load_day(alvo, DAY, make_statistics(buckets=72), readings=720)
    assert verify_load(alvo, DAY, to_frame(make_statistics(buckets=72))) == 360


def test_verify_value(alvo: Engine, alvo_url: str) -> None:
    """The comparison finds a changed value."""
    frame = to_frame(make_statistics())
    load_day(alvo, DAY, make_statistics(), readings=1440)
    assert verify_load(alvo, DAY, frame) == 720
    execute(alvo_url, "UPDATE data SET value = value + 1e-9 WHERE value = 96")
    with pytest.raises(AlvoError, match="other values for 2024-05-20"):
        verify_load(alvo, DAY, frame)


def test_verify_rows(alvo: Engine, alvo_url: str) -> None:
    """The comparison finds an extra row and a missing one."""
    load_day(alvo, DAY, make_statistics(buckets=100), readings=1000)
    with pytest.raises(AlvoError):
        verify_load(alvo, DAY, to_frame(make_statistics(buckets=99)))
    execute(alvo_url, "DELETE FROM data WHERE timestamp = '2024-05-20T01:00Z'")
    with pytest.raises(AlvoError):
        verify_load(alvo, DAY, to_frame(make_statistics(buckets=100)))


def test_database_time_zone(alvo: Engine, alvo_url: str) -> None:
    """A database in another time zone holds the same instants."""
    name = alvo.url.database
    execute(alvo_url, f"ALTER DATABASE {name} SET timezone TO 'Asia/Kathmandu'")
    load_day(alvo, DAY, make_statistics(), readings=1440)
    frame = read_statistics(alvo).loc["T1"]
    assert (frame.index[0], str(frame.index.tz)) == (pd.Timestamp(DAY.start), "UTC")
    assert verify_load(alvo, DAY, to_frame(make_statistics())) == 720


def test_alvo_down() -> None:
    """An Alvo that is down is an error in one line, without the password."""
    alvo = open_alvo("postgresql://etl:s3cret@127.0.0.1:1/Alvo")
    with pytest.raises(AlvoError, match=r"Alvo at .*127\.0\.0\.1:1") as caught:
        load_day(alvo, DAY, make_statistics(), readings=1440)
    assert "s3cret" not in str(caught.value) + repr(alvo)
    assert "\n" not in str(caught.value)


def test_concurrent_create(alvo_url: str) -> None:
    """Concurrent processes create the tables once."""
    engines = [open_alvo(alvo_url) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create_tables, engines))
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
    assert execute(alvo_url, tables)[0][0] == 6  # one of them the view
    for engine in engines:
        engine.dispose()


def test_comments(alvo: Engine, alvo_url: str) -> None:
    """The tables' comments say what a timestamp is."""
    create_tables(alvo)
    comment = execute(alvo_url, "SELECT obj_description('data'::regclass)")[0][0]
    assert "START of the bucket, UTC" in comment


@pytest.mark.parametrize("offset", range(10))
def test_equals_pandas(seeded: httpx2.Client, alvo: Engine, offset: int) -> None:
    """The whole stair but the notebook, beside a computation that shares nothing with it."""
    day = find_day(seeded, str(date(2024, 5, 20) + timedelta(days=offset)))
    names = ["wind_speed", "power", "ambient_temperature"]
    readings = fetch_readings(seeded, day.start, day.end, names)
    load_day(alvo, day, compute_statistics(readings), readings=readings.num_rows)

    query = {"start_timestamp": day.start.isoformat(), "end_timestamp": day.end.isoformat()}
    source = pd.DataFrame(seeded.get("/data", params=query).json()).set_index("timestamp")
    source.index = pd.to_datetime(source.index)
    frame = read_statistics(alvo)
    assert len(frame) == 144
    for name in names:
        groups = source[name].resample("10min")
        for statistic in ("mean", "min", "max", "std"):
            expected = groups.agg(statistic).to_numpy()
            np.testing.assert_allclose(frame[f"{name}_{statistic}"], expected, rtol=1e-9, atol=0)
        assert set(frame[f"{name}_count"]) == {10.0}


def test_single_reading(
    fonte: httpx2.Client, put_readings: Callable[[pa.Table], None], alvo: Engine
) -> None:
    """A day with one reading is loaded."""
    stamp = pa.array([DAY.start + timedelta(hours=5, minutes=3)], pa.timestamp("us", "UTC"))
    put_readings(pa.table({"timestamp": stamp, "power": [-4.5]}))
    day = find_day(fonte, "2024-05-20")
    readings = fetch_readings(fonte, day.start, day.end, ["power", "wind_speed"])
    loaded = load_day(alvo, day, compute_statistics(readings), readings=1)
    assert (loaded.readings, loaded.statistics) == (1, 6)  # with a flag and a state
    assert loaded.coverage == pytest.approx(1 / 2880)
    assert read_statistics(alvo).loc["T1"]["power_mean"].to_dict() == {
        pd.Timestamp("2024-05-20T05:00Z"): -4.5
    }


@pytest.mark.parametrize("other", [NEXT, replace(DAY, date=date(2024, 5, 19))])
def test_statistics_of_another_day_are_refused(alvo: Engine, alvo_url: str, other: Day) -> None:
    load_day(alvo, DAY, make_statistics(), readings=1440)
    before = stored(alvo_url)
    with pytest.raises(AlvoError, match="expected statistics of 2024-05-20"):
        load_day(alvo, DAY, make_statistics(other), readings=1440)
    assert stored(alvo_url) == before


def test_benchmark_day(alvo: Engine, alvo_url: str) -> None:
    """The day of the benchmark is one that a load accepts."""
    benchmark.load(alvo, np.datetime64("2030-01-01"))
    assert execute(alvo_url, "SELECT count(*) FROM data") == [(15 * benchmark.BUCKETS,)]


def test_a_farm_in_one_load(alvo: Engine, alvo_url: str) -> None:
    """Each turbine has its own series; one without readings has none."""
    loaded = load_day(alvo, FARM, farm_statistics(), readings=2880)
    assert (loaded.turbines, loaded.coverage) == (["A1", "B2", "C3"], pytest.approx(2 / 3))
    frame = read_statistics(alvo)
    assert list(frame.index.unique("turbine")) == ["A1", "B2"]
    assert (frame.loc["B2"]["power_mean"] == 2 * frame.loc["A1"]["power_mean"]).all()
    assert verify_load(alvo, FARM, to_frame(farm_statistics())) == 1440
    assert len(read_statistics(alvo, turbines=["B2"])) == 144
    counts = execute(alvo_url, "SELECT turbine, count(*) FROM statistics GROUP BY 1 ORDER BY 1")
    assert list(map(tuple, counts)) == [("A1", 720), ("B2", 720)]


def test_a_load_leaves_other_turbines(alvo: Engine) -> None:
    """A load replaces the day of its own turbines alone, also where one lost all its readings."""
    load_day(alvo, FARM, farm_statistics(), readings=2880)
    one = replace(DAY, turbines=["A1"], is_whole=False)
    changed = load_day(alvo, one, farm_statistics(3, ["A1"]), readings=1440)
    assert changed.largest_change is not None
    assert changed.largest_change.startswith("power_")  # of one turbine, which needs no name
    frame = read_statistics(alvo)
    assert frame.loc["A1"]["power_max"].max() == 288
    assert frame.loc["B2"]["power_max"].max() == 192
    emptied = load_day(alvo, FARM, farm_statistics(3, ["A1"]), readings=1440)
    assert (emptied.removed, emptied.changed) == (720, 0)
    assert list(read_statistics(alvo).index.unique("turbine")) == ["A1"]


def test_the_largest_change_names_its_turbine(alvo: Engine) -> None:
    load_day(alvo, FARM, farm_statistics(), readings=2880)
    changed = load_day(alvo, FARM, farm_statistics(1.5), readings=2880)
    assert changed.largest_change is not None
    assert changed.largest_change.startswith(("A1 power_", "B2 power_"))


def test_statistics_of_another_turbine_are_refused(alvo: Engine, alvo_url: str) -> None:
    with pytest.raises(AlvoError, match="expected statistics of T1, got A1, B2: nothing"):
        load_day(alvo, DAY, farm_statistics(), readings=2880)


def test_last_load_of_each_turbine(alvo: Engine) -> None:
    """The ledger tells when a turbine was loaded last, whatever was loaded with it."""
    load_day(alvo, FARM, farm_statistics(), readings=2880)
    fingerprints = {"B2": {"power": "new"}}
    one = replace(DAY, turbines=["B2"], fingerprints=fingerprints, is_whole=False)
    load_day(alvo, one, farm_statistics(3, ["B2"]), readings=1440)
    found = loaded_turbines(alvo)[DAY.date]
    assert found.keys() == {"A1", "B2", "C3"}
    assert found["B2"].fingerprint == one.fingerprint("B2", ["power"]) != ""
    assert [load.is_whole for load in found.values()] == [True, False, True]
    assert last_loads(alvo)[DAY.date].turbines == ["B2"]


def test_quality_of_days_that_were_never_tested(alvo: Engine, alvo_url: str) -> None:
    """They are not evaluated, also if another day was tested since."""
    for day in (DAY, NEXT):
        load_day(alvo, day, make_statistics(day), readings=1440)
    execute(alvo_url, f"UPDATE run SET impossible = '{{}}' WHERE date = '{DAY.date}'")
    codes = quality_of(read_statistics(alvo), "power")
    days = codes.index.get_level_values("timestamp").date
    assert codes.groupby(days).unique().map(list).to_dict() == {DAY.date: [2], NEXT.date: [1]}
    assert set(quality_of(read_statistics(alvo).loc["T1"], "power")) == {1, 2}
