"""The layouts of an export: frames of statistics as Arrow tables. Pure."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa

from etl_lib.transform.kinds import EXPECTED, STAMP, TURBINE

UTC_STAMP = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class Layout(ABC):
    """What a file has of a frame of statistics.

    A frame has one row per turbine and bucket, the index being `turbine` and `timestamp` (UTC, the
    bucket's start), and the columns `names`, then `expected`.
    """

    names: Sequence[str]
    """Of Alvo's statistics, in the order of the file."""
    units: Mapping[str, str]
    """By name, and of `expected`."""

    name = ""
    """What the provenance calls the layout."""
    most_rows = 1
    """How many rows a row of the frame becomes at most."""

    @cached_property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """The file's columns; the metadata of each has its unit."""

    @abstractmethod
    def to_table(self, frame: pd.DataFrame) -> pa.Table:
        """The frame's rows in their order, as a table of `schema`; null where it has NaN."""


class Wide(Layout):
    """One row per turbine and bucket, one column per statistic, as `read_statistics`."""

    name = "wide"

    @cached_property
    def schema(self) -> pa.Schema:
        numbers = [number_field(name, self.units[name]) for name in (*self.names, EXPECTED)]
        return pa.schema([pa.field(TURBINE, pa.string()), stamp_field(STAMP, UTC_STAMP), *numbers])

    def to_table(self, frame: pd.DataFrame) -> pa.Table:
        numbers = [
            pa.array(frame[name].to_numpy(float), from_pandas=True)
            for name in (*self.names, EXPECTED)
        ]
        return pa.table([*key_arrays(frame, UTC_STAMP), *numbers], schema=self.schema)


class Long(Layout):
    """One row per statistic, as Alvo's view `statistics`."""

    name = "long"

    @property
    def most_rows(self) -> int:  # type: ignore[override]
        return len(self.names)

    @cached_property
    def schema(self) -> pa.Schema:
        words = [pa.field(name, pa.string()) for name in ("signal", "statistic")]
        value, unit = pa.field("value", pa.float64()), pa.field("unit", pa.string())
        keys = [pa.field(TURBINE, pa.string()), stamp_field(STAMP, UTC_STAMP)]
        return pa.schema([*keys, *words, value, unit])

    def to_table(self, frame: pd.DataFrame) -> pa.Table:
        values = frame[[*self.names]].to_numpy(float)
        row, column = np.nonzero(~np.isnan(values))
        split = [name.rpartition("_") for name in self.names]
        signals, statistics = ([parts[place] for parts in split] for place in (0, 2))
        units = [self.units[name] for name in self.names]
        texts = [pa.array(words).take(column) for words in (signals, statistics, units)]
        keys = [array.take(row) for array in key_arrays(frame, UTC_STAMP)]
        numbers = pa.array(values[row, column])
        return pa.table([*keys, *texts[:2], numbers, texts[2]], schema=self.schema)


def key_arrays(frame: pd.DataFrame, stamp: pa.DataType) -> list[pa.Array]:
    """The turbine and the timestamp of each row, the latter of type `stamp`."""
    stamps = pd.DatetimeIndex(frame.index.get_level_values(STAMP))
    moments = pa.array(stamps.tz_convert(None).to_numpy("datetime64[us]"))
    return [pa.array(frame.index.get_level_values(TURBINE), pa.string()), moments.cast(stamp)]


def number_field(name: str, unit: str) -> pa.Field:
    """A column of numbers with its unit."""
    return pa.field(name, pa.float64(), metadata={"unit": unit})


def stamp_field(name: str, stamp: pa.DataType) -> pa.Field:
    """The column of the buckets' starts."""
    return pa.field(name, stamp, metadata={"unit": "UTC"})


def read_units(schema: pa.Schema) -> dict[str, str]:
    """The unit of each column of a file; empty for text and for values of mixed units."""
    return {field.name: (field.metadata or {}).get(b"unit", b"").decode() for field in schema}
