"""What the tests of readings find: of faults put into real and simulated readings, and of none.

Unlike the other benchmarks it measures no time. Each fault is put into readings that are otherwise
untouched, so what else a test flags there is a false alarm.
"""

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.faults import (
    OFFSETS,
    RATED_POWER,
    SENTINELS,
    Fault,
    Source,
    put_offsets,
    put_sentinels,
    put_spikes,
    put_stuck,
    put_swapped,
    read_real,
    simulate,
)
from etl_lib.transform.flags import TESTS
from etl_lib.transform.states import TurbineState
from etl_lib.transform.statistics import compute_statistics
from fonteapi import farm

AIM = 0.95
MONTH = pd.Timedelta(days=365.25 / 12)
SEEDS = range(40)
"""Of the farms with a derated afternoon."""
SHOWN = 4
"""The false alarms that are named."""
KEYS = ["turbine", "timestamp"]


def make_head(*names: str) -> str:
    """The head of a Markdown table."""
    return f"| {' | '.join(names)} |\n|{' --- |' * len(names)}"


HEAD = make_head(
    *("readings", "fault", "test", "injected", "meant to be found"),
    *("found", "recall", "flagged", "precision", "at least"),
)
ALARMS_HEAD = make_head(
    "untouched readings", "signal", "test", "flagged", "a turbine-month", "which"
)


class Score(NamedTuple):
    """How many faulty readings a test found; all counts are readings."""

    source: str
    fault: str
    test: str
    injected: int
    meant: int
    found: int
    flagged: int
    right: int

    def __str__(self) -> str:
        recall = f"{self.found / self.meant:.3f}" if self.meant else ""
        precision = f"{self.right / self.flagged:.3f}" if self.flagged else ""
        aim = f"{AIM:g}" if self.meant else "none"
        counts = f"{self.injected:,} | {self.meant:,} | {self.found:,} | {recall}"
        what = f"| {self.source} | {self.fault} | {self.test} | {counts}"
        return f"{what} | {self.flagged:,} | {precision} | {aim} |"


def main() -> list[str]:
    """The tables: faults, false alarms, and the states of real turbines."""
    sources = [read_real(), simulate()]
    lines = [HEAD, *(str(each) for source in sources for each in score_faults(source))]
    lines += [str(score_derating()), "", ALARMS_HEAD]
    lines += [line for source in sources for line in list_alarms(source)]
    return [*lines, "", *list_states(sources[0])]


def score_faults(source: Source) -> Iterator[Score]:
    """Each fault by itself, with the test that is meant to find it."""
    for signal in ("wind_speed", "ambient_temperature", "wind_direction"):
        yield score(source, "stuck", "flat", signal, put_stuck)
    for signal in ("wind_speed", "ambient_temperature"):
        for low, high in ((0.5, 1), (1, 2), (2, 4)):
            fault = f"spike, {low:g} to {high:g} × the threshold"
            yield score(source, fault, "spike", signal, partial(put_spikes, low=low, high=high))
    for signal in source.frame.columns[2:]:
        yield score(source, "sentinel", "impossible", signal, put_sentinels)
    fault = "sentinel, rated power unknown"
    put = partial(put_sentinels, meant=SENTINELS[:2])
    yield score(source, fault, "impossible", "power", put, rated=None)
    for signal in OFFSETS:
        yield score(source, "offset for six hours", "any", signal, put_offsets)
    for signal in ("power", "wind_speed"):
        fault = "that of another turbine and time"
        yield score(source, fault, "contradiction", signal, put_swapped)
    yield score_doubled(source)


def score(
    source: Source,
    fault: str,
    test: str,
    signal: str,
    put: Callable[[Source, str, np.random.Generator], Fault],
    rated: float | None = RATED_POWER,
) -> Score:
    """Put a fault into one signal, and count what the test flags of it."""
    made = put(source, signal, np.random.default_rng(1))
    flags = source.flags(source.frame.assign(**{signal: made.values}), rated)
    bits = sum(TESTS.values()) if test == "any" else TESTS[test]
    flags = flags[(flags["signal"] == signal) & (flags["flags"] & bits > 0)]
    keys = pd.MultiIndex.from_frame(source.frame[KEYS])
    is_flagged = keys.isin(pd.MultiIndex.from_frame(flags[KEYS]))
    found, right = is_flagged & made.is_meant, is_flagged & made.is_injected
    counts = made.is_injected, made.is_meant, found, is_flagged, right
    return Score(source.name, f"{signal}: {fault}", test, *(int(each.sum()) for each in counts))


