"""A period in numbers, and its turbines in a table.

`period` as from `read_period`, `reference` as from `choose_reference`.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from etl_lib.analysis import words
from etl_lib.analysis.losses import describe_losses
from etl_lib.analysis.performance import measure_all, measure_turbines
from etl_lib.analysis.period_findings import describe_doubts, describe_missing
from etl_lib.analysis.period_summary import PeriodSummary
from etl_lib.analysis.ranking import rank
from etl_lib.analysis.reference import CAVEAT, Reference, find_reference
from etl_lib.analysis.tables import Table
from etl_lib.load.period import Period
from etl_lib.parameters import Span


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


def rank_turbines(period: Period, reference: Reference | None) -> Table:
    """A row per turbine, sorted by lost energy, the largest loss first."""
    return rank(_measure(period, reference), f"turbines {period.span.first} {period.span.last}")


def summarize_period(period: Period, reference: Reference | None) -> PeriodSummary:
    """The period in a few numbers, and in sentences what is missing or wrong."""
    table, span = _measure(period, reference), period.span
    total = measure_all(table, period.statistics, span.days)
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
        exclusions=sorted(each["id"] for each in period.statistics.attrs["exclusions"]),
        headline=[*_headline(period, total)],
        findings=[
            *describe_missing(period),
            *describe_losses(period.statistics, reference, period.turbines, dated=True),
            *describe_doubts(period),
        ],
    )


def _measure(period: Period, reference: Reference | None) -> pd.DataFrame:
    return measure_turbines(
        period.statistics, period.span.days, period.rated_powers, reference, period.turbines
    )


def _headline(period: Period, total: pd.Series) -> Iterator[tuple[str, str]]:
    """The numbers, each with what it is and its change."""
    changes = [
        _compare(period, total["energy"], period.before, period.span.before),
        _compare(period, total["energy"], period.year_before, period.span.year_before),
    ]
    if pd.notna(total["energy"]):
        yield words.energy(total["energy"]), "; ".join(["energy", *filter(None, changes)])
    if pd.notna(total["calendar_capacity_factor"]):
        yield words.factor(total["calendar_capacity_factor"], total["capacity_factor"])
    if pd.notna(total["mean_wind_speed"]):
        before = period.before.get("wind_speed_mean", pd.Series(dtype=float)).mean()
        was = f"; {before:.1f} m/s {_in(period.span.before)}" if pd.notna(before) else ""
        yield f"{total['mean_wind_speed']:.1f} m/s", f"mean wind{was}"
    if pd.notna(total["availability"]):
        yield words.share(total["availability"]), "availability; by state"
    if pd.notna(total["lost_energy"]):
        yield words.loss(total["lost_energy"], total["expected_energy"], total["assessed"])
    yield words.share(total["coverage"]), "coverage; the readings that arrived"


def _compare(period: Period, energy: float, other: pd.DataFrame, span: Span) -> str:
    """The change of energy against another span; what that lacks is named."""
    if "power_mean" not in other:
        return ""
    table = measure_turbines(other, span.days, {}, None, period.turbines)
    before = measure_all(table, other, span.days)
    return words.change_of(energy, before["energy"], before["coverage"], _in(span))


def _in(span: Span) -> str:
    """`in May 2024`, `from 2024-05-01 to 2024-05-07`."""
    text = str(span)
    return f"on {text}" if span.days == 1 else f"from {text}" if " to " in text else f"in {text}"
