"""What a signal is: its kind, its unit, its bounds, and what its source has beside its values."""

from enum import StrEnum
from json import dumps
from math import ceil
from typing import Annotated, Any, Literal

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
DAY = 86_400
"""Seconds."""
NEAR = 2 * 3600
"""Seconds; two readings that are further apart are no neighbours, whatever their interval."""
BOUNDS = (
    "plausible",
    "possible",
    "plausible_of_rated",
    "possible_of_rated",
    "flat_except",
    "flat_except_of_rated",
)
TESTS = ("flat_minutes", "flat_tolerance", "spike", "calm", "producing")
"""The keys of the tests of readings, beside the bounds."""
RULES = ("register_size", *BOUNDS, *TESTS, "states", "flagged_share")
"""The keys by which statistics, flags, states and the ledger are made of the readings."""
RATED_KEYS = ("plausible_of_rated", "possible_of_rated", "flat_except_of_rated", "producing")

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
    flat_minutes: Annotated[float, Field(gt=0, le=1320)] | None = None
    """A value that does not change for so long is suspicious; None: not tested."""
    flat_tolerance: float = Field(default=0, ge=0)
    """The largest difference of two readings, one after the other, that count as equal."""
    flat_except: Bounds | None = None
    """Inclusive bounds of the values of which a flat line is real, as wind in a calm."""
    flat_except_of_rated: Bounds | None = None
    """As `flat_except`, as shares of the turbine's rated power."""
    spike: Positive | None = None
    """A reading is suspicious that is further from the middle of its neighbours; None: not tested.
    """
    calm: Positive | None = None
    """Below it a turbine gives no power: a wind speed, None of other signals."""
    producing: Positive | None = None
    """Above this share of rated power a turbine needs wind: a power, None of other signals."""
    states: dict[Literal["running", "derated", "idle", "stopped"], tuple[float, ...]] | None = None
    """Of a state: the codes that tell what the turbine does; None: its codes are not told."""
    flagged_share: float = Field(default=0.05, ge=0, le=1)
    """More of a turbine's readings of a day that are suspicious need a look."""
    example: float | None = None

    @field_validator("possible", "possible_of_rated")
    @classmethod
    def _check_containment(cls, bounds: Bounds | None, info: ValidationInfo) -> Bounds | None:
        name = str(info.field_name).replace("possible", "plausible")
        inner = info.data.get(name)
        if bounds and inner and not bounds[0] <= inner[0] < inner[1] <= bounds[1]:
            raise ValueError(f"expected bounds that contain {name}, {inner[0]:g} to {inner[1]:g}")
        return bounds

    @field_validator(*RATED_KEYS)
    @classmethod
    def _check_unit(cls, bounds: Any, info: ValidationInfo) -> Any:
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

    @field_validator("states")
    @classmethod
    def _check_states(cls, states: dict[Any, Any] | None, info: ValidationInfo) -> Any:
        kind = info.data.get("kind", Kind.STATE)
        if states and kind != Kind.STATE:
            raise ValueError(f"expected only for the kind state, which {kind} is not")
        codes = [code for several in (states or {}).values() for code in several]
        if len(set(codes)) < len(codes):
            twice = next(code for code in codes if codes.count(code) > 1)
            raise ValueError(f"expected each code in one state, got {twice:g} twice")
        return states

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
    def look_back(self) -> int:
        """Seconds before a day of which the day's statistics and flags depend on the readings."""
        if self.needs_before:
            return DAY
        if self.flat_minutes:
            # Of a run that began earlier this has three readings at least, however short the test
            return max(ceil(60 * self.flat_minutes), NEAR) + NEAR
        return NEAR if self.spike else 0

    @property
    def rules(self) -> dict[str, Any]:
        """What the catalogue says of how statistics and flags are made of the readings."""
        rules = {name: getattr(self, name) for name in RULES}
        if self.on_change:
            rules["hold"] = self.hold
        return {name: rule for name, rule in rules.items() if rule}

    @property
    def needs_rated_power(self) -> bool:
        """Whether one of its rules is relative to the turbine's rated power."""
        return any(getattr(self, name) for name in RATED_KEYS)

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
        for name in BOUNDS:
            bounds = getattr(self, name)
            known[name] = "{!r} {!r}".format(*bounds) if bounds else None
        for name in (*TESTS, "flagged_share", "look_back"):
            value = getattr(self, name)
            known[name] = repr(value) if value else None
        known["states"] = dumps(self.states) if self.states else None
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
