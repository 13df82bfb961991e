"""The turbines that Fonte has, and the facts of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2

from etl_lib.errors import FonteError
from etl_lib.extract import client
from etl_lib.parameters import Span


@dataclass(frozen=True)
class Turbine:
    """A turbine that has readings, and what the catalogue knows of it."""

    first: datetime
    """Its first reading, UTC."""
    last: datetime
    """Its last reading, UTC."""
    model: str | None = None
    rated_power: float | None = None
    """kW"""


def fetch_turbines(fonte: httpx2.Client) -> dict[str, Turbine]:
    """The turbines that Fonte has, by name.

    Raises `FonteError` when the API does not answer, or not with turbines.
    """
    response = client.get(fonte, "/turbines", {})
    try:
        return {
            each["name"]: Turbine(
                datetime.fromisoformat(each["first_timestamp"]),
                datetime.fromisoformat(each["last_timestamp"]),
                each.get("model"),
                None if each.get("rated_power") is None else float(each["rated_power"]),
            )
            for each in response.json()
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        where, got = client.shown_url(response.url), response.text[:80]
        raise FonteError(f"expected a list of turbines from {where}, got {got!r}") from None


def find_span(turbines: Mapping[str, Turbine]) -> Span | None:
    """From the UTC day of the first reading to that of the last one; None without readings."""
    if not turbines:
        return None
    first = min(each.first for each in turbines.values())
    last = max(each.last for each in turbines.values())
    return Span(first.astimezone(UTC).date(), last.astimezone(UTC).date())
