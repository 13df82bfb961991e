"""Real readings, and readings that change, through the whole stair: loader, API, DuckDB, Alvo.

What is expected is computed here from the files with the standard library alone.
"""

import csv
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pandas as pd
import pyarrow as pa
import pytest
from helpers import DATA, execute, transfer
from sqlalchemy import Engine

from etl_lib.analysis.days import summarize_days
from etl_lib.archive.store import open_archive
from etl_lib.load.reading import read_statistics
from etl_lib.runs.date import run_date
from etl_lib.runs.notebook import Plan
from etl_lib.settings import Settings

LA_HAUTE_BORNE = DATA / "la_haute_borne" / "sample_R80711_2014-01.csv"
KEYS = ("Wind_turbine_name=turbine", "Date_time=timestamp")
MIDC = DATA / "midc_1min" / "midc_2018-10-18_1min.csv"
NAMES = {"Ws_avg": "wind_speed", "P_avg": "power", "Ot_avg": "ambient_temperature"}
ALL = list(NAMES.values())
Values = dict[tuple[str, datetime], list[float]]


def buckets(path: Path, stamp: str, names: dict[str, str]) -> Values:
    """A file's values by signal and bucket, in UTC; blanks are missing."""
    found: Values = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            instant = datetime.fromisoformat(row[stamp]).astimezone(UTC)
            bucket = instant.replace(minute=instant.minute // 10 * 10, second=0, microsecond=0)
            for column, signal in names.items():
                if row[column].strip():
                    found[signal, bucket].append(float(row[column]))
    return found


def expected_rows(values: Values, days: list[date]) -> Iterator[tuple[str, datetime, Any]]:
    """What Alvo should hold of these days: (signal, bucket, value)."""
    for (signal, bucket), numbers in values.items():
        if bucket.date() in days:
            yield f"{signal}_mean", bucket, pytest.approx(statistics.fmean(numbers), rel=1e-9)
            yield f"{signal}_min", bucket, min(numbers)
            yield f"{signal}_max", bucket, max(numbers)
            yield f"{signal}_count", bucket, len(numbers)
            if len(numbers) > 1:
                deviation = statistics.stdev(numbers)
                yield f"{signal}_std", bucket, pytest.approx(deviation, rel=1e-9, abs=1e-12)


def stored_rows(alvo_url: str) -> dict[tuple[str, datetime], float]:
    rows = execute(
        alvo_url,
        "SELECT name, timestamp, value FROM data JOIN signal ON signal.id = signal_id",
    )
    return {(row.name, row.timestamp.astimezone(UTC)): row.value for row in rows}


def test_a_month_of_la_haute_borne(
    load_file: Callable[..., None], fonte: httpx2.Client, alvo: Engine, alvo_url: str
) -> None:
    rename = [f"{theirs}={ours}" for theirs, ours in NAMES.items()]
    load_file(LA_HAUTE_BORNE, "--rename", *KEYS, *rename)
    days = [date(2014, 1, 1) + timedelta(days=n) for n in range(31)]
    loads = [transfer(fonte, alvo, day, ALL) for day in days]

    values = buckets(LA_HAUTE_BORNE, "Date_time", NAMES)
    expected = {(name, bucket): value for name, bucket, value in expected_rows(values, days)}
    stored = stored_rows(alvo_url)
    states = [stored.pop(key) for key in list(stored) if key[0] == "state_mode"]
    assert len(states) == len({key for key in stored if key[0] == "power_mean"})
    assert stored == expected
    assert not [name for name, _ in stored if name.endswith("_std")]  # one reading a bucket
    assert min(value for (name, _), value in stored.items() if name == "power_mean") < 0
    assert {value for (name, _), value in stored.items() if name.endswith("_count")} == {1.0}
    assert [load.coverage for load in loads] == pytest.approx(
        [sum(b.date() == day for _, b in values) / (144 * 3) for day in days]
    )
    assert max(load.coverage for load in loads) == 1.0
    assert {tuple(load.intervals) for load in loads} == {(600.0,)}
    assert set(read_statistics(alvo)["expected"]) == {1.0}


def test_without_power(
    load_file: Callable[..., None], fonte: httpx2.Client, alvo: Engine, alvo_url: str
) -> None:
    """Two half days of real readings without power give wind statistics."""
    load_file(MIDC)
    days = [date(2018, 10, 18), date(2018, 10, 19)]
    loads = [transfer(fonte, alvo, day, ALL) for day in days]

    names = {name: name for name in ("wind_speed", "ambient_temperature")}
    values = buckets(MIDC, "timestamp", names)
    expected = {(name, bucket): value for name, bucket, value in expected_rows(values, days)}
    assert stored_rows(alvo_url) == expected
    assert [load.readings for load in loads] == [1020, 420]  # from 07:00 UTC, to 06:59
    frame = read_statistics(alvo).loc["T1"]
    assert not [name for name in frame if name.startswith("power")]
    assert (frame.index[0], frame.index[-1]) == (
        pd.Timestamp("2018-10-18T07:00Z"),
        pd.Timestamp("2018-10-19T06:50Z"),
    )


@pytest.mark.parametrize(
    ("path", "rename", "day", "says"),
    [
        (LA_HAUTE_BORNE, True, date(2014, 1, 5), "mean of a 0.5 m/s bin"),
        (MIDC, False, date(2018, 10, 18), "no power curve: no readings of power"),
    ],
    ids=["la_haute_borne", "midc"],
)
def test_the_notebook_runs_on_real_readings(
    load_file: Callable[..., None],
    fonte_api: str,
    alvo_url: str,
    project: Path,
    path: Path,
    rename: bool,
    day: date,
    says: str,
) -> None:
    words = [f"{theirs}={ours}" for theirs, ours in NAMES.items()]
    load_file(path, *(["--rename", *KEYS, *words] if rename else []))
    settings = Settings(fonte_api_url=fonte_api, alvo_database_url=alvo_url)
    outcome = run_date(day, Plan(ALL, settings, project, open_archive(project / "runs")))
    assert outcome.error is None
    assert outcome.notebook is not None
    assert f">{says}</text>" in outcome.notebook.read_text(encoding="utf-8")
    stored = execute(alvo_url, "SELECT count(*) FROM data")[0][0]
    assert outcome.summary is not None
    assert outcome.summary.statistics == stored > 0


def test_ten_minute_readings(
    load_file: Callable[..., None], fonte_api: str, alvo: Engine, alvo_url: str, project: Path
) -> None:
    """A complete day of ten-minute readings is complete on its page, in Alvo and in the plots."""
    rename = [f"{theirs}={ours}" for theirs, ours in NAMES.items()]
    load_file(LA_HAUTE_BORNE, "--rename", *KEYS, *rename)
    settings = Settings(fonte_api_url=fonte_api, alvo_database_url=alvo_url)
    day = date(2014, 1, 5)
    outcome = run_date(day, Plan(ALL, settings, project, open_archive(project / "runs")))
    assert outcome.summary is not None
    assert (outcome.summary.readings, outcome.summary.intervals) == (144, [600.0])
    assert outcome.summary.counts.endswith("coverage 100.0%")
    assert {counts.uncovered for counts in outcome.summary.quality.values()} == {0}
    assert outcome.notebook is not None
    page = outcome.notebook.read_text(encoding="utf-8")
    assert "144 readings; one is expected every 10 min" in page
    assert ">fewer than half of the readings</text>" not in page
    frame = read_statistics(alvo)
    assert set(frame["expected"]) == {1.0}
    assert summarize_days(frame)["coverage"].to_list() == [1.0]
    assert execute(alvo_url, "SELECT intervals, coverage FROM run") == [([600.0], 1.0)]


def test_corrected_reading(
    fonte: httpx2.Client,
    fonte_url: str,
    put_readings: Callable[[pa.Table], None],
    alvo: Engine,
) -> None:
    """A corrected reading arrives in Alvo, and a bucket that lost its readings goes."""
    start = datetime(2024, 5, 20, tzinfo=UTC)
    stamps = [start + timedelta(minutes=minute) for minute in range(60)]
    put_readings(pa.table({"timestamp": stamps, "power": [float(m) for m in range(60)]}))
    first = transfer(fonte, alvo, start.date(), ["power"])
    same = transfer(fonte, alvo, start.date(), ["power"])
    assert (same.fingerprints, same.statistics) == (first.fingerprints, first.statistics)

    execute(fonte_url, "UPDATE data SET power = 1000 WHERE timestamp = '2024-05-20T00:05Z'")
    execute(fonte_url, "DELETE FROM data WHERE timestamp >= '2024-05-20T00:50Z'")
    second = transfer(fonte, alvo, start.date(), ["power"])
    frame = read_statistics(alvo)
    assert second.fingerprints != first.fingerprints
    assert frame["power_max"].to_list() == [1000, 19, 29, 39, 49]
    assert frame["power_mean"].iloc[0] == pytest.approx((45 - 5 + 1000) / 10)


def test_untidy_readings(
    fonte: httpx2.Client, put_readings: Callable[[pa.Table], None], alvo: Engine
) -> None:
    """Jitter, repeated and unordered stamps, NaN, infinity, NULL and a late start, over HTTP."""
    start = datetime(2024, 5, 20, tzinfo=UTC)
    untidy = [
        *((13 * 60 + 0.4, 5.0), (12 * 60, 3.0), (12 * 60, 4.0), (19 * 60 + 59.99, 6.0)),
        *((20 * 60, float("nan")), (21 * 60, None), (22 * 60, float("inf"))),
        *((30 * 60, 8.0), (31 * 60, None), (32 * 60, 10.0)),
    ]
    stamps = pa.array([start + timedelta(seconds=s) for s, _ in untidy], pa.timestamp("us", "UTC"))
    put_readings(pa.table({"timestamp": stamps, "power": pa.array([v for _, v in untidy])}))
    load = transfer(fonte, alvo, start.date(), ["power"])
    assert (load.readings, load.statistics) == (10, 12)  # both buckets are flagged as thin
    frame = read_statistics(alvo)
    assert [f"{stamp:%H:%M}" for stamp in frame.loc["T1"].index] == ["00:10", "00:30"]
    assert frame["power_count"].to_list() == [3, 2]
    assert frame["power_mean"].to_list() == [5, 9]
    assert frame["power_std"].to_list() == pytest.approx([1, 2**0.5])


def test_empty_day(
    fonte: httpx2.Client, put_readings: Callable[[pa.Table], None], alvo: Engine
) -> None:
    """An empty day between others is loaded as empty."""
    for day in (20, 22):
        stamp = pa.array([datetime(2024, 5, day, tzinfo=UTC)], pa.timestamp("us", "UTC"))
        put_readings(pa.table({"timestamp": stamp, "power": [1.0]}))
    load = transfer(fonte, alvo, date(2024, 5, 21), ["power"])
    assert (load.readings, load.statistics, load.coverage) == (0, 0, 0.0)
    assert read_statistics(alvo).empty


def test_empty_day_notebook(
    fonte_api: str, put_readings: Callable[[pa.Table], None], alvo_url: str, project: Path
) -> None:
    """The notebook of an empty day has no traceback."""
    for day in (20, 22):
        stamp = pa.array([datetime(2024, 5, day, tzinfo=UTC)], pa.timestamp("us", "UTC"))
        put_readings(pa.table({"timestamp": stamp, "power": [1.0]}))
    settings = Settings(fonte_api_url=fonte_api, alvo_database_url=alvo_url)
    outcome = run_date(
        date(2024, 5, 21), Plan(ALL, settings, project, open_archive(project / "runs"))
    )
    assert outcome.error is None
    assert outcome.summary is not None
    assert (outcome.summary.readings, outcome.summary.energy) == (0, None)
