"""The models and the documented responses of the API."""

from datetime import date
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field, create_model

from fonteapi.catalogue import SIGNALS
from fonteapi.formats import ARROW, CSV, JSON

EXAMPLE = {"timestamp": "2024-05-20T00:00:00Z"} | {s.name: s.example for s in SIGNALS.values()}

Reading = create_model(  # type: ignore[call-overload]  # fields known from the catalogue only
    "Reading",
    __doc__="One reading; a value that is missing or not finite is null.",
    id=(int, Field(examples=[1])),
    timestamp=(AwareDatetime, Field(description="UTC", examples=[EXAMPLE["timestamp"]])),
    **{
        signal.name: (
            float | None,
            Field(description=f"{signal.description}, {signal.unit}", examples=[signal.example]),
        )
        for signal in SIGNALS.values()
    },
)

ROW = Reading.model_json_schema() | {"title": "Row", "required": ["timestamp"]}
"""A row of `/data`, which has the signals that were requested."""
del ROW["properties"]["id"]


class Day(BaseModel):
    """The readings of one UTC day."""

    date: date
    readings: int = Field(description="number of readings", examples=[1440])
    first_timestamp: AwareDatetime
    last_timestamp: AwareDatetime
    fingerprint: str = Field(description="another one after any change of the day's readings")


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
            JSON: {"schema": {"type": "array", "items": ROW}, "example": [EXAMPLE]},
            CSV: {
                "schema": {"type": "string"},
                "example": "timestamp,wind_speed\n2024-05-20T00:00:00Z,7.42\n",
            },
            ARROW: {"schema": {"type": "string", "format": "binary"}},
        },
    },
}
