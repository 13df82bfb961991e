"""A simulated year against the figures that real turbines show; and what a seed fixes."""

import hashlib
from datetime import date
from math import gamma

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from fonteapi.simulate import SIMULATED_SIGNALS, find_power, find_running, simulate_readings

Array = NDArray[np.float64]
YEARS = 3  # one year alone varies more than the figures differ from others


@pytest.fixture(scope="module")
def years() -> pa.Table:
    return simulate_readings(date(2023, 1, 1), YEARS * 365, seed=2024)


@pytest.fixture(scope="module")
def wind(years: pa.Table) -> Array:
    return years["wind_speed"].to_numpy()


@pytest.fixture(scope="module")
def power(years: pa.Table) -> Array:
    return years["power"].to_numpy()


@pytest.fixture(scope="module")
def temperature(years: pa.Table) -> Array:
    return years["ambient_temperature"].to_numpy()


def autocorrelation(values: Array, lag: int) -> float:
    return float(np.corrcoef(values[:-lag], values[lag:])[0, 1])


def test_one_reading_a_minute(years: pa.Table) -> None:
    assert years.num_rows == YEARS * 365 * 1440
    assert years.schema == pa.schema(
        [
            ("timestamp", pa.timestamp("us", "UTC")),
            *((name, pa.float64()) for name in SIMULATED_SIGNALS),
        ]
    )
    stamps = years["timestamp"].to_numpy()
    assert stamps[0] == np.datetime64("2023-01-01T00:00")
    assert (np.diff(stamps) == np.timedelta64(60_000_000, "us")).all()


def test_finite_values(years: pa.Table) -> None:
    for name in SIMULATED_SIGNALS:
        assert years[name].null_count == 0
        assert np.isfinite(years[name].to_numpy()).all()


@pytest.mark.parametrize(("hours", "expected"), [(1, 0.92), (6, 0.62), (24, 0.33)])
def test_autocorrelation_of_wind(wind: Array, hours: int, expected: float) -> None:
    """Wind has the memory of wind at real turbines."""
    ten_minutes = wind.reshape(-1, 10).mean(axis=1)
    assert autocorrelation(ten_minutes, hours * 6) == pytest.approx(expected, abs=0.04)


def test_weibull_distribution(wind: Array) -> None:
    assert wind.min() >= 0
    assert wind.mean() == pytest.approx(8 * gamma(1.5), rel=0.04)  # 7.09 m/s
    ten_minutes = wind.reshape(-1, 10).mean(axis=1)
    # Justus: k = (std / mean) ** -1.086
    shape = (ten_minutes.std() / ten_minutes.mean()) ** -1.086
    assert shape == pytest.approx(2, abs=0.12)
    for quantile in (0.1, 0.25, 0.5, 0.75, 0.9, 0.99):
        expected = 8 * (-np.log(1 - quantile)) ** 0.5
        assert np.quantile(ten_minutes, quantile) == pytest.approx(expected, rel=0.06)


def test_windy_afternoon(wind: Array) -> None:
    by_hour = wind.reshape(-1, 24, 60).mean(axis=(0, 2))
    assert 13 <= by_hour.argmax() <= 17
    assert by_hour.max() - by_hour.min() > 0.8


def test_turbulence(wind: Array) -> None:
    buckets = wind.reshape(-1, 10)
    mean, std = buckets.mean(axis=1), buckets.std(axis=1, ddof=1)
    intensity = np.median((std / mean)[(mean > 9) & (mean < 11)])
    assert 0.05 < intensity < 0.14  # below the 0.16 of IEC's class B: these are one-minute means


def test_range_of_power(power: Array) -> None:
    assert power.min() == -4
    assert power.max() == 2050
    assert 0.2 < power.mean() / 2050 < 0.45  # the capacity factor


def test_standby_power(wind: Array, power: Array) -> None:
    """Below cut-in the turbine draws its standby power."""
    assert (wind < 2.8).any()
    assert (power[wind < 2.8] == -4).all()  # 3 m/s, less what cold, dense air adds
    assert (power[(wind > 3.3) & (wind < 20)] > 0).mean() > 0.999


def test_power_curve(wind: Array, power: Array) -> None:
    curve = [power[(wind >= low) & (wind < low + 1)].mean() for low in range(3, 13)]
    assert (np.diff(curve) > 0).all()
    assert (power[(wind > 14) & (wind < 20)] == 2050).mean() > 0.99


def test_dense_air(wind: Array, power: Array, temperature: Array) -> None:
    same_wind = (wind > 7.9) & (wind < 8.1)
    cold, warm = power[same_wind & (temperature < 3)], power[same_wind & (temperature > 20)]
    assert 1.04 < cold.mean() / warm.mean() < 1.12  # densities differ by about 7 %


