"""Turbines deleted from Alvo: their series, statistics and exclusions go; the ledger stays.

A load happened, whatever was deleted later. So the table `forgotten` records up to which load the
ledger's turbines are gone, and the functions of `ledger` leave these out.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Engine, text

from etl_lib.load.alvo import alvo_connection, bulk_cursor, create_tables, execute


class Found(NamedTuple):
    """How many statistics there are of some turbines, on how many UTC dates, and exclusions."""

    statistics: int
    dates: int
    exclusions: int = 0


# Each load holds it shared: none runs meanwhile, of whichever date
LOCK_LOADS = "SELECT pg_advisory_xact_lock(hashtext('etl_lib.loads'))"
COUNT = """
    SELECT
        count(*) AS statistics,
        count(DISTINCT (timestamp AT TIME ZONE 'UTC')::date) AS dates,
        (SELECT count(*) FROM exclusion WHERE exclusion.turbine = ANY($1)) AS exclusions
    FROM data JOIN signal ON signal.id = signal_id
    WHERE turbine = ANY($1)
"""
DELETE_DATA = """
    DELETE FROM data WHERE signal_id IN (SELECT id FROM signal WHERE turbine = ANY($1))
"""
DELETE_SIGNALS = "DELETE FROM signal WHERE turbine = ANY($1)"
DELETE_EXCLUSIONS = "DELETE FROM exclusion WHERE turbine = ANY($1)"
INSERT_FORGOTTEN = """
    INSERT INTO forgotten (turbine, last_run, finished)
    SELECT turbine, (SELECT max(id) FROM run), clock_timestamp()
    FROM unnest($1::text[]) AS turbine
"""


def list_turbines(alvo: Engine) -> list[str]:
    """The turbines that have series in Alvo, in order."""
    create_tables(alvo)
    with alvo_connection(alvo) as connection:
        return list(connection.scalars(text("SELECT DISTINCT turbine FROM signal ORDER BY 1")))


def count_statistics(alvo: Engine, turbines: Sequence[str]) -> Found:
    """What Alvo holds of some turbines."""
    create_tables(alvo)
    with bulk_cursor(alvo) as cursor:
        return Found(**execute(cursor, COUNT, list(turbines)).to_pylist()[0])


def forget_turbines(alvo: Engine, turbines: Sequence[str]) -> Found:
    """Delete the statistics, series and exclusions of turbines, all or nothing.

    Returns what was deleted. It waits for the loads that run, and loads that begin meanwhile wait
    for it. Raises `AlvoError`; Alvo is then as it was before.
    """
    create_tables(alvo)
    names = list(turbines)
    with bulk_cursor(alvo) as cursor:
        execute(cursor, LOCK_LOADS)
        found = Found(**execute(cursor, COUNT, names).to_pylist()[0])
        execute(cursor, DELETE_DATA, names)
        execute(cursor, DELETE_SIGNALS, names)
        execute(cursor, DELETE_EXCLUSIONS, names)
        execute(cursor, INSERT_FORGOTTEN, names)
    return found
