"""The summary that a notebook leaves of its period: text for people, JSON for programs."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from etl_lib.analysis import words
from etl_lib.analysis.headline import write_headline
from etl_lib.load.records import IsoDatetime

MIME_TYPE = "application/vnd.wind-etl.period+json"


class PeriodSummary(BaseModel):
    """A period of UTC days in a few numbers."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    start: date
    end: date
    """The last day, inclusive."""
    started: IsoDatetime
    """When Alvo was read, UTC."""
    turbines: list[str]
    """In order of their names."""
    is_whole: bool = True
    """Whether the turbines are all that had readings by the end of the period."""
    days: int
    """Days of the period that have statistics of some turbine."""
    energy: float | None
    """kWh, the sum of all turbines."""
    mean_wind_speed: float | None
    """m/s"""
    coverage: float
    """0 to 1, of all turbines and days."""
    capacity_factor: float | None
    """0 to 1, over calendar hours; None if a rated power is not known."""
    lost_energy: float | None
    """kWh below the reference curve; None without one."""
    runs: dict[date, int] = {}
    """The id of each date's last load that the page shows."""
    loaded: dict[str, int] = {}
    """How many days of the period were loaded, by turbine."""
    exclusions: list[int] = []
    """The ids of those that left out a value."""
    headline: list[tuple[str, str]] = []
    """Each number with its unit, and what it is."""
    findings: list[str] = []
    """What is missing or wrong, in sentences: Markdown."""

    @classmethod
    def read(cls, bundle: Mapping[str, Any]) -> "PeriodSummary | None":
        """Read the summary in an output's data, a MIME bundle; None without a valid one."""
        try:
            return cls.model_validate(bundle[MIME_TYPE])
        except (KeyError, ValidationError):
            return None

    @property
    def line(self) -> str:
        """The numbers of the headline in one line."""
        numbers = ", ".join(f"{value} {what.partition(';')[0]}" for value, what in self.headline)
        return f"{numbers}; {words.count(self.days, 'day')} loaded"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {
            MIME_TYPE: self.model_dump(mode="json"),
            "text/markdown": write_headline(self.headline, self.findings),
            "text/plain": self.line,
        }
