"""A simulated farm: its turbines share the weather, stand in each other's wakes, and have faults.

The first turbine stands in the front row: unless others are upwind of it, it has the readings of
a single turbine with the same seed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import accumulate
from math import isqrt

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fonteapi.simulate import (
    CUT_IN,
    CUT_OUT,
    GUSTS,
    MINUTES_A_DAY,
    PREVAILING,
    RATED,
    RATED_POWER,
    SIMULATED_SIGNALS,
    STANDBY_POWER,
    VEERING,
    Array,
    Weather,
    add_turbulence,
    find_power,
    find_running,
    memory,
    round_signals,
    simulate_weather,
)

SCHEMA = pa.schema(
    [
        ("timestamp", pa.timestamp("us", "UTC")),
        ("turbine", pa.string()),
        ("simulated", pa.bool_()),
        *((name, pa.float64()) for name in SIMULATED_SIGNALS),
    ]
)
"""Of a farm's readings; `simulated` is true."""
ROW_SPACING, SPACING = 7.0, 5.0
"""Between rows, and between turbines of a row: rotor diameters."""
WAKE_DECAY = 0.075
"""How fast a wake widens: the usual constant on land."""
WAKE_ANGLE = np.deg2rad(20)
THRUST = 0.8
"""Thrust coefficient below rated power."""
LOCAL_WIND = 0.04
"""Variation of the mean wind between turbines, standard deviation as a share."""
YAW, THERMOMETER = 2.0, 0.3
"""Constant errors of a turbine's wind vane (degrees) and thermometer (°C), standard deviations."""
MEMORY = np.array([[memory(hours=1)], [GUSTS], [GUSTS]])
"""From minute to minute, of what turbines have of their own: mean wind, gusts, direction."""
DERATED_POWER = 0.6 * RATED_POWER


class FaultKind(StrEnum):
    """What is wrong with a turbine during a fault."""

    DERATED = "derated"
    STUCK = "stuck anemometer"
    OUTAGE = "outage"
    GAP = "communication gap"


FAULTS = (
    (FaultKind.DERATED, 0, 12, 18),
    (FaultKind.STUCK, 2, 6, 12),
    (FaultKind.OUTAGE, 8, 9, 17),
    (FaultKind.GAP, 9, 2, 8),
)
"""The faults of the second turbine and those after it: days after the first, hours UTC."""


@dataclass(frozen=True)
class Fault:
    """A fault of one turbine in `[start, end)`."""

    turbine: str
    kind: FaultKind
    start: datetime
    end: datetime


def name_turbines(count: int, only: str) -> list[str]:
    """`only` for one turbine; T1, T2, … for several, of equal width so that they sort."""
    width = len(str(count))
    return [only] if count == 1 else [f"T{number:0{width}}" for number in range(1, count + 1)]


def faults(start: date, days: int, turbines: Sequence[str]) -> list[Fault]:
    """The faults of a farm: each at a different turbine and UTC day, whatever the seed.

    The first turbine has none. Fewer than five turbines or ten days have fewer faults.
    """
    midnight = datetime.combine(start, time(), UTC)
    return [
        Fault(turbine, kind, *(midnight + timedelta(days=day, hours=hour) for hour in hours))
        for turbine, (kind, day, *hours) in zip(turbines[1:], FAULTS, strict=False)
        if day < days
    ]


def simulate_farm(
    start: date, days: int, turbines: Sequence[str], seed: int | None = None
) -> pa.RecordBatchReader:
    """One reading a minute and turbine from `start` 00:00 UTC on, for `days` days.

    Yields a batch a day, of `SCHEMA`, by timestamp and turbine. Units are those of
    `simulate_readings`, whose readings one turbine has; several have `faults`, too.
    """
    random = np.random.default_rng(seed)
    weather = simulate_weather(random, start, days)
    [own] = random.spawn(1)
    batches = _simulate_days(weather, own, turbines, faults(start, days, turbines))
    return pa.RecordBatchReader.from_batches(SCHEMA, batches)


def _simulate_days(
    weather: Weather, random: np.random.Generator, turbines: Sequence[str], known: Sequence[Fault]
) -> Iterator[pa.RecordBatch]:
    """The readings of each day; arrays have a row a minute and a column a turbine."""
    count = len(turbines)
    places = place_turbines(count)
    wakes = np.array([find_wakes(places, degree) for degree in range(361)])
    yaw, thermometer = np.pad(random.standard_normal((2, count - 1)), [(0, 0), (1, 0)])
    deviations = _deviate(random, weather, count)
    running: NDArray[np.bool_] = np.ones((1, count), bool)
    for first in range(0, len(weather.timestamp), MINUTES_A_DAY):
        minutes = slice(first, first + MINUTES_A_DAY)
        local, gusts, veer = next(deviations)
        direction = weather.direction[minutes, np.newaxis]
        temperature = weather.temperature[minutes, np.newaxis]
        mean_wind = weather.mean_wind[minutes, np.newaxis]
        shares = [np.interp(direction[:, 0] % 360, range(361), wake) for wake in wakes.T]
        mean_wind = mean_wind * (1 - find_deficit(mean_wind) * np.column_stack(shares))
        wind = add_turbulence(mean_wind * (1 + LOCAL_WIND * local), gusts)
        running = find_running(wind, running[-1])
        signals = round_signals(
            wind,
            find_power(wind, temperature, running),
            direction + YAW * yaw + VEERING * veer,
            temperature + THERMOMETER * thermometer,
        )
        yield _to_batch(weather.timestamp[minutes], turbines, signals, known)


