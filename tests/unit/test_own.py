"""A source's own statistics: they become those of a bucket that has one reading."""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from helpers import with_turbine

from etl_lib.analysis.quality import check_readings, sum_turbines
from etl_lib.analysis.wind import name_deviations, turbulence
from etl_lib.extract.days import Day
from etl_lib.transform.statistics import compute_statistics, day_coverage, statistics_sql, to_frame
from fonteapi.catalogue import arrow_schema, read_catalogue

START = datetime(2024, 5, 20, tzinfo=UTC)
DAY = Day(date(2024, 5, 20), 0, {}, START, turbines=["T1", "T2"])
OWN = ("min", "max", "std")


def table(
    values: dict[str, Sequence[float | None]], seconds: Sequence[int], turbine: str = "T1"
) -> pa.Table:
    """Readings at these seconds of the day, with the metadata that the API gives them."""
    found = [read_catalogue().find(name) for name in values]
    schema = arrow_schema([signal for signal in found if signal])
    stamps = [START + timedelta(seconds=second) for second in seconds]
    return with_turbine(pa.table([stamps, *values.values()], schema), turbine)


def draw(count: int) -> dict[str, list[float]]:
    """Readings of wind and what a source has of each."""
    random = np.random.default_rng(7)
    mean = random.uniform(3, 20, count)
    parts = (mean, mean - random.uniform(0, 2, count), mean + random.uniform(0, 3, count))
    names = ("wind_speed", "wind_speed.min", "wind_speed.max", "wind_speed.std")
    columns = (*parts, random.uniform(0, 2, count))
    return {name: values.tolist() for name, values in zip(names, columns, strict=True)}


def without_own(readings: pa.Table) -> pa.Table:
    return readings.drop_columns([name for name in readings.column_names if "." in name])


def test_ten_minutes() -> None:
    """Of ten-minute readings the source's own statistics are those of Alvo, exactly."""
    values = draw(144)
    readings = table(values, range(0, 86_400, 600))
    computed = compute_statistics(readings)
    for name in OWN:
        assert computed[f"wind_speed_{name}"].to_pylist() == values[f"wind_speed.{name}"]
    assert computed["wind_speed_mean"].to_pylist() == values["wind_speed"]
    plain = compute_statistics(without_own(readings))
    assert computed.schema.equals(plain.schema, check_metadata=True)
    assert plain["wind_speed_std"].null_count == 144
    assert day_coverage(computed, ["T1"]) == 1


def test_minutes_are_untouched() -> None:
    """Of several readings in a bucket the statistics are those of the readings, to the last bit."""
    readings = table(draw(1440), range(0, 86_400, 60))
    assert compute_statistics(readings).equals(compute_statistics(without_own(readings)))


def test_mixture() -> None:
    """Buckets of one reading have the source's own, others those of their readings."""
    # 00:00 has one, 00:10 two, 00:20 one that is missing and one that is not, 00:30 none
    values = {
        "power": [1.0, 2.0, 4.0, None, 8.0, math.nan],
        "power.std": [0.1, 0.2, 0.4, 0.6, 0.8, 0.9],
    }
    other = {"power": [5.0], "power.std": [0.5]}
    readings = table(values, [0, 600, 900, 1200, 1500, 1800])
    both = pa.concat_tables([readings, table(other, [700], "T2")])
    frame = to_frame(compute_statistics(both))
    assert frame["power_std"].loc["T1"].to_list()[:3] == [0.1, pytest.approx(2**0.5), 0.8]
    assert math.isnan(frame["power_std"].loc["T1"].iloc[3])
    assert frame["power_std"].loc["T2"].to_list() == [0.5]
    assert frame["power_min"].loc["T1"].to_list()[:3] == [1, 2, 8]


@pytest.mark.parametrize(
    ("name", "value", "used"),
    [
        ("std", -0.1, False),
        ("std", math.nan, False),
        ("std", math.inf, False),
        ("std", 0.0, True),
        ("min", 7.1, False),
        ("min", -math.inf, False),
        ("min", math.nan, False),
        ("min", 7.0, True),
        ("max", 6.9, False),
        ("max", math.inf, False),
        ("max", 7.0, True),
    ],
)
def test_senseless_values(name: str, value: float, used: bool) -> None:
    """What cannot be of a reading of 7 is ignored, and the other statistics are not."""
    own: dict[str, Sequence[float | None]] = {"min": [5.0], "max": [9.0], "std": [1.0]}
    own |= {name: [value]}
    columns = {"power": [7.0]} | {f"power.{one}": values for one, values in own.items()}
    [row] = compute_statistics(table(columns, [0])).to_pylist()
    without = {"min": 7.0, "max": 7.0, "std": None}
    expected = {one: values[0] for one, values in own.items()}
    expected |= {} if used else {name: without[name]}
    assert {one: row[f"power_{one}"] for one in OWN} == expected
    assert row["power_min"] <= row["power_mean"] <= row["power_max"]


def test_angle() -> None:
    """A direction has its source's standard deviation; its bounds are its own reading."""
    readings = table({"wind_direction": [359.0], "wind_direction.std": [12.5]}, [0])
    [row] = compute_statistics(readings).to_pylist()
    assert row["wind_direction_std"] == 12.5
    assert row["wind_direction_min"] == row["wind_direction_max"] == pytest.approx(359)


@pytest.mark.parametrize(
    ("powers", "deviations", "expected"),
    [
        ([1.0, 2.0], [0.1, 0.2], 0.2),
        ([1.0, 2.0], [0.1, None], None),  # what belonged to the reading that was replaced
        ([1.0, None], [0.1, None], 0.1),
        ([1.0, None], [None, 0.2], 0.2),  # of a file that has nothing else
        ([None, 2.0], [0.1, None], 0.1),
        ([1.0, None, 2.0], [0.1, 0.2, None], 0.2),
    ],
)
def test_equal_stamps(
    powers: list[float | None], deviations: list[float | None], expected: float | None
) -> None:
    """Of equal stamps, the statistics of the reading that counts, or of a row without one."""
    readings = table({"power": powers, "power.std": deviations}, [0] * len(powers))
    [row] = compute_statistics(readings).to_pylist()
    assert row["power_std"] == expected


def test_no_signal_of_their_own() -> None:
    """Neither counts of quality nor statistics take `power.std` for a signal."""
    readings = table({"power": [1.0], "power.std": [None]}, [0])
    quality = check_readings(readings, DAY)
    assert list(quality) == ["power"]
    assert sum_turbines(quality).loc["missing values", "power"] == 0
    assert list(statistics_sql(readings)) == ["quantity", "own"]
    assert "own" not in statistics_sql(without_own(readings))
    names = compute_statistics(readings).column_names
    assert [name for name in names if "." in name] == []


def test_turbulence() -> None:
    """Turbulence comes from the source's own deviation, and is named so."""
    values: dict[str, Any] = {"wind_speed": [8.0, 10.0, 10.0], "wind_speed.std": [1.0, 1.5, 9.0]}
    wide = to_frame(compute_statistics(table(values, [0, 600, 1200]))).loc["T1"]
    assert turbulence(wide)["intensity"].to_list() == [12.5, 15, 90]
    assert set(name_deviations(wide, "wind_speed")) == {"the source's own std"}
    minutes = table({"wind_speed": list(range(20))}, range(0, 1200, 60))
    names = name_deviations(to_frame(compute_statistics(minutes)).loc["T1"], "wind_speed")
    assert names.to_list() == ["std of readings every 60 s"] * 2
    assert isinstance(names, pd.Series)
