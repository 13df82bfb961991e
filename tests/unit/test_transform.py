"""Readings to statistics, beside pandas, which computes them another way."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import httpx2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from helpers import with_turbine

from etl_lib.extract.readings import fetch_readings
from etl_lib.transform.kinds import STATISTICS, signals_of
from etl_lib.transform.statistics import (
    compute_statistics,
    coverage,
    day_coverage,
    statistics_sql,
    to_frame,
)

START = datetime(2024, 5, 20, tzinfo=UTC)


def table(rows: list[tuple[Any, ...]], names: tuple[str, ...] = ("wind_speed",)) -> pa.Table:
    """Readings of (`HH:MM:SS` on 2024-05-20, value …)."""
    stamps = [datetime.fromisoformat(f"2024-05-20T{row[0]}+00:00") for row in rows]
    columns = {
        name: pa.array([r[i] for r in rows], pa.float64()) for i, name in enumerate(names, 1)
    }
    stamp = {"timestamp": pa.array(stamps, pa.timestamp("us", "UTC"))}
    return with_turbine(pa.table(stamp | columns))


def statistics(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    frame = to_frame(compute_statistics(table(rows))).droplevel("turbine")
    return frame.rename(columns=lambda n: n.split("_")[-1])


@pytest.mark.parametrize("offset", range(10))
def test_equals_pandas(seeded: httpx2.Client, offset: int) -> None:
    """Each day of real readings equals a pandas resample."""
    start = START + timedelta(days=offset)
    names = ["wind_speed", "power", "ambient_temperature"]
    readings = fetch_readings(seeded, start, start + timedelta(days=1), names)

    computed = to_frame(compute_statistics(readings)).loc["T1"]
    assert set(computed.pop("expected")) == {10}
    assert set(computed.pop("state_mode")) <= {1, 2, 3, 4}
    assert not any(computed.pop(f"{name}_flags").any() for name in names)

    end = start + timedelta(days=1)
    query = {"start_timestamp": start, "end_timestamp": end, "columns": names}
    answer = seeded.get("/data", params=query)
    source = pd.DataFrame(answer.json()).astype({"timestamp": "datetime64[us, UTC]"})
    expected = source.set_index("timestamp").resample("10min").agg(list(STATISTICS["quantity"]))
    expected.columns = expected.columns.map("_".join)
    assert len(computed) == 144
    assert list(computed.columns) == list(expected.columns)
    assert computed.index.equals(expected.index)
    assert (computed.filter(like="_count") == 10).all(axis=None)
    np.testing.assert_allclose(computed, expected.astype(float), rtol=1e-9, atol=0)


def test_bucket_bounds() -> None:
    """A bucket starts at its label and ends before the next."""
    computed = statistics([("00:00:00", 1.0), ("00:09:59.999999", 3.0), ("00:10:00", 7.0)])
    assert list(computed.index.strftime("%H:%M")) == ["00:00", "00:10"]
    assert computed["mean"].to_list() == [2.0, 7.0]


def test_clock_aligned() -> None:
    """Buckets are aligned to the clock when the first minutes are missing."""
    computed = statistics([("00:07:00", 1.0), ("00:08:00", 2.0), ("00:17:00", 5.0)])
    assert list(computed.index.strftime("%H:%M")) == ["00:00", "00:10"]
    assert computed["count"].to_list() == [2.0, 1.0]


def test_jitter() -> None:
    """A jittered timestamp belongs to the bucket of its instant."""
    computed = statistics([("09:49:58.7", 1.0), ("09:59:59.9", 2.0), ("10:00:00.1", 3.0)])
    assert list(computed.index.strftime("%H:%M")) == ["09:40", "09:50", "10:00"]


def test_one_reading_has_no_standard_deviation() -> None:
    only = statistics([("12:34:00", 4.0)]).iloc[0]
    assert (only["mean"], only["min"], only["max"], only["count"]) == (4.0, 4.0, 4.0, 1.0)
    assert np.isnan(only["std"])


def test_of_equal_stamps_the_last_counts() -> None:
    computed = statistics([("00:01:00", 100.0), ("00:01:00", 2.0), ("00:02:00", 4.0)])
    assert computed["mean"].to_list() == [3.0]
    assert computed["count"].to_list() == [2.0]


def test_equal_timestamps() -> None:
    """Of equal timestamps the last finite value of each signal counts."""
    computed = statistics([("00:01:00", 100.0), ("00:01:00", None), ("00:02:00", 4.0)])
    assert computed["max"].to_list() == [100.0]
    rows = [("00:01:00", 1.0, None), ("00:01:00", np.nan, 7.0), ("00:01:00", np.inf, None)]
    both = to_frame(compute_statistics(table(rows, ("wind_speed", "power")))).iloc[0]
    assert (both["wind_speed_mean"], both["power_mean"]) == (1.0, 7.0)
    assert (both["wind_speed_count"], both["power_count"]) == (1.0, 1.0)


def test_any_order() -> None:
    """Readings in any order give the same statistics."""
    rows = [(f"00:{minute:02}:00", float(minute % 7)) for minute in range(60)]
    shuffled = [rows[i] for i in np.random.default_rng(1).permutation(60)]
    pd.testing.assert_frame_equal(statistics(shuffled), statistics(rows))


def test_unordered_repeats() -> None:
    """Among unordered readings the last to come counts."""
    computed = statistics([("00:01:00", 100.0), ("00:05:00", 9.0), ("00:01:00", 3.0)])
    assert computed["mean"].to_list() == [6.0]


@pytest.mark.parametrize("odd", [None, np.nan, np.inf, -np.inf])
def test_not_finite(odd: float | None) -> None:
    """Values that are not finite are missing."""
    computed = statistics([("00:00:00", 1.0), ("00:01:00", odd), ("00:02:00", 3.0)])
    assert computed["mean"].to_list() == [2.0]
    assert computed["max"].to_list() == [3.0]
    assert computed["std"].to_list() == [pytest.approx(2**0.5)]
    assert computed["count"].to_list() == [2.0]


def test_empty_bucket() -> None:
    """A bucket without a finite reading has nulls, not zeros."""
    computed = statistics([("00:00:00", np.nan), ("00:01:00", None), ("00:10:00", 0.0)])
    assert computed.iloc[0].drop("expected").isna().all()
    assert computed["count"].to_list()[1] == 1.0


def test_a_gap_has_no_bucket() -> None:
    computed = statistics([("00:00:00", 1.0), ("00:30:00", 2.0)])
    assert list(computed.index.strftime("%H:%M")) == ["00:00", "00:30"]


def test_no_readings() -> None:
    """No readings give an empty table with the same columns."""
    computed = compute_statistics(table([]))
    assert computed.num_rows == 0
    assert computed.schema.names == [
        "turbine",
        "timestamp",
        *[f"wind_speed_{s}" for s in (*STATISTICS["quantity"], "flags")],
        "expected",
    ]


LOCAL = """
import datetime, duckdb, pyarrow
from etl_lib.transform.statistics import compute_statistics, statistics_sql
assert "Kathmandu" in str(duckdb.sql("SELECT current_setting('TimeZone')").fetchall())
stamp = datetime.datetime(2024, 5, 20, 0, 31, tzinfo=datetime.UTC)
readings = pyarrow.table({"timestamp": [stamp], "turbine": ["T1"], "power": [1.0]})
sql = statistics_sql()["quantity"]
hourly = sql.replace("time_bucket(INTERVAL '10 minutes',", "date_trunc('hour',")
for sql in ({}, {"quantity": hourly}):
    print(compute_statistics(readings, sql)["timestamp"].cast("int64")[0].as_py() % 3_600_000_000)
