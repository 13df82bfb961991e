"""The models and the documented responses of the API."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from fonteapi.catalogue import Turbine
from fonteapi.formats import ARROW, CSV, JSON
from fonteapi.signals import Kind, Signal

TIMESTAMP = "2024-05-20T00:00:00Z"
Range = tuple[float, float] | None


class Reading(BaseModel):
    """One reading with each signal of this Fonte; a value that is missing or not finite is null."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float | None] = Field(init=False)

    id: int = Field(examples=[1])
    timestamp: AwareDatetime = Field(description="UTC", examples=[TIMESTAMP])
    turbine: str = Field(examples=["T1"])


class SignalFacts(BaseModel):
    """What the catalogue says of a signal."""

    name: str = Field(examples=["wind_speed"])
    unit: str = Field(examples=["m/s"])
    kind: Kind
    description: str = Field(examples=["wind speed at hub height"])
    iec_61400_25: str | None = Field(description="the name in IEC 61400-25, as OpenOA spells it")
    plausible: Range = Field(description="bounds, inclusive; a reading outside is suspicious")
    possible: Range = Field(description="bounds, inclusive; a reading outside cannot be")
    plausible_of_rated: Range = Field(
        description="as plausible, as shares of the turbine's rated power"
    )
    possible_of_rated: Range = Field(
        description="as possible, as shares of the turbine's rated power"
    )
    flat_minutes: float | None = Field(
        description="a value that does not change for so long is flagged"
    )
    flat_tolerance: float = Field(description="the largest difference of readings that are equal")
    flat_except: Range = Field(description="values of which a flat line is real")
    flat_except_of_rated: Range = Field(
        description="as flat_except, as shares of the turbine's rated power"
    )
    spike: float | None = Field(
        description="a reading further from the middle of its neighbours is flagged"
    )
    calm: float | None = Field(description="of a wind speed: below it no power flows")
    producing: float | None = Field(
        description="of a power: the share of rated power above which the wind is no calm"
    )
    states: dict[str, list[float]] | None = Field(
        description="of a status: the codes by which it tells what the turbine does"
    )
    flagged_share: float = Field(
        description="a turbine with a larger share of flagged readings in a day is named"
    )
    register_size: float | None = Field(
        alias="register", description="of a counter: where it begins again at zero, in its unit"
    )
    on_change: bool = Field(description="whether a value holds until the next one")
    hold: int = Field(description="of a signal that is sampled on change: at most so many seconds")
    statistics: list[str] = Field(
        description="the source's own statistics of it, which /data answers as NAME.STATISTIC",
        examples=[["min", "max", "std"]],
    )


class TurbineReadings(BaseModel):
    """The turbine whose readings these are, and their span."""

    name: str = Field(examples=["T1"])
    simulated: bool = Field(description="whether it has simulated readings", examples=[False])
    first_timestamp: AwareDatetime
    last_timestamp: AwareDatetime


class TurbineFacts(Turbine, TurbineReadings):
    """A turbine that has readings, and what the catalogue says of it."""

    interval: int | None = Field(
        description="time between two readings, seconds: the catalogue's, or the usual one of the"
        " last 200",
        examples=[60],
    )


class Day(BaseModel):
    """The readings of one UTC day."""

    date: date
    readings: int = Field(description="number of readings", examples=[1440])
    turbines: list[str] = Field(description="the turbines that have readings", examples=[["T1"]])
    first_timestamp: AwareDatetime
    last_timestamp: AwareDatetime
    fingerprints: dict[str, dict[str, str]] = Field(
        description="by turbine and signal: another one after any change of its readings that day,"
        " and of those before the day on which it depends",
        examples=[{"T1": {"power": "9f86d081884c7d65"}}],
    )


class Health(BaseModel):
    """Fonte answers."""

    status: str = Field(examples=["ok"])


class Problem(BaseModel):
    """An error, in one line."""

    detail: str


Responses = dict[int | str, dict[str, Any]]

UNAVAILABLE: Responses = {
    503: {"model": Problem, "description": "Fonte is not ready, or the API is busy"}
}
REFUSED: Responses = UNAVAILABLE | {
    401: {"model": Problem, "description": "the request lacks the API's key"}
}
NOT_FOUND: Responses = {404: {"model": Problem, "description": "no such reading"}}
READINGS: Responses = {
    406: {"model": Problem, "description": "Accept names none of the forms"},
    200: {
        "description": "the readings in [start, end), by timestamp",
        "content": {
            JSON: {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}}},
            CSV: {
                "schema": {"type": "string"},
                "example": f"timestamp,wind_speed\n{TIMESTAMP},7.42\n",
            },
            ARROW: {"schema": {"type": "string", "format": "binary"}},
        },
    },
}


def describe_fonte(
    document: dict[str, Any],
    signals: Mapping[str, Signal],
    statistics: Mapping[str, Signal],
    turbines: Sequence[str],
) -> None:
    """Write Fonte's signals, its own statistics of them and turbines into the OpenAPI document."""
    reading = document["components"]["schemas"]["Reading"]
    reading["properties"] |= {name: _describe(signal) for name, signal in signals.items()}
    row = {name: value for name, value in reading["properties"].items() if name != "id"}
    row["turbine"] = row["turbine"] | {"description": "only where `turbine` was requested"}
    row |= {name: _describe(statistic) for name, statistic in statistics.items()}
    document["components"]["schemas"]["Row"] = {
        "title": "Row",
        "type": "object",
        "description": "A row of /data, which has the signals that were requested.",
        "properties": row,
        "required": ["timestamp"],
    }
    data = document["paths"]["/data"]["get"]
    example = {name: value["examples"][0] for name, value in row.items() if "examples" in value}
    del example["turbine"]
    data["responses"]["200"]["content"][JSON]["example"] = [example]
    allowed = {"columns": [*signals, *statistics], "turbine": [*turbines, "*"]}
    for parameter in data["parameters"]:
        if parameter["name"] in allowed:
            parameter["schema"]["items"]["enum"] = allowed[parameter["name"]]


def _describe(signal: Signal) -> dict[str, Any]:
    """The schema of a signal's values."""
    values = {"type": ["number", "null"], "description": f"{signal.description}, {signal.unit}"}
    return values | ({} if signal.example is None else {"examples": [signal.example]})
