"""Excluded values of a frame, and the text about them."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl_lib.analysis.days import describe_days, summarize_days
from etl_lib.analysis.exclusions import describe_exclusions
from etl_lib.load.leave_out import leave_out
from etl_lib.load.records import Exclusion

START = datetime(2024, 5, 20, tzinfo=UTC)
BUCKET = timedelta(minutes=10)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
COLUMNS = {
    "wind_mean": {"wind"},
    "wind_speed_mean": {"wind_speed"},
    "wind_speed_flags": {"wind_speed"},
    "power_count": {"power"},
    "state_mode": {"wind_speed", "power"},
}
"""Some statistics, each with the signals that it needs."""


def make_exclusion(
    start: datetime, end: datetime, turbine: str = "T1", signal: str | None = None, number: int = 1
) -> Exclusion:
    facts = {"turbine": turbine, "signal": signal, "start": start, "end": end}
    return Exclusion(id=number, **facts, reason="icing", author="me", created=START)  # type: ignore[arg-type]


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Some buckets of an hour of two turbines, each with a value of some statistic."""
    slots = [(turbine, n) for turbine in ("T1", "T10") for n in range(6)]
    keys = sorted(set(slots) - draw(st.sets(st.sampled_from(slots))))
    values = np.ones((len(keys), len(COLUMNS)))
    cells = st.tuples(st.integers(0, 11), st.integers(0, len(COLUMNS) - 1))
    for row, column in draw(st.sets(cells, max_size=8)):
        if row < len(keys) and np.nansum(values[row]) > 1:
            values[row, column] = np.nan
    stamps = pd.DatetimeIndex([START + n * BUCKET for _, n in keys], tz=UTC)
    index = pd.MultiIndex.from_arrays(
        [[t for t, _ in keys], stamps], names=["turbine", "timestamp"]
    )
    return pd.DataFrame(values, index=index, columns=list(COLUMNS))


ENDS = sorted({n * 300 + offset for n in range(-2, 15) for offset in (-1, 0, 1)})
"""Seconds from `START`: the starts of buckets, their middles and the seconds around them."""


@st.composite
def exclusions(draw: st.DrawFn) -> list[Exclusion]:
    found = []
    for number in range(draw(st.integers(1, 3))):
        first, last = sorted(draw(st.sets(st.sampled_from(ENDS), min_size=2, max_size=2)))
        zone = timezone(timedelta(hours=draw(st.sampled_from([0, 2]))))
        start, end = ((START + timedelta(seconds=n)).astimezone(zone) for n in (first, last))
        turbine = draw(st.sampled_from(["T1", "T10", "T2"]))
        signal = draw(st.sampled_from([None, "wind", "wind_speed", "power", "rain"]))
        found.append(make_exclusion(start, end, turbine, signal, number))
    return found


@settings(max_examples=max(100, settings().max_examples))
@given(frames(), exclusions())
def test_equals_cell_by_cell(frame: pd.DataFrame, given: list[Exclusion]) -> None:
    """The values that stay are those that no exclusion overlaps, cell by cell."""
    expected, touched = {}, set()
    for (turbine, stamp), row in frame.to_dict("index").items():
        for column, value in row.items():
            hits = {
                each.id
                for each in given
                if each.turbine == turbine
                and (each.signal is None or each.signal in COLUMNS[column])
                and max(each.start, stamp) < min(each.end, stamp + BUCKET)
            }
            if value == 1:
                touched |= hits
                expected |= {} if hits else {(turbine, stamp, column): value}
    before = frame.copy()
    kept = leave_out(frame, given)
    pd.testing.assert_frame_equal(frame, before)
    assert list(kept) == list(COLUMNS)
    assert kept.stack().dropna().to_dict() == expected
    assert not kept.isna().all(axis=1).any()
    assert {each["id"] for each in kept.attrs["exclusions"]} == touched


@pytest.mark.parametrize(("start", "end"), [(FIRST, LAST), (START, LAST), (FIRST, START)])
def test_farthest_times(start: datetime, end: datetime) -> None:
    """The first and the last time that there is are ordinary ends."""
    index = pd.MultiIndex.from_product([["T1"], pd.DatetimeIndex([START])])
    index.names = ["turbine", "timestamp"]
    frame = pd.DataFrame({"power_mean": [5.0]}, index=index)
    kept = leave_out(frame, [make_exclusion(start, end)])
    assert len(kept) == (end == START)


def describe(*given: Exclusion) -> str:
    frame = pd.DataFrame()
    frame.attrs["exclusions"] = [each.model_dump(mode="json") for each in given]
    return describe_exclusions(frame)


def test_description() -> None:
    """A sentence and a row for each; without exclusions there is no text."""
    assert describe() == describe_exclusions(pd.DataFrame()) == ""
    later = START + timedelta(hours=6, seconds=5)
    text = describe(make_exclusion(START, later), make_exclusion(START, later, "T2", "wind_speed"))
    first, *_, one, two = text.splitlines()
    assert (
        first == "**2 periods are excluded by people** and count as without readings on this page."
    )
    assert one == "| T1 | all | 2024-05-20 00:00 | 2024-05-20 06:00:05 | icing | me |"
    assert two.startswith("| T2 | wind\\_speed | ")
    assert describe(make_exclusion(START, later)).startswith("**1 period is excluded")
    many = describe(*[make_exclusion(START, later)] * 25)
    assert many.count("icing") == 20
    assert many.endswith("\n5 more: `etl exclusions` lists them all.")


def test_words_stay_words() -> None:
    """What people wrote is neither Markdown nor HTML."""
    odd = make_exclusion(START, START + BUCKET).model_copy(
        update={"reason": "a|b\n*<b>* $x$ [l](y)"}
    )
    assert r"| a\|b \*&lt;b&gt;\* \$x\$ \[l\](y) |" in describe(odd)


def test_nothing_left() -> None:
    """A frame of which all is excluded is not that of an empty Alvo."""
    index = pd.MultiIndex.from_product([["T1"], pd.DatetimeIndex([START])])
    index.names = ["turbine", "timestamp"]
    frame = pd.DataFrame({"power_mean": [5.0], "power_count": [10.0]}, index=index)
    kept = leave_out(frame, [make_exclusion(START, START + BUCKET)]).assign(expected=10.0)
    assert describe_days(summarize_days(kept)).startswith("**No day is left**: people excluded")
    assert describe_days(summarize_days(kept.iloc[:0].copy())).startswith("**No day is left**")
