"""Readings in the form that SQL takes: one row a turbine and timestamp, those before first."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from etl_lib.transform.kinds import KEYS, STAMP, TURBINE, own_statistics
from etl_lib.transform.own import forget_superseded


def plain(readings: pa.Table) -> pa.Table:
    """The readings in the form that DuckDB groups fastest: `turbine`, `timestamp`, the signals.

    The timestamps without a zone: it would bucket local time and look up the calendar for each.
    The turbines as a dictionary array: it groups by their codes in half the time.
    """
    codes = readings[TURBINE].combine_chunks().dictionary_encode()
    signals = readings.drop_columns(KEYS)
    plain = signals.add_column(0, STAMP, readings[STAMP].cast(pa.timestamp("us")))
    return plain.add_column(0, TURBINE, codes)


def put_before(
    before: pa.Table | None, readings: pa.Table, last: pa.Table, names: Sequence[str]
) -> pa.Table:
    """The readings of some signals, those before first; `last` is `readings` without repeats.

    A signal that `before` lacks has no readings there.
    """
    columns = [*KEYS, *names]
    if before is None or not before.num_rows:
        return last.select(columns)
    chosen = readings.select(columns)
    nothing = pa.nulls(before.num_rows, pa.float64())
    earlier = [before[name] if name in before.column_names else nothing for name in columns]
    both = pa.concat_tables([pa.table(earlier, schema=chosen.schema), chosen])
    return last_of_each_stamp(plain(both))


def last_of_each_stamp(readings: pa.Table) -> pa.Table:
    """One row per turbine and timestamp: of those that feeds repeat, each last finite value.

    The turbines are a dictionary array.
    """
    stamps = readings[STAMP].cast(pa.int64()).to_numpy()
    codes = readings[TURBINE].combine_chunks().indices.to_numpy()
    later, same = stamps[1:] > stamps[:-1], stamps[1:] == stamps[:-1]
    if np.all(later | (same & (codes[1:] > codes[:-1]))):  # in order, so none repeats
        return readings
    if not pd.DataFrame({TURBINE: codes, STAMP: stamps}).duplicated().any():
        return readings
    frame = readings.to_pandas().replace([np.inf, -np.inf], np.nan)
    forget_superseded(frame, own_statistics(readings))
    last = frame.groupby(KEYS, as_index=False, observed=True).last()
    return pa.Table.from_pandas(last[readings.schema.names], readings.schema, preserve_index=False)
