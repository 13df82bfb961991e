"""Wind analysis of ten-minute statistics: power curve, turbulence, Weibull.

`data` is a wide DataFrame as from `read_statistics`: one row a bucket, columns
`<signal>_<statistic>`, wind speed in m/s and power in kW.
"""

from math import gamma

import numpy as np
import pandas as pd

from etl_lib.transform.interval import describe_interval
from etl_lib.transform.kinds import BUCKET_SECONDS, EXPECTED
from etl_lib.transform.statistics import THIN, coverage

CURVE_BIN = 0.5
"""Width of a power curve's bins, m/s: IEC 61400-12-1's method of bins."""
FULL_BIN = 3
"""IEC 61400-12-1 requires 30 minutes, three ten-minute means, in a bin."""
CALM = 3.0
"""m/s; below it turbulence intensity, a quotient by wind speed, means little."""
FIT_SIZE = 6
"""The fewest means for a fit: an hour."""


def find_bins(speeds: pd.Series, width: float) -> pd.Series:
    """The centre of the bin of each wind speed: a multiple of `width`, m/s."""
    centres: pd.Series = np.floor(speeds / width + 0.5) * width
    return centres


def bin_by_wind_speed(values: pd.DataFrame, width: float) -> pd.DataFrame:
    """The mean of each bin of wind speed that has values.

    `values` has the column `wind_speed`. Bins are centred on multiples of `width`, m/s, which
    are the index. Columns: the means of `values`' columns, and `count`, how many rows they had.
    """
    values = values.dropna()
    bins = find_bins(values["wind_speed"], width)
    groups = values.groupby(bins.to_numpy())  # a key of a column's name would be looked up there
    return groups.mean().assign(count=groups.size()).rename_axis("wind_speed")


def power_curve(data: pd.DataFrame) -> pd.DataFrame:
    """The method of bins of IEC 61400-12-1, without its corrections; one row a 0.5 m/s bin.

    Columns: `wind_speed` and `power`, the means of the bin, and `count`, of ten-minute means.
    """
    pairs = {"wind_speed": data["wind_speed_mean"], "power": data["power_mean"]}
    return bin_by_wind_speed(pd.DataFrame(pairs), CURVE_BIN)


def turbulence(data: pd.DataFrame) -> pd.DataFrame:
    """Turbulence intensity of each bucket: standard deviation over mean of wind speed.

    Of the readings: that of averages is lower than IEC 61400-1's of 1 Hz data; of a bucket with one
    reading, the source's own. `name_deviations` tells which. Columns: `wind_speed`, m/s, and
    `intensity`, %. Without buckets of less than 3 m/s, of fewer than half of the readings, or
    without a standard deviation.
    """
    speed = data["wind_speed_mean"]
    # Alvo has no row, and a frame no column, of what never exists
    deviation = data.get("wind_speed_std", pd.Series(np.nan, index=data.index))
    table = pd.DataFrame({"wind_speed": speed, "intensity": 100 * deviation / speed}).dropna()
    enough = coverage(data, "wind_speed").loc[table.index] >= THIN
    return table[enough & (table["wind_speed"] >= CALM)]


def name_deviations(data: pd.DataFrame, signal: str) -> pd.Series:
    """What the standard deviation of each bucket is that of, for a legend.

    One reading has no standard deviation: where such a bucket has one, it is the source's own.
    """
    nothing = pd.Series(np.nan, index=data.index)
    every = (BUCKET_SECONDS / data[EXPECTED]).round().map(describe_interval)
    names = "std of readings every " + every
    names = names.mask(data.get(f"{signal}_count", nothing) == 1, "the source's own std")
    on_change = data.get(f"{signal}_coverage", nothing).notna()
    return names.mask(on_change, "std of values on change")


def fit_weibull(speeds: pd.Series) -> tuple[float, float] | None:
    """Scale A (m/s) and shape k of the Weibull distribution of wind speeds (m/s).

    The empirical method, k = (σ/U)^-1.086 and A = U/Γ(1 + 1/k), of Justus et al. (1978), Methods
    for estimating wind speed frequency distributions, J. Appl. Meteorol. 17, 350-353. It accepts
    calms. None when there are fewer than six speeds, or all are alike.
    """
    speeds = speeds.dropna()
    mean, deviation = speeds.mean(), speeds.std()
    if len(speeds) < FIT_SIZE or not deviation > 0:
        return None
    shape = (deviation / mean) ** -1.086
    return float(mean / gamma(1 + 1 / shape)), float(shape)
