"""Ten-minute statistics of counters, against increments added in plain Python."""

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl_lib.transform.statistics import compute_statistics, day_coverage, to_frame

START = datetime(2024, 5, 20, tzinfo=UTC)
TEN = timedelta(minutes=10)
Reading = tuple[str, float, float | None]
"""Turbine, seconds since `START`, value."""
Rows = dict[tuple[str, datetime], tuple[float | None, float, float]]
"""By turbine and bucket: delta, last, count."""

seconds = st.integers(0, 200).map(lambda n: n * 36)  # two hours
values = st.integers(0, 110).map(float) | st.sampled_from([None, math.nan, math.inf])
counters = st.lists(st.tuples(st.sampled_from("AB"), seconds, values), max_size=60)
registers = st.none() | st.sampled_from([100.0, 110.0, 1000.0])


def table(readings: Iterable[Reading], register: float | None = None) -> Any:
    """Readings of one signal, in the order given."""
    metadata = {"unit": "kWh", "kind": "counter"} | (
        {"register": str(register)} if register else {}
    )
    schema = pa.schema(
        [
            pa.field("timestamp", pa.timestamp("us", "UTC"), nullable=False),
            pa.field("turbine", pa.string(), nullable=False),
            pa.field("energy", pa.float64(), metadata=metadata),
        ]
    )
    rows = list(readings)
    stamps = [START + timedelta(seconds=second) for _, second, _ in rows]
    return pa.table([stamps, [r[0] for r in rows], [r[2] for r in rows]], schema)


def compute(readings: pa.Table, before: pa.Table | None = None) -> Rows:
    """The rows that have a value."""
    rows = compute_statistics(readings, before=before).to_pylist()
    return {
        (row["turbine"], row["timestamp"]): tuple(
            row[f"energy_{name}"] for name in ("delta", "last", "count")
        )
        for row in rows
        if row["energy_count"]
    }


