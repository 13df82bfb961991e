"""What the tests of readings found: counts, sentences, and the marks of flagged buckets.

`flags` as from `find_flags`; `data` a wide DataFrame as from `read_statistics`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from operator import attrgetter
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl_lib.analysis.axes import label
from etl_lib.catalogue import EVERYTHING, Signal, rated_powers, read_signal
from etl_lib.transform.flags import TESTS
from etl_lib.transform.interval import find_intervals
from etl_lib.transform.kinds import FLAGS, STAMP, TURBINE, signal_fields, signals_of

THIN = TESTS["thin"]
APART = pd.Timedelta("20min")
"""Flagged readings that are no further apart are one finding."""
MOST = 3
"""So many findings of a test on a signal have a sentence each; of more there is one sentence."""
SHOWN = 20
"""The most sentences."""
MARK: dict[str, Any] = {"marker": "x", "color": "black", "ms": 4, "mew": 0.7, "ls": ""}
ROWS = ["month", TURBINE, "signal"]
DID = {
    "impossible": "was impossible",
    "implausible": "was implausible",
    "flat": "did not change",
    "spike": "jumped and came back",
    "contradiction": "contradicted the wind speed, which was that of a calm,",
    "step back": "stepped back",
}
"""What a signal did, by the test that found it."""
HAS = {
    "impossible": "impossible values",
    "implausible": "implausible values",
    "flat": "flat lines",
    "spike": "spikes",
    "contradiction": "contradictions of the wind speed",
    "step back": "steps back",
}
"""What a signal has, by the test that found it many times."""


def count_flags(flags: pa.Table) -> pd.DataFrame:
    """How many readings each test flagged: a row per turbine and signal, a column per test.

    Only what was found: without flagged readings it is empty.
    """
    found = flags.select([TURBINE, "signal", FLAGS]).to_pandas()
    bits = {name: (found[FLAGS] & bit > 0).astype(int) for name, bit in TESTS.items()}
    counts = found.assign(**bits).groupby([TURBINE, "signal"])[list(bits)].sum()
    seen: pd.DataFrame = counts.loc[:, counts.any()]
    return seen


def summarize_flags(data: pd.DataFrame) -> pd.DataFrame:
    """How many buckets each test flagged: a row per month, turbine and signal, a column per test.

    `data` as from `read_statistics`, whose index has the turbine. Only what was found.
    """
    tested = [name for name in signals_of(map(str, data)) if f"{name}_{FLAGS}" in data]
    parts = {name: data[f"{name}_{FLAGS}"].dropna().astype(int) for name in tested}
    bits = pd.concat(parts, names=["signal"]) if parts else pd.Series(dtype=int)
    if bits.empty:
        return pd.DataFrame(index=pd.MultiIndex.from_arrays([[], [], []], names=ROWS))
    months = pd.DatetimeIndex(bits.index.get_level_values(STAMP)).strftime("%Y-%m")
    counts = pd.DataFrame({name: (bits & bit > 0).astype(int) for name, bit in TESTS.items()})
    counts = counts.assign(month=months).groupby(ROWS).sum()
    seen: pd.DataFrame = counts.loc[:, counts.any()]
    return seen


def list_counts(flags: pa.Table) -> dict[str, dict[str, dict[str, int]]]:
    """The same counts by turbine, signal and test."""
    found: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
    counts = count_flags(flags)
    for (turbine, signal), row in zip(counts.index, counts.to_dict("records"), strict=True):
        found[turbine][signal] = {str(test): int(count) for test, count in row.items() if count}
    return dict(found)


@dataclass(frozen=True)
class Finding:
    """Readings of a turbine's signal that one test flagged, close together."""

    turbine: str
    signal: str
    test: str
    first: pd.Timestamp
    last: pd.Timestamp
    low: float
    high: float
    count: int


def describe_flags(flags: pa.Table, readings: pa.Table, *, keep_impossible: bool = False) -> str:
    """What the tests found, as a Markdown list: a sentence per finding, and the tests not made.

    `readings` as from `fetch_readings`. A contradiction is told of the power alone.
    """
    signals = {field.name: read_signal(field) for field in signal_fields(readings)}
    lines = list_findings(flags, readings, keep_impossible=keep_impossible)
    lines = lines or ["No test found anything."]
    sentences = [f"- {line}" for line in [*lines, *_describe_untested(readings, signals)]]
    return "\n".join([*sentences, *_tabulate(count_flags(flags))])


def list_findings(
    flags: pa.Table, readings: pa.Table, *, keep_impossible: bool = False
) -> list[str]:
    """The sentences on findings, as of `describe_flags`; none if no test found anything."""
    signals = {field.name: read_signal(field) for field in signal_fields(readings)}
    found = _find(flags, signals, max(find_intervals(readings).values(), default=0))
    lines = []
    for _, group in groupby(found, attrgetter(TURBINE, "signal", "test")):
        findings = list(group)
        if len(findings) <= MOST:
            lines += [_describe(each, signals[each.signal].unit) for each in findings]
        else:
            lines.append(_describe_many(findings))
    if len(lines) > SHOWN:
        lines[SHOWN:] = [f"{len(lines) - SHOWN} more: the table has the counts."]
    if pc.any(pc.equal(pc.bit_wise_and(flags[FLAGS], TESTS["impossible"]), 1)).as_py():
        what = "keep" if keep_impossible else "leave out"
        lines.append(f"The statistics {what} the impossible values.")
    return lines


