"""One loaded day: its summary, for people and programs."""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from etl_lib.analysis import words
from etl_lib.analysis.axes import label
from etl_lib.analysis.days import share_of_due, without_attrs
from etl_lib.analysis.flags import list_counts
from etl_lib.analysis.performance import add_up, measure, measure_all
from etl_lib.analysis.quality import sum_turbines
from etl_lib.analysis.ranking import rank
from etl_lib.analysis.reference import Reference
from etl_lib.analysis.summary import Outline, SignalQuality, Summary, TurbineDay
from etl_lib.analysis.tables import Table
from etl_lib.extract.days import Day
from etl_lib.load.records import LoadedDay
from etl_lib.parameters import Span
from etl_lib.transform.kinds import EXPECTED, TURBINE, shown_column
from etl_lib.transform.statistics import BUCKETS_A_DAY

STEP_SECONDS = 1200
"""A step of an outline."""
MOST = 3
"""So many signals have a number in the headline of a day without wind speed and power."""


def summarize(
    load: LoadedDay,
    statistics: pd.DataFrame,
    quality: pd.DataFrame,
    flags: pa.Table | None = None,
    *,
    findings: Sequence[str] = (),
    reference: Reference | None = None,
    history: pd.DataFrame | None = None,
    keep_impossible: bool = False,
) -> Summary:
    """Summarize a load.

    `statistics` as from `to_frame`, `quality` as from `check_readings`, `flags` as from
    `find_flags`, `findings` as from `describe_problems`, `history` as from `read_history`.
    `keep_impossible` as it was for the statistics.
    """
    amounts = _add_up(statistics, load, reference)
    table, total = measure(amounts, TURBINE), measure_all(amounts).astype(object)
    total = total.where(total.notna(), None)
    counts = sum_turbines(quality)
    return Summary(
        **dict(load),
        quality={
            str(signal): SignalQuality.model_validate(found)
            for signal, found in counts.to_dict().items()
        },
        mean_wind_speed=total["mean_wind_speed"],
        energy=total["energy"],
        hours_with_power=total["hours_with_power"] / len(load.turbines),
        capacity_factor=total["capacity_factor"],
        calendar_capacity_factor=total["calendar_capacity_factor"],
        lost_energy=total["lost_energy"],
        by_turbine=_describe_turbines(load, statistics, table, quality),
        outline=_outline(statistics, load),
        tests={} if flags is None else list_counts(flags),
        keeps_impossible=keep_impossible,
        headline=[*_headline(load, statistics, total, history)],
        findings=list(findings),
    )


def tabulate_turbines(
    statistics: pd.DataFrame, day: Day | LoadedDay, reference: Reference | None = None
) -> Table:
    """A row per turbine of a day, sorted by lost energy, the largest loss first.

    `statistics` as from `to_frame`.
    """
    return rank(measure(_add_up(statistics, day, reference), TURBINE), "turbines")


def _add_up(
    statistics: pd.DataFrame, day: Day | LoadedDay, reference: Reference | None
) -> pd.DataFrame:
    rated = statistics.attrs.get("rated_powers", {})
    return add_up(statistics, Span(day.date, day.date), rated, reference, list(day.turbines))


def _headline(
    load: LoadedDay, statistics: pd.DataFrame, total: pd.Series, history: pd.DataFrame | None
) -> Iterator[tuple[str, str]]:
    """The numbers of the day, each with what it is, and the change against the day before."""
    before = _day_before(load, history)
    if "power" in load.columns:
        change = (
            ""
            if before is None
            else words.change_of(
                total["energy"], before["energy"], before["coverage"], "the day before"
            )
        )
        yield words.energy(total["energy"]), f"energy; {change}" if change else "energy"
    if total["calendar_capacity_factor"] is not None:
        yield words.factor(total["calendar_capacity_factor"], total["capacity_factor"])
    if "wind_speed" in load.columns:
        was = words.number(before["mean_wind_speed"]) if before is not None else words.NOTHING
        told = f"; {was} m/s the day before" if was != words.NOTHING else ""
        yield f"{words.number(total['mean_wind_speed'])} m/s", f"mean wind{told}"
    if total["lost_energy"] is not None:
        yield words.loss(total["lost_energy"], total["expected_energy"], total["assessed"])
    if not {"power", "wind_speed"} & {*load.columns}:
        yield from _tell_means(load, statistics)
    yield words.share(load.coverage), "coverage; the readings that arrived"


