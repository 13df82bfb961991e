"""What people excluded, left out of a frame that was read."""

from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from etl_lib.load.records import Exclusion
from etl_lib.transform.kinds import BUCKET_SECONDS, STAMP, STATE
from etl_lib.transform.states import NEEDED

BUCKET = np.timedelta64(BUCKET_SECONDS, "s")


def leave_out(statistics: pd.DataFrame, exclusions: Iterable[Exclusion]) -> pd.DataFrame:
    """The frame with NaN for each excluded value, without the rows that have nothing else.

    `statistics`: by `turbine` and `timestamp`, sorted, the columns statistics alone. An exclusion
    covers the buckets `[t, t + 10 min)` that overlap its `[start, end)`. `attrs["exclusions"]`
    lists those that covered a value, as dicts whose times are ISO text.
    """
    index, names = statistics.index, [str(name) for name in statistics]
    stamps = pd.DatetimeIndex(index.get_level_values(STAMP)).tz_convert(None)
    starts = stamps.to_numpy("datetime64[us]")
    is_excluded, found = np.zeros(statistics.shape, bool), []
    for each in exclusions:
        first, last = index.slice_locs(each.turbine, each.turbine)
        start, end = (_to_utc(time) for time in (each.start, each.end))
        begin = first + starts[first:last].searchsorted(start - BUCKET, side="right")
        rows = slice(begin, first + starts[first:last].searchsorted(end))
        columns = np.flatnonzero([_covers(each.signal, name) for name in names])
        if statistics.iloc[rows, columns].notna().any(axis=None):
            is_excluded[rows, columns] = True
            found.append(each.model_dump(mode="json"))
    kept = statistics.mask(is_excluded).dropna(how="all") if found else statistics
    kept.attrs["exclusions"] = found
    return kept


def _to_utc(time: datetime) -> np.datetime64:
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us")


def _covers(name: str | None, column: str) -> bool:
    """Whether the exclusion of a signal, or of all by None, covers this statistic."""
    if column == STATE:  # inferred from these two
        return name is None or name in NEEDED
    return name is None or column.rpartition("_")[0] == name
