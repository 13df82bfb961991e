"""What the page says of flags: counts, sentences, and the tests that were not made."""

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest
from helpers import CATALOGUE

from etl_lib.analysis.flags import count_flags, describe_flags, list_counts, summarize_flags
from etl_lib.analysis.quality import quality_of
from etl_lib.transform.flags import find_flags
from etl_lib.transform.statistics import compute_statistics, to_frame
from fonteapi.catalogue import arrow_schema

MIDNIGHT = datetime(2024, 5, 20, tzinfo=UTC)
FARM = {"R1": 2000.0, "R2": 2000.0}


def readings(wind: list[float | None], power: list[float], rated: dict[str, float]) -> pa.Table:
    """A reading a minute of R1 from midnight on, and none of others."""
    schema = arrow_schema([CATALOGUE.signals[name] for name in ("wind_speed", "power")], named=True)
    stamps = [MIDNIGHT + timedelta(minutes=n) for n in range(len(wind))]
    table = pa.table([stamps, ["R1"] * len(wind), wind, power], schema=schema)
    return table.replace_schema_metadata({"rated_powers": json.dumps(rated)})


def windy(count: int) -> list[float | None]:
    return [7 + n % 5 / 10 for n in range(count)]


def describe(table: pa.Table, **options: bool) -> list[str]:
    text = describe_flags(find_flags(table), table, **options)
    return [line.removeprefix("- ") for line in text.splitlines()]


def test_nothing_found() -> None:
    """A day without findings says so, and what was not tested."""
    assert describe(readings(windy(20), [500.0] * 20, FARM)) == [
        "No test found anything.",
        "Not tested, for want of thresholds in the catalogue: power (flat, spike).",
    ]


def test_one_impossible_reading() -> None:
    """It has its time and its value."""
    wind = windy(20)
    wind[5] = 9999
    table = readings(wind, [500.0] * 20, FARM)
    said = "R1's wind speed was impossible at 00:05: 9999 m/s."
    assert describe(table)[:2] == [said, "The statistics leave out the impossible values."]
    kept = describe(table, keep_impossible=True)
    assert kept[:2] == [said, "The statistics keep the impossible values."]
    assert describe(table)[-3:] == [
        "| turbine | signal | impossible |",
        "|:--|:--|--:|",
        "| R1 | wind_speed | 1 |",
    ]


def test_a_flat_line_and_a_contradiction() -> None:
    """Each has its span; a contradiction is told of the power alone."""
    wind = [1.5 if 10 <= n < 40 else 7 + n % 5 / 10 for n in range(60)]
    power = [500.0 if n in (20, 25) else 0.0 for n in range(60)]
    table = readings([*wind], power, FARM)
    assert describe(table)[:2] == [
        "R1's power contradicted the wind speed, which was that of a calm, from 00:20 to 00:25,"
        " 2 times: 500 kW.",
        "R1's wind speed did not change from 00:10 to 00:39: 1.5 m/s.",
    ]
    flags = find_flags(table)
    assert list_counts(flags) == {
        "R1": {"power": {"contradiction": 2}, "wind_speed": {"flat": 30, "contradiction": 2}}
    }
    assert count_flags(flags).loc[("R1", "wind_speed")].to_dict() == {
        "flat": 30,
        "contradiction": 2,
    }


def test_two_flat_lines_in_a_row() -> None:
    """Another value is another finding."""
    wind: list[float | None] = [6.0 if n < 30 else 8.0 for n in range(60)]
    assert describe(readings(wind, [500.0] * 60, FARM))[:2] == [
        "R1's wind speed did not change from 00:00 to 00:29: 6 m/s.",
        "R1's wind speed did not change from 00:30 to 00:59: 8 m/s.",
    ]


def test_many_findings() -> None:
    """More than three of a test on a signal are one sentence."""
    wind = windy(300)
    for n in range(10, 300, 50):
        wind[n] = 45 + n / 100
    said = describe(readings(wind, [500.0] * 300, FARM))
    assert said[:2] == [
        "R1's wind speed has implausible values at 6 times, 6 readings, from 00:10 to 04:20.",
        "R1's wind speed has spikes at 6 times, 6 readings, from 00:10 to 04:20.",
    ]


def test_unknown_rated_power() -> None:
    """What is relative to it was not tested; the page names turbine and signal."""
    said = "Not tested against the rated power, which is not known of R1: power."
    assert describe(readings(windy(20), [500.0] * 20, {}))[-1] == said


def test_months() -> None:
    """Flagged buckets by month, turbine and signal; without any, an empty table."""
    wind = windy(60)
    wind[5] = 9999
    frame = to_frame(compute_statistics(readings(wind, [500.0] * 60, FARM)))
    assert summarize_flags(frame).to_dict("index") == {
        ("2024-05", "R1", "wind_speed"): {"impossible": 1}
    }
    calm = to_frame(compute_statistics(readings(windy(60), [500.0] * 60, FARM)))
    assert summarize_flags(calm).empty
    assert summarize_flags(calm.drop(columns=["wind_speed_flags", "power_flags"])).empty


@pytest.mark.parametrize(
    ("wind", "code"),
    [
        (windy(10), 1),
        ([*windy(9), 9999.0], 4),
        ([9999.0] * 10, 4),
        ([*windy(9), 45.0], 3),
        ([*windy(4), *[None] * 6], 3),  # thin
        ([*windy(4), *[None] * 5, 9999.0], 4),
        ([None] * 10, 9),
    ],
)
def test_codes_of_quality(wind: list[float | None], code: int) -> None:
    """QARTOD's codes of a bucket; the worst counts."""
    frame = to_frame(compute_statistics(readings(wind, [500.0] * 10, FARM)))
    assert quality_of(frame, "wind_speed").to_list() == [code]
    assert quality_of(frame, "power").to_list() == [1]


def test_quality_is_not_known() -> None:
    """Statistics that were loaded before readings were tested."""
    frame = to_frame(compute_statistics(readings(windy(10), [500.0] * 10, FARM)))
    old = frame.drop(columns="wind_speed_flags")
    assert quality_of(old, "wind_speed").to_list() == [2]
    assert quality_of(old.assign(wind_speed_mean=pd.NA), "wind_speed").to_list() == [9]
