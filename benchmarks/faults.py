"""Real and simulated readings, and faults that are put into them."""

from collections.abc import Iterator, Sequence
from datetime import date
from json import dumps
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.measure import ROOT
from etl_lib.transform.flags import find_flags
from fonteapi import farm
from fonteapi.catalogue import arrow_schema, read_catalogue

FLEET = ROOT / "tests" / "data" / "la_haute_borne" / "fleet_2014-01_02.csv.gz"
COLUMNS = {
    "Wind_turbine_name": "turbine",
    "Ws_avg": "wind_speed",
    "P_avg": "power",
    "Ot_avg": "ambient_temperature",
    "Wa_avg": "wind_direction",
    "Ya_avg": "nacelle_direction",
}
CATALOGUE = read_catalogue()
RATED_POWER = 2050.0
"""kW, of the turbines of La Haute Borne and of the simulated ones."""
SENTINELS = (-9999.0, -7999.0, 9999.0)
OFFSETS = {"wind_speed": 3.0, "power": 200.0, "ambient_temperature": 3.0}
SHORTEST, LONGEST = 10, 360
"""Minutes that a sensor is stuck; three times the test's limit, where that is longer."""
Numbers = np.ndarray


class Source(NamedTuple):
    """Readings by turbine and timestamp, `interval` minutes apart."""

    name: str
    frame: pd.DataFrame
    interval: int

    def flags(self, frame: pd.DataFrame, rated: float | None = RATED_POWER) -> pd.DataFrame:
        """The flagged readings of these that have the same signals: see `find_flags`."""
        return find_flags(self.table(frame, rated)).to_pandas()

    def table(self, frame: pd.DataFrame, rated: float | None = RATED_POWER) -> pa.Table:
        """Readings as the API answers them."""
        signals = [CATALOGUE.signals[name] for name in frame.columns[2:]]
        known = dict.fromkeys(frame["turbine"].unique(), rated) if rated else {}
        told = {"rated_powers": dumps(known)}
        schema = arrow_schema(signals, named=True).with_metadata(told)
        return pa.Table.from_pandas(frame, schema, preserve_index=False)

    def slots(self, hours: float) -> Iterator[tuple[int, int]]:
        """The rows, first and last but one, of each whole slot of a turbine."""
        length = int(hours * 60 / self.interval)
        for rows in self.frame.groupby("turbine").indices.values():
            for first in range(rows[0], rows[-1] + 2 - length, length):
                yield first, first + length


class Fault(NamedTuple):
    """Values of one signal with faults, and in which rows they are, and are meant to be found."""

    values: Numbers
    is_injected: Numbers
    is_meant: Numbers


def read_real() -> Source:
    """Four turbines, two months."""
    frame = pd.read_csv(FLEET)
    frame["timestamp"] = pd.to_datetime(frame["Date_time"], utc=True).astype("datetime64[us, UTC]")
    frame = frame.rename(columns=COLUMNS)[["timestamp", *COLUMNS.values()]]
    return Source("La Haute Borne, 10 min", _sort(frame), 10)


def simulate(
    start: date = date(2024, 1, 1), days: int = 60, seed: int = 1, has_faults: bool = False
) -> Source:
    """A farm of five turbines, with faults of its own if `has_faults`."""
    names = farm.name_turbines(5, "T1")
    with patch.object(farm, "FAULTS", farm.FAULTS if has_faults else ()):
        readings = farm.simulate_farm(start, days, names, seed).read_all()
    return Source("simulated, 1 min", _sort(readings.to_pandas().drop(columns="simulated")), 1)


def _sort(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(["turbine", "timestamp"], ignore_index=True)


def put_stuck(source: Source, signal: str, random: np.random.Generator) -> Fault:
    """A value that stays for 10 minutes to six hours, once in two days.

    Meant to be found from twice the limit of the test on, unless a flat line is real there.
    """
    known, made = CATALOGUE.signals[signal], _begin(source, signal)
    limit = known.flat_minutes or 0
    ends = np.log([SHORTEST, max(LONGEST, 3 * limit)])
    for start, stop in source.slots(48):
        minutes = np.exp(random.uniform(*ends))
        count = int(minutes / source.interval) + 1
        first = random.integers(start, stop - count)
        value, run = made.values[first], slice(first, first + count)
        low, high = known.flat_except or (np.inf, -np.inf)
        if np.isfinite(value):
            made.values[run], made.is_injected[run] = value, True
            made.is_meant[run] = minutes >= 2 * limit and not low <= value <= high
    return made


def put_spikes(
    source: Source, signal: str, random: np.random.Generator, low: float, high: float
) -> Fault:
    """One reading in six hours that is higher, or of a temperature lower; times the threshold."""
    made, height = _begin(source, signal), CATALOGUE.signals[signal].spike or 0
    for start, stop in source.slots(6):
        place = random.integers(start + 2, stop - 2)
        sign = 1 if signal == "wind_speed" else random.choice([-1, 1])
        made.values[place] += sign * random.uniform(low, high) * height
        made.is_injected[place] = np.isfinite(made.values[place])
        made.is_meant[place] = made.is_injected[place] and low >= 1
    return made


def put_sentinels(
    source: Source,
    signal: str,
    random: np.random.Generator,
    meant: Sequence[float] = SENTINELS,
) -> Fault:
    """One reading in twelve hours that stands for a missing one; `meant` are to be found."""
    made = _begin(source, signal)
    for start, stop in source.slots(12):
        place = random.integers(start, stop)
        made.values[place] = random.choice(SENTINELS)
        made.is_injected[place], made.is_meant[place] = True, made.values[place] in meant
    return made


def put_offsets(source: Source, signal: str, random: np.random.Generator) -> Fault:
    """Six hours in two days that are higher; no test of single readings is meant to find that."""
    made = _begin(source, signal)
    count = 360 // source.interval
    for start, stop in source.slots(48):
        first = random.integers(start, stop - count)
        made.values[first : first + count] += OFFSETS[signal]
        made.is_injected[first : first + count] = True
    return made


def put_swapped(source: Source, signal: str, random: np.random.Generator) -> Fault:
    """A day in four on which the wind or the power is that of other times and turbines.

    Meant to be found where the pair contradicts itself: calm, and above a tenth of rated power.
    """
    made, count = _begin(source, signal), 24 * 60 // source.interval
    original = made.values.copy()
    for start, stop in source.slots(96):
        first, other = random.integers(start, stop - count), random.integers(len(original) - count)
        made.values[first : first + count] = original[other : other + count]
        made.is_injected[first : first + count] = True
    both = source.frame.assign(**{signal: made.values})
    is_odd = (both["wind_speed"] < 2.5) & (both["power"] > 0.1 * RATED_POWER)
    made.is_meant[:] = made.is_injected & is_odd
    return made


def _begin(source: Source, signal: str) -> Fault:
    values = source.frame[signal].to_numpy(copy=True)
    return Fault(values, *(np.zeros(len(values), bool) for _ in range(2)))
