"""The interval between readings: found from any of them, and coverage counted by it."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from math import ceil
from random import Random

import pyarrow as pa
import pytest
from helpers import with_turbine
from hypothesis import example, given
from hypothesis import strategies as st

from etl_lib.analysis.days import summarize_days
from etl_lib.analysis.quality import check_readings
from etl_lib.extract.days import Day
from etl_lib.transform.interval import describe_interval, describe_intervals, find_intervals
from etl_lib.transform.statistics import (
    compute_statistics,
    coverage,
    day_coverage,
    read_intervals,
    to_frame,
)

DAY = Day(date(2024, 5, 20), 0, {}, datetime(2024, 6, 1, tzinfo=UTC), turbines=["T1"])
SECONDS = 86_400
intervals = st.integers(1, 3600) | st.sampled_from([1, 10, 60, 600, 900, 1800, 3600])


def table(seconds: Iterable[float]) -> pa.Table:
    """Readings at these seconds of the day."""
    stamps = [DAY.start + timedelta(seconds=second) for second in seconds]
    column = pa.array(stamps, pa.timestamp("us", "UTC"))
    power = pa.array([1.0] * len(stamps), pa.float64())
    return with_turbine(pa.table({"timestamp": column, "power": power}))


def find_interval(readings: pa.Table) -> float:
    """The interval of the only turbine, or of none."""
    return find_intervals(readings).get("T1", 60)


@given(intervals, st.lists(st.floats(0, 0.499), min_size=2, max_size=60), st.randoms())
def test_found_interval(interval: int, delays: list[float], random: Random) -> None:
    """The interval of readings in any order, late by up to half a second, some repeated."""
    seconds = [n * interval + delay for n, delay in enumerate(delays)]
    seconds += seconds[::3]
    random.shuffle(seconds)
    assert find_interval(table(seconds)) == interval


@given(intervals, st.sets(st.integers(1, 98), max_size=30))
def test_gaps(interval: int, missing: set[int]) -> None:
    """Gaps between readings do not change what is found, while most readings are there."""
    seconds = [n * interval for n in range(100) if n not in missing]
    assert find_interval(table(seconds)) == interval


@pytest.mark.parametrize(
    ("seconds", "interval"),
    [
        ([], 60),
        ([5], 60),
        ([5, 5, 5], 60),
        ([0, 7 * 3600], 60),  # a gap and not an interval
        ([0, 10, 20, 80, 140], 10),  # of two that are equally usual the shorter
        ([0, 59.6, 120.4, 179.7], 60),
        ([0, 0.1, 60, 60.1, 120, 120.1], 60),  # twice, the clock a little later
        ([n / 10 for n in range(100)], 1),
    ],
)
def test_few_readings(seconds: list[float], interval: int) -> None:
    """Few, repeated and distant readings have an interval, of a second to an hour."""
    assert find_interval(table(seconds)) == interval


@given(intervals)
@example(7)
@example(420)
@example(3540)
def test_complete_day(interval: int) -> None:
    """A complete day has a coverage of 1 in each bucket and over the day, and no gap."""
    readings = table(range(0, SECONDS, interval))
    computed = compute_statistics(readings)
    frame = to_frame(computed)
    assert read_intervals(computed) == {"T1": interval}
    assert set(computed["expected"].to_pylist()) == {600 / interval}
    whole = coverage(frame, "power")[:-1]  # the last bucket may end between two readings
    assert set(whole) == {1.0}
    assert day_coverage(computed, ["T1"]) == 1.0
    summary = summarize_days(frame).iloc[0]
    assert summary["coverage"] == pytest.approx(1, abs=0.02)
    assert summary["hours_with_power"] == pytest.approx(24, abs=1)
    quality = check_readings(readings, DAY).loc["T1"]["power"]
    assert quality["minutes without a reading"] == quality["longest gap, minutes"] == 0


@given(intervals)
@example(3600)
def test_half_day(interval: int) -> None:
    """Half of a day's readings are a coverage of about one half."""
    readings = table(range(0, SECONDS // 2, interval))
    computed = compute_statistics(readings)
    assert day_coverage(computed, ["T1"]) == pytest.approx(0.5, abs=interval / SECONDS)
    summary = summarize_days(to_frame(computed)).iloc[0]
    assert summary["coverage"] == pytest.approx(0.5, abs=0.005 + interval / SECONDS)
    missing = SECONDS // 60 - ceil(len(readings) * interval / 60)
    found = check_readings(readings, DAY).loc["T1"]["power"]["longest gap, minutes"]
    assert found == pytest.approx(missing, abs=1)


def test_half_of_a_bucket() -> None:
    """A bucket has the share of its own readings, at any interval."""
    seconds = [*range(0, 300, 10), *range(600, 1200, 10)]
    frame = to_frame(compute_statistics(table(seconds)))
    assert coverage(frame, "power").to_list() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "1 s"), (60, "60 s"), (90, "90 s"), (600, "10 min"), (3600, "60 min")]
)
def test_description(seconds: float, text: str) -> None:
    """An interval is told in seconds up to a minute, and then in whole minutes."""
    assert describe_interval(seconds) == text


def test_intervals_of_turbines() -> None:
    """Each turbine has its interval, and those that differ from most are told by name."""
    parts = [with_turbine(table(range(0, 7200, step)).drop_columns("turbine"), name)
             for name, step in (("C", 600), ("A", 600), ("B", 60))]  # fmt: skip
    found = find_intervals(pa.concat_tables(parts))
    assert found == {"A": 600, "B": 60, "C": 600}
    assert list(found) == ["A", "B", "C"]
    assert describe_intervals(found) == "10 min, but B 60 s"
    assert describe_intervals({"A": 600, "B": 600}) == "10 min"
    assert describe_intervals({}) == "60 s"
