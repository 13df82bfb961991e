"""Short facts about an exception, of a database driver or any other."""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or the error's type if it has no message.

    An error that SQLAlchemy wraps gives the driver's message, without the statement.
    """
    driver = getattr(error, "orig", None) or error
    return str(driver).strip().partition("\n")[0] or type(error).__name__


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's five-letter code, from psycopg2 or ADBC; None if the server sent no error."""
    driver = getattr(error, "orig", None) or error
    return getattr(driver, "pgcode", None) or getattr(driver, "sqlstate", None)
