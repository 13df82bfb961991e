"""SQL on Arrow tables, by one in-memory DuckDB for the process."""

from functools import cache

import duckdb
import pyarrow as pa


def query(sql: str, **tables: pa.Table) -> pa.Table:
    """Run `sql`, in which each of `tables` has its name and the time zone is UTC."""
    with _database().cursor() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            connection.register(name, table)
        return connection.sql(sql).to_arrow_table()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """Open DuckDB once, which takes longer than a day's query; each cursor has its own tables.

    With one thread: several would add in another order each time, and the last bits would differ.
    """
    return duckdb.connect(config={"threads": 1})
