"""Loaded days in numbers and sentences, beside arithmetic by hand."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from helpers import make_buckets

from etl_lib.analysis.days import describe_days, describe_findings, summarize_days

FULL = make_buckets("2024-05-20", [600.0] * 144)


def test_one_row_per_day() -> None:
    """Each day is summed up by itself."""
    half = make_buckets("2024-05-22", [60.0] * 72, wind=4, count=5)
    days = summarize_days(pd.concat([FULL, half]))
    assert list(days.index) == [date(2024, 5, 20), date(2024, 5, 22)]
    assert days["coverage"].to_list() == pytest.approx([1, 0.25])
    assert days["mean_wind_speed"].to_list() == [8, 4]
    assert days["energy"].to_list() == pytest.approx([14_400, 720])
    assert days["hours_with_power"].to_list() == pytest.approx([24, 12])


def test_coverage_of_loaded_signals() -> None:
    """A signal that was not loaded on a day does not lower the day's coverage."""
    second = make_buckets("2024-05-21", [1.0] * 144).drop(columns=["power_mean", "power_count"])
    days = summarize_days(pd.concat([FULL, second]))
    assert days["coverage"].to_list() == pytest.approx([1, 1])
    assert np.isnan(days["energy"].iloc[1])


def test_empty_alvo() -> None:
    """An empty Alvo is described by the command that loads a day."""
    days = summarize_days(pd.DataFrame())
    assert days.empty
    assert "Load a day with `etl run 2024-05-20`" in describe_days(days)
    assert describe_findings(days) == "- Nothing yet."


def test_findings() -> None:
    """The findings name the days that stand out."""
    calm = make_buckets("2024-05-21", [60.0] * 144, wind=3)
    days = summarize_days(pd.concat([FULL, calm]))
    assert "**2 days**, 2024-05-20 to 2024-05-21" in describe_days(days)
    findings = describe_findings(days)
    assert "calmest day was 2024-05-21 with 3.0 m/s, the windiest 2024-05-20" in findings
    assert "**15,840 kWh** in 48 hours" in findings