def test_restart_speed() -> None:
    """After cut-out the turbine restarts below the restart speed."""
    wind = np.array([20, 24.9, 25, 24, 22.1, 22, 21.9, 23, 24.9, 25.1, 2.5, 10], float)
    power = find_power(wind, np.full(len(wind), 15.0), find_running(wind))
    running = [True, True, False, False, False, False, True, True, True, False, True, True]
    assert (power > -4).tolist() == [r and w > 3 for r, w in zip(running, wind, strict=True)]


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 9])
def test_running_goes_on(cut: int) -> None:
    """Two parts of a series, of several turbines, run as the whole does."""
    wind = np.array([[20, 24], [25, 24], [23, 26], [24, 23], [23, 23], [21, 23], [23, 23],
                     [25, 21], [23, 24], [23, 25]], float)  # fmt: skip
    running = [[1, 1], [0, 1], [0, 0], [0, 0], [0, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 0]]
    first = find_running(wind[:cut])
    second = find_running(wind[cut:], first[-1])
    assert np.vstack([first, second]).astype(int).tolist() == running


def test_storms(wind: Array, power: Array) -> None:
    assert (wind >= 25).any()
    assert (power[wind >= 25] == -4).all()
    assert ((wind > 22) & (wind < 25) & (power == -4)).any()  # not yet restarted


def test_temperature(temperature: Array) -> None:
    """Temperature has a season, a daily cycle and weather."""
    assert temperature.mean() == pytest.approx(12, abs=0.6)
    days = temperature.reshape(YEARS, 365, 1440)
    by_day = days.mean(axis=(0, 2))
    summer, winter = by_day[185:216].mean(), by_day[3:34].mean()
    assert summer - winter == pytest.approx(2 * 8.5, abs=2.5)
    by_hour = days.reshape(-1, 24, 60).mean(axis=(0, 2))
    assert 14 <= by_hour.argmax() <= 15
    assert by_hour.max() - by_hour.min() == pytest.approx(2 * 3, abs=0.4)
    weather = (days - by_day[:, None]).reshape(-1, 1440).mean(axis=1)
    assert 2 < weather.std() < 4.5
    assert temperature.min() > -25
    assert temperature.max() < 45


def test_direction_wraps(years: pa.Table) -> None:
    """Directions are in [0, 360), also where the wind crosses north."""
    direction = years["wind_direction"].to_numpy()
    assert direction.min() == 0
    assert 359.5 < direction.max() < 360
    crossings = (abs(np.diff(direction)) > 180).sum()
    assert crossings > 10


def test_direction_follows_the_weather(years: pa.Table) -> None:
    """The direction is correlated over hours, changes over days, and is mostly the prevailing."""
    unit = np.exp(1j * np.deg2rad(years["wind_direction"].to_numpy()))
    assert np.rad2deg(np.angle(unit.mean())) % 360 == pytest.approx(250, abs=15)
    steps = {
        minutes: np.median(abs(np.rad2deg(np.angle(unit[minutes:] / unit[:-minutes]))))
        for minutes in (1, 60, 24 * 60)
    }
    assert steps[1] < 5 < steps[60] < 15 < 30 < steps[24 * 60]


DIGESTS = {
    "wind_speed": ([14.15, 11.73, 12.23], "25838d5d6012ea4d"),
    "power": ([2050.0, 1693.5, 1923.7], "b1e2e0fc52c06582"),
    "ambient_temperature": ([14.36, 14.38, 14.35], "d7f3852d0dcaaeb7"),
}
"""Of seed 7, as version 0.1 simulated it: the first values, and a hash of all."""


@pytest.mark.parametrize("name", DIGESTS)
def test_readings_of_version_0_1(name: str) -> None:
    """A seed still gives the wind, power and temperature that it gave in version 0.1."""
    values = simulate_readings(date(2024, 5, 20), 10, seed=7)[name].to_numpy()
    first, digest = DIGESTS[name]
    assert values[:3].tolist() == first
    assert hashlib.sha256(values.tobytes()).hexdigest()[:16] == digest


def test_same_seed() -> None:
    first, second = (simulate_readings(date(2024, 5, 20), 2, seed=5) for _ in range(2))
    assert first.equals(second)
    assert not first.equals(simulate_readings(date(2024, 5, 20), 2, seed=6))


def test_no_seed() -> None:
    first, second = (simulate_readings(date(2024, 5, 20), 1) for _ in range(2))
    assert not first.equals(second)


def test_leap_day() -> None:
    stamps = simulate_readings(date(2024, 2, 28), 3, seed=1)["timestamp"].to_pylist()
    assert stamps[1440].date() == date(2024, 2, 29)
    assert stamps[-1].isoformat() == "2024-03-01T23:59:00+00:00"
