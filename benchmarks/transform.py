"""The transform, DuckDB's `time_bucket`, beside what else computes ten-minute statistics."""

from collections.abc import Callable

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from benchmarks.measure import Row, compare
from etl_lib.transform import compute_statistics, statistics_sql

ROWS = 20_000_000
SIGNALS = ["wind_speed", "power", "ambient_temperature"]
BUCKET = 600  # seconds, as many readings: one a second


def main() -> list[Row]:
    """Mean, minimum, maximum, sample deviation and count of three signals, one reading a second."""
    random = np.random.default_rng(1)
    stamps = np.datetime64("2020-01-01", "us") + np.arange(ROWS).astype("timedelta64[s]")
    values = {name: random.normal(size=ROWS) for name in SIGNALS}
    table = pa.table(
        {"timestamp": pa.array(stamps, pa.timestamp("us", "UTC"))}
        | {name: pa.array(column) for name, column in values.items()}
    )
    frame, polars = table.to_pandas().set_index("timestamp"), pl.from_arrow(table)
    ways: dict[str, Callable[[], object]] = {
        "DuckDB": lambda: compute_statistics(table),
        "polars, group_by_dynamic": lambda: with_group_by_dynamic(clean(polars)),
        "polars, truncate and group_by": lambda: with_truncate(clean(polars)),
        "pandas, resample": lambda: with_resample(frame),
    }
    check(ways)
    what = f"{ROWS:,} rows × 3 signals"
    rows = compare(what, "DuckDB", ways, repeats=3, aim=1.0)
    bare: dict[str, Callable[[], object]] = {
        "DuckDB": ways["DuckDB"],
        "DuckDB, the aggregates alone": lambda: aggregates_alone(table),
        "polars, no cleaning": lambda: with_group_by_dynamic(polars),
        "NumPy, reshaped: no cleaning, no gaps": lambda: with_numpy(values),
    }
    return rows + [row._replace(aim=None) for row in compare(what, "DuckDB", bare, 3, aim=0)]


def aggregates_alone(table: pa.Table) -> pa.Table:
    """DuckDB's floor: the last SELECT of our SQL, on readings as they are."""
    sql = statistics_sql()
    with duckdb.connect() as connection:
        plain = table["timestamp"].cast(pa.timestamp("us"))
        connection.register("finite_readings", table.set_column(0, "timestamp", plain))
        return connection.sql(sql[sql.index("SELECT\n    time_bucket") :]).to_arrow_table()


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
    is_last = pl.col("timestamp").shift(-1).ne_missing(pl.col("timestamp"))
    finite = pl.when(pl.col(SIGNALS).is_finite()).then(pl.col(SIGNALS))
    return frame.filter(is_last).with_columns(finite)


def with_group_by_dynamic(frame: pl.DataFrame) -> pl.DataFrame:
    """polars' way for sorted time; not lazily, which takes five times as long."""
    return frame.group_by_dynamic("timestamp", every="10m").agg(aggregates())


def with_truncate(frame: pl.DataFrame) -> pl.DataFrame:
    """polars' way for anything."""
    return frame.group_by(pl.col("timestamp").dt.truncate("10m")).agg(aggregates())


def with_resample(frame: pd.DataFrame) -> pd.DataFrame:
    """pandas' way."""
    return frame.resample("10min").agg(["mean", "min", "max", "std", "count"])


def with_numpy(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The floor: whole buckets only, and no question asked."""
    whole = ROWS // BUCKET * BUCKET
    found = {}
    for name, column in values.items():
        buckets = column[:whole].reshape(-1, BUCKET)
        found[f"{name}_mean"], found[f"{name}_std"] = buckets.mean(1), buckets.std(1, ddof=1)
        found[f"{name}_min"], found[f"{name}_max"] = buckets.min(1), buckets.max(1)
    return found


def check(ways: dict[str, Callable[[], object]]) -> None:
    """All of them find the same."""
    ours, dynamic, truncated, resampled = (way() for way in ways.values())
    mean = ours["power_mean"].to_numpy()
    deviation = ours["power_std"].to_numpy()
    np.testing.assert_allclose(dynamic["power_mean"].to_numpy(), mean, atol=1e-12)
    np.testing.assert_allclose(truncated.sort("timestamp")["power_std"].to_numpy(), deviation)
    np.testing.assert_allclose(resampled[("power", "mean")], mean, atol=1e-12)


if __name__ == "__main__":
    print(*main(), sep="\n")
