"""Ten-minute statistics of states, against durations counted second by second."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from etl_lib.transform.interval import find_intervals
from etl_lib.transform.statistics import compute_statistics, coverage, statistics_sql, to_frame

START = datetime(2024, 5, 20, tzinfo=UTC)
TEN = timedelta(minutes=10)
DAY = 86_400
Reading = tuple[str, float, float | None]
"""Turbine, seconds since `START`, code."""
Rows = dict[tuple[str, datetime], tuple[float, float | None, float | None]]
"""By turbine and bucket: mode, changes, count."""

codes = st.sampled_from([0.0, 1.0, 2.0, 300.0, None, math.nan])
intervals = st.sampled_from([1, 7, 10, 60, 90, 600, 900, 1800, 3600])


def table(readings: Iterable[Reading], interval: int | None = None, unit: str = "1") -> Any:
    """Readings of one signal, in the order given; `interval` as the catalogue tells it."""
    metadata = {"unit": unit, "kind": "state"}
    schema = pa.schema(
        [
            pa.field("timestamp", pa.timestamp("us", "UTC"), nullable=False),
            pa.field("turbine", pa.string(), nullable=False),
            pa.field("status", pa.float64(), metadata=metadata),
        ]
    )
    rows = list(readings)
    if interval:
        told = ", ".join(f'"{name}": {interval}' for name in "AB")
        schema = schema.with_metadata({"intervals": f"{{{told}}}"})
    stamps = [START + timedelta(seconds=second) for _, second, _ in rows]
    return pa.table([stamps, [r[0] for r in rows], [r[2] for r in rows]], schema)


def compute(readings: pa.Table, before: pa.Table | None = None) -> Rows:
    """The rows in which a state held."""
    return {
        (row["turbine"], row["timestamp"]): tuple(
            row[f"status_{name}"] for name in ("mode", "changes", "count")
        )
        for row in compute_statistics(readings, before=before).to_pylist()
        if row["status_mode"] is not None
    }


def hold(readings: Iterable[Reading], interval: float) -> dict[str, dict[int, float]]:
    """The code of each second by turbine, where one held; stamps are whole seconds."""
    held: dict[str, dict[int, float]] = defaultdict(dict)
    for turbine, second, code in sorted(readings, key=lambda row: row[:2]):
        if code is None or not math.isfinite(code):
            continue
        for later in [at for at in held[turbine] if at >= second]:
            del held[turbine][later]
        held[turbine] |= dict.fromkeys(range(int(second), int(second + 2 * interval)), code)
    return held


def expect(readings: list[Reading], interval: float) -> Rows:
    """The same, second by second, of the day from `START` on."""
    known = [row for row in readings if row[2] is not None and math.isfinite(row[2])]
    present = {turbine for turbine, second, _ in readings if second >= 0}
    found: Rows = {}
    for turbine, seconds in hold(readings, interval).items():
        own = sorted(row[1:] for row in known if row[0] == turbine)
        for bucket in {second // 600 for second in seconds if 0 <= second < DAY}:
            inside = [seconds.get(second) for second in range(bucket * 600, bucket * 600 + 600)]
            lengths = Counter(code for code in inside if code is not None)
            latest = {code: second for second, code in enumerate(inside) if code is not None}
            mode = max(lengths, key=lambda code: (lengths[code], latest[code]))
            here = [n for n, (second, _) in enumerate(own) if second // 600 == bucket]
            changes = sum(
                own[n][1] != own[n - 1][1] and own[n][0] - own[n - 1][0] <= 2 * interval
                for n in here
                if n
            )
            if turbine in present:
                key = turbine, START + bucket * TEN
                found[key] = mode, changes if here else None, len(here) or None
    return found


@st.composite
def series(draw: st.DrawFn, first: int = 0) -> tuple[int, list[Reading]]:
    """An interval, and readings of two turbines at about it, from `first` seconds on."""
    interval = draw(intervals)
    rows: list[Reading] = []
    for turbine in "AB":
        second = first + draw(st.integers(0, 600))
        for code, steps in draw(st.lists(st.tuples(codes, st.integers(1, 30)), max_size=20)):
            late = draw(st.integers(0, max(0, interval // 3)))
            if first <= second + late < first + DAY:
                rows.append((turbine, second + late, code))
            second += interval * (steps // 10 + 1)
    return interval, rows


@given(series(), st.randoms())
def test_durations(series: tuple[int, list[Reading]], random: Random) -> None:
    """Modes, changes and counts at any interval, with gaps, in any order of rows."""
    interval, rows = series
    random.shuffle(rows)
    assert compute(table(rows, interval)) == expect(rows, interval)


@given(series(first=-DAY), series())
def test_midnight(earlier: tuple[int, list[Reading]], series: tuple[int, list[Reading]]) -> None:
    """A state of the day before holds into the day, which is compared with it."""
    interval, rows = series
    shifted = max((row[1] for row in earlier[1]), default=0)
    late = [(turbine, second - shifted - 1, code) for turbine, second, code in earlier[1]]
    late = [row for row in late if row[1] >= -DAY]
    found = compute(table(rows, interval), table(late, interval))
    assert found == expect([*late, *rows], interval)


@given(series())
def test_covered_time(series: tuple[int, list[Reading]]) -> None:
    """The durations of all codes add up to the time in which a state held."""
    interval, rows = series
    if not rows:
        return
    # The same text, that gives the duration instead of the mode
    text = statistics_sql()["state"].replace("arg_max(value, (duration, latest))", "sum(duration)")
    computed = compute_statistics(table(rows, interval), {"state": text}).to_pylist()
    total = sum(row["status_mode"] or 0 for row in computed) / 1e6
    held = hold(rows, interval)
    assert total == sum(0 <= second < DAY for seconds in held.values() for second in seconds)


@pytest.mark.parametrize(
    ("readings", "mode", "changes"),
    [
        ([(0, 1), (60, 1), (120, 2), (180, 3)], 3, 2),  # each two minutes at most
        ([(0, 1), (60, 2)], 2, 1),
        ([(0, 1), (120, 2), (240, 2), (300, 1)], 1, 2),
        ([(0, 1), (120, 2)], 2, 1),  # a tie: the later
        ([(0, 2), (60, 1), (120, 1), (180, 2), (240, 3)], 3, 3),  # a tie of three
        ([(0, 5), (121, 6)], 6, 0),  # a second in which nothing held
        ([(0, 5), (60, None), (120, 6)], 6, 1),
        ([(0, 7)], 7, 0),
    ],
)
def test_mode(readings: list[tuple[float, float]], mode: float, changes: float) -> None:
    """The code of the longest duration, and how often it changed, at an interval of a minute."""
    [found] = compute(table([("A", *row) for row in readings], 60)).values()
    assert found[:2] == (mode, changes)


def test_two_intervals() -> None:
    """A state holds two intervals at most, in buckets without a reading, too."""
    rows = [("A", 0, 1), ("A", 3600, 2), ("A", 4 * 3600, 3)]
    found = compute(table(rows, 3600))
    modes = {f"{bucket:%H:%M}": row for (_, bucket), row in found.items()}
    assert [row for row in modes.values() if row[2]] == [(1, 0, 1), (2, 1, 1), (3, 0, 1)]
    assert modes["00:50"] == (1, None, None)
    assert modes["02:50"] == (2, None, None)
    assert "03:00" not in modes
    assert len(modes) == 18 + 12


def test_end_of_day() -> None:
    """A state that still holds at midnight has no bucket in the next day."""
    found = compute(table([("A", DAY - 600, 1), ("A", DAY - 60, 2)], 3600))
    assert list(found) == [("A", START + timedelta(hours=23, minutes=50))]


def test_start_of_day() -> None:
    """The day before holds over midnight, and only with it is its code known."""
    before, day = table([("A", -60, 4), ("B", -60, 5)], 60), table([("A", 700, 4)], 60)
    second = ("A", START + TEN)
    assert compute(day, before) == {("A", START): (4, None, None), second: (4, 0, 1)}
    assert compute(day) == {second: (4, 0, 1)}


def test_several_days() -> None:
    """A state holds over a midnight between two days on which its turbine has readings."""
    late = ("A", DAY - 600, 1)
    days = table([late, ("B", 0, 1), ("B", DAY, 1)], 3600)
    assert [bucket.day for turbine, bucket in compute(days) if turbine == "A"] == [20]
    days = table([late, ("A", 2 * DAY - 600, 1), ("B", DAY, 1)], 3600)
    assert [bucket.day for turbine, bucket in compute(days) if turbine == "A"] == [20] + [21] * 12


def test_equal_stamps() -> None:
    """Of equal stamps the last finite code counts."""
    rows = [("A", 0, 1), ("A", 60, 2), ("A", 60, 1), ("A", 60, math.nan)]
    assert compute(table(rows, 60)) == {("A", START): (1, 0, 2)}


@given(intervals)
@example(3600)
def test_found_interval(interval: int) -> None:
    """The interval is that of the turbine's readings, if the catalogue does not tell it."""
    rows = [("A", n * interval, 1.0) for n in range(3)] + [("A", 9 * interval, 2.0)]
    readings = table([row for row in rows if row[1] < DAY])
    assert find_intervals(readings) == {"A": interval}
    assert compute(readings) == expect(rows, interval)


