"""The flags of readings, against pandas, which finds them another way, and by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flags_by_pandas import (
    RATED_POWER,
    SIGNALS,
    flag_by_pandas,
    look_back,
    read_la_haute_borne,
    to_readings,
    to_series,
)
from helpers import CATALOGUE
from hypothesis import assume, given
from hypothesis import strategies as st

from etl_lib.transform.flags import FLAGGED, TESTS, find_flags
from fonteapi.catalogue import arrow_schema
from fonteapi.signals import Signal

START = pd.Timestamp("2024-05-20", tz="UTC")
FIRST, LAST = pd.Timestamp("2014-01-01", tz="UTC"), pd.Timestamp("2014-03-01", tz="UTC")
TWO_DAYS = pd.Timedelta(days=2)


@pytest.fixture(scope="module")
def real() -> pd.DataFrame:
    return read_la_haute_borne()


@pytest.fixture(scope="module")
def faulty(real: pd.DataFrame) -> pd.DataFrame:
    """The same with faults of every kind, at many times of the day; some go over midnight."""
    random, frame = np.random.default_rng(1), real.copy()
    rows = {name: np.flatnonzero(frame["turbine"] == name) for name in frame["turbine"].unique()}
    for name in ("wind_speed", "power", "ambient_temperature"):
        frame.loc[random.choice(len(frame), 60, replace=False), name] = -9999.0
        frame.loc[random.choice(len(frame), 60, replace=False), name] += random.normal(0, 30, 60)
    for own in rows.values():
        for name in ("wind_speed", "ambient_temperature", "wind_direction", "nacelle_direction"):
            for first in random.choice(len(own) - 50, 20, replace=False):
                stuck = own[first : first + random.integers(2, 40)]
                frame.loc[stuck, name] = frame.loc[stuck[0], name]
    first, second, *_ = rows.values()
    frame.loc[first[1000:1400], "power"] = real.loc[second[3000:3400], "power"].to_numpy()
    is_lost = random.random(len(frame)) < 0.01
    repeated = frame[random.random(len(frame)) < 0.01].assign(wind_speed=50.0, power=np.nan)
    frame = pd.concat([frame[~is_lost], repeated]).sort_values(["timestamp", "turbine"])
    return frame.reset_index(drop=True)


@pytest.mark.parametrize("name", ["real", "faulty"])
def test_la_haute_borne(name: str, request: pytest.FixtureRequest) -> None:
    """Two months of four turbines have the flags that pandas finds, reading by reading."""
    frame = request.getfixturevalue(name)
    found = to_series(find_flags(to_readings(frame)))
    assert_same(found, _flag(frame))
    flagged = np.bitwise_or.reduce(found.to_numpy())
    assert flagged == (4 if name == "real" else 1 | 2 | 4 | 8 | 16)


@pytest.mark.parametrize("name", ["real", "faulty"])
def test_la_haute_borne_by_day(name: str, request: pytest.FixtureRequest) -> None:
    """So has each day alone, if it looks back: what came before, and nothing of what comes."""
    frame = request.getfixturevalue(name)
    for start in pd.date_range(FIRST, LAST, inclusive="left"):
        end = start + pd.Timedelta(days=1)
        day = to_readings(frame[frame["timestamp"].between(start, end, inclusive="left")])
        found = to_series(find_flags(day, before=look_back(frame, day, start)))
        known = frame[frame["timestamp"].between(start - TWO_DAYS, end, inclusive="left")]
        assert_same(found, _cut(_flag(known), start))


def _flag(frame: pd.DataFrame) -> pd.Series:
    return flag_by_pandas(
        frame, SIGNALS, RATED_POWER, dict.fromkeys(frame["turbine"].unique(), 600)
    )


def _cut(flags: pd.Series, start: pd.Timestamp) -> pd.Series:
    return flags[flags.index.get_level_values("timestamp") >= start]


def assert_same(found: pd.Series, expected: pd.Series) -> None:
    """The same flags of the same readings, in the same order."""
    assert found.to_dict() == expected.to_dict()
    assert found.index.to_list() == expected.index.to_list()


RATED = {"A": 1000.0, "B": 2000.0}
"""Of C it is not known."""
CASES = {
    "wind": (0, 0.25, 0.5, 0.75, 2, 2.5, 3, 10, 12, 14, 41, -1, 101),
    "power": (-2000, -101, -100, 0, 99, 100, 101, 200, 201, 1000, 2000, 2001, 9000),
    "angle": (0, 360, -1, 359, 1, 95, 170, 190, 271, 361, -175, -181),
    "energy": (0, 1, 2, 5, 89, 90, 91, 95, 100, 101),
    "plain": (0, 1, 2, 3),
}
"""Values about the thresholds below. No two angles are half a turn apart, which has no side."""
numbers = st.sampled_from


@st.composite
def signals(draw: st.DrawFn, interval: int) -> list[Signal]:
    """A few signals with thresholds of which some are left out."""
    flat = numbers([None, interval * 2 / 60, interval * 3 / 60])
    wind = {"calm": 2.5, "spike": draw(numbers([None, 2.0, 4.0]))}
    wind |= {"plausible": (0, 40), "possible": draw(numbers([None, (0, 100)]))}
    wind |= {"flat_minutes": draw(flat), "flat_except": draw(numbers([None, (0, 0.5)]))}
    power = {"producing": 0.1, "flat_minutes": draw(flat), "possible_of_rated": (-1, 2)}
    power |= {"plausible_of_rated": (-0.05, 1), "flat_except_of_rated": (-0.1, 0.1)}
    angle = {"possible": (-180, 360), "spike": 50, "flat_minutes": draw(flat)}
    energy = {"register": draw(numbers([None, 100])), "flat_minutes": draw(flat)}
    plain = {"flat_tolerance": draw(numbers([0, 1])), "flat_minutes": draw(flat)}
    every = {"wind": wind, "power": power, "angle": angle, "energy": energy, "plain": plain}
    chosen = draw(st.sets(numbers(sorted(every)), min_size=1))
    kinds = {"angle": "angle", "energy": "counter"}
    return [
        Signal(
            name=name,
            unit="kW" if name == "power" else "x",
            kind=kinds.get(name, "quantity"),
            description="a signal",
            **{key: value for key, value in every[name].items() if value is not None},
        )
        for name in sorted(chosen)
    ]


@st.composite
def series(draw: st.DrawFn) -> tuple[pd.DataFrame, list[Signal], dict[str, float]]:
    """Readings of three turbines about a midnight, in any order, and how far they lie apart."""
    interval = draw(numbers([1, 60, 90, 600, 3600]))
    known = draw(signals(interval))
    steps = numbers([0, 1, 1, 1, 1, 2, 2.5, 3]).map(lambda step: round(step * interval))
    rows: list[dict[str, Any]] = []
    for turbine in draw(st.sets(numbers("ABC"), min_size=1)):
        second = draw(st.integers(-6, 0)) * interval
        few = {
            s.name: draw(st.lists(numbers(CASES[s.name]), min_size=1, max_size=3)) for s in known
        }
        for step in draw(st.lists(steps, min_size=1, max_size=12)):
            second += step + draw(numbers([0, 0, 0, 1]))
            rows.append({"timestamp": START + pd.Timedelta(seconds=second), "turbine": turbine})
            for name, values in few.items():
                others = [np.nan, np.inf, -np.inf, draw(numbers(CASES[name]))]
                rows[-1][name] = float(draw(numbers([*values, *values, *others])))
    frame = pd.DataFrame(draw(st.permutations(rows)))
    if draw(st.booleans()):
        frame = frame.sort_values(["timestamp", "turbine"], kind="stable", ignore_index=True)
    frame["timestamp"] = frame["timestamp"].astype("datetime64[us, UTC]")
    return frame, known, dict.fromkeys("ABC", float(interval))


@given(series())
def test_random_series(case: tuple[pd.DataFrame, list[Signal], dict[str, float]]) -> None:
    """Series with gaps, repeated stamps and missing values have the flags that pandas finds."""
    frame, known, intervals = case
    found = to_series(find_flags(to_readings(frame, known, RATED, intervals)))
    assert_same(found, flag_by_pandas(frame, known, RATED, intervals))


@given(series())
def test_random_days(case: tuple[pd.DataFrame, list[Signal], dict[str, float]]) -> None:
    """A day that looks back has the flags of the whole series."""
    frame, known, intervals = case
    day = frame[frame["timestamp"] >= START]
    assume(len(day))
    present = day["turbine"].unique()
    readings = to_readings(day, known, RATED, intervals)
    earlier = frame.sort_values(["timestamp", "turbine"], kind="stable", ignore_index=True)
    found = to_series(find_flags(readings, before=look_back(earlier, readings, START)))
    whole = flag_by_pandas(frame[frame["turbine"].isin(present)], known, RATED, intervals)
    assert_same(found, _cut(whole, START))


def flag(name: str, values: Sequence[float | None], step: float = 600, **changes: Any) -> list[int]:
    """The flags of the readings of a shipped signal, `step` seconds apart; 0 of others."""
    known = CATALOGUE.signals[name].model_copy(update=changes)
    stamps = START + pd.to_timedelta(np.arange(len(values)) * step, "s")
    return flag_at(list(stamps), values, known)


def flag_at(
    stamps: Sequence[pd.Timestamp], values: Sequence[float | None], known: Signal
) -> list[int]:
    """The flags of the readings of turbine T1 at these times."""
    frame = pd.DataFrame({"timestamp": stamps, "turbine": "T1"}).astype(
        {"timestamp": "datetime64[us, UTC]"}
    )
    frame[known.name] = np.array(values, float)
    found = find_flags(to_readings(frame, [known]))
    assert found.schema == FLAGGED
    flags = dict.fromkeys(stamps, 0) | to_series(found).droplevel(["turbine", "signal"]).to_dict()
    return list(flags.values())


def at(*minutes: float) -> list[pd.Timestamp]:
    return [START + pd.Timedelta(minutes=minute) for minute in minutes]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("wind_speed", [-0.1, 0, 40, 40.1, 100, 100.1], [1, 0, 0, 2, 2, 1]),
        ("ambient_temperature", [-60.1, -60, -40.1, -40, 45, 45.1, 60, 60.1], None),
        ("power", [-1026, -1025, -103, -102.5, 2460, 2461, 4100, 4101], None),
        ("wind_direction", [-180.1, -180, 0, 360, 360.1], [1, 0, 0, 0, 1]),
        ("nacelle_direction", [-9999, 10, None, 361, np.nan, np.inf], [1, 0, 0, 1, 0, 0]),
    ],
)
def test_bounds(name: str, values: list[float], expected: list[int] | None) -> None:
    """Bounds are inclusive; an impossible reading has that bit alone, and a missing one has none.

    Those of power are shares of 2050 kW.
    """
    assert flag(name, values, spike=None) == (expected or [1, 2, 2, 0, 0, 2, 2, 1])


def test_unknown_rated_power() -> None:
    """Without a rated power the bounds in kW count, and no power contradicts a calm."""
    values = {"wind_speed": [1.0] * 4, "power": [5000.0, -1001, -5001, 20001]}
    frame = pd.DataFrame({"timestamp": at(0, 10, 20, 30), "turbine": "T1"} | values)
    found = to_series(find_flags(to_readings(frame, SIGNALS[:2], {"T2": 2050.0})))
    assert found.xs("power", level="signal").to_list() == [2, 1, 2]
    assert found.xs("wind_speed", level="signal").to_list() == [4] * 4


@pytest.mark.parametrize(
    ("values", "step", "expected"),
    [
        ([5, 6, 6, 6, 7], 600, [0, 4, 4, 4, 0]),  # exactly 20 minutes
        ([5, 6, 6, 7], 1200, [0, 0, 0, 0]),  # 20 minutes, but two readings
        ([6, 6, 6], 599, [0, 0, 0]),
        ([5, *[6] * 20, 7], 60, [0] * 22),  # 19 minutes
        ([5, *[6] * 21, 7], 60, [0, *[4] * 21, 0]),
        ([6, 6, None, 6], 600, [4, 4, 0, 4]),  # two intervals apart
        ([6, 6, None, None, 6, 6], 600, [0] * 6),
        ([6, 6, 101, 6], 600, [4, 4, 1, 4]),  # the impossible one is nobody's neighbour
        ([41, 41, 41], 600, [6, 6, 6]),
        ([0.5, 0.5, 0.5, 0.5], 600, [0] * 4),  # a calm
        ([0.51, 0.51, 0.51], 600, [4] * 3),
        ([6, 6, 6.01, 6.01, 6], 600, [0] * 5),
    ],
)
def test_flat(values: list[float | None], step: float, expected: list[int]) -> None:
    """A wind that does not change for 20 minutes or more, unless it is a calm."""
    assert flag("wind_speed", values, step) == expected


def test_flat_at_a_gap() -> None:
    """Neighbours are two intervals apart at most; a second more, and the run ends."""
    wind = CATALOGUE.signals["wind_speed"]
    assert flag_at(at(0, 10, 20, 40), [5, 6, 6, 6], wind) == [0, 4, 4, 4]
    assert flag_at(at(0, 10, 20, 40 + 1 / 60), [5, 6, 6, 6], wind) == [0] * 4


def test_flat_with_tolerance() -> None:
    """A tolerance is between two readings, one after the other, and inclusive."""
    values = [1, 1.5, 2, 2.5, 3.25]
    assert flag("wind_speed", values, flat_tolerance=0.5) == [4, 4, 4, 4, 0]


def test_flat_at_rated_power() -> None:
    """A power may be flat where the catalogue excepts a share of its rated power."""
    changes: dict[str, Any] = {"flat_minutes": 20, "flat_except_of_rated": (0.98, 1.2)}
    assert flag("power", [2050, 2050, 2050], **changes) == [0] * 3
    assert flag("power", [1900, 1900, 1900], **changes) == [4] * 3


def test_flat_angle() -> None:
    """360 degrees are 0: a wind vane that says both in turn is flat."""
    assert flag("wind_direction", [0, 360, 0, 360, 0, 360, 0]) == [4] * 7
    assert flag("wind_direction", [359, 0, 0, 0]) == [0] * 4


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5, 25, 5], [0] * 3),  # exactly the threshold
        ([5, 25.5, 5], [0, 8, 0]),
        ([30, 5, 25.5], [0, 8, 0]),
        ([5, 30, 60], [0, 0, 2]),  # it goes on
        ([5, 26, 91], [0, 0, 2]),  # and faster
        ([5, 46, 5.5, 6], [0, 10, 0, 0]),  # over twice the threshold: its neighbours are right
        ([5, 50, 39, 5], [0, 10, 0, 0]),
        ([5, 45, 36, 5], [0, 2, 0, 0]),  # it stands out from one neighbour only
        ([5, 46, 36, 5], [0, 2, 0, 0]),  # exactly half of the threshold
        ([5, 46, 35.5, 5], [0, 10, 0, 0]),
        ([46, 5], [2, 0]),  # the first and the last reading have one neighbour
        ([5, None, 30, None, 5], [0, 0, 8, 0, 0]),
        ([5, None, None, 30, 5], [0] * 5),
        ([5, 30, None, None, 5], [0] * 5),
        ([5, 30, 200, 5], [0, 8, 1, 0]),
    ],
)
def test_spike(values: list[float | None], expected: list[int]) -> None:
    """A wind more than 20 m/s off the middle of its neighbours, both at most 20 minutes away."""
    assert flag("wind_speed", values) == expected


def test_sampled_on_change() -> None:
    """A signal on change repeats by no rule, and has no neighbours: only its bounds are tested."""
    assert flag("wind_speed", [5, 5, 5, 46, 5, -1], on_change=True) == [0, 0, 0, 2, 0, 1]


def test_spike_of_an_angle() -> None:
    """Of two angles the smaller way round counts."""
    assert flag("wind_direction", [350, 10, 350], spike=20) == [0] * 3
    assert flag("wind_direction", [350, 11, 350], spike=20) == [0, 8, 0]
    assert flag("wind_direction", [350, 180, 350], spike=169) == [0, 8, 0]


def test_contradiction() -> None:
    """A wind below 2.5 m/s, and at the same time more than a tenth of 2050 kW."""
    wind = [2.5, 2.49, 2.49, 2.49, -1, np.nan, 2.3]
    power = [900.0, 205, 205.1, 4101, 900, 900, np.nan]
    frame = pd.DataFrame({"timestamp": at(*range(7)), "turbine": "T1"})
    frame["wind_speed"], frame["power"] = wind, power
    found = to_series(find_flags(to_readings(frame, SIGNALS[:2])))
    expected = {(2, "power"): 16, (2, "wind_speed"): 16, (3, "power"): 1, (4, "wind_speed"): 1}
    assert found.to_dict() == {
        ("T1", START + pd.Timedelta(minutes=m), name): bits for (m, name), bits in expected.items()
    }


def test_missing_beside_a_contradiction() -> None:
    """What is missing has no flags, whatever the other signals of its row have."""
    values = dict(zip((s.name for s in SIGNALS), [1.0, 900.0, np.nan, np.inf, 1.0], strict=True))
    frame = pd.DataFrame({"timestamp": at(0), "turbine": "T1"} | values)
    found = find_flags(to_readings(frame))
    assert found["signal"].to_pylist() == ["power", "wind_speed"]


@pytest.mark.parametrize(
    ("values", "size", "expected"),
    [
        ([5, 4, 4, 5], None, [0, 32, 0, 0]),
        ([91, 1, 0], 100, [0, 0, 32]),  # a rollover, and a step back
        ([90, 1], 100, [0, 32]),  # not above 0.9 of its register
        ([101, 1], 100, [0, 32]),  # the register cannot have held that
        ([100, 0], 100, [0, 0]),
        ([5, None, None, None, 4], None, [0, 0, 0, 0, 32]),  # however far away
    ],
)
def test_step_back(values: list[float | None], size: float | None, expected: list[int]) -> None:
    """A counter below the reading before, unless its register began again."""
    assert flag("energy", values, register_size=size) == expected


def test_repeated_stamps() -> None:
    """The last finite value of a stamp is tested, and is neighbour to none of its own stamp."""
    wind = CATALOGUE.signals["wind_speed"]
    assert flag_at(at(0, 0, 10, 10, 20), [5, 6, 90, 6, 7], wind) == [0, 0, 0]
    assert flag_at(at(0, 0, 10, 20), [6, np.nan, 6, 6], wind) == [4, 4, 4]
    assert flag_at(at(10, 10, 0, 20), [6, 41, 6, 6], wind) == [10, 0, 0]


def test_no_thresholds() -> None:
    """Without thresholds and rules there is no test, and of no readings there are no flags."""
    bare = Signal(name="x", unit="1", kind="quantity", description="a number")
    assert flag_at(at(0, 10, 20), [9e99, 9e99, 9e99], bare) == [0] * 3
    assert find_flags(arrow_schema([bare], named=True).empty_table()) == FLAGGED.empty_table()


def test_look_back_over_a_gap() -> None:
    """A run that began before midnight is found, if its hourly readings are two hours apart."""
    frame = pd.DataFrame({"timestamp": at(-240, -120, 0), "turbine": "T1", "wind_speed": 6.0})
    frame["timestamp"] = frame["timestamp"].astype("datetime64[us, UTC]")
    wind = SIGNALS[:1]
    day = to_readings(frame[2:], wind, intervals={"T1": 3600})
    found = find_flags(day, before=look_back(frame, day, START))
    assert found["flags"].to_pylist() == [TESTS["flat"]]


def test_a_signal_that_comes_less_often() -> None:
    """Its own interval counts: a thermometer that is read every ten minutes beside wind."""
    stamps = pd.date_range(START, periods=600, freq="min")
    wind = 8 + np.arange(600) % 7 / 10
    temperature = np.where(np.arange(600) % 10 == 0, 12.0, np.nan)
    frame = pd.DataFrame({"timestamp": stamps, "turbine": "T1"})
    frame = frame.assign(wind_speed=wind, ambient_temperature=temperature)
    names = ("wind_speed", "ambient_temperature")
    found = to_series(find_flags(to_readings(frame, [CATALOGUE.signals[n] for n in names])))
    assert found.to_list() == [4] * 60
    assert set(found.index.get_level_values("signal")) == {"ambient_temperature"}
