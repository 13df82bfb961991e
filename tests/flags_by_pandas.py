"""The flags of readings by pandas, written from their definitions alone, and readings to flag."""

from collections.abc import Mapping, Sequence
from json import dumps
from math import inf
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from helpers import CATALOGUE, DATA

from etl_lib.catalogue import read_signal
from etl_lib.transform.kinds import signal_fields
from fonteapi.catalogue import arrow_schema
from fonteapi.signals import Signal

NAMES = ("wind_speed", "power", "ambient_temperature", "wind_direction", "nacelle_direction")
SIGNALS = [CATALOGUE.signals[name] for name in NAMES]
"""Those of La Haute Borne that the tests of readings have thresholds for."""
RATED_POWER = 2050.0
"""kW, of the turbines of La Haute Borne and of the simulated ones."""
COLUMNS = {
    "Wind_turbine_name": "turbine",
    "Ws_avg": "wind_speed",
    "P_avg": "power",
    "Ot_avg": "ambient_temperature",
    "Wa_avg": "wind_direction",
    "Ya_avg": "nacelle_direction",
}
EVERYTHING = (-inf, inf)


def read_la_haute_borne() -> pd.DataFrame:
    """Four turbines, two months: `timestamp` (UTC), `turbine` and `NAMES`, in order."""
    frame = pd.read_csv(DATA / "la_haute_borne" / "fleet_2014-01_02.csv.gz")
    frame["timestamp"] = pd.to_datetime(frame["Date_time"], utc=True).astype("datetime64[us, UTC]")
    frame = frame.rename(columns=COLUMNS)[["timestamp", "turbine", *NAMES]]
    return frame.sort_values(["timestamp", "turbine"], ignore_index=True)


def to_readings(
    frame: pd.DataFrame,
    signals: Sequence[Signal] = SIGNALS,
    rated: Mapping[str, float] | float = RATED_POWER,
    intervals: Mapping[str, float] | None = None,
) -> pa.Table:
    """Readings as the API answers them; `rated` is one number if the turbines have the same."""
    if isinstance(rated, float):
        rated = dict.fromkeys(frame["turbine"].unique(), rated)
    told = {"rated_powers": dumps(dict(rated)), "intervals": dumps(dict(intervals or {}))}
    schema = arrow_schema(signals, named=True).with_metadata(told)
    columns = [pa.array(frame[name], from_pandas=False) for name in schema.names]
    return pa.table(columns, schema=schema)


def to_series(flags: pa.Table) -> pd.Series:
    """The table of `find_flags` as flags by turbine, timestamp and signal."""
    frame = flags.to_pandas()
    return frame.set_index(["turbine", "timestamp", "signal"])["flags"]


def flag_by_pandas(
    frame: pd.DataFrame,
    signals: Sequence[Signal],
    rated: Mapping[str, float] | float,
    intervals: Mapping[str, float],
) -> pd.Series:
    """The flags that are not 0, by turbine, timestamp and signal, in order.

    `frame`: rows in order of arrival. `intervals`: the seconds between the readings of turbines.
    """
    found = []
    finite = frame.replace([inf, -inf], np.nan)
    for turbine, part in finite.groupby("turbine"):
        power = rated if isinstance(rated, float) else rated.get(turbine)
        readings = part.groupby("timestamp").last()  # the last that is not missing
        flags = {
            s.name: _flag_signal(readings[s.name], s, power, intervals[turbine]) for s in signals
        }
        _add_contradictions(flags, readings, signals, power)
        for name, bits in flags.items():
            keys = pd.MultiIndex.from_product([[turbine], bits.index, [name]])
            found.append(pd.Series(bits.to_numpy(), keys))
    every = pd.concat(found).rename("flags").rename_axis(["turbine", "timestamp", "signal"])
    return every[every > 0].sort_index()


def _find_interval(values: pd.Series) -> float:
    """The most frequent time between two readings in whole seconds, up to an hour; else 60."""
    stamps = values.index.to_series()
    steps = (stamps - stamps.min()).dt.total_seconds().round().diff()
    counts = steps[steps.between(1, 3600)].value_counts()
    return float(counts[counts == counts.max()].index.min()) if len(counts) else 60.0