"""


def test_machine_time_zone() -> None:
    """The machine's time zone moves no bucket."""
    # 5:45 from UTC: an hour of local time would start in the middle of one
    environment = os.environ | {"TZ": "Asia/Kathmandu"}
    ended = subprocess.run(
        [sys.executable, "-c", LOCAL], env=environment, capture_output=True, text=True, check=True
    )
    thirty_minutes = 30 * 60_000_000
    assert ended.stdout.split() == [str(thirty_minutes), "0"]


def test_any_columns() -> None:
    """One SQL text serves any set of columns."""
    names = ("a", "b_mean", "odd name")
    computed = compute_statistics(table([("00:00:00", 1.0, 2.0, 3.0)], names))
    statistics = [f"{n}_{s}" for n in names for s in (*STATISTICS["quantity"], "flags")]
    assert computed.schema.names == ["turbine", "timestamp", *statistics, "expected"]
    assert computed["odd name_mean"].to_pylist() == [3.0]


@pytest.mark.parametrize("kind", STATISTICS)
def test_sql(kind: str) -> None:
    """The SQL of each kind is valid and uses `time_bucket`."""
    sql = statistics_sql()[kind]
    assert "time_bucket(" in sql
    held = ("value", "hold")
    single = {"counter": ("value", "register"), "state": held, "on_change": held}
    names = single.get(kind, ("a",))
    with duckdb.connect() as connection:
        connection.register("readings", table([("00:00:00", 1.0, 60.0)], names))
        assert connection.sql(sql).columns[:2] == ["turbine", "timestamp"]


def test_equal_readings() -> None:
    """The mean of equal readings is that reading."""
    computed = compute_statistics(table([(f"00:0{minute}:00", 0.1) for minute in range(3)]))
    found = [computed[f"wind_speed_{one}"][0].as_py() for one in ("min", "mean", "max")]
    assert found == [0.1, 0.1, 0.1]  # the sum of three is 0.30000000000000004


