"""Simulated one-minute readings that behave like a wind turbine.

Wind speed follows the synthesis used by HOMER and Windographer, extended: a Gaussian process
with a diurnal cycle, mapped to a Weibull distribution, with one-minute turbulence on top.
Power follows a cubic curve with standby consumption, cut-out and restart.
"""

from collections.abc import Iterator
from datetime import date
from itertools import accumulate
from math import erfc, exp, sqrt

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIMULATED_SIGNALS = ("wind_speed", "power", "ambient_temperature")
MINUTES_A_DAY = 1440
WEIBULL_SHAPE = 2.0
WEIBULL_SCALE = 8.0  # m/s
CUT_IN, RATED, CUT_OUT, RESTART = 3.0, 12.5, 25.0, 22.0  # m/s
RATED_POWER, STANDBY_POWER = 2050.0, -4.0  # kW
GAS_CONSTANT_DRY_AIR, SEA_LEVEL_PRESSURE = 287.05, 101_325.0  # J/(kg K), Pa
REFERENCE_DENSITY = 1.225  # kg/m³
DIURNAL_AMPLITUDE = 0.2  # of the Gaussian process


def simulate_readings(start: date, days: int, seed: int | None = None) -> pa.Table:
    """One reading a minute from `start` 00:00 UTC on, for `days` days.

    Returns `days` × 1440 rows: `timestamp` (UTC, microseconds), `wind_speed` m/s (≥ 0),
    `power` kW (−4 at standstill, about 2050 when rated), `ambient_temperature` °C.
    The same `seed` gives the same readings; None gives new ones.
    """
    random = np.random.default_rng(seed)
    count = days * MINUTES_A_DAY
    first = np.datetime64(start, "us")
    timestamp = first + np.arange(count) * np.timedelta64(60_000_000, "us")
    hour = np.arange(count) / 60 % 24
    day_of_year = (timestamp - timestamp.astype("datetime64[Y]")) / np.timedelta64(1, "D") + 1

    temperature = _temperature(random, hour, day_of_year)
    wind_speed = _wind_speed(random, hour)
    power = _power(wind_speed, temperature)
    return pa.table(
        {
            "timestamp": pa.array(timestamp, pa.timestamp("us", "UTC")),
            "wind_speed": wind_speed.round(2),
            "power": power.round(1),
            "ambient_temperature": temperature.round(2),
        }
    )


def _wind_speed(random: np.random.Generator, hour: Array) -> Array:
    minutes = len(hour)
    z = sqrt(0.5) * _ornstein_uhlenbeck(random, minutes, hours=6)
    z += sqrt(0.5) * _ornstein_uhlenbeck(random, minutes, hours=60)
    z += DIURNAL_AMPLITUDE * np.cos(2 * np.pi * (hour - 15) / 24)
    z /= sqrt(1 + DIURNAL_AMPLITUDE**2 / 2)
    exceedance = np.fromiter((erfc(x / sqrt(2)) / 2 for x in z), float, minutes)
    mean_wind = WEIBULL_SCALE * (-np.log(exceedance)) ** (1 / WEIBULL_SHAPE)
    # IEC 61400-1's normal turbulence model, class B; means of one minute keep about 60 % of it
    sigma = 0.14 * (0.75 * mean_wind + 3.8)
    wind: Array = mean_wind + 0.6 * sigma * _autoregressive(random, minutes, phi=0.42)
    return wind.clip(min=0)


def _temperature(random: np.random.Generator, hour: Array, day_of_year: Array) -> Array:
    season: Array = 8.5 * np.cos(2 * np.pi * (day_of_year - 200) / 365)
    daily: Array = 3 * np.cos(2 * np.pi * (hour - 15) / 24)
    weather = 3.5 * _ornstein_uhlenbeck(random, len(hour), hours=60)
    return 12 + season + daily + weather


def _power(wind_speed: Array, temperature: Array) -> Array:
    density = SEA_LEVEL_PRESSURE / (GAS_CONSTANT_DRY_AIR * (temperature + 273.15))
    # IEC 61400-12-1: wind speed normalised to the reference density
    wind = wind_speed * np.cbrt(density / REFERENCE_DENSITY)
    share = (wind**3 - CUT_IN**3) / (RATED**3 - CUT_IN**3)
    producing = (wind >= CUT_IN) & np.fromiter(_running(wind_speed), bool, len(wind))
    return np.where(producing, RATED_POWER * np.clip(share, 0, 1), STANDBY_POWER)


def _running(wind_speed: Array) -> Iterator[bool]:
    """Whether the turbine runs: it stops at cut-out and restarts below the restart speed."""
    running = True
    for wind in wind_speed:
        running = wind < (CUT_OUT if running else RESTART)
        yield running


def _ornstein_uhlenbeck(random: np.random.Generator, minutes: int, hours: float) -> Array:
    return _autoregressive(random, minutes, phi=exp(-1 / (60 * hours)))


def _autoregressive(random: np.random.Generator, count: int, phi: float) -> Array:
    """A stationary AR(1) series with unit variance and lag-one autocorrelation `phi`."""
    noise = random.standard_normal(count)
    noise[1:] *= sqrt(1 - phi**2)
    return np.fromiter(accumulate(noise, lambda x, e: phi * x + e), float, count)
