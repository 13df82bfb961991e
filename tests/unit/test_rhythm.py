"""Whether readings come at an interval, with gaps and late ones, or irregularly."""

import json
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl_lib.analysis.rhythm import check_beat, describe_readings

DAY = 86_400
START = 1_716_163_200
INTERVALS = [1, 2, 7, 10, 60, 90, 600, 1800, 3600]


def beat(seconds: Iterable[float]) -> tuple[float, float] | None:
    """The shortest and the longest step of irregular readings at these seconds."""
    found = check_beat((1e6 * (START + np.array([*seconds]))).astype(np.int64))
    return found and (found.shortest, found.longest)


def table(
    seconds: Iterable[float], turbine: str = "T1", kind: str = "quantity", hold: int = 0
) -> pa.Table:
    """Readings of power at these seconds."""
    metadata = {"unit": "kW", "kind": kind}
    metadata |= {"on_change": "true", "hold": str(hold)} if hold else {}
    schema = pa.schema(
        [
            pa.field("timestamp", pa.timestamp("us", "UTC"), nullable=False),
            pa.field("turbine", pa.string(), nullable=False),
            pa.field("power", pa.float64(), metadata=metadata),
        ]
    )
    stamps = [round(1e6 * (START + second)) for second in seconds]
    return pa.table([stamps, [turbine] * len(stamps), [1.0] * len(stamps)], schema)


BURSTS = [start + late for start in range(0, DAY, 600) for late in (0, *range(540, 600))]


@pytest.mark.parametrize("interval", INTERVALS)
def test_regular(interval: int) -> None:
    """Readings at an interval are regular, with the clock late by any fraction of a second."""
    assert beat(range(0, DAY, interval)) is None
    random = np.random.default_rng(1)
    assert beat(np.arange(0, DAY, interval) + random.uniform(0, 0.4, -(-DAY // interval))) is None


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7, 0.8])
@pytest.mark.parametrize("interval", [interval for interval in INTERVALS if interval > 1])
def test_gaps(interval: int, share: float) -> None:
    """A regular series stays one without many of its readings."""
    seconds = np.arange(0, DAY, interval)
    assert beat(seconds[np.random.default_rng(2).uniform(size=len(seconds)) >= share]) is None


@pytest.mark.parametrize("missing", [(0, 40_000), (40_000, 86_000), (3600, 7200)])
def test_long_gaps(missing: tuple[int, int]) -> None:
    """A gap, however long, makes no second irregular."""
    low, high = missing
    for interval in INTERVALS:
        assert beat(n for n in range(0, DAY, interval) if not low <= n < high) is None


@pytest.mark.parametrize("interval", [interval for interval in INTERVALS if interval >= 10])
@pytest.mark.parametrize("share", [0, 0.2, 0.6])
def test_jitter(interval: int, share: float) -> None:
    """Readings that are late by up to half of the interval are regular, with gaps, too."""
    random = np.random.default_rng(3)
    late = random.uniform(0, interval / 2, DAY // interval)
    kept = random.uniform(size=DAY // interval) >= share
    assert beat((np.arange(0, DAY, interval) + late)[kept]) is None


@given(st.lists(st.integers(0, DAY), max_size=4))
def test_few(seconds: list[int]) -> None:
    """Nothing is known of up to two readings; of a few more nothing fails."""
    assert beat(seconds[:2]) is None
    beat(seconds)


def test_bursts() -> None:
    """A value for nine minutes, then one each second, is on change."""
    assert beat(BURSTS) == (1, 540)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("mean", [20, 60, 300])
def test_on_change(seed: int, mean: int) -> None:
    """Values that come whenever they change are irregular, whatever their mean distance."""
    random = np.random.default_rng(seed)
    for steps in (random.exponential(mean, 5000), random.lognormal(np.log(mean), 1.2, 5000)):
        seconds = np.cumsum(np.maximum(1, np.rint(steps)))
        found = beat(seconds[seconds < DAY])
        assert found is not None
        assert found[0] < mean < found[1]


def test_sentence() -> None:
    """One sentence says which turbines, how far apart, and what to do."""
    assert (
        describe_readings(table(range(0, DAY, 60))) == "1,440 readings; one is expected every 60 s"
    )
    lines = describe_readings(table(BURSTS)).splitlines()
    assert lines == [
        "8,784 readings; one is expected every 1 s",
        "T1: readings come irregularly (1 s to 9 min apart); if power is recorded on change,"
        " declare it: on_change = true in the catalogue (docs/catalogue.md)",
    ]
    farm = [table(BURSTS, f"T{n}") for n in range(1, 6)] + [table(range(0, DAY, 60), "T6")]
    _, line = describe_readings(pa.concat_tables(farm)).splitlines()
    assert line.startswith("T1, T2, T3 and 2 more: readings come irregularly")


def test_declared() -> None:
    """What is declared is not doubted, and neither are states and counters."""
    assert describe_readings(table(BURSTS, hold=900)).splitlines() == [
        "8,784 readings",
        "power is sampled on change: a value holds 15 min at most",
    ]
    both = table(BURSTS, hold=900)
    both = both.append_column(both.schema.field("power").with_name("wind_speed"), both["power"])
    line = "power and wind_speed are sampled on change: a value holds 15 min at most"
    assert describe_readings(both).splitlines()[1] == line
    for kind in ("state", "counter"):
        assert len(describe_readings(table(BURSTS, kind=kind)).splitlines()) == 1


def test_regular_beside_irregular() -> None:
    """Only the signals that come irregularly are named, each by its own readings."""
    wind = table(range(0, DAY, 60)).rename_columns(["timestamp", "turbine", "wind_speed"])
    both = pa.concat_tables([table(BURSTS), wind], promote_options="default")
    [line] = describe_readings(both).splitlines()[1:]
    assert "if power is recorded" in line
    assert "wind_speed" not in line


def test_without_readings() -> None:
    """A day without readings, and values that are not finite, have no rhythm."""
    assert describe_readings(table([])) == "0 readings; one is expected every 60 s"
    nothing = table(BURSTS)
    nothing = nothing.set_column(2, nothing.schema.field(2), [[float("nan")] * len(BURSTS)])
    assert len(describe_readings(nothing).splitlines()) == 1
    told = table(BURSTS).replace_schema_metadata({"intervals": json.dumps({"T1": 60})})
    assert "every 60 s" in describe_readings(told)
