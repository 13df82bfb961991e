"""The turbines that Fonte has, and the facts of each."""

from dataclasses import dataclass
from datetime import datetime

import httpx2

from etl_lib.errors import FonteError
from etl_lib.extract import client


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