def test_overflow() -> None:
    """Readings too large for a standard deviation have none."""
    computed = compute_statistics(table([("00:00:00", 1e200), ("00:01:00", -1e200)]))
    assert computed["wind_speed_std"].to_pylist() == [None]
    assert computed["wind_speed_max"].to_pylist() == [1e200]


def test_other_sql() -> None:
    """Another SQL text can be run."""
    sql = {"quantity": statistics_sql()["quantity"].replace("least(", "2 * least(")}
    assert compute_statistics(table([("00:00:00", 4.0)]), sql)["wind_speed_mean"][0].as_py() == 8.0


def test_units(seeded: httpx2.Client) -> None:
    """Statistics have the units of the readings."""
    readings = fetch_readings(seeded, START, START + timedelta(hours=1), ["power"])
    units = to_frame(compute_statistics(readings)).attrs["units"]
    assert units["power_mean"] == units["power_std"] == "kW"
    assert units["power_count"] == units["expected"] == "1"


def test_coverage() -> None:
    """Coverage is the share of ten readings of one a minute, at most 1."""
    rows = [(f"00:{minute:02}:00", 1.0) for minute in range(10)]
    rows += [(f"00:{minute:02}:30", 1.0) for minute in range(0, 10, 2)]  # fifteen in a bucket
    rows += [(f"00:{minute}:00", 1.0 if minute == 17 else None) for minute in range(10, 30)]
    frame = to_frame(compute_statistics(table(rows)))
    assert coverage(frame, "wind_speed").to_list() == [1.0, 0.1, 0.0]
    assert coverage(frame, "power").to_list() == [0.0, 0.0, 0.0]


def test_day_coverage() -> None:
    """A day's coverage counts what every column lacks."""
    names = ("wind_speed", "power")
    full = [(f"{m // 60:02}:{m % 60:02}:00", 1.0, None if m < 720 else 2.0) for m in range(1440)]
    assert day_coverage(compute_statistics(table(full, names)), ["T1"]) == pytest.approx(0.75)
    assert day_coverage(compute_statistics(table([], names)), ["T1"]) == 0.0


def test_surplus_readings() -> None:
    """Surplus readings of one bucket do not fill another."""
    rows = [(f"00:00:{second:02}", 1.0) for second in range(60)]
    rows += [(f"{m // 60:02}:{m % 60:02}:00", 1.0) for m in range(1, 100)]
    assert day_coverage(compute_statistics(table(rows)), ["T1"]) == pytest.approx(10 / 144)


def test_signals_of_their_counts() -> None:
    names = ["timestamp", "a_mean", "a_count", "b_c_delta", "b_c_last", "b_c_count"]
    assert signals_of(names) == ["a", "b_c"]


def test_turbines_apart() -> None:
    """Each turbine's statistics are those of its own readings, in any order of rows."""
    rows = [(f"{m // 60:02}:{m % 60:02}:00", float(m % 13)) for m in range(100)]
    parts = {name: table(rows[n::3]) for n, name in enumerate(("B", "A", "C"))}
    named = [part.set_column(1, "turbine", [[n] * len(part)]) for n, part in parts.items()]
    mixed = pa.concat_tables(named)
    mixed = mixed.take(np.random.default_rng(1).permutation(len(mixed)))
    computed = to_frame(compute_statistics(mixed))
    assert list(computed.index.unique("turbine")) == ["A", "B", "C"]
    for name, part in parts.items():
        alone = to_frame(compute_statistics(part)).loc["T1"]
        pd.testing.assert_frame_equal(computed.loc[name], alone)


def test_repeats_of_two_turbines() -> None:
    """A timestamp that two turbines have repeats nothing."""
    one, other = table([("00:01:00", 1.0)]), table([("00:01:00", 5.0)])
    other = other.set_column(1, "turbine", [["T2"]])
    computed = to_frame(compute_statistics(pa.concat_tables([one, other, one])))
    assert computed["wind_speed_mean"].to_list() == [1.0, 5.0]
    assert computed["wind_speed_count"].to_list() == [1.0, 1.0]


def test_coverage_of_turbines() -> None:
    """A day's coverage is the mean of its turbines; one without readings has none."""
    full = table([(f"{m // 60:02}:{m % 60:02}:00", 1.0) for m in range(1440)])
    hourly = table([(f"{h:02}:00:00", 1.0) for h in range(12)])
    both = [full, hourly.set_column(1, "turbine", [["T2"] * 12])]
    computed = compute_statistics(pa.concat_tables(both))
    assert day_coverage(computed, ["T1", "T2"]) == pytest.approx(0.75)
    assert day_coverage(computed, ["T1", "T2", "T3"]) == pytest.approx(0.5)
    assert day_coverage(computed, ["T2"]) == pytest.approx(0.5)
