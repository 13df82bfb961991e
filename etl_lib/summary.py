"""The last cell of a run: what was loaded, for people and for programs."""

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from etl_lib.load import Load

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
        ledger = {
            name: value.isoformat() if hasattr(value, "isoformat") else value
            for name, value in asdict(self.load).items()
        }
        return ledger | {
            "mean_wind_speed": self.mean_wind_speed,
            "energy": self.energy,
            "hours_with_power": self.hours_with_power,
            "quality": self.quality,
        }

    def table(self) -> str:
        """The summary as a Markdown table."""
        rows = {
            "date (UTC)": str(self.load.date),
            "signals": ", ".join(self.load.columns),
            "readings in": f"{self.load.readings:,}",
            "statistics out": f"{self.load.statistics:,}",
            "coverage": f"{self.load.coverage:.1%}",
            "mean wind speed": _quantity(self.mean_wind_speed, "{:.2f} m/s"),
            "energy": _quantity(self.energy, "{:,.0f} kWh")
            + f", in {self.hours_with_power:.1f} hours with power readings",
            "ledger": f"run {self.load.run_id}, {self.load.finished:%Y-%m-%d %H:%M:%S} UTC",
        }
        lines = [f"| {name} | {value} |" for name, value in rows.items()]
        return "\n".join(["| | |", "|:--|:--|", *lines])


def summarize(load: Load, statistics: pd.DataFrame, quality: pd.DataFrame) -> Summary:
    """What was loaded, and the day in three numbers.

    `statistics` as from `to_frame`, `quality` as from `check_readings`.
    """
    nothing = pd.Series(dtype=float)
    wind = statistics.get("wind_speed_mean", nothing).dropna()
    power = statistics.get("power_mean", nothing).dropna()
    return Summary(
        load,
        quality=quality.to_dict(),
        mean_wind_speed=None if wind.empty else float(wind.mean()),
        energy=None if power.empty else float(power.sum() * HOURS_A_BUCKET),
        hours_with_power=float(len(power) * HOURS_A_BUCKET),
    )


def _quantity(value: float | None, form: str) -> str:
    return "no readings" if value is None else form.format(value)
