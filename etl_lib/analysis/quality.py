"""The questions that an analyst asks about a day's readings before trusting them."""

import numpy as np
import pandas as pd
import pyarrow as pa

from etl_lib.extract.days import Day
from etl_lib.transform.statistics import to_frame

MINUTE = pd.Timedelta(minutes=1)


def check_readings(readings: pa.Table, day: Day) -> pd.DataFrame:
    """Count readings that are there, missing or odd: a row per question, a column per signal.

    `readings` as from `fetch_readings`. A minute counts as covered when a finite reading falls
    into it; the longest gap is in minutes and reaches to the day's edges.
    """
    frame = to_frame(readings)
    repeated = int(frame.index.duplicated(keep="last").sum())
    kept = frame[~frame.index.duplicated(keep="last")]
    return pd.DataFrame(
        {
            field.name: {
                "readings": len(frame),
                "repeated stamps (the last counts)": repeated,
                "missing values": int(readings[field.name].null_count),
                "not finite (NaN, infinity)": _not_finite(readings[field.name]),
                "outside the plausible range": _implausible(frame[field.name], field),
                **_gaps(kept[field.name], day),
            }
            for field in readings.schema
            if field.name != "timestamp"
        }
    ).astype(int)


def _not_finite(values: pa.ChunkedArray) -> int:
    return int((~np.isfinite(values.drop_null().to_numpy())).sum())


def _implausible(values: pd.Series, field: pa.Field) -> int:
    """The number of finite values outside the bounds in the field's metadata."""
    bounds = (field.metadata or {}).get(b"plausible", b"-inf inf").decode().split()
    low, high = map(float, bounds)
    finite = values[np.isfinite(values)]
    return int(((finite < low) | (finite > high)).sum())


def _gaps(values: pd.Series, day: Day) -> dict[str, int]:
    """Minutes of the day without a finite reading, and the longest run of them."""
    minutes = pd.date_range(day.start, day.end, freq=MINUTE, inclusive="left")
    covered = minutes.isin(values.index[np.isfinite(values)].floor(MINUTE))
    missing = pd.Series(~covered)
    runs = missing.groupby(missing.ne(missing.shift()).cumsum()).sum()
    return {
        "minutes without a reading": int(missing.sum()),
        "longest gap, minutes": int(runs.max()),
    }
