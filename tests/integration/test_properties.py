"""Any readings: the statistics beside exact fractions, a load beside what it was given."""

import math
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest
from helpers import DAY, execute, with_turbine
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from etl_lib.load.day import load_day
from etl_lib.load.reading import read_statistics
from etl_lib.transform.kinds import STATISTICS
from etl_lib.transform.statistics import compute_statistics, to_frame

SIGNALS = ("wind_speed", "power", "ambient_temperature")
TEN_MINUTES = 600_000_000
EPSILON = 2.0**-52
EXACT = ("_min", "_max", "_count", "_flags", "state_mode")
LARGE = 1e150
"""Beyond it the square of a difference is no float any more."""

stamps = st.one_of(
    st.integers(0, 1439).map(lambda minute: minute * 60_000_000),  # on the minute
    st.integers(0, 86_400_000_000 - 1),
    st.integers(0, 143).map(lambda bucket: bucket * TEN_MINUTES + 599_999_999),  # its last instant
    st.integers(0, 30).map(lambda minute: minute * 60_000_000),  # many of them repeat
)
values = st.one_of(
    st.none(),
    st.sampled_from([math.nan, math.inf, -math.inf, -7999.0, -9999.9, 0.0, -0.0, 5e-324]),
    st.floats(0, 25),
    st.floats(-1e100, 1e100),
    st.floats(),
    st.sampled_from([0.1, 0.7]),  # equal ones, whose mean is rounded
    st.sampled_from([1e9, 1e9 + 1e-6]),  # close to each other, far from zero
)


@st.composite
def readings(draw: st.DrawFn) -> pa.Table:
    """Readings of a day in any order: `timestamp` (UTC), and one to three signals."""
    names = draw(st.lists(st.sampled_from(SIGNALS), min_size=1, unique=True))
    rows = draw(st.lists(st.tuples(stamps, *[values] * len(names)), max_size=120))
    start = int(DAY.start.timestamp()) * 1_000_000
    moments = pa.array([start + row[0] for row in rows], pa.int64())
    columns: dict[str, Any] = {"timestamp": moments.cast(pa.timestamp("us", "UTC"))}
    fields = [pa.field("timestamp", pa.timestamp("us", "UTC"))]
    for place, name in enumerate(names, 1):
        columns[name] = pa.array([row[place] for row in rows], pa.float64(), from_pandas=False)
        fields.append(pa.field(name, pa.float64(), metadata={"unit": "u"}))
    return with_turbine(pa.table(columns, schema=pa.schema(fields)))


