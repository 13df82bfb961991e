"""The asset checks of a loaded day: what each means, and how its findings are judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

MEANINGS = {
    "read_back_equal": "Alvo holds the statistics that Fonte's readings give when recomputed.",
    "coverage": "At least 90 % of the expected readings arrived, of each turbine. Below 50 % of"
    " all is an error.",
    "plausible_ranges": "Every reading lies within the plausible range of its signal.",
    "trusted_readings": "No turbine has impossible readings, or a larger share of flagged ones than"
    " the catalogue allows.",
}
LOW_COVERAGE = 0.9
"""A day below this coverage gets a warning."""
VERY_LOW_COVERAGE = 0.5
"""A day below this coverage is an error."""


@dataclass(frozen=True)
class CheckedDay:
    """A loaded day, described and checked."""

    date: date
    coverage: float
    metadata: Mapping[str, Any]
    """Of its materialization."""
    findings: Mapping[str, str]
    """What each check found, by its name; empty if the day passes it."""


def judge(check: str, days: list[CheckedDay]) -> dg.AssetCheckResult:
    """The result of one check over all days; its metadata has the findings by day."""
    found = {str(day.date): day.findings[check] for day in days if day.findings[check]}
    is_wrong = check == "read_back_equal" or (
        check == "coverage" and any(day.coverage < VERY_LOW_COVERAGE for day in days)
    )
    severity = dg.AssetCheckSeverity.ERROR if is_wrong else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        check_name=check, passed=not found, severity=severity, metadata=found
    )
