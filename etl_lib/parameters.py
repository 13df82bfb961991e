"""Dates, times, columns and turbines as people and papermill write them."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from etl_lib.errors import ParameterError

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
ISO_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}(T([01]\d|2[0-3]):\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII
)


def parse_date(value: object) -> date:
    """The UTC day that `value` names, as `YYYY-MM-DD` text.

    papermill turns `20240520` into a number, and YAML may convert a date: only this one form is
    accepted, so that no other day is loaded by mistake. Raises `ParameterError` for anything
    else, including None.
    """
    if isinstance(value, str) and ISO_DATE.fullmatch(value):
        try:
            day = date.fromisoformat(value)
            day + timedelta(days=1)  # the day ends where the next begins
            return day
        except (ValueError, OverflowError) as error:
            raise ParameterError(
                f"date: expected a day of the calendar, got {value!r}: {error}"
            ) from None
    if value is None:
        raise ParameterError("date: expected a day, got none: give one with -p date YYYY-MM-DD")
    kind = "" if isinstance(value, str) else f" ({type(value).__name__})"
    raise ParameterError(f"date: expected YYYY-MM-DD, got {value!r}{kind}")


def parse_time(text: str) -> datetime:
    """The time, UTC, that `text` names: `YYYY-MM-DD`, its midnight, or `YYYY-MM-DDTHH:MM[:SS]`.

    A time may have an offset, `Z` or `+02:00`; without one it is UTC. Raises `ParameterError` for
    anything else.
    """
    if not ISO_TIME.fullmatch(text):
        expected = "YYYY-MM-DD or YYYY-MM-DDTHH:MM[:SS], with or without an offset"
        raise ParameterError(f"time: expected {expected}; got {text!r}")
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        message = f"time: expected a time of the calendar, got {text!r}: {error}"
        raise ParameterError(message) from None


def parse_columns(value: str | Iterable[str], parameter: str = "columns") -> list[str]:
    """Signal names from a list, or from words separated by spaces or commas; each once.

    Fonte checks whether it has them. Raises `ParameterError` for a list without a name; the
    message begins with the name of the parameter.
    """
    if names := _parse_names(parameter, "signals", value):
        return names
    raise ParameterError(f"{parameter}: expected at least one name of a signal, got {value!r}")


def parse_turbines(value: str | Iterable[str] | None) -> list[str] | None:
    """Names of turbines, in the same forms; None for none, which means every turbine.

    Raises `ParameterError` for a number: as text it may have had other digits, such as `01`.
    """
    return None if value is None else _parse_names("turbines", "turbines", value) or None


def _parse_names(parameter: str, meaning: str, value: object) -> list[str]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, Iterable) or not all(isinstance(word, str) for word in words):
        kind = "" if isinstance(words, Iterable) else f" ({type(value).__name__})"
        kind += ", which papermill takes as text after -r instead of -p" if kind else ""
        raise ParameterError(f"{parameter}: expected names of {meaning}, got {value!r}{kind}")
    names = [name for word in words for name in re.split(r"[\s,]+", word) if name]
    return list(dict.fromkeys(names))
