"""The layout that OpenOA takes (`openoa.PlantData`, version 3.2): its names, units and assets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa

from etl_lib.errors import ParameterError
from etl_lib.export.layouts import Layout, key_arrays, number_field, stamp_field
from etl_lib.transform.kinds import BUCKET_SECONDS, shown_column

UNITS = {
    "WTUR_W": "kW",
    "WMET_HorWdSpd": "m/s",
    "WMET_HorWdDir": "°",
    "WMET_HorWdDirRel": "°",
    "WROT_BlPthAngVal": "°",
    "WMET_EnvTmp": "°C",
    "WTUR_SupWh": "kWh",
    "WTUR_TurSt": None,
}
"""The columns of its SCADA data, each with the unit that it expects; a status code has none."""
STATUS = "WTUR_TurSt"
"""It expects text there."""
ASSET_FACTS = {
    "latitude": "°",
    "longitude": "°",
    "rated_power": "kW",
    "hub_height": "m",
    "rotor_diameter": "m",
    "elevation": "m",
}
"""The columns of its asset data that are numbers, with their units: facts of Fonte's turbines."""
NAIVE_STAMP = pa.timestamp("us")  # as its own example: its reanalysis data have no zone


@dataclass(frozen=True)
class OpenOA(Layout):
    """One row per turbine and bucket: `time` (UTC without a zone), `asset_id`, its columns."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Its names, in its order, each with the statistic of Alvo that it gets."""

    name = "openoa"

    @cached_property
    def schema(self) -> pa.Schema:
        fields = [
            pa.field(name, pa.string()) if name == STATUS else number_field(name, self.units[of])
            for name, of in self.columns.items()
        ]
        return pa.schema(
            [stamp_field("time", NAIVE_STAMP), pa.field("asset_id", pa.string()), *fields]
        )

    def to_table(self, frame: pd.DataFrame) -> pa.Table:
        turbine, stamp = key_arrays(frame, NAIVE_STAMP)
        values = [
            pa.array([_code(value) for value in frame[of]], pa.string())
            if name == STATUS
            else pa.array(frame[of].to_numpy(float), from_pandas=True)
            for name, of in self.columns.items()
        ]
        return pa.table([stamp, turbine, *values], schema=self.schema)


def _code(value: float) -> str | None:
    """A status code as text: 100 of 100.0."""
    if value != value:
        return None
    return str(int(value)) if value.is_integer() else repr(value)


def choose_columns(
    names: Sequence[str], units: Mapping[str, str], known: Mapping[str, str]
) -> dict[str, str]:
    """The columns of its schema that Alvo's statistics fill: its name → theirs.

    `names`, `units`: of the statistics. `known`: the name in IEC 61400-25 by signal. Raises
    `ParameterError` for two signals of one name, a unit that it does not expect, and for nothing
    that it knows.
    """
    present = dict.fromkeys(name.rpartition("_")[0] for name in names)
    signals: dict[str, list[str]] = {}
    for signal in present:
        if known.get(signal) in UNITS:
            signals.setdefault(known[signal], []).append(signal)
    chosen = {}
    for name, expected in UNITS.items():
        if len(of := signals.get(name, [])) > 1:
            raise ParameterError(
                f"--names openoa: expected one signal for {name}, got {' and '.join(of)}: choose"
                " with --columns"
            )
        if not of:
            continue
        column = shown_column(names, of[0])
        if expected and units[column] != expected:
            raise ParameterError(
                f"--names openoa: expected {name} in {expected}, got {of[0]} in {units[column]}:"
                " leave it out with --columns, or export without --names"
            )
        chosen[name] = column
    if not chosen:
        raise ParameterError(
            f"--names openoa: expected signals of {', '.join(UNITS)}, got {', '.join(present)}:"
            " the catalogue's iec_61400_25 names them"
        )
    return chosen


def find_seconds(frames_expected: pd.Series) -> set[int]:
    """The seconds between rows that a column `expected` tells: ten minutes, or more."""
    intervals = BUCKET_SECONDS / frames_expected.dropna().unique()
    return {max(BUCKET_SECONDS, round(float(seconds))) for seconds in intervals}


def find_frequency(seconds: set[int]) -> str:
    """The `frequency` that `PlantData` needs, such as `10min`.

    Raises `ParameterError` for rows of several intervals, or of one that is no whole buckets.
    """
    if len(seconds) == 1 and (found := min(seconds)) % BUCKET_SECONDS == 0:
        return f"{found // 60}min"
    got = " and ".join(f"{each:,} s" for each in sorted(seconds))
    raise ParameterError(
        f"--names openoa: expected readings of one interval, in steps of ten minutes if it is"
        f" longer; got {got}: choose with --turbines or a shorter period"
    )


def make_assets(turbines: Sequence[str], facts: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    """Its asset data: one row per turbine, null where a fact is not known."""
    columns: dict[str, Any] = {"asset_id": pa.array(turbines, pa.string())}
    fields = [pa.field("asset_id", pa.string())]
    for name, unit in ASSET_FACTS.items():
        fields.append(number_field(name, unit))
        found = (facts.get(turbine, {}).get(name) for turbine in turbines)
        columns[name] = pa.array([None if value is None else float(value) for value in found])
    columns["type"] = pa.array(["turbine"] * len(turbines))
    fields.append(pa.field("type", pa.string()))
    arrays = [
        column.cast(field.type) for column, field in zip(columns.values(), fields, strict=True)
    ]
    return pa.table(arrays, schema=pa.schema(fields))


def describe_lacking(assets: pa.Table) -> list[str]:
    """Which facts of turbines are not known: `T1 and 5 more lack latitude, longitude`."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for row in assets.to_pylist():
        if missing := tuple(name for name in ASSET_FACTS if row[name] is None):
            lacking.setdefault(missing, []).append(row["asset_id"])
    lines = []
    for missing, names in lacking.items():
        more = f" and {len(names) - 1} more lack" if len(names) > 1 else " lacks"
        lines.append(f"{names[0]}{more} {', '.join(missing)}")
    return lines
