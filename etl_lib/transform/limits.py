"""The thresholds of the catalogue for each signal of each turbine, and what they leave out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl_lib.catalogue import EVERYTHING, Bounds, Signal, rated_powers, read_signal
from etl_lib.transform.interval import find_intervals
from etl_lib.transform.kinds import TURBINE, signal_fields

TYPES = {int: pa.int64(), str: pa.string(), bool: pa.bool_()}


class Limits(NamedTuple):
    """The thresholds of one signal of one turbine, in its unit: a row for `flags.sql`."""

    id: int
    turbine: str
    signal: str
    possible_low: float
    possible_high: float
    plausible_low: float
    plausible_high: float
    interval: float
    """Of the turbine's readings, seconds."""
    is_angle: bool
    is_counter: bool
    register: float | None
    flat_seconds: float | None
    flat_tolerance: float
    except_low: float | None
    except_high: float | None
    share_low: float | None
    share_high: float | None
    spike: float | None
    calm: float | None
    producing: float | None
    """kW."""


LIMITS = pa.schema(
    [(name, TYPES.get(kind, pa.float64())) for name, kind in Limits.__annotations__.items()]
)


def find_limits(readings: pa.Table, intervals: Mapping[str, float] | None = None) -> list[Limits]:
    """The thresholds of each signal of each turbine that has readings, by turbine and signal.

    `intervals` are those of `find_intervals`, if they are known.
    """
    signals = {field.name: read_signal(field) for field in signal_fields(readings)}
    rated = rated_powers(readings)
    pairs = product((intervals or find_intervals(readings)).items(), signals.items())
    return [
        _limit(number, turbine, interval, name, signal, rated.get(turbine))
        for number, ((turbine, interval), (name, signal)) in enumerate(pairs)
    ]


def _limit(
    number: int, turbine: str, interval: float, name: str, signal: Signal, rated: float | None
) -> Limits:
    possible = _narrow(signal.possible, signal.possible_of_rated, rated)
    plausible = _narrow(signal.plausible, signal.plausible_of_rated, rated)
    is_sampled = not signal.hold  # else its readings are no neighbours, and repeat by no rule
    shares = signal.flat_except_of_rated if rated else None
    return Limits(
        number,
        turbine,
        name,
        *possible,
        *plausible,
        interval=interval,
        is_angle=signal.kind == "angle",
        is_counter=signal.kind == "counter",
        register=signal.register,
        flat_seconds=60 * signal.flat_minutes if signal.flat_minutes and is_sampled else None,
        flat_tolerance=signal.flat_tolerance,
        except_low=signal.flat_except[0] if signal.flat_except else None,
        except_high=signal.flat_except[1] if signal.flat_except else None,
        share_low=shares[0] * rated if shares and rated else None,
        share_high=shares[1] * rated if shares and rated else None,
        spike=signal.spike if is_sampled else None,
        calm=signal.calm,
        producing=signal.producing * rated if signal.producing and rated else None,
    )


def _narrow(bounds: Bounds, shares: Bounds, rated: float | None) -> Bounds:
    """Bounds, and those as shares of a rated power where it is known."""
    if rated is None:
        return bounds
    return max(bounds[0], shares[0] * rated), min(bounds[1], shares[1] * rated)


def drop_impossible(readings: pa.Table, limits: Sequence[Limits]) -> pa.Table:
    """The readings, with null where one is impossible.

    The turbines are a dictionary array. A source's own minimum and maximum of a signal have the
    signal's bounds, and its standard deviation is at most the distance between them.
    """
    turbines = readings[TURBINE].combine_chunks()
    names, codes = turbines.dictionary.to_pylist(), turbines.indices.to_numpy()
    bounds: dict[str, dict[str, Bounds]] = defaultdict(dict)
    for limit in limits:
        bounds[limit.signal][limit.turbine] = limit.possible_low, limit.possible_high
    for place, field in enumerate(readings.schema):
        known = bounds[read_signal(field).statistic_of or field.name]
        if not known:
            continue
        lows, highs = np.array([known.get(name, EVERYTHING) for name in names]).T
        if field.name.endswith(".std"):
            lows, highs = np.zeros(len(names)), highs - lows
        found = pc.min_max(readings[field.name])
        if (
            found["min"].is_valid
            and found["min"].as_py() >= lows.max()
            and found["max"].as_py() <= highs.min()
        ):
            continue
        values = readings[field.name].to_numpy()
        is_possible = (values >= lows[codes]) & (values <= highs[codes])
        column = pa.array(values, mask=~is_possible)
        readings = readings.set_column(place, field, column)
    return readings
