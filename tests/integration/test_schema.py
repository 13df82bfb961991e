"""Random requests from the API's own OpenAPI document, valid and invalid."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import schemathesis
from helpers import KEY, serve
from hypothesis import assume, given
from hypothesis.strategies import sampled_from
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth

from fonteapi.formats import ENCODERS
from fonteapi.settings import Settings


def complete(case: Case, form: str) -> None:
    """Add what OpenAPI cannot express: an end after the start, within 31 days, and a format."""
    case.headers["accept"] = form
    if "start_timestamp" in case.query and "end_timestamp" in case.query:
        start = datetime.fromisoformat(case.query["start_timestamp"])
        assume(1 < start.year < 9999)
        case.query["end_timestamp"] = (start + timedelta(days=31)).isoformat()


@pytest.mark.soak
@pytest.mark.parametrize("key", [None, KEY], ids=["open", "with a key"])
@pytest.mark.parametrize("mode", GenerationMode)
def test_answers_fit_the_document(
    seeded_fonte_url: str, mode: GenerationMode, key: str | None, print_later: Callable[[str], None]
) -> None:
    """Random requests, valid and invalid by the document, get documented answers."""
    api = serve(Settings(database_url=seeded_fonte_url, api_key=key))
    headers = {"X-API-Key": key} if key else {}
    schema = schemathesis.openapi.from_url(f"{api}/openapi.json", headers=headers)
    statuses: Counter[int] = Counter()
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {operation.path for operation in operations} == {
        *("/data", "/data/{id}", "/days", "/health", "/signals", "/turbines"),
    }
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and operation.path in {
            "/health",
            "/signals",
            "/turbines",
        }:
            continue  # they have no parameter

        @given(operation.as_strategy(generation_mode=mode), sampled_from([*ENCODERS, "*/*"]))
        def check(case: Case, form: str) -> None:
            if mode is GenerationMode.POSITIVE:
                complete(case, form)
            sent = {} if {"Authorization", "X-API-Key"} & case.headers.keys() else headers
            answer = case.call(headers=sent)
            statuses[answer.status_code] += 1
            # Without a key, the API ignores one in a request
            excluded = [] if key else [ignored_auth]
            case.validate_response(answer, headers=sent, excluded_checks=excluded)

        check()
    counts = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
    print_later(
        f"cases of the API's schema, {mode.value}, {'with a key' if key else 'open'}: {counts}"
    )
    expected = 200 if mode is GenerationMode.POSITIVE else 422
    assert statuses[expected]
