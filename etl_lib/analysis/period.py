"""A period's page: its reference curve, its turbines in a table, and its summary.

`period` as from `read_period`, `reference` as from `choose_reference`, `performance` as from
`measure_period`.
"""

import numpy as np
import pandas as pd

from etl_lib.analysis import words
from etl_lib.analysis.losses import describe_losses
from etl_lib.analysis.period_findings import describe_doubts, describe_missing, describe_shortfalls
from etl_lib.analysis.period_numbers import Performance, list_numbers
from etl_lib.analysis.period_summary import PeriodSummary
from etl_lib.analysis.ranking import rank
from etl_lib.analysis.reference import CAVEAT, Reference, find_reference
from etl_lib.analysis.tables import Table
from etl_lib.load.period import Period


def choose_reference(period: Period, reference: str | None = None) -> Reference | None:
    """The reference curve of a period: see `find_reference`. Its history is the span before."""
    return find_reference(
        period.before,
        period.facts,
        reference,
        days=_name_days(period),
        fallback=period.statistics,
    )


def _name_days(period: Period) -> str:
    """The span before, and how many of its days have statistics, if not all."""
    span = period.span.before
    stamps = pd.DatetimeIndex(period.before.index.get_level_values(-1))
    count = stamps.normalize().nunique()
    return f"{span}, {count} of its {span.days} days" if 0 < count < span.days else str(span)


def describe_reference(reference: Reference | None, data: pd.DataFrame) -> str:
    """What the reference is, how much of `data` it speaks of, and the caveat of its wind."""
    if reference is None:
        return "There is no reference curve: Alvo holds no earlier days of wind speed and power."
    nothing = pd.Series(np.nan, index=data.index)
    power = data.get("power_mean", nothing)
    known, expected = power.count(), reference.expect(data).where(power.notna()).count()
    part = expected / known if known else 1.0
    gap = (
        f" It gives an expectation for {words.share(part)} of the time with power readings: in"
        " other wind, or where the wind is not known, energy counts and neither expected nor lost."
    )
    without = [str(name) for name in data.index.unique(0) if reference.curve_of(str(name)) is None]
    gap += f" There is no curve of {words.listing(without)}." if without else ""
    return f"{reference.source}{gap if part < words.WHOLE else ''} {CAVEAT}"


def rank_turbines(period: Period, performance: Performance) -> Table:
    """A row per turbine, sorted by lost energy, the largest loss first."""
    return rank(performance.turbines, f"turbines {period.span.first} {period.span.last}")


def summarize_period(period: Period, performance: Performance) -> PeriodSummary:
    """The period in a few numbers, and in sentences what is missing or wrong."""
    span, total = period.span, performance.total
    known = total.astype(object).where(total.notna(), None)
    return PeriodSummary(
        start=span.first,
        end=span.last,
        started=period.asked_at,
        turbines=period.turbines,
        is_whole=period.is_whole,
        days=len(period.loads),
        energy=known["energy"],
        mean_wind_speed=known["mean_wind_speed"],
        coverage=total["coverage"],
        capacity_factor=known["calendar_capacity_factor"],
        lost_energy=known["lost_energy"],
        runs={day: load.run_id for day, load in period.loads.items()},
        loaded={
            name: sum(name not in missed for missed in period.lacking.values())
            for name in period.turbines
        },
        exclusions=sorted(each["id"] for each in period.statistics.attrs["exclusions"]),
        headline=[*list_numbers(period, performance)],
        findings=[
            *describe_missing(period),
            *describe_losses(performance.stretches, dated=True),
            *describe_shortfalls(performance.turbines),
            *describe_doubts(period),
        ],
    )
