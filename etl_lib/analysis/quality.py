"""The questions that an analyst asks about a day's readings before trusting them."""

from math import ceil

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from etl_lib.analysis.summary import SignalQuality
from etl_lib.catalogue import EVERYTHING, Bounds, read_signal
from etl_lib.extract.days import Day
from etl_lib.transform.flags import TESTS
from etl_lib.transform.interval import USUAL_INTERVAL, find_intervals, rows_by_turbine
from etl_lib.transform.kinds import FLAGS, TURBINE, shown_column, signal_fields
from etl_lib.transform.limits import find_limits

Array = NDArray[np.float64]
LONGEST_GAP = SignalQuality.model_fields["longest_gap"].alias


def check_readings(readings: pa.Table, day: Day) -> pd.DataFrame:
    """Count what is there, missing or odd: per turbine a labelled row per count, a column a signal.

    `readings` as from `fetch_readings`. A finite reading covers the minute into which it falls,
    and those that follow until its turbine's interval has passed: ten of ten-minute readings. Of a
    signal that is sampled on change, it covers those for which its value may hold.
    """
    fields = {field.name: read_signal(field) for field in signal_fields(readings)}
    signals = {
        name: (readings[name].to_numpy(), readings[name].is_null().to_numpy()) for name in fields
    }
    stamps = readings["timestamp"].cast(pa.int64()).to_numpy()
    minutes = (stamps - round(day.start.timestamp() * 1e6)) // 60_000_000
    rows, intervals = rows_by_turbine(readings[TURBINE]), find_intervals(readings)
    bounds = {
        (limit.turbine, limit.signal): (limit.plausible_low, limit.plausible_high)
        for limit in find_limits(readings)
    }
    tables = {}
    for turbine in day.turbines:
        own = rows.get(turbine, np.empty(0, int))
        repeated = len(own) - len(np.unique(stamps[own]))
        usual = intervals.get(turbine, USUAL_INTERVAL)
        spans = {name: ceil((signal.hold or usual) / 60) for name, signal in fields.items()}
        counts = {
            name: _check(
                bounds.get((turbine, name), EVERYTHING),
                values[own],
                is_null[own],
                minutes[own],
                spans[name],
            )
            | {"readings": len(own), "repeated": repeated}
            for name, (values, is_null) in signals.items()
        }
        tables[turbine] = pd.DataFrame(
            {
                name: SignalQuality(**found).model_dump(by_alias=True)
                for name, found in counts.items()
            }
        )
    return pd.concat(tables, names=[TURBINE, "count"]).astype(int)


def sum_turbines(quality: pd.DataFrame) -> pd.DataFrame:
    """The counts of `check_readings` over all turbines; of the longest gaps, the longest."""
    groups = quality.groupby(level="count", sort=False)
    total = groups.sum()
    total.loc[LONGEST_GAP] = groups.max().loc[LONGEST_GAP]
    return total.rename_axis(None)


GOOD, NOT_EVALUATED, SUSPECT, FAIL, MISSING = 1, 2, 3, 4, 9
"""QARTOD's codes of quality."""


def quality_of(data: pd.DataFrame, signal: str) -> pd.Series:
    """QARTOD's code of each bucket of a signal, from the flags of its readings.

    `data` as from `read_statistics` or `to_frame`. 4 (fail): a reading is impossible; 3 (suspect):
    a test flagged one, or fewer than half of the readings came; 1 (good); 2 (not evaluated): loaded
    before readings were tested; 9 (missing): no reading. The worst counts: 9 < 2 < 1 < 3 < 4.
    Source of the codes: QARTOD's manual for wind data, as ioos_qc combines them.
    """
    nothing = pd.Series(np.nan, index=data.index)
    has_value = data.get(shown_column(data, signal), nothing).notna()
    flags = data.get(f"{signal}_{FLAGS}")
    if flags is None:
        return has_value.map({True: NOT_EVALUATED, False: MISSING})
    bits = flags.fillna(0).astype(int)
    codes = pd.Series(np.where(has_value, GOOD, MISSING), index=data.index)
    codes = codes.mask(bits > 0, SUSPECT).mask(bits & TESTS["impossible"] > 0, FAIL)
    return codes.mask(_is_untested(data) & (codes == GOOD), NOT_EVALUATED)


def _is_untested(data: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each row is of a day that was loaded before readings were tested."""
    if not (untested := data.attrs.get("untested")):
        return np.zeros(len(data), bool)
    days = pd.DatetimeIndex(data.index.get_level_values(-1)).normalize()
    turbines, dates = zip(*untested, strict=True)
    midnights = pd.to_datetime(list(dates), utc=True)
    if TURBINE not in data.index.names:
        return np.asarray(days.isin(midnights))
    rows = pd.MultiIndex.from_arrays([data.index.get_level_values(TURBINE), days])
    return np.asarray(rows.isin(pd.MultiIndex.from_arrays([turbines, midnights])))


def _check(
    bounds: Bounds, values: Array, is_null: NDArray[np.bool_], minutes: Array, span: int
) -> dict[str, int]:
    """Count the readings of one signal of a turbine; each covers `span` of the day's minutes.

    `bounds` are those of plausible readings.
    """
    is_finite = np.isfinite(values)
    low, high = bounds
    finite = values[is_finite]
    covered = np.zeros(1440 + span, bool)
    for n in range(span):
        covered[minutes[is_finite] + n] = True
    present = np.flatnonzero(covered[:1440])
    gaps = np.diff(present, prepend=-1, append=1440) - 1
    return {
        "missing": int(is_null.sum()),
        "not_finite": int((~is_finite & ~is_null).sum()),
        "implausible": int(((finite < low) | (finite > high)).sum()),
        "uncovered": int(gaps.sum()),
        "longest_gap": int(gaps.max()),
    }
