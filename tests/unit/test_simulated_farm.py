"""A simulated farm: one weather, wakes behind turbines, and faults that are known exactly."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from fonteapi import farm, simulate
from fonteapi.farm import (
    Fault,
    FaultKind,
    faults,
    find_deficit,
    find_wakes,
    name_turbines,
    place_turbines,
    simulate_farm,
)
from fonteapi.simulate import simulate_readings

START = date(2024, 5, 20)
SIX = name_turbines(6, "T1")


def read_farm(turbines: list[str] = SIX, days: int = 10, seed: int | None = 7) -> pd.DataFrame:
    """The readings by timestamp and turbine."""
    readings = simulate_farm(START, days, turbines, seed).read_all().to_pandas()
    assert readings.pop("simulated").all()
    return readings.set_index(["timestamp", "turbine"])


@pytest.fixture(scope="module")
def six() -> pd.DataFrame:
    return read_farm()


@pytest.fixture(scope="module")
def healthy() -> pd.DataFrame:
    """The same farm without its faults."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(farm, "FAULTS", ())
        return read_farm()


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, ["North"]),
        (2, ["T1", "T2"]),
        (9, [f"T{n}" for n in range(1, 10)]),
        (10, [*(f"T0{n}" for n in range(1, 10)), "T10"]),
        (200, [f"T{n:03}" for n in range(1, 201)]),
    ],
)
def test_names(count: int, expected: list[str]) -> None:
    """One turbine has the name that is given; those of a farm sort as text."""
    assert name_turbines(count, "North") == expected == sorted(expected)


def test_one_turbine() -> None:
    """A farm of one turbine is the single turbine, and without faults."""
    readings = simulate_farm(START, 10, ["North"], 7).read_all()
    assert set(readings["turbine"].to_pylist()) == {"North"}
    assert readings.drop(["turbine", "simulated"]).equals(simulate_readings(START, 10, 7))


def test_first_turbine(six: pd.DataFrame) -> None:
    """Unless other turbines are upwind of it, the first of a farm reads what a single one does."""
    first = six.xs("T1", level="turbine")
    single = simulate_readings(START, 10, 7).to_pandas().set_index("timestamp")
    unaffected = ["wind_direction", "ambient_temperature"]
    pd.testing.assert_frame_equal(first[unaffected], single[unaffected])
    is_free = abs(single["wind_direction"] - 250) < 50
    assert is_free.sum() > 3000
    pd.testing.assert_frame_equal(first[is_free], single[is_free])
    assert (first["wind_speed"] <= single["wind_speed"]).all()
    assert (first["wind_speed"] < single["wind_speed"]).any()


def test_order(six: pd.DataFrame) -> None:
    """Readings come by timestamp, then turbine, one a minute of each."""
    assert six.index.is_monotonic_increasing
    assert six.index.is_unique
    stamps = six.index.get_level_values("timestamp")
    assert (stamps.min(), stamps.max()) == (
        *(pd.Timestamp("2024-05-20", tz="UTC"), pd.Timestamp("2024-05-29 23:59", tz="UTC")),
    )


