"""The summary that a notebook leaves of its day: text for people, JSON for programs."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from etl_lib.analysis.headline import write_headline
from etl_lib.load.records import LoadedDay

MIME_TYPE = "application/vnd.wind-etl.summary+json"
"""JupyterLab has no view for it and shows the Markdown table, where it prefers plain JSON."""
MIME_TYPES = (MIME_TYPE, "application/json")
"""Notebooks of earlier versions have their summary as plain JSON."""


class SignalQuality(BaseModel):
    """Counts of what is there, missing or odd in a signal's readings of one day.

    The aliases are the labels in tables and the keys in JSON, which archived notebooks have.
    """

    model_config = ConfigDict(frozen=True, validate_by_name=True)

    readings: int
    repeated: Annotated[int, Field(alias="repeated stamps (the last counts)")]
    missing: Annotated[int, Field(alias="missing values")]
    not_finite: Annotated[int, Field(alias="not finite (NaN, infinity)")]
    implausible: Annotated[int, Field(alias="outside the plausible range")]
    uncovered: Annotated[int, Field(alias="minutes without a reading")]
    longest_gap: Annotated[int, Field(alias="longest gap, minutes")]


Counts = dict[str, dict[str, dict[str, int]]]
"""Readings that each test flagged, by turbine, signal and test; what found nothing is left out."""


class TurbineDay(BaseModel):
    """A turbine's day in a few numbers."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    readings: int
    interval: float
    """Seconds between two readings."""
    coverage: float
    mean_wind_speed: float | None
    energy: float | None
    """kWh"""
    hours_with_power: float
    odd: int
    """Values that are missing, not finite or outside the plausible range, over all signals."""
    longest_gap: int
    """Minutes, of the signal with the longest."""
    rated_power: float | None = None
    """kW; None if it is not known, as in notebooks of earlier versions."""
    capacity_factor: float | None = None
    """0 to 1, over the hours with power."""
    calendar_capacity_factor: float | None = None
    """0 to 1, over all hours of the day."""
    lost_energy: float | None = None
    """kWh below the reference curve; None without one."""


class Outline(BaseModel):
    """The day in a small picture: 72 means of twenty minutes each."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    signal: str
    values: list[float | None]


class Summary(LoadedDay):
    """A loaded day in a few numbers. Jupyter keeps table and JSON in one output."""

    quality: dict[str, SignalQuality]
    """The counts of each signal, over all turbines."""
    mean_wind_speed: float | None
    """m/s, the mean of the buckets' means."""
    energy: float | None
    """kWh, the sum over turbines and buckets of mean power times ten minutes."""
    hours_with_power: float
    """The hours that the energy covers, the mean of the turbines."""
    by_turbine: dict[str, TurbineDay] = Field(default_factory=dict)
    """Notebooks of version 0.1 have none."""
    outline: Outline | None
    capacity_factor: float | None = None
    """0 to 1, of all turbines over the hours with power."""
    calendar_capacity_factor: float | None = None
    """0 to 1, of all turbines over all hours of the day; None if a rated power is not known."""
    lost_energy: float | None = None
    """kWh below the reference curve, of all turbines; None without one."""
    tests: Counts = Field(default_factory=dict)
    headline: list[tuple[str, str]] = Field(default_factory=list)
    """Each number with its unit, and what it is."""
    findings: list[str] = Field(default_factory=list)
    """What is missing or wrong, in sentences: Markdown."""
    keeps_impossible: bool = False
    """Whether the statistics have the impossible readings, too."""

    @classmethod
    def read(cls, bundle: Mapping[str, Any]) -> "Summary | None":
        """Read the summary in an output's data, a MIME bundle; None without a valid one."""
        for found in (bundle[kind] for kind in MIME_TYPES if kind in bundle):
            try:
                return cls.model_validate(found)
            except ValidationError:  # a notebook may show other JSON
                continue
        return None

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {
            MIME_TYPE: self.model_dump(mode="json", by_alias=True),
            "text/markdown": self.text,
            "text/plain": f"{self.date}: {self.nothing if self.is_empty else self.counts}",
        }

    @property
    def text(self) -> str:
        """The headline and the findings as Markdown."""
        return write_headline(self.headline, self.findings)

    @property
    def absent(self) -> list[str]:
        """The signals that were asked for and have no finite reading, of any turbine."""
        found = {name: counts.readings - counts.missing - counts.not_finite
                 for name, counts in self.quality.items()}  # fmt: skip
        return [name for name in self.columns if found.get(name) == 0]

    @property
    def line(self) -> str:
        """What the load did, in one line."""
        return self.nothing if self.is_empty else f"loaded: {self.counts}{self._flags}"

    @property
    def counts(self) -> str:
        """Readings in, statistics out, coverage and the signals without readings, in one line."""
        several = f" of {len(self.turbines)} turbines" if len(self.turbines) > 1 else ""
        return (
            f"{self.readings:,} readings{several} in, {self.statistics:,} statistics out,"
            f" coverage {self.coverage:.1%}{self._absence}"
        )

    @property
    def _absence(self) -> str:
        return f"; no readings of {', '.join(self.absent)}" if self.absent else ""

    @property
    def _flags(self) -> str:
        """What the tests found, over all turbines: the impossible readings, and the others."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for signals in self.tests.values():
            for signal, counts in signals.items():
                found[signal].update(counts)
        impossible = {s: c for s, counts in found.items() if (c := counts.pop("impossible", 0))}
        flagged = {s: counts for s, counts in found.items() if counts}
        what = "kept" if self.keeps_impossible else "left out"
        parts = [f"{count:,} of {signal}" for signal, count in impossible.items()]
        text = f"; impossible, and {what}: {', '.join(parts)}" if parts else ""
        parts = [
            f"{signal} ({', '.join(f'{count:,} {test}' for test, count in counts.items())})"
            for signal, counts in flagged.items()
        ]
        return f"{text}; flagged: {', '.join(parts)}" if parts else text
