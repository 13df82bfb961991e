"""SQL on Arrow tables: one DuckDB in this process's memory."""

from functools import cache

import duckdb
import pyarrow as pa


def query(sql: str, **tables: pa.Table) -> pa.Table:
    """The rows of `sql`, in which each of `tables` is known by its name and time is UTC."""
    with _database().cursor() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            connection.register(name, table)
        return connection.sql(sql).to_arrow_table()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """Opened once, which takes longer than to query a day; what is registered is a cursor's own."""
    return duckdb.connect()