def test_same_seed(six: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(six, read_farm())
    assert not six.equals(read_farm(seed=8))
    assert not read_farm(days=1, seed=None).equals(read_farm(days=1, seed=None))


@pytest.mark.parametrize("seed", range(6))
def test_shared_weather(seed: int) -> None:
    """Hourly means of any two turbines correlate by 0.9 and more; each has its own turbulence."""
    wind = read_farm(name_turbines(12, "T1"), seed=seed)["wind_speed"].unstack()
    wind = wind.drop(columns=[fault.turbine for fault in faults(START, 10, list(wind))])
    hourly = wind.resample("1h").mean().corr().to_numpy()
    assert 0.9 < hourly.min() < hourly[~np.eye(len(hourly), dtype=bool)].max() < 0.9999
    minutes = wind.diff().corr().to_numpy()
    assert abs(minutes[~np.eye(len(minutes), dtype=bool)]).max() < 0.1


def test_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a turbine has of its own in mean wind goes on from one day to the next."""
    monkeypatch.setattr(farm, "LOCAL_WIND", 0.3)
    wind = read_farm(name_turbines(50, "T1"))["wind_speed"].unstack().resample("10min").mean()
    own = wind.div(wind.mean(axis=1), axis=0)
    steps = own.diff().std(axis=1)
    at_midnight = steps[steps.index.strftime("%H:%M") == "00:00"][1:]
    assert at_midnight.median() < 1.3 * steps.median()


def test_storm_at_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turbine that stopped in a storm stands until the restart speed, also on the next day."""
    monkeypatch.setattr(simulate, "WEIBULL_SCALE", 25.0)
    single = simulate_readings(START, 60, 7)
    first = single["wind_speed"].to_numpy()[1440::1440], single["power"].to_numpy()[1440::1440]
    assert ((first[0] > 22) & (first[0] < 25) & (first[1] == -4)).any()
    assert simulate_farm(START, 60, ["T1"], 7).read_all()["power"].equals(single["power"])


def test_own_instruments(healthy: pd.DataFrame) -> None:
    """Vanes and thermometers of a farm differ a little; all directions are in [0, 360)."""
    assert healthy["wind_direction"].between(0, 360, inclusive="left").all()
    unit = np.exp(1j * np.deg2rad(healthy["wind_direction"].unstack()))
    errors = np.rad2deg(np.angle(unit.div(unit["T1"], axis=0).mean()))
    assert 0.5 < abs(errors[1:]).max() < 8
    biases = healthy["ambient_temperature"].unstack().mean().diff().dropna()
    assert 0 < abs(biases).min() < abs(biases).max() < 2


# Wakes


def test_deficit_of_one_wake() -> None:
    """Jensen's figures: seven diameters behind a rotor, and in the middle of the wake's edge."""
    places = np.array([[0.0, 0.0], [7.0, 0.0]])
    assert find_wakes(places, 250) == pytest.approx([0, 1 / 2.05**2])
    assert find_wakes(places, 260) == pytest.approx(
        [0, 0.5 / (1 + 1.05 * np.cos(np.pi / 18)) ** 2], rel=1e-9
    )
    assert find_wakes(places, 271) == pytest.approx([0, 0])
    assert find_wakes(places, 70) == pytest.approx([1 / 2.05**2, 0])
    assert find_deficit(np.array([2.9, 8, 12.5, 25])) == pytest.approx(
        [0, 1 - np.sqrt(0.2), 1 - np.sqrt(0.2), 0]
    )
    assert find_deficit(np.array([24.0])) < 0.06


def test_wake_is_where_the_wind_goes() -> None:
    """With a wind that has turned clockwise, the wake lies to the right, looking downwind."""
    places = np.array([[0.0, 0.0], [7.0, 7.0], [7.0, -7.0]])
    assert find_wakes(places, 250 + 45)[1:] == pytest.approx([1 / (1 + 0.15 * 98**0.5) ** 2, 0])
    assert (find_wakes(places, 250) == 0).all()


def test_several_wakes() -> None:
    """Wakes combine by the root of the sum of squares."""
    row = np.array([[0.0, 0.0], [7.0, 0.0], [14.0, 0.0]])
    assert find_wakes(row, 250)[2] == pytest.approx(np.hypot(1 / 2.05**2, 1 / 3.1**2))


@pytest.mark.parametrize("count", [2, 6, 50])
def test_places(count: int) -> None:
    """The first turbine is in front of the prevailing wind, and none is close to another."""
    places = place_turbines(count)
    assert places.shape == (count, 2)
    assert find_wakes(places, 250)[0] == 0
    distance = np.hypot(*np.moveaxis(places - places[:, np.newaxis], 2, 0))
    assert distance[~np.eye(count, dtype=bool)].min() >= 5


def test_wakes_slow_the_wind() -> None:
    """In the prevailing wind the rows behind the first have less wind, by the deficit."""
    readings = read_farm(days=60)
    wind = readings["wind_speed"].unstack()
    first = readings["wind_direction"].unstack()["T1"]
    is_along = (abs(first - 250) < 4) & wind["T1"].between(5, 11)
    assert is_along.sum() > 500
    rows = wind[is_along].mean().to_numpy().reshape(3, 2).mean(axis=1)
    assert 0.84 < rows[1] / rows[0] < 0.93
    assert 0.95 < rows[2] / rows[1] < 1
    is_free = (abs(first - 188) < 4) & wind["T1"].between(5, 11)  # it blows between the turbines
    rows = wind[is_free].mean().to_numpy().reshape(3, 2).mean(axis=1)
    assert rows / rows[0] == pytest.approx([1, 1, 1], abs=0.03)


# Faults


def is_during(readings: pd.DataFrame, fault: Fault) -> NDArray[np.bool_]:
    stamps = readings.index.get_level_values("timestamp")
    of_turbine = readings.index.get_level_values("turbine") == fault.turbine
    return np.asarray((stamps >= fault.start) & (stamps < fault.end) & of_turbine)


def test_known_faults() -> None:
    """Four faults of several hours, each on a turbine and a UTC day of its own, in ten days."""
    known = faults(START, 10, SIX)
    assert [fault.kind for fault in known] == [*FaultKind]
    assert len({fault.turbine for fault in known}) == 4
    assert len({fault.start.date() for fault in known}) == 4
    for fault in known:
        assert fault.start.date() == fault.end.date()
        assert timedelta(hours=4) <= fault.end - fault.start <= timedelta(hours=12)
    assert faults(START, 3660, name_turbines(200, "T1"))[0].turbine == "T002"
    assert known[0] == Fault(
        *("T2", FaultKind.DERATED),
        *(datetime(2024, 5, 20, hour, tzinfo=UTC) for hour in (12, 18)),
    )


@pytest.mark.parametrize(
    ("days", "turbines", "expected"),
    [(10, 1, 0), (10, 2, 1), (10, 4, 3), (10, 5, 4), (1, 50, 1), (9, 50, 3), (3660, 50, 4)],
)
def test_as_many_faults_as_fit(days: int, turbines: int, expected: int) -> None:
    """A small or short farm has the first of them; a single turbine has none."""
    known = faults(START, days, name_turbines(turbines, "T1"))
    assert [fault.kind for fault in known] == [*FaultKind][:expected]


def test_nothing_but_the_faults(six: pd.DataFrame, healthy: pd.DataFrame) -> None:
    """Outside of the faults every reading is that of the healthy farm."""
    known = faults(START, 10, SIX)
    is_fine = ~np.any([is_during(healthy, fault) for fault in known], axis=0)
    expected = healthy[is_fine]
    pd.testing.assert_frame_equal(six.loc[expected.index], expected)
    assert len(healthy) == 6 * 10 * 1440


def test_derated(six: pd.DataFrame, healthy: pd.DataFrame) -> None:
    """A derated turbine gives 60 % of its rated power at most, and the same wind."""
    fault = faults(START, 10, SIX)[0]
    got, expected = six[is_during(six, fault)], healthy[is_during(healthy, fault)]
    assert (expected["power"] > 1230).mean() > 0.5
    expected = expected.assign(power=expected["power"].clip(upper=1230))
    pd.testing.assert_frame_equal(got, expected)


def test_stuck_anemometer(six: pd.DataFrame, healthy: pd.DataFrame) -> None:
    """A stuck anemometer repeats its first value; the turbine goes on with the true wind."""
    fault = faults(START, 10, SIX)[1]
    got, expected = six[is_during(six, fault)], healthy[is_during(healthy, fault)]
    assert expected["wind_speed"].nunique() > 100
    expected = expected.assign(wind_speed=expected["wind_speed"].iloc[0])
    pd.testing.assert_frame_equal(got, expected)


def test_outage(six: pd.DataFrame, healthy: pd.DataFrame) -> None:
    """A stopped turbine draws its standby power while the wind blows."""
    fault = faults(START, 10, SIX)[2]
    got, expected = six[is_during(six, fault)], healthy[is_during(healthy, fault)]
    assert (expected["power"] > 0).mean() > 0.9
    pd.testing.assert_frame_equal(got, expected.assign(power=-4.0))


def test_communication_gap(six: pd.DataFrame, healthy: pd.DataFrame) -> None:
    """During a gap the turbine has no readings."""
    fault = faults(START, 10, SIX)[3]
    assert not is_during(six, fault).any()
    assert is_during(healthy, fault).sum() == 6 * 60
    assert len(healthy) - len(six) == 6 * 60
