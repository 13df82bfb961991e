"""Where an export comes from, and its units: beside the numbers, for people and programs."""

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from etl_lib.export.layouts import read_units
from etl_lib.load.records import Exclusion, IsoDatetime

TYPES = {pa.float64(): "number", pa.string(): "string"}
"""The types of the Table Schema standard; others are times."""


class Provenance(BaseModel):
    """Where an export comes from."""

    model_config = ConfigDict(frozen=True)

    source: str
    """Alvo's address, without its secrets."""
    first_day: date
    last_day: date
    """UTC days, both included."""
    created: IsoDatetime
    code_version: str
    layout: str
    frequency: str | None = None
    """The time between rows, for OpenOA; None of other layouts."""
    rows: int | None = None
    """None before the last one is read."""
    excluding: bool
    """Whether the `exclusions` are applied: their values are then not in the file."""
    exclusions: list[Exclusion]
    """Those of the period, turbines and signals."""
    runs: list[int]
    """The loads in Alvo's ledger `run` that the statistics come from, by id."""

    def to_metadata(self) -> dict[str, str]:
        """The facts as texts, for a Parquet file's key-value metadata; JSON of what is no text."""
        return {
            name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for name, value in self.to_json().items()
        }

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON has them, without those that are None."""
        facts = self.model_dump(mode="json")
        return {name: value for name, value in facts.items() if value is not None}


def make_descriptor(provenance: Provenance, schemas: Mapping[str, pa.Schema]) -> dict[str, Any]:
    """The description of CSV files by the Data Package standard, with units and provenance.

    `schemas`: the columns of each file, by its name. The standard allows further properties:
    `unit` of a field, and `provenance`.
    """
    return {
        "created": provenance.created.isoformat(),
        "resources": [_make_resource(name, schema) for name, schema in schemas.items()],
        "provenance": provenance.to_json(),
    }


def _make_resource(file: str, schema: pa.Schema) -> dict[str, Any]:
    units = read_units(schema)
    fields = [
        {"name": name, "type": TYPES.get(kind, "datetime")}
        | ({"unit": units[name]} if units[name] else {})
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    stem = file.lower().removesuffix(".gz").removesuffix(".csv")
    return {
        "name": re.sub(r"[^a-z0-9._-]+", "-", stem),
        "path": file,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": {"fields": fields, "missingValues": [""]},
    }