def _deviate(random: np.random.Generator, weather: Weather, count: int) -> Iterator[Array]:
    """How mean wind, gusts and direction differ from turbine to turbine, day by day.

    Yields arrays of shape (3, minutes, turbines) with unit variance. The first turbine has the
    gusts and the direction of the weather, and its mean wind does not differ.
    """
    first = np.stack([np.zeros_like(weather.gusts), weather.gusts, weather.veer])
    state = random.standard_normal((3, count - 1))
    for day in np.split(first, first.shape[1] // MINUTES_A_DAY, axis=1):
        series = [state] * MINUTES_A_DAY
        if count > 1:
            noise = random.standard_normal((MINUTES_A_DAY, *state.shape)) * np.sqrt(1 - MEMORY**2)
            series = [*accumulate(noise, lambda x, e: MEMORY * x + e, initial=state)][1:]
        state = series[-1]
        yield np.concatenate([day[:, :, np.newaxis], np.stack(series, axis=1)], axis=2)


def place_turbines(count: int) -> Array:
    """Where the turbines stand: rows across the prevailing wind, as many as turbines in a row.

    Returns (`count`, 2) rotor diameters: downwind of the first one, and to the right of it.
    """
    number, across = np.arange(count), isqrt(count)
    return np.column_stack([ROW_SPACING * (number // across), SPACING * (number % across)])


def find_wakes(places: Array, direction: float) -> Array:
    """The wake at each turbine, as a share of the deficit right behind a rotor.

    N. O. Jensen, "A note on wind generator interaction", Risø-M-2411 (1983): a wake that widens
    evenly, with his cosine (equation 3) across 20° to either side. Several wakes combine by the
    root of the sum of squares (Katic, Højstrup and Jensen, 1986).
    """
    angle = np.deg2rad(direction - PREVAILING)
    ahead, right = np.moveaxis(places - places[:, np.newaxis], 2, 0)
    along = ahead * np.cos(angle) + right * np.sin(angle)
    aside = np.arctan2(right * np.cos(angle) - ahead * np.sin(angle), along)
    is_in_wake = (along > 0) & (abs(aside) <= WAKE_ANGLE)
    wakes = (1 + np.cos(9 * aside)) / 2 / (1 + 2 * WAKE_DECAY * along.clip(min=0)) ** 2
    shares: Array = np.sqrt(np.sum(np.where(is_in_wake, wakes, 0) ** 2, axis=0))
    return shares


def find_deficit(wind: Array) -> Array:
    """How much slower the wind is right behind a rotor, as a share, by momentum theory.

    Above rated wind speed the thrust falls with its cube. A turbine in standstill for too little
    or too much wind has no wake; one that is stopped by a fault keeps it, for simplicity.
    """
    thrust = THRUST * np.minimum(1, RATED / np.maximum(wind, CUT_IN)) ** 3
    return np.where((wind >= CUT_IN) & (wind < CUT_OUT), 1 - np.sqrt(1 - thrust), 0)


def _to_batch(
    timestamp: NDArray[np.datetime64],
    turbines: Sequence[str],
    signals: dict[str, Array],
    known: Sequence[Fault],
) -> pa.RecordBatch:
    """The readings of a day, changed by the faults that are known of it."""
    is_sent = np.ones((len(timestamp), len(turbines)), bool)
    for fault in known:
        start, end = (np.datetime64(t.replace(tzinfo=None), "us") for t in (fault.start, fault.end))
        place = (timestamp >= start) & (timestamp < end), turbines.index(fault.turbine)
        if not place[0].any():
            continue
        match fault.kind:
            case FaultKind.DERATED:
                signals["power"][place] = signals["power"][place].clip(max=DERATED_POWER)
            case FaultKind.STUCK:
                signals["wind_speed"][place] = signals["wind_speed"][place][0]
            case FaultKind.OUTAGE:
                signals["power"][place] = STANDBY_POWER
            case FaultKind.GAP:
                is_sent[place] = False
    names = pa.array(list(turbines) * len(timestamp))
    stamps = pa.array(np.repeat(timestamp, len(turbines)), SCHEMA.field("timestamp").type)
    values = [pa.array(signals[name].ravel()) for name in SIMULATED_SIGNALS]
    batch = pa.record_batch([stamps, names, pa.repeat(True, len(names)), *values], schema=SCHEMA)
    return batch.filter(pa.array(is_sent.ravel()))
