"""What a period gave: its turbines measured, and the numbers of its headline."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from etl_lib.analysis import words
from etl_lib.analysis.losses import Stretch, find_stretches
from etl_lib.analysis.performance import DAY, add_up, measure, measure_all
from etl_lib.analysis.reference import Reference
from etl_lib.analysis.rose import describe_direction
from etl_lib.load.period import Period
from etl_lib.parameters import Span
from etl_lib.transform.kinds import TURBINE


@dataclass(frozen=True)
class Performance:
    """What the turbines of a period gave, and what the reference curve gives."""

    amounts: pd.DataFrame
    """By turbine and day: see `add_up`."""
    turbines: pd.DataFrame
    """A row per turbine: see `measure`; `lost_in_stretches` (kWh) is that of `stretches`."""
    total: pd.Series
    """Of all turbines."""
    stretches: Sequence[Stretch]
    """Below the reference curve, the largest loss first."""


def measure_period(period: Period, reference: Reference | None) -> Performance:
    """Measure the turbines of a period beside the reference curve; None: without expectations."""
    data, names = period.statistics, period.turbines
    amounts = add_up(data, period.span, period.rated_powers, reference, names)
    stretches = find_stretches(data, reference, names) if reference else []
    turbines = measure(amounts, TURBINE)
    lost = pd.Series([each.lost for each in stretches], [each.turbine for each in stretches], float)
    lost = lost.groupby(level=0).sum().reindex(turbines.index, fill_value=0.0)
    turbines["lost_in_stretches"] = lost.where(turbines["lost_energy"].notna())
    return Performance(amounts, turbines, measure_all(amounts), stretches)


def list_numbers(period: Period, performance: Performance) -> Iterator[tuple[str, str]]:
    """The numbers of the headline, each with what it is and its change."""
    total, before = performance.total, period.span.before
    if pd.notna(total["energy"]):
        changes = filter(None, _compare(period, total))
        yield words.energy(total["energy"]), "; ".join(["energy", *changes])
    if period.span.days > 1:
        yield from _tell_days(measure(performance.amounts, DAY))
    if pd.notna(total["calendar_capacity_factor"]):
        yield words.factor(total["calendar_capacity_factor"], total["capacity_factor"])
    if pd.notna(total["mean_wind_speed"]):
        wind = period.before.get("wind_speed_mean", pd.Series(dtype=float)).mean()
        was = f"{wind:.1f} m/s {_in(before)}" if pd.notna(wind) else ""
        told = filter(None, ["mean wind", describe_direction(period.statistics), was])
        yield f"{total['mean_wind_speed']:.1f} m/s", "; ".join(told)
    if pd.notna(total["availability"]):
        yield words.share(total["availability"]), "availability; by state"
    if pd.notna(total["lost_energy"]):
        yield words.loss(total["lost_energy"], total["expected_energy"], total["assessed"])
    yield words.share(total["coverage"]), "coverage; the readings that arrived"


def _compare(period: Period, total: pd.Series) -> Iterator[str]:
    """The change of energy against the spans before; what they lack is named.

    Against a span of another length, the energy of a day is compared.
    """
    nothing = []
    frames = {period.span.year_before: period.year_before} | {period.span.before: period.before}
    for span, data in reversed(frames.items()):  # of a year both are the same span
        if "power_mean" not in data:
            nothing.append(str(span))
            continue
        before = measure_all(add_up(data, span, {}, None, period.turbines))
        ratio = period.span.days / span.days
        each = "" if ratio == 1 else " a day"
        numbers = total["energy"], ratio * before["energy"], before["coverage"]
        change = words.change_of(*numbers, _in(span), each)
        if change and total["coverage"] < words.WHOLE:
            change = f"with {words.share(total['coverage'], 0)} of the readings, {change}"
        yield change
    if nothing:
        yield f"no data of {words.listing(nothing)} to compare with"


def _tell_days(days: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """The energy of a day, and the days that gave most and least; those with gaps do not count."""
    energy = days["energy"][days["coverage"] >= words.WHOLE].dropna()
    if len(energy) > 1:
        most = f"most on {energy.idxmax():%Y-%m-%d}, {words.energy(energy.max())}"
        least = f"least on {energy.idxmin():%Y-%m-%d}, {words.energy(energy.min())}"
        of = "" if len(energy) == len(days) else f", over the {len(energy)} days without gaps"
        yield words.energy(energy.mean()), f"a day{of}; {most}; {least}"


def _in(span: Span) -> str:
    """`in May 2024`, `over 2024-05-01 to 2024-05-07`."""
    text = str(span)
    return f"on {text}" if span.days == 1 else f"over {text}" if " to " in text else f"in {text}"
