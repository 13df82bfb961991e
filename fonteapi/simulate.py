"""Simulated one-minute readings that behave like a wind turbine.

Wind speed follows the synthesis used by HOMER and Windographer, extended: a Gaussian process
with a diurnal cycle, mapped to a Weibull distribution, with one-minute turbulence on top.
Power follows a cubic curve with standby consumption, cut-out and restart.
"""

from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from math import erfc, exp, sqrt

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIMULATED_SIGNALS = ("wind_speed", "power", "wind_direction", "ambient_temperature")
MINUTES_A_DAY = 1440
WEIBULL_SHAPE = 2.0
WEIBULL_SCALE = 8.0  # m/s
CUT_IN, RATED, CUT_OUT, RESTART = 3.0, 12.5, 25.0, 22.0  # m/s
RATED_POWER, STANDBY_POWER = 2050.0, -4.0  # kW
GAS_CONSTANT_DRY_AIR, SEA_LEVEL_PRESSURE = 287.05, 101_325.0  # J/(kg K), Pa
REFERENCE_DENSITY = 1.225  # kg/m³
DIURNAL_AMPLITUDE = 0.2  # of the Gaussian process
GUSTS = 0.42
"""Correlation of the turbulence of one minute with that of the next."""
PREVAILING = 250.0
"""The most frequent wind direction, degrees."""
VEERING = 3.0
"""How much a wind vane fluctuates from minute to minute, standard deviation in degrees."""


@dataclass(frozen=True)
class Weather:
    """The weather of a site; each array has one value a minute."""

    timestamp: NDArray[np.datetime64]
    """UTC, microseconds."""
    temperature: Array
    """°C."""
    mean_wind: Array
    """Wind speed without turbulence, m/s, ≥ 0."""
    direction: Array
    """Where the wind comes from, degrees clockwise from north, not wrapped: -10 is 350."""
    gusts: Array
    """Turbulence at the first turbine, as a share of its standard deviation."""
    veer: Array
    """Fluctuation of the direction at the first turbine, likewise."""


def simulate_readings(start: date, days: int, seed: int | None = None) -> pa.Table:
    """One reading a minute from `start` 00:00 UTC on, for `days` days.

    Returns `days` × 1440 rows: `timestamp` (UTC, microseconds), `wind_speed` m/s (≥ 0),
    `power` kW (−4 at standstill, about 2050 when rated), `wind_direction` degrees in [0, 360),
    `ambient_temperature` °C. The same `seed` gives the same readings; None gives new ones.
    """
    weather = simulate_weather(np.random.default_rng(seed), start, days)
    wind = add_turbulence(weather.mean_wind, weather.gusts)
    power = find_power(wind, weather.temperature, find_running(wind))
    direction = weather.direction + VEERING * weather.veer
    return pa.table(
        {"timestamp": pa.array(weather.timestamp, pa.timestamp("us", "UTC"))}
        | round_signals(wind, power, direction, weather.temperature)
    )


def simulate_weather(random: np.random.Generator, start: date, days: int) -> Weather:
    """The weather from `start` 00:00 UTC on, for `days` days.

    The direction has random numbers of its own, so that the other signals of a seed are those of
    version 0.1.
    """
    count = days * MINUTES_A_DAY
    first = np.datetime64(start, "us")
    timestamp = first + np.arange(count) * np.timedelta64(60_000_000, "us")
    hour = np.arange(count) / 60 % 24
    day_of_year = (timestamp - timestamp.astype("datetime64[Y]")) / np.timedelta64(1, "D") + 1

    temperature = _temperature(random, hour, day_of_year)
    mean_wind = _mean_wind(random, hour)
    gusts = _autoregressive(random, count, GUSTS)
    [vane] = random.spawn(1)
    direction = PREVAILING + 60 * _ornstein_uhlenbeck(vane, count, hours=60)
    direction += 15 * _ornstein_uhlenbeck(vane, count, hours=6)
    veer = _autoregressive(vane, count, GUSTS)
    return Weather(timestamp, temperature, mean_wind, direction, gusts, veer)