def _flag_signal(
    readings: pd.Series, signal: Signal, rated: float | None, interval: float
) -> pd.Series:
    """The flags of the readings that are there, without contradictions."""
    known = readings.dropna()
    is_possible = _lies_in(known, signal.possible, signal.possible_of_rated, rated)
    is_plausible = _lies_in(known, signal.plausible, signal.plausible_of_rated, rated)
    flags = pd.Series(0, known.index).mask(is_possible & ~is_plausible, 2)
    possible = known[is_possible]
    if 2 * len(possible) <= len(readings):  # the signal comes less often than others
        interval = max(interval, _find_interval(possible))
    reach = pd.Timedelta(seconds=2 * interval)
    flags[possible.index] |= _flag_neighbours(possible, signal, rated, reach)
    return flags.mask(~is_possible, 1)


def _lies_in(
    values: pd.Series,
    bounds: tuple[float, float] | None,
    shares: tuple[float, float] | None,
    rated: float | None,
) -> pd.Series:
    inside = values.between(*(bounds or EVERYTHING))
    if shares and rated:
        inside &= values.between(shares[0] * rated, shares[1] * rated)
    return inside


def _flag_neighbours(
    values: pd.Series, signal: Signal, rated: float | None, reach: pd.Timedelta
) -> pd.Series:
    """What depends on the readings before and after; all are possible."""
    stamps = values.index.to_series()
    flags = pd.Series(0, values.index)
    before, after = values - values.shift(), values - values.shift(-1)
    if signal.kind == "angle":
        before, after = _turn(before), _turn(after)
    is_near = stamps.diff() <= reach
    if signal.flat_minutes:
        is_same = is_near & (before.abs() <= signal.flat_tolerance)
        for bounds, unit in ((signal.flat_except, 1.0), (signal.flat_except_of_rated, rated)):
            if bounds and unit:
                is_real = values.between(bounds[0] * unit, bounds[1] * unit)
                is_same &= ~(is_real & is_real.shift(fill_value=False))
        runs = stamps.groupby((~is_same).cumsum())
        lasts = runs.transform("max") - runs.transform("min")
        is_flat = lasts >= pd.Timedelta(minutes=signal.flat_minutes)
        flags = flags.mask(is_flat & (runs.transform("size") >= 3), 4)
    if signal.spike:
        is_between = is_near & is_near.shift(-1, fill_value=False)
        is_far = (before + after).abs() / 2 > signal.spike
        least = np.minimum(before.abs(), after.abs())
        stands_out = (before * after > 0) & (least > signal.spike / 2)
        flags |= 8 * (is_between & is_far & stands_out)
    if signal.kind == "counter":
        size = signal.register_size or 0
        rolls_over = (values.shift() > 0.9 * size) & (values.shift() <= size)
        flags |= 32 * ((before < 0) & ~rolls_over)
    return flags


def _turn(degrees: pd.Series) -> pd.Series:
    """The smaller way round, -180 up to 180."""
    return (degrees + 180) % 360 - 180


def _add_contradictions(
    flags: Mapping[str, pd.Series],
    readings: pd.DataFrame,
    signals: Sequence[Signal],
    rated: float | None,
) -> None:
    """Flag a calm and a power that needs wind, of one timestamp; impossible ones are neither."""
    for wind in (signal for signal in signals if signal.calm):
        for power in (signal for signal in signals if signal.producing):
            both = readings.index[
                (readings[wind.name] < wind.calm)
                & (readings[power.name] > power.producing * (rated or inf))
            ]
            for stamp in both:
                if flags[wind.name][stamp] != 1 and flags[power.name][stamp] != 1:
                    flags[wind.name][stamp] |= 16
                    flags[power.name][stamp] |= 16


def look_back(frame: pd.DataFrame, readings: pa.Table, start: pd.Timestamp) -> pa.Table:
    """The readings before `start` on which the flags of each signal depend, and no others.

    `fetch_before` fetches as far back for all signals as for the one that needs most.
    """
    seconds = {f.name: read_signal(f).look_back for f in signal_fields(readings)}
    first = start - pd.Timedelta(seconds=max(seconds.values()))
    before = frame[frame["timestamp"].between(first, start, inclusive="left")].copy()
    for name, length in seconds.items():
        before.loc[before["timestamp"] < start - pd.Timedelta(seconds=length), name] = np.nan
    columns: dict[str, Any] = {name: before[name] for name in readings.schema.names}
    return pa.table(columns, schema=readings.schema)
