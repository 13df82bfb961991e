"""Alvo's long rows as a wide frame, without a name in each row: a farm's day has 360,000."""

import numpy as np
import pandas as pd
import pyarrow as pa

from etl_lib.transform.kinds import KEYS, TURBINE


def to_wide(rows: pa.Table, signals: pa.Table) -> pd.DataFrame:
    """One row per turbine and timestamp, in order; one column per name, NaN without a value.

    `rows`: `signal_id`, `timestamp`, `value`. `signals`: `id`, `turbine`, `name`, by id, which is
    the order of the columns. Rows of other signals are left out, and names without rows.
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
    found = np.unique(name[place])
    return pd.DataFrame(values[found].T, index=index, columns=names.take(found))
