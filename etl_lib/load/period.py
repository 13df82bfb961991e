"""What Alvo holds of a period, and of the days that it is compared with."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import httpx2
import pandas as pd
from sqlalchemy import Engine

from etl_lib.errors import ParameterError
from etl_lib.extract.days import Day
from etl_lib.extract.turbines import Turbine, fetch_turbines
from etl_lib.load.ledger import TurbineLoad, last_loads, loaded_turbines, read_units
from etl_lib.load.reading import read_statistics
from etl_lib.load.records import LoadedDay
from etl_lib.parameters import Span, parse_span
from etl_lib.transform.kinds import FLAGS, STATE

BASIS = ("wind_speed", "power")
DIRECTIONS = ("wind_direction", "nacelle_direction")
TURBINE_DAYS = 300
"""So many are read before a day, for its reference curve; a week at least, 30 days at most."""


@dataclass(frozen=True)
class Period:
    """Statistics of UTC days, without what people excluded, and of the days to compare with.

    The frames are as from `read_statistics`.
    """

    span: Span
    turbines: list[str]
    """Those asked for, or all that had readings by the end of the period."""
    is_whole: bool
    """Whether these are all that had readings by then."""
    statistics: pd.DataFrame
    before: pd.DataFrame
    """Of the span before."""
    year_before: pd.DataFrame
    facts: Mapping[str, Turbine]
    loads: Mapping[date, LoadedDay]
    """The last load of each date of the period."""
    lacking: Mapping[date, list[str]]
    """The turbines of the period that were not loaded, by date."""
    asked_at: datetime

    def __str__(self) -> str:
        turbines = "1 turbine" if len(self.turbines) == 1 else f"{len(self.turbines)} turbines"
        days = f"{len(self.loads)} of {self.span.days} days are loaded"
        return f"{self.span}: {turbines}; {days}"

    @property
    def rated_powers(self) -> dict[str, float]:
        """kW, of the turbines of which it is known."""
        facts = {name: self.facts.get(name) for name in self.turbines}
        return {name: each.rated_power for name, each in facts.items() if each and each.rated_power}


def read_period(
    fonte: httpx2.Client,
    alvo: Engine,
    start: object,
    end: object = None,
    turbines: Collection[str] | None = None,
) -> Period:
    """The period from `start` to `end`, both included: days, months or years as text.

    `turbines` chooses some; None means all that had readings by then. Only what an analysis of
    performance needs is read: wind speed, power, directions, states and flags. Raises
    `ParameterError` for an invalid period, for turbines that neither Fonte nor Alvo has, and for a
    period of which Alvo holds nothing.
    """
    span, asked_at = parse_span(start, end), datetime.now(UTC)
    facts, loaded, names, is_whole = check_period(fonte, alvo, span, turbines)
    series = _choose_series(read_units(alvo))
    basis = [name for name in series if _is_basis(name)]
    wanted = ((span, series), (span.before, basis), (span.year_before, basis))
    with ThreadPoolExecutor(len(wanted)) as pool:  # most of the time is the database's
        frames = pool.map(
            lambda each: read_statistics(
                alvo, each[0].start, each[0].end, series=each[1], turbines=names, excluding=True
            ),
            wanted,
        )
        now, before, year_before = frames
    return Period(
        span,
        names,
        is_whole,
        now,
        before,
        year_before,
        {name: facts[name] for name in names if name in facts},
        last_loads(alvo, span.first, span.last),
        {day: sorted(set(names) - found.keys()) for day, found in loaded.items()},
        asked_at,
    )


def check_period(
    fonte: httpx2.Client, alvo: Engine, span: Span, turbines: Collection[str] | None = None
) -> tuple[dict[str, Turbine], dict[date, dict[str, TurbineLoad]], list[str], bool]:
    """Fonte's turbines, the loads of each date of the span, and the names of its turbines.

    The last value is whether these are all that the span has. Raises `ParameterError` as
    `read_period`.
    """
    facts = fetch_turbines(fonte)
    loaded = {
        day: found for day, found in loaded_turbines(alvo).items() if span.first <= day <= span.last
    }
    known = {name for found in loaded.values() for name in found}
    known |= {
        name for name, each in facts.items() if each.first < span.end and each.last >= span.start
    }
    if others := sorted(set(turbines or ()) - known):
        expected = ", ".join(sorted(known)) or "none, since there are none by then"
        raise ParameterError(f"turbines: expected some of {expected}; got {', '.join(others)}")
    names = sorted(known if turbines is None else set(turbines))
    if not any(set(names) & found.keys() for found in loaded.values()):
        command = f"etl run {span.first} {span.last}"
        raise ParameterError(f"Alvo holds nothing of {span}: load it with `{command}`")
    return facts, loaded, names, set(names) == known


def read_history(alvo: Engine, day: Day) -> pd.DataFrame:
    """Wind speed, power and states of the days before `day`, of its turbines.

    A week to a month, the shorter the more turbines there are, without what people excluded. As
    from `read_statistics`.
    """
    days = min(30, max(7, TURBINE_DAYS // max(1, len(day.turbines))))
    return read_statistics(
        alvo,
        day.start - timedelta(days=days),
        day.start,
        day.turbines,
        series=[name for name in read_units(alvo) if _is_basis(name)],
        excluding=True,
    )


def _choose_series(names: Collection[str]) -> list[str]:
    """The series that the analysis of a period needs; all, where it has neither wind nor power."""
    has_basis = any(f"{signal}_count" in names for signal in BASIS)
    return [name for name in names if _is_needed(name) or not has_basis]


def _is_basis(series: str) -> bool:
    """Whether a series is part of a power curve, or decides what is."""
    signal, _, statistic = series.rpartition("_")
    kinds = ("mean", "count", "coverage", FLAGS)
    return series == STATE or (signal in BASIS and statistic in kinds)


def _is_needed(series: str) -> bool:
    """Whether the analysis of a period needs a series."""
    signal, _, statistic = series.rpartition("_")
    return (
        _is_basis(series)
        or statistic == FLAGS
        or series == "wind_speed_std"
        or (signal in DIRECTIONS and statistic in ("mean", "count"))
    )
