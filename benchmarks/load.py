"""A load into Alvo beside a bare COPY into the same table, and beside what else is common."""

import io
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg2
import pyarrow as pa
from sqlalchemy import Engine, insert, text

from benchmarks.measure import Row, compare
from etl_lib.extract.days import Day
from etl_lib.load.alvo import open_alvo
from etl_lib.load.day import load_day
from etl_lib.load.tables import data
from etl_lib.services import postgresql

SIGNALS = ("wind_speed", "power", "ambient_temperature")
STATISTICS = ("mean", "min", "max", "std", "count")
BUCKETS = 26_667  # × 15 values are 400,000
STEP = np.timedelta64(3, "s")  # a load is of one day, which has to have room for them all
TEN_YEARS = 10 * 365 * 144
COPIED = np.dtype(  # a row as COPY BINARY has it: number of fields, then length and value of each
    [
        ("n", ">i2"),
        ("t", ">i4"),
        ("timestamp", ">i8"),
        ("s", ">i4"),
        ("signal_id", ">i4"),
        ("v", ">i4"),
        ("value", ">f8"),
    ]
)


def main() -> list[Row]:
    """Into an empty table, then onto ten years of data."""
    with tempfile.TemporaryDirectory() as folder:
        url = postgresql.start_database(Path(folder), "Alvo")
        alvo = open_alvo(url)
        days = (np.datetime64("2030-01-01") + n for n in count())
        load(alvo, next(days))  # makes the tables and the signals
        with psycopg2.connect(url) as connection:
            rows = measure("empty table", alvo, connection, days)
            ten_years = long_rows(np.datetime64("2010-01-01"), TEN_YEARS, np.timedelta64(10, "m"))
            fill(connection, ten_years)
            rows += measure("onto ten years", alvo, connection, days)
        connection.close()
        alvo.dispose()
        postgresql.stop_database(Path(folder))
    return rows


def measure(what: str, alvo: Engine, connection: object, days: object) -> list[Row]:
    """Every way loads a day of its own, each time."""

    def empty() -> None:
        if what == "empty table":
            with alvo.begin() as clean:
                clean.execute(text("TRUNCATE data"))

    def ours() -> None:
        load(alvo, next(days))

    def bare() -> None:
        copy(connection, next(prepared))

    prepared = iter([long_rows(next(days), BUCKETS) for _ in range(3)])
    frame = pd.DataFrame(long_rows(next(days), BUCKETS)[["timestamp", "signal_id", "value"]])
    frame = frame.astype({"timestamp": "int64", "signal_id": "int32", "value": "float64"})
    frame["timestamp"] = pd.to_datetime(
        frame["timestamp"] + 946_684_800_000_000, unit="us", utc=True
    )
    later = frame.assign(timestamp=frame["timestamp"] + pd.Timedelta(days=200 * 365))
    ways: dict[str, Callable[[], object]] = {
        "load_day": ours,
        "COPY (FORMAT binary)": bare,
        "SQLAlchemy, insertmanyvalues": lambda: insert_rows(alvo, frame),
        "pandas, to_sql": lambda: later.to_sql("data", alvo, if_exists="append", index=False),
    }
    empty()
    before = counted(alvo)
    told = f"400,000 statistics, {what}"
    rows = compare(told, "load_day", ways, repeats=3, aim=1.3, slow=[*ways][2:])
    assert counted(alvo) == before + (3 + 3 + 1 + 1) * 15 * BUCKETS
    return rows


def statistics(start: np.datetime64) -> pa.Table:
    """Wide statistics as from `compute_statistics`, from `start` on."""
    random = np.random.default_rng(1)
    stamps = (start + STEP * np.arange(BUCKETS)).astype("datetime64[us]")
    names = [f"{signal}_{statistic}" for signal in SIGNALS for statistic in STATISTICS]
    fields = [pa.field(name, pa.float64(), metadata={"unit": "m/s"}) for name in names]
    fields = [pa.field("timestamp", pa.timestamp("us", "UTC")), *fields]
    fields.append(pa.field("expected", pa.float64()))
    values = [random.normal(size=BUCKETS) for _ in names]
    table = pa.table([stamps, *values, np.full(BUCKETS, 10.0)], schema=pa.schema(fields))
    return table.add_column(0, "turbine", [["T1"] * BUCKETS])


def load(alvo: Engine, start: np.datetime64) -> None:
    """All of a load's transaction: lock, delete, compare, COPY, ledger."""
    day = Day(start.item(), BUCKETS, {}, asked_at=datetime.now(UTC), turbines=["T1"])
    loaded = load_day(alvo, day, statistics(start), readings=BUCKETS)
    assert loaded.statistics == 15 * BUCKETS


def long_rows(start: np.datetime64, buckets: int, step: np.timedelta64 = STEP) -> np.ndarray:
    """The same values as rows of `data`, in COPY's binary form."""
    rows = np.zeros(15 * buckets, COPIED)
    rows["n"], rows["t"], rows["s"], rows["v"] = 3, 8, 4, 8
    stamps = start - np.datetime64("2000-01-01") + step * np.arange(buckets)
    rows["timestamp"] = np.tile(stamps.astype("timedelta64[us]").astype(np.int64), 15)
    rows["signal_id"] = np.repeat(np.arange(1, 16), buckets)
    rows["value"] = np.random.default_rng(1).normal(size=len(rows))
    return rows


def copy(connection: object, rows: np.ndarray) -> None:
    """A bare COPY of bytes that are ready."""
    head = b"PGCOPY\n\xff\r\n\0" + bytes(8)
    with connection.cursor() as cursor:
        source = io.BytesIO(head + rows.tobytes() + b"\xff\xff")
        cursor.copy_expert(
            "COPY data (timestamp, signal_id, value) FROM STDIN (FORMAT binary)", source
        )
    connection.commit()


def fill(connection: object, rows: np.ndarray) -> None:
    """A COPY that does not look up each row's signal: what is not measured need not take long."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        copy(connection, rows)
        cursor.execute("SET session_replication_role = DEFAULT")
    connection.commit()


def insert_rows(alvo: Engine, frame: pd.DataFrame) -> None:
    """SQLAlchemy's fast way with rows as Python objects."""
    with alvo.begin() as connection:
        connection.execute(insert(data), frame.to_dict("records"))


def counted(alvo: Engine) -> int:
    """How many rows the table has."""
    with alvo.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM data")).scalar_one())


if __name__ == "__main__":
    print(*main(), sep="\n")
