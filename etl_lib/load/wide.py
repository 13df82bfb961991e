"""Alvo's long rows as a wide frame, without a name in each row: a farm's day has 360,000."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from etl_lib.transform.kinds import FLAGS, KEYS, TURBINE, in_order, signals_of


def to_wide(rows: pa.Table, signals: pa.Table) -> pd.DataFrame:
    """One row per turbine and timestamp, in order; one column per name, NaN without a value.

    `rows`: `signal_id`, `timestamp`, `value`. `signals`: `id`, `turbine`, `name`, by id. The
    columns are in the catalogue's order. Rows of other signals are left out, and names without
    rows, but the flags of a signal that has some: without a value they show that it was tested.
    """
    ids, wanted = signals["id"].to_numpy(), rows["signal_id"].to_numpy()
    is_known = np.isin(wanted, ids)  # another load may have added signals since
    place = np.searchsorted(ids, wanted[is_known])
    turbine, turbines = pd.factorize(signals[TURBINE].to_pandas(), sort=True)
    name, names = pd.factorize(signals["name"].to_pandas())
    stamp, stamps = pd.factorize(rows["timestamp"].to_pandas()[is_known], sort=True)
    keys, row = np.unique(turbine[place] * len(stamps) + stamp, return_inverse=True)
    values = np.full((len(names), len(keys)), np.nan)
    values[name[place], row] = rows["value"].to_numpy()[is_known]
    size = max(1, len(stamps))
    levels = [turbines.take(keys // size), stamps.take(keys % size)]
    index = pd.MultiIndex.from_arrays(levels, names=KEYS)
    found = {*names.take(np.unique(name[place]))}
    found |= {f"{signal}_{FLAGS}" for signal in signals_of(found)}
    columns = in_order(each for each in names if each in found)
    return pd.DataFrame(values[names.get_indexer(columns)].T, index=index, columns=columns)


class Shared(tuple[Any, ...]):
    """A tuple in `attrs` that pandas does not copy: of others it makes a deep copy at each step."""

    __slots__ = ()

    def __deepcopy__(self, memo: object) -> "Shared":
        """The same tuple, which nothing changes."""
        return self