def test_units() -> None:
    """The mode has the signal's unit; changes and count are numbers."""
    units = to_frame(compute_statistics(table([("A", 0, 1)], unit="step"))).attrs["units"]
    names = ("status_mode", "status_changes", "status_count")
    assert [units[name] for name in names] == ["step", "1", "1"]


def test_joined_kinds() -> None:
    """A day of all kinds: their statistics side by side, in order, null where there are none."""
    status = table([("B", 0, 1), ("A", 1200, 2), ("A", 5400, 2)], 1200)
    readings = status.append_column(
        pa.field("power", pa.float64(), metadata={"unit": "kW"}), [[1.0, 2.0, 3.0]]
    )
    for name, kind in (("wind_direction", "angle"), ("energy", "counter")):
        field = pa.field(name, pa.float64(), metadata={"unit": "x", "kind": kind})
        readings = readings.append_column(field, [[90.0, 91.0, 92.0]])
    assert list(statistics_sql(readings)) == ["quantity", "angle", "counter", "state"]
    frame = to_frame(compute_statistics(readings))
    assert [name for name in frame if name.startswith("status")] == [
        "status_mode",
        "status_changes",
        "status_count",
        "status_flags",
    ]
    assert frame.index.is_monotonic_increasing
    assert frame["status_mode"].groupby("turbine").count().to_dict() == {"A": 8, "B": 4}
    assert frame["power_mean"].dropna().to_list() == [2, 3, 1]
    assert frame["wind_direction_mean"].dropna().to_list() == pytest.approx([91, 92, 90])
    assert frame["energy_delta"].dropna().to_list() == [1]
    assert set(frame["expected"]) == {0.5}
    assert frame.attrs["units"]["status_mode"] == frame.attrs["units"]["status_changes"] == "1"
    assert frame.attrs["kinds"]["status_mode"] == "state"
    assert coverage(frame, "status").to_list() == coverage(frame, "power").to_list()
    alone = to_frame(compute_statistics(status))
    assert alone.equals(frame[alone.columns])
