"""The questions that an analyst asks about a day's readings before trusting them."""

import numpy as np
import pandas as pd
import pyarrow as pa

from etl_lib.analysis.summary import SignalQuality
from etl_lib.extract.days import Day
from etl_lib.transform.statistics import to_frame

MINUTE = pd.Timedelta(minutes=1)


def check_readings(readings: pa.Table, day: Day) -> pd.DataFrame:
    """Count what is there, missing or odd: one labelled row per count, one column per signal.

    `readings` as from `fetch_readings`. A minute is covered if a finite reading falls into it.
    """
    frame = to_frame(readings)
    is_last = ~frame.index.duplicated(keep="last")
    counts = {
        field.name: SignalQuality(
            readings=len(frame),
            repeated=int((~is_last).sum()),
            missing=int(readings[field.name].null_count),
            not_finite=_not_finite(readings[field.name]),
            implausible=_implausible(frame[field.name], field),
            **_gaps(frame.loc[is_last, field.name], day),
        )
        for field in readings.schema
        if field.name != "timestamp"
    }
    labelled = {signal: count.model_dump(by_alias=True) for signal, count in counts.items()}
    return pd.DataFrame(labelled).astype(int)


def _not_finite(values: pa.ChunkedArray) -> int:
    return int((~np.isfinite(values.drop_null().to_numpy())).sum())


def _implausible(values: pd.Series, field: pa.Field) -> int:
    """The number of finite values outside the bounds in the field's metadata."""
    bounds = (field.metadata or {}).get(b"plausible", b"-inf inf").decode().split()
    low, high = map(float, bounds)
    finite = values[np.isfinite(values)]
    return int(((finite < low) | (finite > high)).sum())


def _gaps(values: pd.Series, day: Day) -> dict[str, int]:
    """Count the day's minutes without a finite reading, and the longest run of them."""
    minutes = pd.date_range(day.start, day.end, freq=MINUTE, inclusive="left")
    covered = minutes.isin(values.index[np.isfinite(values)].floor(MINUTE))
    missing = pd.Series(~covered)
    runs = missing.groupby(missing.ne(missing.shift()).cumsum()).sum()
    return {"uncovered": int(missing.sum()), "longest_gap": int(runs.max())}
