"""How a day's readings come: at an interval, on change, or irregularly, which may be on change."""

from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from etl_lib.catalogue import read_signal
from etl_lib.transform.interval import (
    LONGEST_INTERVAL,
    describe_interval,
    describe_intervals,
    find_interval,
    find_intervals,
    read_stamps,
    rows_by_turbine,
)
from etl_lib.transform.kinds import TURBINE, signal_fields

JITTER = 0.5
"""Share of the interval by which the time between two regular readings may be off."""
MOST = 0.5
"""Share of the time: irregular readings have more of it in steps that are no interval."""
BEAT = 0.5
"""The mean unit vector of readings on a clock's face that the interval turns once: 1 for readings
that keep to the beat, 0.64 for those that are late by anything up to half of it."""
NAMED = 3
"""How many turbines a sentence names."""
Seconds = NDArray[np.float64]


@dataclass(frozen=True)
class Steps:
    """The time between irregular readings, seconds; gaps of more than an hour do not count."""

    shortest: float
    longest: float


def describe_readings(readings: pa.Table) -> str:
    """How many readings there are, and how they come: a line, and one for each thing to know.

    `readings` as from `fetch_readings`. A further line names the signals that are sampled on
    change, and one the turbines whose readings come irregularly although nobody declared that.
    """
    fields = {field.name: read_signal(field) for field in signal_fields(readings)}
    held = {name: signal.hold for name, signal in fields.items() if signal.hold}
    counted = f"{readings.num_rows:,} readings"
    if len(held) < len(fields) or not fields:
        counted += f"; one is expected every {describe_intervals(find_intervals(readings))}"
    lines = [counted]
    for seconds in dict.fromkeys(held.values()):
        names = [name for name, longest in held.items() if longest == seconds]
        rule = f"a value holds {_spell(seconds)} at most"
        lines.append(f"{_join(names)} {_are(names)} sampled on change: {rule}")
    quantities = [name for name, signal in fields.items() if signal.form == "quantity"]
    if found := _find_irregular(readings, quantities):
        lines.append(_describe(found))
    return "\n".join(lines)


def _find_irregular(readings: pa.Table, signals: Sequence[str]) -> dict[str, dict[str, Steps]]:
    """The turbines whose readings of a quantity come irregularly, by signal."""
    stamps, rows = read_stamps(readings), rows_by_turbine(readings[TURBINE])
    known: dict[bytes, dict[str, Steps]] = {}  # signals that are read together are looked at once
    found = {}
    for signal in signals:
        is_finite = np.isfinite(readings[signal].to_numpy())
        key = is_finite.tobytes()
        if key not in known:
            steps = {name: check_beat(stamps[own[is_finite[own]]]) for name, own in rows.items()}
            known[key] = {name: each for name, each in steps.items() if each}
        if known[key]:
            found[signal] = known[key]
    return found


def check_beat(stamps: NDArray[np.int64]) -> Steps | None:
    """The steps between readings that come irregularly; None for regular ones.

    `stamps`: microseconds, in any order. Readings are irregular if most of the time between them
    lies in steps that are no interval: off by more than half of the usual one. Gaps of a regular
    series are such steps, too, so one whose readings keep to the beat is regular, however many
    of them are missing. A beat of a second tells nothing: stamps are in whole seconds.
    """
    stamps = np.unique(stamps)
    moments, interval = stamps / 1e6, find_interval(stamps)
    steps = np.diff(moments)
    steps = steps[steps <= LONGEST_INTERVAL]
    is_odd = np.abs(steps - interval) > JITTER * interval
    if steps[is_odd].sum() <= MOST * steps.sum():
        return None
    # Of late readings few steps are equal, and the most frequent one is a short one by chance
    usual = interval, max(interval, float(np.quantile(steps, 0.25)))
    if _keep_beat(moments, *usual):
        return None
    return Steps(float(steps.min()), float(steps.max()))


def _keep_beat(moments: Seconds, shortest: float, longest: float) -> bool:
    """Whether readings keep to a beat of about these seconds, whole ones from two on."""
    low, high = max(2, round((1 - JITTER) * shortest)), round((1 + JITTER) * longest)
    turns = 2j * np.pi * (moments - moments[0])
    return any(abs(np.exp(turns / beat).mean()) > BEAT for beat in range(low, high + 1))


def _describe(found: Mapping[str, Mapping[str, Steps]]) -> str:
    """One sentence on the irregular readings of each signal's turbines."""
    turbines = sorted({turbine for steps in found.values() for turbine in steps})
    steps = [each for by_turbine in found.values() for each in by_turbine.values()]
    shortest, longest = min(s.shortest for s in steps), max(s.longest for s in steps)
    names = ", ".join(turbines[:NAMED])
    more = f" and {len(turbines) - NAMED} more" if turbines[NAMED:] else ""
    return (
        f"{names}{more}: readings come irregularly ({_spell(shortest)} to {_spell(longest)} apart);"
        f" if {_join(found)} {_are(found)} recorded on change, declare it: on_change = true in the"
        " catalogue (docs/catalogue.md)"
    )


def _join(names: Iterable[str]) -> str:
    return " and ".join(", ".join(names).rsplit(", ", 1))


def _are(names: Sized) -> str:
    return "is" if len(names) == 1 else "are"


def _spell(seconds: float) -> str:
    """A time in whole seconds, or in whole minutes from two on."""
    unit = 60.0 if seconds >= 120 else 1.0
    return describe_interval(max(1, round(seconds / unit)) * unit)
