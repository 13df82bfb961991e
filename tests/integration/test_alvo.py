"""Sessions with Alvo: what they wait for, and what they say of tables that are not theirs."""

import pytest
from helpers import closing_engine, execute, load_scaled
from sqlalchemy import Engine, text

from etl_lib.errors import AlvoError
from etl_lib.load import alvo as alvo_database
from pgarrow import sessions


@pytest.mark.parametrize(
    "older",
    [
        "ALTER TABLE run DROP COLUMN largest_change",
        "ALTER TABLE data DROP COLUMN value",
    ],
)
def test_older_tables(alvo: Engine, alvo_url: str, older: str) -> None:
    """Tables of an older version are refused and stay as they are."""
    load_scaled(alvo)
    execute(alvo_url, older)
    later = alvo_database.open_alvo(alvo_url)
    held = "SELECT md5(string_agg(data::text, ' ' ORDER BY signal_id, timestamp)) FROM data"
    before = execute(alvo_url, held)
    with pytest.raises(AlvoError, match=r"another version.*see docs/operations\.md to upgrade"):
        load_scaled(later, scale=2)
    assert execute(alvo_url, held) == before
    assert execute(alvo_url, "SELECT count(*) FROM run")[0][0] == 1


@pytest.mark.parametrize("table", ["data", "signal", "run"])
def test_foreign_tables_are_refused(alvo: Engine, alvo_url: str, table: str) -> None:
    """A database with a table of ours by name alone gets no table of ours."""
    execute(alvo_url, f"CREATE TABLE {table} (name text); INSERT INTO {table} VALUES ('theirs')")
    with pytest.raises(AlvoError, match=f"in its table {table}, which is"):
        load_scaled(alvo)
    tables = execute(alvo_url, "SELECT tablename FROM pg_tables WHERE schemaname='public'")
    assert tables == [(table,)]
    assert execute(alvo_url, f"SELECT name FROM {table}") == [("theirs",)]


@pytest.mark.parametrize("table", ["run", "signal", "data"])
def test_held_lock(
    alvo: Engine, alvo_url: str, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """A lock that is never released ends the load with one line."""
    load_scaled(alvo)
    monkeypatch.setitem(sessions.LIMITS, "lock_timeout", "300ms")
    with closing_engine(alvo_url) as patient, alvo.begin() as other:
        other.execute(text(f"LOCK TABLE {table}"))
        with pytest.raises(AlvoError, match="lock timeout"):
            load_scaled(patient, scale=2)
    assert execute(alvo_url, "SELECT max(value) FROM data")[0][0] == 96


def test_session_options(
    alvo_url: str,
) -> None:
    """Sessions have time limits, and keep the options of the address."""
    execute(alvo_url, "CREATE SCHEMA wind")
    with closing_engine(f"{alvo_url}&options=-csearch_path%3Dwind") as alvo:
        load_scaled(alvo)
        asked = ("search_path", "lock_timeout", "statement_timeout", "TimeZone")
        with alvo.connect() as connection, alvo_database.bulk_cursor(alvo) as cursor:
            for setting in asked:
                asking = f"SELECT current_setting('{setting}')"
                cursor.execute(asking)
                [(bulk,)] = cursor.fetchall()
                assert connection.execute(text(asking)).scalar() == bulk
                assert bulk in ("wind", "1min", "10min", "UTC")
    assert execute(alvo_url, "SELECT count(*) FROM wind.run")[0][0] == 1
