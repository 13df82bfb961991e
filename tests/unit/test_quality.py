"""What is said about a day's readings, counted by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
from helpers import with_turbine

from etl_lib.analysis.quality import check_readings, sum_turbines
from etl_lib.extract.days import Day
from etl_lib.extract.readings import TIMESTAMP_TYPE

DAY = Day(date(2024, 5, 20), 0, {}, datetime(2024, 6, 1, tzinfo=UTC), turbines=["T1"])
BOUNDS = {"plausible": "0 75"}


def check(minutes: list[float], values: list[float | None]) -> dict[str, int]:
    """The report on one signal with these values at these minutes of the day."""
    stamps = [DAY.start + timedelta(minutes=minute) for minute in minutes]
    schema = pa.schema(
        [
            pa.field("timestamp", pa.timestamp("us", "UTC")),
            pa.field("wind_speed", pa.float64(), metadata=BOUNDS),
        ]
    )
    readings = with_turbine(pa.table([stamps, values], schema=schema))
    return dict(check_readings(readings, DAY).loc["T1"]["wind_speed"])


def test_full_day() -> None:
    """A full day has nothing to report."""
    found = check(list(range(1440)), [5.0] * 1440)
    assert found.pop("readings") == 1440
    assert set(found.values()) == {0}


def test_an_empty_day_is_one_gap() -> None:
    found = check([], [])
    assert found["readings"] == 0
    assert found["minutes without a reading"] == found["longest gap, minutes"] == 1440


def test_gaps() -> None:
    """Gaps are counted, also those at the edges of the day."""
    minutes = [m for m in range(1440) if not (m < 30 or 100 <= m < 110)]
    found = check(minutes, [5.0] * len(minutes))
    assert found["minutes without a reading"] == 40
    assert found["longest gap, minutes"] == 30


def test_missing_and_not_finite() -> None:
    """Missing and not finite values are counted apart, and their minute is uncovered."""
    values: list[float | None] = [5.0] * 1440
    values[3], values[4], values[5], values[6] = None, np.nan, np.inf, -np.inf
    found = check(list(range(1440)), values)
    assert found["missing values"] == 1
    assert found["not finite (NaN, infinity)"] == 3
    assert found["minutes without a reading"] == found["longest gap, minutes"] == 4


def test_repeated() -> None:
    """Of repeated timestamps all but the last are counted."""
    found = check([0, 1, 1, 1, 2], [5.0, 5.0, 5.0, None, 5.0])
    assert found["readings"] == 5
    assert found["repeated stamps (the last counts)"] == 2
    assert found["minutes without a reading"] == 1437  # the last finite one of minute 1 counts


def test_jitter() -> None:
    """A jittered reading covers the minute in which it lies."""
    found = check([m + 0.3 for m in range(1440)], [5.0] * 1440)
    assert found["minutes without a reading"] == 0


def test_ten_minute_readings() -> None:
    """A ten-minute reading covers ten minutes, unless it is not finite."""
    minutes = list(range(0, 1440, 10))
    found = check(minutes, [5.0] * 144)
    assert found["minutes without a reading"] == found["longest gap, minutes"] == 0
    found = check(minutes, [5.0, np.nan, None, *[5.0] * 140, np.inf])
    assert found["minutes without a reading"] == 30
    assert found["longest gap, minutes"] == 20


def test_interval_of_no_whole_minutes() -> None:
    """A reading every 90 seconds covers the day, and one lost is a gap of a minute or two."""
    minutes = [1.5 * n for n in range(960)]
    assert check(minutes, [5.0] * 960)["minutes without a reading"] == 0
    minutes.remove(300.0)
    found = check(minutes, [5.0] * 959)
    assert found["minutes without a reading"] == found["longest gap, minutes"] == 1


def test_implausible() -> None:
    """Sentinels are counted as implausible and not changed."""
    found = check([0, 1, 2, 3], [-9999.9, 0.0, 75.0, 75.1])
    assert found["outside the plausible range"] == 2


def test_turbines() -> None:
    """Each turbine is checked by itself, also one without readings; the sum has the longest gap."""
    stamps = pa.array([DAY.start + timedelta(minutes=m) for m in range(1440)], TIMESTAMP_TYPE)
    whole = with_turbine(pa.table({"timestamp": stamps, "power": [1.0] * 1440}))
    half = with_turbine(pa.table({"timestamp": stamps[::10], "power": [1.0] * 144}), "T2")
    readings = pa.concat_tables([whole, half[:72], whole[:3]])
    found = check_readings(readings, replace(DAY, turbines=["T1", "T2", "T3"]))["power"]
    assert list(found.index.unique("turbine")) == ["T1", "T2", "T3"]
    assert found["T1"]["repeated stamps (the last counts)"] == 3
    gaps = [found[name]["minutes without a reading"] for name in ("T1", "T2", "T3")]
    assert gaps == [0, 720, 1440]
    total = sum_turbines(found.to_frame())["power"]
    assert total["readings"] == 1440 + 72 + 3
    assert (total["minutes without a reading"], total["longest gap, minutes"]) == (2160, 1440)
