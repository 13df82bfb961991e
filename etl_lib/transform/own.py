"""A source's own statistics of its readings, where they stand for a bucket: see `own.sql`."""

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa

from etl_lib.transform.kinds import KEYS, own_statistics
from etl_lib.transform.query import query

OWN = ("min", "max", "std")
COMPUTED = ("mean", *OWN, "count")


def use_own_statistics(
    computed: Mapping[str, pa.ChunkedArray], readings: pa.Table, sql: str
) -> dict[str, pa.ChunkedArray]:
    """The columns of statistics, with the source's own in the buckets of one reading.

    `computed`: the keys and the statistics of quantities and angles, one row per turbine and
    bucket, in order. `readings`: no stamp of a turbine twice. `sql`: the text of `own.sql`.
    """
    columns = dict(computed)
    for signal, own in own_statistics(readings).items():
        parts = {name: computed[f"{signal}_{name}"] for name in COMPUTED}
        table = pa.table({key: computed[key] for key in KEYS} | parts)
        values = {key: readings[key] for key in KEYS} | {"value": readings[signal]}
        for name in OWN:
            nothing = pa.nulls(len(readings), pa.float64())
            values[f"own_{name}"] = readings[own[name]] if name in own else nothing
        found = query(sql, statistics=table, readings=pa.table(values))
        columns |= {f"{signal}_{name}": found[name] for name in OWN}
    return columns


def forget_superseded(frame: pd.DataFrame, own: Mapping[str, Mapping[str, str]]) -> None:
    """Drop the source's own statistics of a reading that a later one of its stamp replaces.

    `frame`: readings in order of arrival. `own` as from `own_statistics`. Statistics in a row
    without a reading, as of a file that has them alone, stay.
    """
    for signal, columns in own.items():
        present = frame.loc[frame[signal].notna(), KEYS]
        replaced = present.index[present.duplicated(keep="last")]
        frame.loc[replaced, list(columns.values())] = float("nan")
