"""The summary of a day: its numbers checked by hand, its text, its JSON and the way back."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import LOADED, by_turbine, make_buckets

from etl_lib.analysis.day import summarize
from etl_lib.analysis.summary import MIME_TYPE, SignalQuality, Summary

LABELS = [field.alias or name for name, field in SignalQuality.model_fields.items()]
COUNTS = pd.DataFrame({"power": dict.fromkeys(LABELS, 3)})
QUALITY = pd.concat({"T1": COUNTS}, names=["turbine", "count"])
HOUR = by_turbine(T1=make_buckets("2024-05-20", [60.0] * 6))


def record() -> dict[str, Any]:
    """The summary of an hour as a notebook's file holds it."""
    bundle = summarize(LOADED, HOUR, QUALITY)._repr_mimebundle_()
    return dict(json.loads(json.dumps(bundle[MIME_TYPE], allow_nan=False)))


def test_energy() -> None:
    """Each bucket's mean power counts for ten minutes; a gap adds nothing."""
    summary = summarize(
        LOADED, by_turbine(T1=make_buckets("2024-05-20", [600.0, np.nan, -6.0])), QUALITY
    )
    assert summary.energy == pytest.approx(99.0)  # 600/6 - 6/6
    assert summary.hours_with_power == pytest.approx(2 / 6)
    assert summary.mean_wind_speed == 8.0


def test_hourly_outline() -> None:
    """The outline holds an hourly mean for its hour; a missing hour is empty."""
    hours = make_buckets("2024-05-20", [60.0, 70.0, 80.0]).set_axis(
        pd.to_datetime([f"2024-05-20T{hour}:00Z" for hour in ("00", "01", "03")])
    )
    hours = by_turbine(T1=hours)
    load = LOADED.model_copy(update={"intervals": [3600.0]})
    outline = summarize(load, hours.assign(expected=1 / 6), QUALITY).outline
    assert outline is not None
    expected = [60.0] * 3 + [70.0] * 3 + [None] * 3 + [80.0] * 3 + [None] * 60
    assert outline.values == expected


def test_no_power() -> None:
    """A day without power readings has no energy, which is not zero."""
    summary = summarize(LOADED, HOUR.drop(columns=["power_mean", "power_count"]), QUALITY)
    assert (summary.energy, summary.hours_with_power) == (None, 0.0)
    assert ("–", "energy") in summary.headline


def test_rated_power() -> None:
    """The summary has each turbine's rated power, by which the index weights a month."""
    hour = HOUR.copy()
    hour.attrs["rated_powers"] = {"T1": 2050.0}
    summary = summarize(LOADED, hour, QUALITY)
    assert summary.by_turbine["T1"].rated_power == 2050
    assert summary.capacity_factor == pytest.approx(60 / 2050)
    assert summary.calendar_capacity_factor == pytest.approx(60 / 2050 / 24)


def test_empty_day() -> None:
    """A day without readings has no numbers."""
    summary = summarize(LOADED, HOUR[:0], QUALITY)
    assert (summary.energy, summary.mean_wind_speed) == (None, None)


def test_json_for_programs() -> None:
    """The JSON keeps its fields, with ISO times and labelled quality counts."""
    found = record()
    assert found.items() >= LOADED.model_dump(mode="json").items()
    assert (found["date"], found["run_id"], found["energy"]) == ("2024-05-20", 7, 60.0)
    assert found["finished"] == "2024-06-01T12:00:00+00:00"
    assert found["outline"] == {"signal": "power", "values": [60.0] * 3 + [None] * 69}
    assert found["quality"] == COUNTS.to_dict()


def test_headline_for_people() -> None:
    """The output also holds the numbers and findings as Markdown, a line of text, no plain JSON."""
    bundle = summarize(LOADED, HOUR, QUALITY, findings=["T1 stood."])._repr_mimebundle_()
    kind = "application/vnd.wind-etl.summary+json"
    assert bundle.keys() == {kind, "text/markdown", "text/plain"}
    text = bundle["text/markdown"]
    assert "- **60 kWh** energy\n" in text
    assert "- **100.0%** coverage; the readings that arrived\n" in text
    assert text.endswith("Missing or wrong:\n\n- T1 stood.")
    assert "Nothing is missing or wrong." in summarize(LOADED, HOUR, QUALITY).text
    counts = "1,440 readings in, 1,440 statistics out, coverage 100.0%"
    assert bundle["text/plain"] == f"2024-05-20: {counts}"


@pytest.mark.parametrize("kind", [MIME_TYPE, "application/json"])
def test_read_back(kind: str) -> None:
    """A summary reads what it wrote, and the plain JSON of earlier versions."""
    found = Summary.read({"text/plain": "", kind: record()})
    assert found == summarize(LOADED, HOUR, QUALITY)
    assert found.quality["power"].implausible == 3


def test_summary_of_version_0_1() -> None:
    """A summary of version 0.1, which had one turbine and a reading a minute, is read."""
    older = record() | {"fingerprint": "abc"}
    for name in ("turbines", "is_whole", "intervals", "fingerprints", "by_turbine"):
        del older[name]
    found = Summary.read({MIME_TYPE: older})
    assert found is not None
    assert (found.energy, found.coverage, found.turbines) == (60.0, 1.0, [])


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


def test_farm() -> None:
    """A farm's summary has a row for each turbine, also for one without a reading."""
    names, counts = ["A1", "B2", "C3"], [COUNTS, 2 * COUNTS, 0 * COUNTS]
    load = LOADED.model_copy(
        update={"turbines": names, "intervals": [60.0] * 3, "fingerprints": ["a", "b", ""]}
    )
    quality = pd.concat(dict(zip(names, counts, strict=True)), names=["turbine", "count"])
    frames = {"A1": [600.0] * 144, "B2": [60.0] * 72}
    frame = by_turbine(
        **{name: make_buckets("2024-05-20", power) for name, power in frames.items()}
    )
    summary = summarize(load, frame, quality)
    assert summary.energy == pytest.approx(14_400 + 720)
    assert summary.hours_with_power == pytest.approx(12)
    assert summary.quality["power"].readings == 9
    energies = [day.energy for day in summary.by_turbine.values()]
    assert energies == [pytest.approx(14_400), pytest.approx(720), None]
    assert [day.odd for day in summary.by_turbine.values()] == [9, 18, 0]
    assert summary.outline is not None
    assert summary.outline.values == [330.0] * 36 + [600.0] * 36
    coverages = [day.coverage for day in summary.by_turbine.values()]
    assert coverages == pytest.approx([1, 0.5, 0])
    assert ("15.1 MWh", "energy") in summary.headline
    assert "1,440 readings of 3 turbines in" in summary.counts
    assert Summary.read(summary._repr_mimebundle_()) == summary


def test_suspects() -> None:
    """A line names five turbines at most, each with its counts."""
    names = [f"T{number}" for number in range(1, 8)]
    counts = {"impossible": [1, 0, 2, *[0] * 4], "flagged": [0, 30, 4, *[9] * 4]}
    update = {"turbines": names, "suspects": [name for name in names if name != "T4"]} | counts
    load = LOADED.model_copy(update=update)
    assert load.suspicion == (
        "T1 (1 impossible), T2 (30 flagged), T3 (2 impossible and 4 flagged), T5 (9 flagged),"
        " T6 (9 flagged) and 1 more"
    )
    assert LOADED.suspicion == ""