def score_doubled(source: Source) -> Score:
    """One row in twenty comes twice: nothing more than before is flagged."""
    again = source.frame.sample(frac=0.05, random_state=1)
    more = pd.concat([source.frame, again]).sort_values("timestamp", kind="stable")
    flagged = len(source.flags(more)) - len(source.flags(source.frame))
    count = len(again) * (source.frame.columns.size - 2)
    return Score(source.name, "all: doubled stamps", "any", count, 0, 0, flagged, 0)


def score_derating() -> Score:
    """The derated afternoons of simulated farms; all counts are buckets.

    Derated is where the same farm without faults gives more than 0.05 of rated power more.
    """
    names, counts = farm.name_turbines(5, "T1"), np.zeros(5, int)
    for seed in SEEDS:
        source, healthy = (simulate(date(2024, 5, 20), 10, seed, known) for known in (True, False))
        own, other = (
            compute_statistics(each.table(each.frame)).to_pandas().set_index(KEYS)
            for each in (source, healthy)
        )
        is_derated = pd.Series(False, own.index)
        [fault, *_] = farm.faults(date(2024, 5, 20), 10, names)
        place = fault.turbine, slice(fault.start, fault.end - pd.Timedelta(minutes=1))
        lost = other["power_mean"] - own["power_mean"]
        is_derated.loc[place] = lost.loc[place] > 0.05 * RATED_POWER
        is_found = own["state_mode"] == TurbineState.DERATED
        right = int((is_found & is_derated).sum())
        meant = int(is_derated.sum())
        counts += [meant, meant, right, int(is_found.sum()), right]
    return Score(f"farms of {len(SEEDS)} seeds", "derated afternoon", "state", *map(int, counts))


def list_alarms(source: Source) -> Iterator[str]:
    """What the tests flag of readings that nobody touched, by signal and test."""
    flags, frame = source.flags(source.frame), source.frame
    length = frame["timestamp"].max() - frame["timestamp"].min()
    months = length / MONTH * frame["turbine"].nunique()
    for name in frame.columns[2:]:
        for test, bit in TESTS.items():
            own = flags[(flags["signal"] == name) & (flags["flags"] & bit > 0)]
            if count := len(own):
                numbers = f"{count:,} | {count / months:.2f} | {_name_runs(own)}"
                yield f"| {source.name} | {name} | {test} | {numbers} |"
    numbers = f"{len(flags):,} | {len(flags) / months:.2f}"
    yield f"| {source.name}, {months:.1f} turbine-months | all | any | {numbers} | |"


def _name_runs(flags: pd.DataFrame) -> str:
    """The first of these flagged readings, those of a day together."""
    days = flags.groupby(["turbine", flags["timestamp"].dt.date])
    named = [
        f"{turbine} {day} {part['timestamp'].min():%H:%M} to {part['timestamp'].max():%H:%M}:"
        f" {part['value'].min():g} to {part['value'].max():g}"
        for (turbine, day), part in days
    ]
    return "; ".join(named[:SHOWN]) + (f"; {len(named) - SHOWN} more" if named[SHOWN:] else "")


def list_states(source: Source) -> Iterator[str]:
    """The share of each inferred state by turbine."""
    found = compute_statistics(source.table(source.frame)).to_pandas()
    names = {float(state): state.name.lower() for state in TurbineState}
    states = found["state_mode"].map(names).fillna("no data")
    shares = pd.crosstab(found["turbine"], states, normalize="index")
    yield make_head(f"{source.name}: inferred", *shares)
    for turbine, row in shares.iterrows():
        yield f"| {turbine} | {' | '.join(f'{share:.1%}' for share in row)} |"


if __name__ == "__main__":
    print(*main(), sep="\n")
