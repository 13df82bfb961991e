"""What the API answers and logs when Fonte fails: one line, and when to try again."""

import logging

from fastapi import Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import TimeoutError as PoolTimeout

from fonteapi import database
from pgarrow.errors import first_line, sqlstate

# OSError: a connection that breaks in a COPY; PoolTimeout: no connection became free
FAILURES = (*database.FAILURES, OSError, PoolTimeout)
NO_TABLE, NO_COLUMN = "42P01", "42703"  # SQLSTATE
SOON, LATER = 2, 60
"""Seconds until a retry: a database restarts by itself, or a person has to change something."""
logger = logging.getLogger("uvicorn.error")


def describe_failure(error: Exception) -> tuple[str, int]:
    """One line for clients and the log, and the seconds until it is worth trying again."""
    code, line = sqlstate(error), first_line(error)
    if isinstance(error, database.UnfitFonteError):
        return line, LATER
    if code == NO_TABLE:
        return (
            "expected a table named data in Fonte, got none: set FONTE_DAYS=10 to fill an empty"
            " database with simulated readings, or load a file with etl load"
        ), LATER
    if code == NO_COLUMN:
        return f"expected id and timestamp in Fonte's table data; got {line}", LATER
    return f"Fonte does not answer: {line}", SOON


def answer_failure(request: Request, error: Exception) -> JSONResponse:
    """503 with one line; a driver's own line may hold Fonte's address and goes to the log only."""
    detail, seconds = describe_failure(error)
    if sqlstate(error) is None and not isinstance(error, database.UnfitFonteError):
        logger.warning("%s: %s", request.url.path, detail)
        detail = "Fonte does not answer: no connection; the API's log has the reason"
    return JSONResponse({"detail": detail}, 503, {"Retry-After": str(seconds)})
