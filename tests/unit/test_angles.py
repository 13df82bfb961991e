"""Ten-minute statistics of angles, against unit vectors added by the standard library."""

import cmath
import math
import statistics as reference
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from helpers import with_turbine
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt

from etl_lib.analysis.plots import plot_signal
from etl_lib.errors import FonteError
from etl_lib.transform.kinds import STATISTICS
from etl_lib.transform.statistics import compute_statistics, statistics_sql, to_frame

START = datetime(2024, 5, 20, tzinfo=UTC)
ANGLE = {"unit": "°", "kind": "angle"}
angles = st.floats(0, 360, exclude_max=True)
buckets = st.lists(angles, min_size=1, max_size=10)


def table(values: list[float | None], name: str = "wind_direction", **metadata: str) -> pa.Table:
    """Readings of one signal, one a minute."""
    stamps = [START + timedelta(minutes=minute) for minute in range(len(values))]
    field = pa.field(name, pa.float64(), metadata=metadata or ANGLE)
    schema = pa.schema([pa.field("timestamp", pa.timestamp("us", "UTC"), nullable=False), field])
    return with_turbine(pa.table([stamps, values], schema))


def compute(values: list[float | None]) -> dict[str, float | None]:
    """The statistics of one bucket with these readings."""
    (row,) = compute_statistics(table(values)).to_pylist()
    return {name: row[f"wind_direction_{name}"] for name in STATISTICS["angle"]}


def turn(difference: float) -> float:
    """A difference of angles as the smallest one, -180 to 180."""
    return math.remainder(difference, 360)


def length(values: list[float]) -> float:
    """The length of the mean unit vector."""
    return abs(sum(cmath.rect(1, math.radians(value)) for value in values)) / len(values)


@given(buckets)
def test_unit_vectors(values: list[float]) -> None:
    """All statistics equal those of unit vectors and of deviations from their mean."""
    if not length(values) > 1e-4:
        return
    vector = sum(cmath.rect(1, math.radians(value)) for value in values)
    mean = math.degrees(cmath.phase(vector)) % 360
    deviations = [turn(value - mean) for value in values]
    if any(abs(abs(deviation) - 180) < 1e-6 for deviation in deviations):
        return  # a reading opposite to the mean deviates to either side
    found = compute(values)
    assert turn(found["mean"] - mean) == pytest.approx(0, abs=1e-9)
    assert found["min"] - found["mean"] == pytest.approx(min(deviations), abs=1e-9)
    assert found["max"] - found["mean"] == pytest.approx(max(deviations), abs=1e-9)
    assert found["count"] == len(values)
    if len(values) > 1:
        assert found["std"] == pytest.approx(reference.stdev(deviations), abs=1e-9)
    else:
        assert found["std"] is None


@given(buckets, st.floats(-180, 180))
def test_rotation(values: list[float], by: float) -> None:
    """Rotating all readings rotates mean, min and max, and leaves std and count."""
    if not length(values) > 1e-3:
        return
    before, after = compute(values), compute([(value + by) % 360 for value in values])
    if any(abs(abs(turn(value - before["mean"])) - 180) < 1e-6 for value in values):
        return
    for name in ("mean", "min", "max"):
        assert turn(after[name] - before[name] - by) == pytest.approx(0, abs=1e-7)
    assert after["count"] == before["count"]
    if len(values) > 1:
        assert after["std"] == pytest.approx(before["std"], abs=1e-7)


@given(buckets)
def test_order(values: list[float]) -> None:
    """The mean is from 0 up to 360 and lies between min and max."""
    found = compute(values)
    if found["mean"] is not None:
        assert 0 <= found["mean"] < 360
        assert found["min"] <= found["mean"] <= found["max"]


@given(st.lists(st.floats(100, 250), min_size=2, max_size=10))
def test_without_north(values: list[float]) -> None:
    """Where no reading crosses north, min, max and std equal the linear ones."""
    found = compute(values)
    assert found["min"] == pytest.approx(min(values), abs=1e-9)
    assert found["max"] == pytest.approx(max(values), abs=1e-9)
    assert found["std"] == pytest.approx(reference.stdev(values), abs=1e-9)


def test_across_north() -> None:
    """350° and 10° have their mean in the north, not in the south."""
    found = compute([350, 10])
    assert turn(found["mean"]) == pytest.approx(0, abs=1e-9)
    assert found["max"] - found["min"] == pytest.approx(20)
    assert found["std"] == pytest.approx(reference.stdev([-10, 10]))


@pytest.mark.parametrize("values", [[0, 180], [90, 270], [0, 120, 240], [10, 100, 190, 280]])
def test_opposite_directions(values: list[float]) -> None:
    """Directions that cancel have no mean; they are counted."""
    found = compute(values)
    assert found.pop("count") == len(values)
    assert set(found.values()) == {None}


def test_missing() -> None:
    """Missing and not finite readings are left out; a bucket without a reading has nothing."""
    assert (
        compute([None, math.nan, math.inf, 5])
        == compute([5])
        == {
            "mean": pytest.approx(5),
            "min": pytest.approx(5),
            "max": pytest.approx(5),
            "std": None,
            "count": 1,
        }
    )
    assert set(compute([None, math.nan]).values()) == {None}


def test_beside_quantities() -> None:
    """Angles and quantities of one day have the statistics of their kinds, in order."""
    both = table([350, 10]).append_column(pa.field("power", pa.float64()), [[1.0, 3.0]])
    assert list(statistics_sql(both)) == ["quantity", "angle"]
    frame = to_frame(compute_statistics(both))
    every = (*STATISTICS["angle"], "flags")
    names = [f"{s}_{n}" for s in ("wind_direction", "power") for n in every]
    assert [*frame] == [*names, "expected"]
    assert frame["power_mean"].item() == 2
    assert turn(frame["wind_direction_mean"].item()) == pytest.approx(0, abs=1e-9)
    assert frame.attrs["units"]["wind_direction_mean"] == "°"
    assert frame.attrs["kinds"]["wind_direction_mean"] == "angle"
    assert frame.attrs["kinds"]["wind_direction_std"] == "quantity"


def test_unknown_kind() -> None:
    """A kind without statistics is refused."""
    with pytest.raises(FonteError, match=r"odd: expected a .* of quantity, .*; got shape"):
        compute_statistics(table([1], "odd", kind="shape"))


def test_plot() -> None:
    """An angle is drawn as points, on an axis of one turn."""
    frame = to_frame(compute_statistics(table([350, 10, 20] * 20)))
    ax = plot_signal(frame.loc["T1"], "wind_direction")
    assert ax.get_ylim() == (0, 360)
    assert {line.get_linestyle() for line in ax.lines} == {"None"}
    plt.close(ax.figure)
