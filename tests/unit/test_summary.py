"""The numbers of a day and of many, beside arithmetic by hand."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from etl_lib.analysis.summary import describe_days, describe_findings, summarize, summarize_days
from etl_lib.load.day import Load

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
LOAD = Load(
    *(7, date(2024, 5, 20), NOON, NOON, ["wind_speed", "power"], 1440, 1440),
    *(1.0, 1440, 0, 0, None, "abc", "2024-05-20/x.ipynb", "0.1.0"),
)
QUALITY = pd.DataFrame({"power": {"readings": 1440}})


def buckets(start: str, power: list[float], wind: float = 8.0, count: float = 10) -> pd.DataFrame:
    stamps = pd.date_range(start, periods=len(power), freq="10min", tz="UTC", name="timestamp")
    columns = {"wind_speed_mean": wind, "wind_speed_count": count, "power_count": count}
    return pd.DataFrame(columns | {"power_mean": power}, index=stamps)


def test_energy_is_the_mean_power_of_each_bucket_for_ten_minutes() -> None:
    summary = summarize(LOAD, buckets("2024-05-20", [600.0, np.nan, -6.0]), QUALITY)
    assert summary.energy == pytest.approx(99.0)  # 600/6 - 6/6; a gap adds nothing
    assert summary.hours_with_power == pytest.approx(2 / 6)
    assert summary.mean_wind_speed == 8.0


def test_a_day_without_power_has_no_energy_rather_than_none_at_all() -> None:
    frame = buckets("2024-05-20", [1.0]).drop(columns=["power_mean", "power_count"])
    summary = summarize(LOAD, frame, QUALITY)
    assert (summary.energy, summary.hours_with_power) == (None, 0.0)
    assert "| energy | no readings" in summary.table()


def test_an_empty_day_has_no_numbers() -> None:
    summary = summarize(LOAD, pd.DataFrame(index=pd.DatetimeIndex([], tz="UTC")), QUALITY)
    assert (summary.energy, summary.mean_wind_speed) == (None, None)


def test_a_summary_is_json_for_programs_and_a_table_for_people() -> None:
    bundle = summarize(LOAD, buckets("2024-05-20", [60.0]), QUALITY)._repr_mimebundle_()
    record = json.loads(json.dumps(bundle["application/json"], allow_nan=False))
    assert record["date"] == "2024-05-20"
    assert record["finished"] == "2024-06-01T12:00:00+00:00"
    assert record["run_id"] == 7
    assert record["energy"] == 10.0
    assert record["outline"] == {"signal": "power", "values": [60.0] + [None] * 71}
    assert record["quality"] == {"power": {"readings": 1440}}
    assert "| readings in | 1,440 |" in bundle["text/markdown"]
    assert bundle["text/plain"] == (
        "2024-05-20: 1,440 readings in, 1,440 statistics out, coverage 100.0%"
    )


def test_days_are_summed_up_one_by_one() -> None:
    frame = pd.concat(
        [buckets("2024-05-20", [600.0] * 144), buckets("2024-05-22", [60.0] * 72, wind=4, count=5)]
    )
    days = summarize_days(frame)
    assert list(days.index) == [date(2024, 5, 20), date(2024, 5, 22)]
    assert days["coverage"].to_list() == pytest.approx([1, 0.25])
    assert days["mean_wind_speed"].to_list() == [8, 4]
    assert days["energy"].to_list() == pytest.approx([14_400, 720])
    assert days["hours_with_power"].to_list() == pytest.approx([24, 12])


def test_a_signal_that_was_not_loaded_that_day_costs_no_coverage() -> None:
    second = buckets("2024-05-21", [1.0] * 144).drop(columns=["power_mean", "power_count"])
    days = summarize_days(pd.concat([buckets("2024-05-20", [1.0] * 144), second]))
    assert days["coverage"].to_list() == pytest.approx([1, 1])
    assert np.isnan(days["energy"].iloc[1])


def test_an_empty_alvo_is_described_with_what_to_do() -> None:
    days = summarize_days(pd.DataFrame())
    assert days.empty
    assert "Load a day with `etl run 2024-05-20`" in describe_days(days)
    assert describe_findings(days) == "- Nothing yet."


def test_findings_name_the_days_that_stand_out() -> None:
    frame = pd.concat(
        [buckets("2024-05-20", [600.0] * 144), buckets("2024-05-21", [60.0] * 144, wind=3)]
    )
    days = summarize_days(frame)
    assert "**2 days**, 2024-05-20 to 2024-05-21" in describe_days(days)
    findings = describe_findings(days)
    assert "calmest day was 2024-05-21 with 3.0 m/s, the windiest 2024-05-20" in findings
    assert "**15,840 kWh** in 48 hours" in findings


def test_what_the_source_says_is_text_in_the_table() -> None:
    load = replace(LOAD, changed=1, largest_change="power_max by 9 <script>")
    table = summarize(load, buckets("2024-05-20", [60.0]), QUALITY).table()
    assert "power_max by 9 &lt;script&gt;" in table
    assert "<script>" not in table
