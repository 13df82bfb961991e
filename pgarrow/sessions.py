"""Sessions that are in UTC, and in which nothing waits without end."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL, Engine, event, make_url

LIMITS = {
    "lock_timeout": "60s",
    "statement_timeout": "10min",
    "idle_in_transaction_session_timeout": "10min",
}
"""Settings of each session in PostgreSQL."""
NETWORK = {
    "connect_timeout": "10",  # seconds, as the others
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",  # milliseconds
}
"""Settings of libpq: an unreachable host is given up after a minute at most."""


def open_engine(url: str) -> Engine:
    """An engine for `url` over psycopg2; it opens a session when one is first needed."""
    address = make_url(url).set(drivername="postgresql+psycopg2")
    engine = sa.create_engine(address, pool_pre_ping=True, connect_args=session(address))
    event.listen(engine, "connect", use_utc)
    return engine


def session(url: URL) -> dict[str, str]:
    """The parameters for libpq: `NETWORK`, and `LIMITS` after the URL's own options."""
    limits = [f"-c{name}={value}" for name, value in LIMITS.items()]
    options = " ".join([str(url.query.get("options", "")), *limits])
    # SQLAlchemy writes a space in an address as +, which libpq does not decode: tabs instead
    return NETWORK | {"options": options.strip().replace(" ", "\t")}


def use_utc(connection: Any, *_: object) -> None:
    """Set a new session's time zone: as an option it would yield to the variable PGTZ."""
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
    connection.commit()