def _tabulate(counts: pd.DataFrame) -> list[str]:
    """The counts as a Markdown table, empty without any."""
    if counts.empty:
        return []
    head = f"| turbine | signal | {' | '.join(counts.columns)} |"
    rows = [
        f"| {turbine} | {signal} | {' | '.join(f'{n:,}' if n else '' for n in found)} |"
        for (turbine, signal), found in zip(counts.index, counts.to_numpy(), strict=True)
    ]
    return ["", head, f"|:--|:--|{'--:|' * len(counts.columns)}", *rows]


def _find(flags: pa.Table, signals: Mapping[str, Signal], interval: float) -> Iterator[Finding]:
    """The findings, by turbine, signal and test."""
    apart = max(APART, 2 * pd.Timedelta(seconds=interval))
    for (turbine, signal), part in flags.to_pandas().groupby([TURBINE, "signal"]):
        for test, bit in TESTS.items():
            rows = part[part[FLAGS] & bit > 0]
            if rows.empty or (test == "contradiction" and signals[signal].calm):
                continue
            is_new = rows[STAMP].diff() > apart
            if test == "flat":
                is_new |= rows["value"].diff().abs() > signals[signal].flat_tolerance
            for _, run in rows.groupby(is_new.cumsum()):
                stamps, values = run[STAMP], run["value"]
                ends = stamps.iloc[0], stamps.iloc[-1], float(values.min()), float(values.max())
                yield Finding(turbine, signal, test, *ends, len(run))


def _describe(found: Finding, unit: str) -> str:
    """One sentence: `T3's wind speed did not change from 06:00 to 11:59: 7.2 m/s.`"""
    first, last = f"{found.first:%H:%M}", f"{found.last:%H:%M}"
    when = f"at {first}" if found.count == 1 else f"from {first} to {last}, {found.count:,} times"
    when = f"from {first} to {last}" if found.test == "flat" else when
    values = f"{found.low:.7g}" + (f" to {found.high:.7g}" if found.high > found.low else "")
    unit = "" if unit == "1" else f" {escape(unit)}"  # Markdown passes HTML through
    return f"{_whose(found)} {DID[found.test]} {when}: {values}{unit}."


def _describe_many(findings: Sequence[Finding]) -> str:
    """One sentence on many findings of one test."""
    first, last = findings[0].first, findings[-1].last
    count = sum(each.count for each in findings)
    what = f"{HAS[findings[0].test]} at {len(findings):,} times, {count:,} readings"
    return f"{_whose(findings[0])} has {what}, from {first:%H:%M} to {last:%H:%M}."


def _whose(found: Finding) -> str:
    return f"{found.turbine}'s {label(found.signal)}"


def _describe_untested(readings: pa.Table, signals: Mapping[str, Signal]) -> Iterator[str]:
    """Sentences on the tests that are not made, for want of thresholds or of a rated power."""
    lacking = {name: _list_untested(signal) for name, signal in signals.items()}
    parts = [f"{label(name)} ({', '.join(tests)})" for name, tests in lacking.items() if tests]
    if parts:
        yield f"Not tested, for want of thresholds in the catalogue: {'; '.join(parts)}."
    known = rated_powers(readings)
    unknown = sorted(set(pc.unique(readings[TURBINE]).to_pylist()) - known.keys())
    relative = [label(name) for name, signal in signals.items() if _needs_rated_power(signal)]
    if unknown and relative:
        more = f" and {len(unknown) - MOST} more" if unknown[MOST:] else ""
        names = f"{', '.join(unknown[:MOST])}{more}"
        what = ", ".join(relative)
        yield f"Not tested against the rated power, which is not known of {names}: {what}."


def _list_untested(signal: Signal) -> list[str]:
    """The tests for which a signal has no thresholds; states and counters have no neighbours."""
    has = {
        "impossible": signal.possible != EVERYTHING or signal.possible_of_rated != EVERYTHING,
        "implausible": signal.plausible != EVERYTHING or signal.plausible_of_rated != EVERYTHING,
        "flat": signal.flat_minutes is not None or bool(signal.hold),
        "spike": signal.spike is not None or bool(signal.hold),
    }
    tests = list(has)[:2] if signal.kind in ("counter", "state") else list(has)
    return [] if signal.kind == "state" else [test for test in tests if not has[test]]


def _needs_rated_power(signal: Signal) -> bool:
    bounds = signal.possible_of_rated, signal.plausible_of_rated
    return any(each != EVERYTHING for each in bounds) or signal.producing is not None
