"""The last cell of a run: what was loaded, for people and for programs."""

from dataclasses import asdict, dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from etl_lib.load.day import Load
from etl_lib.transform.statistics import BUCKETS_A_DAY, coverage, signals_of

HOURS_A_BUCKET = 1 / 6


@dataclass(frozen=True)
class Summary:
    """What a run did. Jupyter shows a table of it and keeps it as JSON in the same output."""

    load: Load
    quality: dict[Any, Any]
    """As from `check_readings`: signal, then question, then count."""
    mean_wind_speed: float | None
    """m/s, the mean of the buckets' means."""
    energy: float | None
    """kWh: the mean power of each bucket that has one, times ten minutes."""
    hours_with_power: float
    """What the energy stands for."""
    outline: dict[str, Any]
    """The day in a small picture: a `signal` and 72 `values`, means of twenty minutes."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {
            "application/json": self.record(),
            "text/markdown": self.table(),
            "text/plain": str(self),
        }

    def __str__(self) -> str:
        return (
            f"{self.load.date}: {self.load.readings:,} readings in,"
            f" {self.load.statistics:,} statistics out, coverage {self.load.coverage:.1%}"
        )

    def record(self) -> dict[str, Any]:
        """The summary as JSON takes it: dates and times as ISO 8601 text, UTC."""
        facts = asdict(self)
        return {
            name: value.isoformat() if hasattr(value, "isoformat") else value
            for name, value in (facts.pop("load") | facts).items()
        }

    def table(self) -> str:
        """The summary as a Markdown table."""
        rows = {
            "date (UTC)": str(self.load.date),
            "signals": ", ".join(self.load.columns),
            "readings in": f"{self.load.readings:,}",
            "statistics out": f"{self.load.statistics:,}",
            "changes in Alvo": str(self.load.changes),
            "coverage": f"{self.load.coverage:.1%}",
            "mean wind speed": _quantity(self.mean_wind_speed, "{:.2f} m/s"),
            "energy": _quantity(self.energy, "{:,.0f} kWh")
            + f", in {self.hours_with_power:.1f} hours with power readings",
            "ledger": f"run {self.load.run_id}, {self.load.finished:%Y-%m-%d %H:%M:%S} UTC",
        }
        # Markdown lets HTML through, and a unit is what Fonte says
        lines = [f"| {name} | {escape(value, quote=False)} |" for name, value in rows.items()]
        return "\n".join(["| | |", "|:--|:--|", *lines])


def summarize(load: Load, statistics: pd.DataFrame, quality: pd.DataFrame) -> Summary:
    """What was loaded, and the day in three numbers.

    `statistics` as from `to_frame`, `quality` as from `check_readings`.
    """
    days = summarize_days(statistics)
    day = days.iloc[0] if len(days) else pd.Series(np.nan, index=days.columns)
    return Summary(
        load,
        quality=quality.to_dict(),
        mean_wind_speed=_number(day["mean_wind_speed"]),
        energy=_number(day["energy"]),
        hours_with_power=_number(day["hours_with_power"]) or 0.0,
        outline=_outline(statistics, load),
    )


def summarize_days(statistics: pd.DataFrame) -> pd.DataFrame:
    """Each UTC day that has statistics in a few numbers; one row a day, `date` the index.

    `statistics` as from `read_statistics`. Columns: `coverage` (0 to 1, over the signals that
    have readings that day: another may not have been loaded),
    `mean_wind_speed` (m/s, the mean of the buckets' means), `energy` (kWh: mean power × ten
    minutes, over the buckets that have one), `hours_with_power` (what the energy stands for).
    NaN where nothing was read.
    """
    signals = signals_of(statistics.columns)
    nothing = pd.Series(np.nan, index=statistics.index)
    power = statistics.get("power_mean", nothing)
    dates = pd.DatetimeIndex(statistics.index).date
    shares = pd.DataFrame({s: coverage(statistics, s).groupby(dates).sum() for s in signals})
    buckets = pd.DataFrame(
        {
            "mean_wind_speed": statistics.get("wind_speed_mean", nothing),
            "energy": power * HOURS_A_BUCKET,
            "hours_with_power": power.notna() * HOURS_A_BUCKET,
        },
        index=statistics.index,
    )
    days = buckets.groupby(dates)
    table = days.agg({"mean_wind_speed": "mean", "hours_with_power": "sum"})
    table.insert(0, "coverage", shares[shares > 0].mean(axis="columns") / BUCKETS_A_DAY)
    table.insert(2, "energy", days["energy"].sum(min_count=1))
    return table.rename_axis("date")


def describe_days(days: pd.DataFrame) -> str:
    """Which days Alvo holds, as Markdown; of an empty Alvo, what to do."""
    if days.empty:
        return (
            "**Alvo is still empty.** Load a day with `etl run 2024-05-20`"
            " (or `make run`), then run this page again."
        )
    return (
        f"Alvo holds **{len(days)} days**, {days.index[0]} to {days.index[-1]},"
        f" with {days['coverage'].mean():.1%} of the expected readings."
    )


def describe_findings(days: pd.DataFrame) -> str:
    """What the days say about wind and energy, as a Markdown list; from `summarize_days`."""
    wind, energy = days["mean_wind_speed"].dropna(), days["energy"].dropna()
    lines = []
    if len(wind):
        lines.append(
            f"The calmest day was {wind.idxmin()} with {wind.min():.1f} m/s,"
            f" the windiest {wind.idxmax()} with {wind.max():.1f} m/s."
        )
    if len(energy):
        lines += [
            f"The turbine made **{energy.sum():,.0f} kWh** in"
            f" {days['hours_with_power'].sum():,.0f} hours with power readings.",
            f"{energy.idxmax()} gave most of it, {energy.max():,.0f} kWh,"
            f" and {energy.idxmin()} least, {energy.min():,.0f} kWh.",
        ]
    return "\n".join(f"- {line}" for line in lines or ["Nothing yet."])


def _outline(statistics: pd.DataFrame, load: Load) -> dict[str, Any]:
    """Power, or else the first signal, in steps of twenty minutes from midnight to midnight."""
    signal = "power" if "power" in load.columns else load.columns[0]
    means = statistics.get(f"{signal}_mean", pd.Series(dtype=float))
    steps = pd.date_range(load.date, periods=72, freq="20min", tz="UTC")
    halves = means.groupby(pd.DatetimeIndex(means.index).floor("20min")).mean().reindex(steps)
    values = [None if np.isnan(value) else float(f"{value:.4g}") for value in halves]
    return {"signal": signal, "values": values}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _quantity(value: float | None, form: str) -> str:
    return "no readings" if value is None else form.format(value)
