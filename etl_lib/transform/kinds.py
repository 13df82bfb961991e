"""What a table of statistics has: its keys, and the statistics of each kind of signal."""

from collections.abc import Container, Iterable, Mapping

import pyarrow as pa

from etl_lib.catalogue import SHIPPED, read_signal
from etl_lib.errors import FonteError

TURBINE, STAMP = "turbine", "timestamp"
KEYS = [TURBINE, STAMP]
BUCKET_SECONDS = 600
EXPECTED = "expected"
"""The column of the readings that a full bucket has: 600 s / interval, 1/6 of hourly ones."""
ON_CHANGE = "on_change"
"""The form of a quantity that is sampled on change, beside the kinds."""
STATISTICS: Mapping[str, tuple[str, ...]] = {
    "quantity": ("mean", "min", "max", "std", "count"),
    "angle": ("mean", "min", "max", "std", "count"),
    "counter": ("delta", "last", "count"),
    "state": ("mode", "changes", "count"),
    ON_CHANGE: ("mean", "min", "max", "std", "count", "coverage"),
}
"""The statistics of a bucket by kind, and those of a quantity that is sampled on change; a signal's
name in Alvo is `<column>_<statistic>`."""
FLAGS = "flags"
"""The statistic that has the flags of a bucket's readings: a sum of the bits of `flags.TESTS`."""
SHOWN = {"mean": "mean", "delta": "delta", "last": "delta", "mode": "mode"}
"""The statistic that stands for a signal, by one that it has: frames of Alvo have no kinds."""
STATE = "state_mode"
"""The series of what a turbine did: see `states.sql`."""
STATE_FIELD = pa.field(STATE, pa.float64(), metadata={"unit": "1", "kind": "state"})
NUMBERS = {"count", "changes", "coverage", "flags"}
"""Statistics without a unit."""
_RANKS = ("mean min max std delta last mode changes count coverage", FLAGS)
RANKS = {name: rank for rank, name in enumerate(" ".join(_RANKS).split())}
"""The place of each statistic among those of its signal: a count ends them, then come flags."""


def signals_of(names: Iterable[str]) -> list[str]:
    """The signals among the names of their statistics, in order: each has a count."""
    return [name.removesuffix("_count") for name in names if name.endswith("_count")]


def in_order(names: Iterable[str]) -> list[str]:
    """The names of statistics in the catalogue's order; those of one signal stay together.

    A signal of the user's own comes after those of the catalogue, in the order given, and
    `state_mode`, which no signal is behind, at the end.
    """
    parts = {name: name.rpartition("_") for name in names}
    signals = [*dict.fromkeys([*SHIPPED, *(signal for signal, _, _ in parts.values())])]

    def place(name: str) -> tuple[bool, int, int]:
        signal, _, statistic = parts[name]
        return name == STATE, signals.index(signal), RANKS.get(statistic, len(RANKS))

    return sorted(parts, key=place)


def shown_column(columns: Container[str], signal: str) -> str:
    """The column that stands for a signal: its mean, a counter's increments, a state's code.

    `columns`: those of statistics, or a frame of them. It may lack this one, if nothing has it.
    """
    for statistic, shown in SHOWN.items():
        if f"{signal}_{statistic}" in columns:
            return f"{signal}_{shown}"
    return f"{signal}_mean"


def signal_fields(readings: pa.Table | pa.Schema) -> list[pa.Field]:
    """The fields of the signals, or of their statistics; those of a source's own are none."""
    schema = readings if isinstance(readings, pa.Schema) else readings.schema
    fields = [field for field in schema if field.name not in KEYS]
    return [field for field in fields if not read_signal(field).statistic_of]


def own_statistics(readings: pa.Table) -> dict[str, dict[str, str]]:
    """The source's own statistics of quantities and angles: the column of each, by signal and name.

    Those of a quantity on change do not count: its statistics are by time.
    """
    signals = {field.name: read_signal(field) for field in readings.schema}
    own: dict[str, dict[str, str]] = {}
    for column, of in ((name, signal.statistic_of) for name, signal in signals.items()):
        if of in signals and signals[of].form in ("quantity", "angle"):
            own.setdefault(of, {})[column.removeprefix(f"{of}.")] = column
    return own


def names_by_kind(readings: pa.Table) -> dict[str, list[str]]:
    """The signals by what decides their statistics: their kind, or `on_change`.

    Raises `FonteError` for a kind that has no statistics.
    """
    names: dict[str, list[str]] = {}
    for field in signal_fields(readings):
        kind = read_signal(field).form
        if kind not in STATISTICS:
            known = ", ".join(name for name in STATISTICS if name != ON_CHANGE)
            raise FonteError(f"{field.name}: expected a signal of one kind of {known}; got {kind}")
        names.setdefault(kind, []).append(field.name)
    return names


def _kind_of(kind: str, statistic: str) -> str:
    """What a statistic of a signal is itself."""
    if kind == "angle" and statistic in ("mean", "min", "max"):
        return "angle"
    return "state" if statistic in ("mode", FLAGS) else "quantity"


def statistics_schema(readings: pa.Schema) -> pa.Schema:
    """The statistics of each column with their units and kinds, and `expected`."""
    fields = [
        pa.field(TURBINE, pa.string(), nullable=False),
        pa.field(STAMP, pa.timestamp("us", "UTC"), nullable=False),
    ]
    for column in signal_fields(readings):
        signal = read_signal(column)
        for statistic in (*STATISTICS[signal.form], FLAGS):
            metadata = {
                "unit": "1" if statistic in NUMBERS else signal.unit,
                "kind": _kind_of(signal.kind, statistic),
            }
            if statistic == FLAGS:
                metadata["flagged_share"] = repr(signal.flagged_share)
            fields.append(pa.field(f"{column.name}_{statistic}", pa.float64(), metadata=metadata))
    fields.append(pa.field(EXPECTED, pa.float64(), metadata={"unit": "1", "kind": "quantity"}))
    return pa.schema(fields, metadata=readings.metadata)
