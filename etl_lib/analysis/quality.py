"""The questions that an analyst asks about a day's readings before trusting them."""

from math import ceil

import numpy as np
import pandas as pd
import pyarrow as pa

from etl_lib.analysis.summary import SignalQuality
from etl_lib.catalogue import read_signal
from etl_lib.extract.days import Day
from etl_lib.transform.interval import find_interval
from etl_lib.transform.statistics import to_frame

MINUTE = pd.Timedelta(minutes=1)


def check_readings(readings: pa.Table, day: Day) -> pd.DataFrame:
    """Count what is there, missing or odd: one labelled row per count, one column per signal.

    `readings` as from `fetch_readings`. A finite reading covers the minute into which it falls,
    and those that follow until its interval has passed: ten of ten-minute readings.
    """
    interval = pd.Timedelta(seconds=find_interval(readings))
    frame = to_frame(readings)
    is_last = ~frame.index.duplicated(keep="last")
    counts = {}
    for signal, values in frame.items():
        low, high = read_signal(readings.schema.field(signal)).plausible
        missing = readings[signal].null_count
        finite = values[np.isfinite(values)]
        counts[signal] = SignalQuality(
            readings=len(frame),
            repeated=int((~is_last).sum()),
            missing=missing,
            not_finite=len(frame) - len(finite) - missing,
            implausible=int((~finite.between(low, high)).sum()),
            **_gaps(values[is_last], day, interval),
        ).model_dump(by_alias=True)
    return pd.DataFrame(counts).astype(int)


def _gaps(values: pd.Series, day: Day, interval: pd.Timedelta) -> dict[str, int]:
    """Count the day's minutes without a finite reading, and the longest run of them."""
    minutes = pd.date_range(day.start, day.end, freq=MINUTE, inclusive="left")
    starts = values.index[np.isfinite(values)].floor(MINUTE)
    covered = [minutes.isin(starts + n * MINUTE) for n in range(ceil(interval / MINUTE))]
    missing = pd.Series(~np.any(covered, axis=0))
    runs = missing.groupby(missing.ne(missing.shift()).cumsum()).sum()
    return {"uncovered": int(missing.sum()), "longest_gap": int(runs.max())}