def _tell_means(load: LoadedDay, statistics: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """The means of the first signals that have one."""
    units = statistics.attrs.get("units", {})
    kinds = statistics.attrs.get("kinds", {})
    names = [name for name in load.columns if kinds.get(f"{name}_mean") == "quantity"]
    for name in names[:MOST]:
        unit = units.get(f"{name}_mean", "").replace("1", "")
        value = words.number(statistics[f"{name}_mean"].mean())
        yield f"{value} {unit}".strip(), f"mean {label(name)}"


def _day_before(load: LoadedDay, history: pd.DataFrame | None) -> pd.Series | None:
    """The numbers of the same turbines on the day before; None if Alvo does not have all."""
    if history is None or history.empty:
        return None
    span = Span(load.date, load.date).before
    stamps = history.index.get_level_values(1)
    day = history[(stamps >= span.start) & (stamps < span.end)]
    if {*load.turbines} - {*day.index.unique(TURBINE)}:
        return None
    return measure_all(add_up(day, span, {}, None, load.turbines))


def _describe_turbines(
    load: LoadedDay, statistics: pd.DataFrame, table: pd.DataFrame, quality: pd.DataFrame
) -> dict[str, TurbineDay]:
    """Each turbine's day in a few numbers; `table` as from `measure`."""
    # Over all signals, as in the ledger: one without readings was loaded, too
    plain = without_attrs(statistics)
    shares = sum(share_of_due(plain, signal) for signal in load.columns) / len(load.columns)
    shares /= BUCKETS_A_DAY * plain[EXPECTED].clip(upper=1)
    covered = shares.groupby(level=TURBINE).sum().clip(upper=1).reindex(load.turbines, fill_value=0)
    known = table[[name for name in TurbineDay.model_fields if name in table]].astype(object)
    numbers: dict[Any, dict[Any, Any]] = known.where(known.notna(), None).to_dict("index")
    rated, described = statistics.attrs.get("rated_powers", {}), {}
    for turbine, interval in zip(load.turbines, load.intervals, strict=True):
        signals = quality.loc[turbine].to_dict().values()
        counts = [SignalQuality.model_validate(found) for found in signals]
        told: dict[str, Any] = {
            "readings": counts[0].readings,
            "interval": interval,
            "rated_power": rated.get(turbine),
            "coverage": float(covered[turbine]),
            "odd": sum(each.missing + each.not_finite + each.implausible for each in counts),
            "longest_gap": max(each.longest_gap for each in counts),
        }
        described[turbine] = TurbineDay(**(numbers[turbine] | told))
    return described


def _outline(statistics: pd.DataFrame, load: LoadedDay) -> Outline:
    """Power, or the first signal where power was not loaded, in steps of twenty minutes.

    The mean of the turbines, of a counter that of its increments. States have no outline: one is
    drawn only if there is nothing else, as without readings.
    """
    drawn = [name for name in load.columns if f"{name}_mode" not in statistics]
    signal = "power" if "power" in load.columns else [*drawn, *load.columns][0]
    column = shown_column(statistics, signal) if signal in drawn else ""
    means_of_all = statistics.get(column, pd.Series(np.nan, index=statistics.index))
    steps = pd.date_range(load.date, periods=72, freq="20min", tz="UTC")
    stamps = pd.DatetimeIndex(statistics.index.get_level_values(-1)).floor("20min")
    turbines = statistics.index.get_level_values(TURBINE)
    halves = means_of_all.groupby([stamps, turbines]).mean().unstack().reindex(steps)
    for turbine, interval in zip(load.turbines, load.intervals, strict=True):
        if turbine in halves and (held := ceil(interval / STEP_SECONDS) - 1):
            # By a reading, after its own step
            halves[turbine] = halves[turbine].ffill(limit=held)
    mean = halves.mean(axis="columns")
    values = [None if np.isnan(value) else float(f"{value:.4g}") for value in mean]
    return Outline(signal=signal, values=values)