def expected_buckets(table: pa.Table, name: str) -> dict[int, list[float]]:
    """The finite values of each bucket that has readings, by its start in microseconds."""
    moments = table["timestamp"].cast(pa.int64()).to_pylist()
    buckets: dict[int, list[float]] = {stamp // TEN_MINUTES * TEN_MINUTES: [] for stamp in moments}
    pairs = zip(moments, table[name].to_pylist(), strict=True)
    finite = {stamp: v for stamp, v in pairs if v is not None and math.isfinite(v)}
    for stamp, value in finite.items():  # of equal stamps the last
        buckets[stamp // TEN_MINUTES * TEN_MINUTES].append(value)
    return buckets


@pytest.mark.soak
@given(readings())
def test_exact_arithmetic(table: pa.Table) -> None:
    """Statistics of any readings equal those of exact arithmetic."""
    computed = compute_statistics(table)
    starts = computed["timestamp"].cast(pa.int64()).to_pylist()
    assert starts == sorted(set(starts))
    assert all(start % TEN_MINUTES == 0 for start in starts)
    for name in table.schema.names[2:]:
        buckets = expected_buckets(table, name)
        assert starts == sorted(buckets)
        columns = [computed[f"{name}_{one}"].to_pylist() for one in STATISTICS["quantity"]]
        found = zip(*columns, strict=True)
        for start, (mean, low, high, std, count) in zip(starts, found, strict=True):
            kept = buckets[start]
            if not kept:
                assert (mean, low, high, std, count) == (None,) * 5
                continue
            assert (low, high, count) == (min(kept), max(kept), len(kept))
            assert low <= mean <= high
            largest = max(map(abs, kept))
            if len(kept) == 1 or (largest > LARGE and std is None):
                assert std is None
                continue
            assert 0 <= std < math.inf
            if largest > LARGE:
                continue
            exact = sum(map(Fraction, kept)) / len(kept)
            # Each value and each sum is rounded: by that much of the largest, and the mean with it
            slack = 4 * len(kept) * EPSILON * largest + 1e-300
            assert abs(Fraction(mean) - exact) <= slack
            squares = sum((Fraction(value) - exact) ** 2 for value in kept)
            assert abs(std - math.sqrt(squares / (len(kept) - 1))) <= 1e-9 * std + slack
            most = (high - low) / 2 * math.sqrt(len(kept) / (len(kept) - 1))
            assert std <= most * (1 + 1e-9) + slack


@pytest.mark.soak
@given(readings())
def test_any_order(table: pa.Table) -> None:
    """Readings with distinct timestamps give the same statistics in any order."""
    unique = dict(zip(table["timestamp"].to_pylist(), range(table.num_rows), strict=True))
    plain = table.take(pa.array(list(unique.values()), pa.int64()))
    backwards = plain.take(pa.array(range(plain.num_rows - 1, -1, -1), pa.int64()))
    first, second = compute_statistics(plain), compute_statistics(backwards)
    assert first.schema == second.schema
    for name in first.schema.names:
        assert first[name].null_count == second[name].null_count
        if name.endswith((*EXACT, "turbine", "timestamp", "expected")):
            assert first[name].equals(second[name])
            continue
        given = filter(None, table[name.rpartition("_")[0]].to_pylist())
        largest = max(map(abs, filter(math.isfinite, given)), default=0)
        pairs = zip(first[name].to_pylist(), second[name].to_pylist(), strict=True)
        for one, other in pairs:
            assert one == other or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12 * largest)


floats = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def statistics(draw: st.DrawFn) -> pa.Table:
    """Statistics of one signal on some buckets: any float there is, or missing."""
    places = sorted(draw(st.sets(st.integers(0, 143), max_size=12)))
    moments = [DAY.start + timedelta(minutes=10 * place) for place in places]
    table = {"timestamp": pa.array(moments, pa.timestamp("us", "UTC"))}
    fields = [pa.field("timestamp", pa.timestamp("us", "UTC"), nullable=False)]
    for one in STATISTICS["quantity"]:
        kind = st.integers(1, 10_000).map(float) if one == "count" else floats
        given = draw(st.lists(st.none() | kind, min_size=len(places), max_size=len(places)))
        table[f"power_{one}"] = pa.array(given, pa.float64())
        fields.append(pa.field(f"power_{one}", pa.float64(), metadata={"unit": "kW"}))
    table["expected"] = pa.array([10.0] * len(places), pa.float64())
    fields.append(pa.field("expected", pa.float64(), metadata={"unit": "1"}))
    return with_turbine(pa.table(table, schema=pa.schema(fields)))


@pytest.mark.soak
@given(statistics(), statistics())
def test_round_trip(alvo: Engine, alvo_url: str, before: pa.Table, after: pa.Table) -> None:
    """Loaded values are read back bit for bit, and a load replaces its day."""
    for table in (before, after, after):
        load_day(alvo, DAY, table, readings=1)
        read = read_statistics(alvo, DAY.start, DAY.end)
        assert set(read.pop("expected")) <= {10}
        given = to_frame(table).drop(columns="expected")
        given = given.dropna(how="all").dropna(how="all", axis="columns")
        assert list(read.columns) == list(given.columns)
        assert read.index.equals(given.index)
        assert read.to_numpy().tobytes() == given.to_numpy(dtype=float).tobytes()
    last = execute(alvo_url, "SELECT added, changed, removed FROM run ORDER BY id DESC LIMIT 1")
    assert last == [(0, 0, 0)]
