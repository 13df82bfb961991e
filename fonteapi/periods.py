"""The period that a request asks for, and what it may be."""

from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Annotated

from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime, BeforeValidator
from sqlalchemy import Engine

from fonteapi.database import Period, find_span
from fonteapi.formats import ARROW, CSV

LONGEST_AS_JSON = timedelta(days=31)
"""JSON has eight times the bytes of Arrow and is slow to read."""


def parse_timestamp(value: object) -> datetime:
    """An ISO 8601 timestamp as UTC; one without an offset is read as UTC."""
    try:
        stamp = datetime.fromisoformat(str(value))
        return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            "expected ISO 8601 such as 2024-05-20 or 2024-05-20T00:00:00Z"
            " (in an address, + is written %2B)"
        ) from None


Timestamp = Annotated[AwareDatetime, BeforeValidator(parse_timestamp)]
START = Query(
    description="first instant, included; ISO 8601, UTC without an offset;"
    " left out, from the first reading on",
    examples=["2024-05-20T00:00:00Z"],
)
END = Query(
    description="last instant, not included; left out, to the last reading",
    examples=["2024-05-21T00:00:00Z"],
)


def read_period(
    start_timestamp: Annotated[Timestamp | None, START] = None,
    end_timestamp: Annotated[Timestamp | None, END] = None,
) -> Period:
    """The period of a request; one that ends before it starts is refused."""
    start, end = start_timestamp, end_timestamp
    if start and end and start >= end:
        got = f"{start.isoformat()} and {end.isoformat()}"
        raise _wrong_period(f"expected start_timestamp before end_timestamp, got {got}", end)
    return start, end


Requested = Annotated[Period, Depends(read_period)]


def check_length(fonte: Engine, period: Period) -> None:
    """Refuse a period that is too long for JSON; an open one is as long as its readings reach."""
    start, end = period if all(period) else find_span(fonte, period)
    if start and end and end - start > LONGEST_AS_JSON:
        days = ceil((end - start) / timedelta(days=1))
        raise _wrong_period(
            f"expected {LONGEST_AS_JSON.days} days at most as JSON, got {days}:"
            f" ask for a longer period with Accept: {CSV} or {ARROW}",
            end,
        )


def _wrong_period(message: str, end: datetime) -> RequestValidationError:
    """A refusal in the form of FastAPI's own."""
    location = ("query", "end_timestamp")
    return RequestValidationError(
        [{"type": "value_error", "loc": location, "msg": message, "input": str(end)}]
    )
