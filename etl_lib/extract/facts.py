"""What Fonte knows of its signals and turbines, apart from readings."""

from typing import Any

import httpx2

from etl_lib.errors import FonteError
from etl_lib.extract import client


def fetch_iec_names(fonte: httpx2.Client) -> dict[str, str]:
    """The name in IEC 61400-25 of each signal that has one.

    Raises `FonteError` when the API does not answer, or not with signals.
    """
    found = {name: facts.get("iec_61400_25") for name, facts in _fetch(fonte, "signals").items()}
    return {name: value for name, value in found.items() if value}


def fetch_facts(fonte: httpx2.Client) -> dict[str, dict[str, Any]]:
    """The facts of each turbine, None where one is not known: `rated_power` (kW), `latitude` …

    Raises `FonteError` when the API does not answer, or not with turbines.
    """
    return _fetch(fonte, "turbines")


def _fetch(fonte: httpx2.Client, what: str) -> dict[str, dict[str, Any]]:
    response = client.get(fonte, f"/{what}", {})
    try:
        return {each["name"]: dict(each) for each in response.json()}
    except (ValueError, TypeError, KeyError, RecursionError):
        where, got = client.shown_url(response.url), response.text[:80]
        raise FonteError(f"expected a list of {what} from {where}, got {got!r}") from None