def expect(readings: Iterable[Reading], register: float | None = None) -> Rows:
    """The same, reading by reading; those before `START` are only predecessors."""
    by_turbine: dict[str, dict[float, float]] = defaultdict(dict)
    for turbine, second, value in readings:
        if value is not None and math.isfinite(value):
            by_turbine[turbine][second] = value
    found: Rows = {}
    for turbine, series in by_turbine.items():
        before = None
        for second in sorted(series):
            now = series[second]
            increment = None if before is None else count_up(before, now, register)
            before = now
            if second < 0:
                continue
            bucket = START + timedelta(seconds=second // 600 * 600)
            delta, _, count = found.get((turbine, bucket), (None, 0, 0))
            if increment is not None:
                delta = (delta or 0) + increment
            found[turbine, bucket] = delta, now, count + 1
    return found


def count_up(before: float, now: float, register: float | None) -> float:
    if now >= before:
        return now - before
    is_rollover = register and 0.9 * register < before <= register
    return register - before + now if is_rollover else now  # type: ignore[operator]


@given(counters, registers, st.randoms())
def test_increments(readings: list[Reading], register: float | None, random: Random) -> None:
    """Resets, rollovers, gaps, repeated stamps and other turbines, in any order of rows."""
    rows = list({row[:2]: row for row in readings}.values())  # repeats are tested below
    random.shuffle(rows)
    assert compute(table(rows, register)) == expect(rows, register)


@given(counters, counters, registers)
def test_midnight(day: list[Reading], earlier: list[Reading], register: float | None) -> None:
    """The day goes on from the day before, which has no rows itself."""
    day = list({row[:2]: row for row in day}.values())
    earlier = list({row[:2]: row for row in earlier}.values())
    earlier = [(turbine, second - 7236, value) for turbine, second, value in earlier]
    found = compute(table(day, register), table(earlier, register))
    assert found == expect([*earlier, *day], register)


@given(st.lists(st.integers(0, 50), min_size=2, max_size=200), st.integers(1, 199))
def test_monotone(steps: list[int], at: int) -> None:
    """The deltas of a day add up to the last value less the one before the day."""
    total = [float(sum(steps[: n + 1])) for n in range(len(steps))]
    at = min(at, len(steps) - 1)
    rows = [("A", (n - at) * 300.0, value) for n, value in enumerate(total)]
    found = compute(table(rows[at:]), table(rows[:at]))
    assert sum(delta for delta, _, _ in found.values()) == total[-1] - total[at - 1]


@pytest.mark.parametrize(
    ("values", "register", "delta"),
    [
        ([10, 12, 15], None, 5),
        ([10, 0, 3], None, 3),  # a reset: it began at zero, and has counted 3 since
        ([95, 4], None, 4),
        ([95, 4], 100, 9),  # a rollover
        ([90, 4], 100, 4),  # at 0.9 of the register not yet
        ([120, 4], 100, 4),  # the register cannot have held that
        ([5, 5, 5], None, 0),
        ([5, None, math.nan, 7], None, 2),
        ([5], None, None),
    ],
)
def test_delta(values: list[float | None], register: float | None, delta: float | None) -> None:
    """The increments of one bucket."""
    rows = [("A", 60.0 * n, value) for n, value in enumerate(values)]
    [found] = compute(table(rows, register)).values()
    known = [value for value in values if value is not None and math.isfinite(value)]
    assert found == (delta, known[-1], len(known))


def test_first_reading() -> None:
    """The very first reading has no increment; the next bucket's first one has."""
    found = list(compute(table([("A", 0, 10), ("A", 600, 13), ("A", 660, 14)])).values())
    assert found == [(None, 10, 1), (4, 14, 2)]


def test_gap() -> None:
    """The increment over a gap belongs to the bucket that ends it: nothing is spread."""
    found = compute(table([("A", 0, 10), ("A", 7200, 70)]))
    assert found["A", START + 12 * TEN] == (60, 70, 1)
    assert len(found) == 2


def test_equal_stamps() -> None:
    """Of equal stamps the last finite value counts, before midnight, too."""
    before = table([("A", -60, 10), ("A", -60, 20), ("A", -60, None)])
    day = table([("A", 60, 99), ("A", 0, 21), ("A", 60, 25), ("A", 60, math.nan), ("B", 60, 7)])
    assert compute(day, before) == {("A", START): (5, 25, 2), ("B", START): (None, 7, 1)}


def test_schema() -> None:
    """A counter has its three statistics, with units; an empty day has the same columns."""
    computed = compute_statistics(table([("A", 0, 1), ("A", 60, 2)]))
    names = ["energy_delta", "energy_last", "energy_count", "energy_flags", "expected"]
    assert computed.schema.names == ["turbine", "timestamp", *names]
    attrs = to_frame(computed).attrs
    assert attrs["units"] == dict(zip(names, ["kWh", "kWh", "1", "1", "1"], strict=True))
    assert attrs["kinds"].pop("energy_flags") == "state"
    assert set(attrs["kinds"].values()) == {"quantity"}
    empty = compute_statistics(table([]), before=table([("A", -60, 1)]))
    assert empty.schema == computed.schema
    assert empty.num_rows == 0


def test_turbine_of_yesterday() -> None:
    """A turbine that has readings of the day before only has no statistics of the day."""
    found = compute(table([("A", 0, 1)]), table([("A", -60, 0), ("B", -60, 5)]))
    assert list(found) == [("A", START)]


def test_missing_values() -> None:
    """A bucket without a finite reading has a row of nulls, as that of a quantity."""
    rows = [("A", 600.0 * n, math.nan) for n in range(3)]
    computed = compute_statistics(table(rows))
    assert computed.to_pylist() == [
        {
            "turbine": "A",
            "timestamp": START + n * TEN,
            "energy_delta": None,
            "energy_last": None,
            "energy_count": None,
            "energy_flags": None,
            "expected": 1,
        }
        for n in range(3)
    ]


def test_coverage() -> None:
    """Coverage counts a counter's readings."""
    rows = [("A", 60.0 * n, float(n)) for n in range(720)]
    assert day_coverage(compute_statistics(table(rows)), ["A"]) == pytest.approx(0.5)