def round_signals(
    wind_speed: Array, power: Array, direction: Array, temperature: Array
) -> dict[str, Array]:
    """The signals by name, rounded as SCADA does; the direction wraps to [0, 360)."""
    return {
        "wind_speed": wind_speed.round(2),
        "power": power.round(1),
        "wind_direction": (direction % 360).round(1) % 360,  # 359.97 rounds to 360, which is 0
        "ambient_temperature": temperature.round(2),
    }


def _mean_wind(random: np.random.Generator, hour: Array) -> Array:
    minutes = len(hour)
    z = sqrt(0.5) * _ornstein_uhlenbeck(random, minutes, hours=6)
    z += sqrt(0.5) * _ornstein_uhlenbeck(random, minutes, hours=60)
    z += DIURNAL_AMPLITUDE * np.cos(2 * np.pi * (hour - 15) / 24)
    z /= sqrt(1 + DIURNAL_AMPLITUDE**2 / 2)
    exceedance = np.fromiter((erfc(x / sqrt(2)) / 2 for x in z), float, minutes)
    mean_wind: Array = WEIBULL_SCALE * (-np.log(exceedance)) ** (1 / WEIBULL_SHAPE)
    return mean_wind


def add_turbulence(mean_wind: Array, gusts: Array) -> Array:
    """Wind speed in m/s; `gusts` has unit variance and the shape of `mean_wind`.

    IEC 61400-1's normal turbulence model, class B; means of one minute keep about 60 % of it.
    """
    sigma = 0.14 * (0.75 * mean_wind + 3.8)
    wind: Array = mean_wind + 0.6 * sigma * gusts
    return wind.clip(min=0)


def _temperature(random: np.random.Generator, hour: Array, day_of_year: Array) -> Array:
    season: Array = 8.5 * np.cos(2 * np.pi * (day_of_year - 200) / 365)
    daily: Array = 3 * np.cos(2 * np.pi * (hour - 15) / 24)
    weather = 3.5 * _ornstein_uhlenbeck(random, len(hour), hours=60)
    return 12 + season + daily + weather


def find_power(wind_speed: Array, temperature: Array, running: NDArray[np.bool_]) -> Array:
    """Power in kW, by a cubic curve; arrays of equal shape, or that NumPy broadcasts."""
    density = SEA_LEVEL_PRESSURE / (GAS_CONSTANT_DRY_AIR * (temperature + 273.15))
    # IEC 61400-12-1: wind speed normalised to the reference density
    wind = wind_speed * np.cbrt(density / REFERENCE_DENSITY)
    share = (wind**3 - CUT_IN**3) / (RATED**3 - CUT_IN**3)
    producing = (wind >= CUT_IN) & running
    return np.where(producing, RATED_POWER * np.clip(share, 0, 1), STANDBY_POWER)


def find_running(wind_speed: Array, before: NDArray[np.bool_] | bool = True) -> NDArray[np.bool_]:
    """Whether the turbine runs: it stops at cut-out and restarts below the restart speed.

    Minutes are the first axis; `before` says whether it ran before them.
    """
    minute = np.arange(1, len(wind_speed) + 1).reshape(-1, *[1] * (wind_speed.ndim - 1))
    stopped = np.maximum.accumulate(np.where(wind_speed >= CUT_OUT, minute, 0))
    started = np.maximum.accumulate(np.where(wind_speed < RESTART, minute, 0))
    running: NDArray[np.bool_] = np.where(started == stopped, before, started > stopped)
    return running


def _ornstein_uhlenbeck(random: np.random.Generator, minutes: int, hours: float) -> Array:
    return _autoregressive(random, minutes, memory(hours))


def memory(hours: float) -> float:
    """The correlation of one minute with the next in an Ornstein–Uhlenbeck process."""
    return exp(-1 / (60 * hours))


def _autoregressive(random: np.random.Generator, count: int, phi: float) -> Array:
    """A stationary AR(1) series with unit variance and lag-one autocorrelation `phi`."""
    noise = random.standard_normal(count)
    noise[1:] *= sqrt(1 - phi**2)
    return np.fromiter(accumulate(noise, lambda x, e: phi * x + e), float, count)
