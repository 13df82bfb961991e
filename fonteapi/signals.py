"""What a signal is: its kind, its unit, its bounds, and what its source has beside its values."""

from enum import StrEnum
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)


class Kind(StrEnum):
    """What a signal is; the kind decides its statistics."""

    QUANTITY = "quantity"
    ANGLE = "angle"
    COUNTER = "counter"
    STATE = "state"


OWN_STATISTICS = {Kind.QUANTITY: ("min", "max", "std"), Kind.ANGLE: ("std",)}
"""The statistics of each reading that a source may have beside it, by kind: columns `power.std`."""
WORDS = {"min": "minimum", "max": "maximum", "std": "standard deviation"}
HELD_KINDS = (Kind.QUANTITY, Kind.STATE)
"""Signals of these may be sampled on change."""

POWER_UNITS = ("kW", "kvar", "kVA")
"""Signals in these may have bounds as shares of the turbine's rated power, which is in kW."""

Positive = Annotated[float, Field(gt=0)]


def _check_bounds(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] < bounds[1]:
        return bounds
    raise ValueError("expected the lower bound before the upper one")


Bounds = Annotated[tuple[float, float], AfterValidator(_check_bounds)]


class Entry(BaseModel):
    """An entry of the catalogue; a key that it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Signal(Entry):
    """A measured quantity of a turbine."""

    name: str
    unit: str = Field(min_length=1, max_length=20)
    kind: Kind
    description: str = Field(min_length=1)
    iec_61400_25: str | None = None
    """Name in IEC 61400-25, as OpenOA spells it."""
    plausible: Bounds | None = None
    """Inclusive bounds outside which a reading is suspicious (a sentinel, a broken sensor)."""
    possible: Bounds | None = None
    """Inclusive bounds outside which a reading cannot be; they contain the plausible ones."""
    plausible_of_rated: Bounds | None = None
    """As `plausible`, as shares of the turbine's rated power."""
    possible_of_rated: Bounds | None = None
    """As `possible`, as shares of the turbine's rated power."""
    register_size: Positive | None = Field(default=None, alias="register")
    """Where a counter begins again at zero, in its unit."""
    on_change: bool | None = None
    """Whether it is sampled on change: a value holds until the next one. None if it is not known;
    the comment of Fonte's column decides then."""
    hold: int = Field(default=3600, ge=1, le=86_400)
    """Seconds that a value holds at most, of a signal that is sampled on change."""
    example: float | None = None

    @field_validator("possible", "possible_of_rated")
    @classmethod
    def _check_containment(cls, bounds: Bounds | None, info: ValidationInfo) -> Bounds | None:
        name = str(info.field_name).replace("possible", "plausible")
        inner = info.data.get(name)
        if bounds and inner and not bounds[0] <= inner[0] < inner[1] <= bounds[1]:
            raise ValueError(f"expected bounds that contain {name}, {inner[0]:g} to {inner[1]:g}")
        return bounds

    @field_validator("plausible_of_rated", "possible_of_rated")
    @classmethod
    def _check_unit(cls, bounds: Bounds | None, info: ValidationInfo) -> Bounds | None:
        unit = info.data.get("unit", "kW")
        if bounds and unit not in POWER_UNITS:
            known = ", ".join(POWER_UNITS)
            raise ValueError(f"expected only for a unit of power ({known}), which {unit} is not")
        return bounds

    @field_validator("register_size")
    @classmethod
    def _check_kind(cls, size: float | None, info: ValidationInfo) -> float | None:
        kind = info.data.get("kind", Kind.COUNTER)
        if size is not None and kind != Kind.COUNTER:
            raise ValueError(f"expected only for the kind counter, which {kind} is not")
        return size

    @field_validator("on_change", "hold")
    @classmethod
    def _check_held(cls, value: int, info: ValidationInfo) -> int:
        kind = info.data.get("kind", Kind.QUANTITY)
        if value and kind not in HELD_KINDS:
            known = " and ".join(HELD_KINDS)
            raise ValueError(f"expected only for the kinds {known}, not for {kind}")
        return value

    @property
    def needs_before(self) -> bool:
        """Whether its statistics depend on the reading before, and so on the day before."""
        return self.kind in (Kind.COUNTER, Kind.STATE) or bool(self.on_change)

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of the signal's field in an Arrow schema."""
        known: dict[str, str | None] = {
            "unit": self.unit,
            "kind": self.kind,
            "description": self.description,
            "iec_61400_25": self.iec_61400_25,
            "register": repr(self.register_size) if self.register_size else None,
            "on_change": "true" if self.on_change else None,
            "hold": str(self.hold) if self.on_change else None,
        }
        for name in ("plausible", "possible", "plausible_of_rated", "possible_of_rated"):
            bounds = getattr(self, name)
            known[name] = "{!r} {!r}".format(*bounds) if bounds else None
        return {key: value for key, value in known.items() if value is not None}


class Column(Signal):
    """A signal as Fonte's table has it, or a source's own statistic of one."""

    statistics: tuple[str, ...] = ()
    """The source's own statistics of it that the table has, of `OWN_STATISTICS`."""
    statistic_of: str | None = None
    """The signal whose statistic it is; None of a signal."""

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of its field in an Arrow schema."""
        known = {"statistics": " ".join(self.statistics), "statistic_of": self.statistic_of}
        return super().metadata | {key: value for key, value in known.items() if value}


def make_statistic(signal: Signal, statistic: str) -> Column | None:
    """A source's own `statistic` of a signal, in its unit; None if its kind has no such one."""
    if statistic not in OWN_STATISTICS.get(signal.kind, ()):
        return None
    return Column(
        name=f"{signal.name}.{statistic}",
        unit=signal.unit,
        kind=Kind.QUANTITY,
        description=f"{WORDS[statistic]} of {signal.name} in a reading's interval, by the source",
        statistic_of=signal.name,
    )
