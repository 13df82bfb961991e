"""The parameters of a run, a date, columns and turbines, as people and papermill write them."""

import re
from collections.abc import Iterable
from datetime import date, timedelta

from etl_lib.errors import ParameterError

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


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


def parse_columns(value: str | Iterable[str]) -> list[str]:
    """Signal names from a list, or from words separated by spaces or commas; each once.

    Fonte checks whether it has them. Raises `ParameterError` for a list without a name.
    """
    if names := _parse_names("columns", "signals", value):
        return names
    raise ParameterError(f"columns: expected at least one name of a signal, got {value!r}")


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
