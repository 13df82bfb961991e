"""The transform, DuckDB's `time_bucket`, beside what else computes ten-minute statistics."""

from collections.abc import Callable
from datetime import date
from json import dumps

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from benchmarks.farm import FURTHER, TURBINES
from benchmarks.measure import Row, compare
from etl_lib.transform.flags import FLAGGED, find_flags
from etl_lib.transform.statistics import compute_statistics
from fonteapi.catalogue import arrow_schema, read_catalogue
from fonteapi.farm import name_turbines, simulate_farm
from fonteapi.simulate import simulate_readings

ROWS = 20_000_000
SIGNALS = ["wind_speed", "rotor_speed", "ambient_temperature"]
"""Without power no states are inferred, which the others do not do either."""
FLAGGED_SIGNALS = ["wind_speed", "power", "ambient_temperature"]
Ways = dict[str, Callable[[], object]]


def main() -> list[Row]:
    """Ten-minute mean, minimum, maximum, sample deviation and count of three signals.

    One reading a minute is what Fonte has: ten in a bucket. The same number of readings a
    second apart, 600 in a bucket, shows where what is done per row outweighs the buckets.
    """
    return [*one_rate(60, aim=1.0, repeats=3), *one_rate(1, aim=None, repeats=1), *flags()]


def flags() -> list[Row]:
    """The flags of readings beside their statistics: a farm's day, and many readings of one."""
    names = name_turbines(TURBINES, "T1")
    farm = simulate_farm(date(2024, 5, 20), 1, names, seed=1).read_all().drop_columns("simulated")
    power = farm["power"].to_numpy()
    for place, name in enumerate(FURTHER):
        values = 20 + power / (100 * (place + 2))  # plausible for each of them
        farm = farm.append_column(name, pa.array(values))
    one = simulate_readings(date(2024, 5, 20), 100, seed=1)
    many = {"timestamp": stamps(60), "turbine": ["T1"] * ROWS}
    many |= {name: pa.array(np.resize(one[name].to_numpy(), ROWS)) for name in FLAGGED_SIGNALS}
    day = f"{TURBINES} turbines × {len(farm.schema) - 2} signals, a day"
    return [
        *cost(f"flags: {day}", farm, repeats=9),
        *cost(f"flags: {ROWS:,} rows × {len(FLAGGED_SIGNALS)}", pa.table(many), repeats=3),
    ]


def cost(what: str, readings: pa.Table, repeats: int) -> list[Row]:
    """The time to find the flags, beside that of the statistics that are given them."""
    known = read_catalogue().signals
    fields = arrow_schema([known[name] for name in readings.schema.names[2:]], named=True)
    told = {"rated_powers": dumps(dict.fromkeys(readings["turbine"].unique().to_pylist(), 2050.0))}
    table = readings.cast(fields.with_metadata(told))
    found = find_flags(table)
    ways: Ways = {
        "find_flags": lambda: find_flags(table),
        "compute_statistics(flags=…)": lambda: compute_statistics(table, flags=found),
    }
    return compare(what, "find_flags", ways, repeats=repeats, aim=1)


def one_rate(interval: int, aim: float | None, repeats: int) -> list[Row]:
    """The rows for readings `interval` seconds apart."""
    random = np.random.default_rng(1)
    values = {name: random.normal(size=ROWS) for name in SIGNALS}
    table = pa.table(
        {"timestamp": stamps(interval), "turbine": ["T1"] * ROWS}
        | {name: pa.array(column) for name, column in values.items()}
    )
    frame, polars = table.select(["timestamp", *SIGNALS]).to_pandas(), pl.from_arrow(table)
    frame = frame.set_index("timestamp")
    ways: Ways = {
        "DuckDB": lambda: compute_statistics(table, flags=FLAGGED.empty_table()),
        "polars, group_by_dynamic": lambda: with_group_by_dynamic(clean(polars)),
        "polars, truncate and group_by": lambda: with_truncate(clean(polars)),
        "pandas, resample": lambda: with_resample(frame),
        "NumPy, reshaped: the floor": lambda: with_numpy(values, 600 // interval),
    }
    check(ways)
    floors = ("NumPy, reshaped: the floor",)
    what = f"transform: {ROWS:,} rows × 3, {interval} s apart"
    return compare(what, "DuckDB", ways, repeats=repeats, aim=aim, floors=floors)


def stamps(interval: int) -> pa.Array:
    """The timestamps of `ROWS` readings, `interval` seconds apart."""
    every = np.datetime64("1985-01-01", "us") + interval * np.arange(ROWS).astype("m8[s]")
    return pa.array(every, pa.timestamp("us", "UTC"))


def aggregates() -> list[pl.Expr]:
    """The five statistics of each signal."""
    return [
        expression.alias(f"{name}_{statistic}")
        for name in SIGNALS
        for statistic, expression in {
            "mean": pl.col(name).mean(),
            "min": pl.col(name).min(),
            "max": pl.col(name).max(),
            "std": pl.col(name).std(),
            "count": pl.col(name).count(),
        }.items()
    ]


def clean(frame: pl.DataFrame) -> pl.DataFrame:
    """What ours does before it counts: the last of equal stamps, and NaN is a missing value."""
    following = pl.struct("timestamp", "turbine").shift(-1)
    is_last = following.ne_missing(pl.struct("timestamp", "turbine"))
    finite = pl.when(pl.col(SIGNALS).is_finite()).then(pl.col(SIGNALS))
    return frame.filter(is_last).with_columns(finite)


def with_group_by_dynamic(frame: pl.DataFrame) -> pl.DataFrame:
    """polars' way for sorted time; not lazily, which takes five times as long."""
    return frame.group_by_dynamic("timestamp", every="10m", group_by="turbine").agg(aggregates())


def with_truncate(frame: pl.DataFrame) -> pl.DataFrame:
    """polars' way for anything."""
    return frame.group_by("turbine", pl.col("timestamp").dt.truncate("10m")).agg(aggregates())


def with_resample(frame: pd.DataFrame) -> pd.DataFrame:
    """pandas' way."""
    return frame.resample("10min").agg(["mean", "min", "max", "std", "count"])


def with_numpy(values: dict[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
    """The floor: buckets of `size` readings that are all there, and no question asked."""
    found = {}
    for name, column in values.items():
        buckets = column[: ROWS // size * size].reshape(-1, size)
        found[f"{name}_mean"], found[f"{name}_std"] = buckets.mean(1), buckets.std(1, ddof=1)
        found[f"{name}_min"], found[f"{name}_max"] = buckets.min(1), buckets.max(1)
    return found


def check(ways: Ways) -> None:
    """All of them find the same; the last bucket of a reshaped array may be missing."""
    ours, dynamic, truncated, resampled, reshaped = (way() for way in ways.values())
    mean = ours["rotor_speed_mean"].to_numpy()
    deviation = ours["rotor_speed_std"].to_numpy()
    np.testing.assert_allclose(dynamic["rotor_speed_mean"].to_numpy(), mean, atol=1e-12)
    np.testing.assert_allclose(truncated.sort("timestamp")["rotor_speed_std"].to_numpy(), deviation)
    np.testing.assert_allclose(resampled[("rotor_speed", "mean")], mean, atol=1e-12)
    whole = len(reshaped["rotor_speed_std"])
    np.testing.assert_allclose(reshaped["rotor_speed_std"], deviation[:whole])


if __name__ == "__main__":
    print(*main(), sep="\n")
