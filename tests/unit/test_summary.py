"""The summary of a day: its numbers checked by hand, its table, its JSON and the way back."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import LOADED, make_buckets

from etl_lib.analysis.days import summarize
from etl_lib.analysis.summary import MIME_TYPE, SignalQuality, Summary

LABELS = [field.alias or name for name, field in SignalQuality.model_fields.items()]
QUALITY = pd.DataFrame({"power": dict.fromkeys(LABELS, 3)})
HOUR = make_buckets("2024-05-20", [60.0] * 6)


def record() -> dict[str, Any]:
    """The summary of an hour as a notebook's file holds it."""
    bundle = summarize(LOADED, HOUR, QUALITY)._repr_mimebundle_()
    return dict(json.loads(json.dumps(bundle[MIME_TYPE], allow_nan=False)))


def test_energy() -> None:
    """Each bucket's mean power counts for ten minutes; a gap adds nothing."""
    summary = summarize(LOADED, make_buckets("2024-05-20", [600.0, np.nan, -6.0]), QUALITY)
    assert summary.energy == pytest.approx(99.0)  # 600/6 - 6/6
    assert summary.hours_with_power == pytest.approx(2 / 6)
    assert summary.mean_wind_speed == 8.0


def test_hourly_outline() -> None:
    """The outline holds an hourly mean for its hour; a missing hour is empty."""
    hours = make_buckets("2024-05-20", [60.0, 70.0, 80.0]).set_axis(
        pd.to_datetime([f"2024-05-20T{hour}:00Z" for hour in ("00", "01", "03")])
    )
    load = LOADED.model_copy(update={"interval": 3600.0})
    outline = summarize(load, hours.assign(expected=1 / 6), QUALITY).outline
    assert outline is not None
    expected = [60.0] * 3 + [70.0] * 3 + [None] * 3 + [80.0] * 3 + [None] * 60
    assert outline.values == expected


def test_no_power() -> None:
    """A day without power readings has no energy, which is not zero."""
    summary = summarize(LOADED, HOUR.drop(columns=["power_mean", "power_count"]), QUALITY)
    assert (summary.energy, summary.hours_with_power) == (None, 0.0)
    assert "| energy | no readings" in summary.table()


def test_empty_day() -> None:
    """A day without readings has no numbers."""
    summary = summarize(LOADED, pd.DataFrame(index=pd.DatetimeIndex([], tz="UTC")), QUALITY)
    assert (summary.energy, summary.mean_wind_speed) == (None, None)


def test_json_for_programs() -> None:
    """The JSON keeps its fields, with ISO times and labelled quality counts."""
    found = record()
    assert found.items() >= LOADED.model_dump(mode="json").items()
    assert (found["date"], found["run_id"], found["energy"]) == ("2024-05-20", 7, 60.0)
    assert found["finished"] == "2024-06-01T12:00:00+00:00"
    assert found["outline"] == {"signal": "power", "values": [60.0] * 3 + [None] * 69}
    assert found["quality"] == QUALITY.to_dict()


def test_table_for_people() -> None:
    """The output also holds a Markdown table and a line of text, and no plain JSON."""
    bundle = summarize(LOADED, HOUR, QUALITY)._repr_mimebundle_()
    kind = "application/vnd.wind-etl.summary+json"
    assert bundle.keys() == {kind, "text/markdown", "text/plain"}
    assert "| readings in | 1,440 |" in bundle["text/markdown"]
    assert "| interval | 60 s |" in bundle["text/markdown"]
    counts = "1,440 readings in, 1,440 statistics out, coverage 100.0%"
    assert bundle["text/plain"] == f"2024-05-20: {counts}"


@pytest.mark.parametrize("kind", [MIME_TYPE, "application/json"])
def test_read_back(kind: str) -> None:
    """A summary reads what it wrote, and the plain JSON of earlier versions."""
    found = Summary.read({"text/plain": "", kind: record()})
    assert found == summarize(LOADED, HOUR, QUALITY)
    assert found.quality["power"].implausible == 3


def test_summary_without_interval() -> None:
    """A summary of a version that expected a reading a minute is read."""
    older = record()
    del older["interval"]
    assert Summary.read({MIME_TYPE: older}) == summarize(LOADED, HOUR, QUALITY)


@pytest.mark.parametrize(
    "change",
    [
        {"date": "2024-02-30"},
        {"coverage": None},
        {"coverage": float("nan")},
        {"readings": "<b>"},
        {"energy": [1]},
        {"outline": {"signal": "power"}},
        {"quality": {"power": {"readings": 7}}},
    ],
    ids=str,
)
def test_invalid_summary(change: dict[str, Any]) -> None:
    """JSON with a missing or an invalid value is not a summary."""
    assert Summary.read({MIME_TYPE: record() | change}) is None


@pytest.mark.parametrize("other", [[1, 2], {"answer": 42}, "text", None])
def test_other_json(other: Any) -> None:
    """Other JSON that a notebook shows is not a summary."""
    assert Summary.read({"application/json": other}) is None


def test_escaped_text() -> None:
    """Text from the source is escaped in the table."""
    load = LOADED.model_copy(update={"changed": 1, "largest_change": "power_max by 9 <script>"})
    table = summarize(load, HOUR, QUALITY).table()
    assert "power_max by 9 &lt;script&gt;" in table
    assert "<script>" not in table
