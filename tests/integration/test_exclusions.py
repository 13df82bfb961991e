"""Exclusions in Alvo: what is read without them, and what stays as it is."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from helpers import DAY, execute, stored, with_turbine
from sqlalchemy import Engine

from etl_lib.errors import AlvoError, ParameterError
from etl_lib.load import forget
from etl_lib.load.day import load_day
from etl_lib.load.exclusions import add_exclusions, delete_exclusion, list_exclusions
from etl_lib.load.forget import Found, forget_turbines
from etl_lib.load.reading import read_statistics, verify_load
from etl_lib.transform.statistics import compute_statistics, to_frame

FARM = replace(DAY, turbines=["T1", "T10"])
ROWS = "SELECT id, turbine, signal, reason, author FROM exclusion ORDER BY id"


def compute() -> pa.Table:
    """The statistics of wind speed and power of two turbines: readings of an hour."""
    minutes = [DAY.start + timedelta(hours=5, minutes=30 + minute) for minute in range(60)]
    values = [float(minute) for minute in range(60)]
    readings = pa.table({"timestamp": minutes, "wind_speed": values, "power": values})
    parts = [with_turbine(readings, turbine) for turbine in FARM.turbines]
    return compute_statistics(pa.concat_tables(parts))


def load(alvo: Engine) -> None:
    load_day(alvo, FARM, compute(), readings=120)


def exclude(alvo: Engine, start: str, end: str, *signals: str, turbine: str = "T1") -> list[int]:
    """Exclude signals at times of the day, such as `06:00`; returns the ids."""
    times = (
        datetime.fromisoformat(f"{DAY.date}T{time}").replace(tzinfo=UTC) for time in (start, end)
    )
    added = add_exclusions(alvo, turbine, *times, reason="icing", author="me", signals=signals)
    return [each.id for each in added]


def read_gaps(alvo: Engine, column: str = "power_mean", turbine: str = "T1") -> list[str]:
    """The buckets that have a value of a column, and not without exclusions."""
    before = read_statistics(alvo).loc[turbine][column].dropna()
    after = read_statistics(alvo, excluding=True)[column].dropna()
    kept = after[after.index.get_level_values("turbine") == turbine].droplevel("turbine")
    return [f"{stamp:%H:%M}" for stamp in before.index.difference(kept.index)]


@pytest.mark.parametrize(
    ("start", "end", "gaps"),
    [
        ("06:00", "06:10", ["06:00"]),
        ("06:00", "06:10:01", ["06:00", "06:10"]),
        ("05:59:59", "06:10", ["05:50", "06:00"]),
        ("06:04", "06:05", ["06:00"]),
        ("06:09:59", "06:10", ["06:00"]),
        ("05:00", "05:30", []),
        ("06:30", "09:00", []),
        ("00:00", "05:30:01", ["05:30"]),
        ("06:29", "07:00", ["06:20"]),
    ],
)
def test_edges(alvo: Engine, start: str, end: str, gaps: list[str]) -> None:
    """The start is inclusive, the end exclusive; every bucket that they overlap is left out."""
    load(alvo)
    exclude(alvo, start, end)
    assert read_gaps(alvo) == gaps
    listed = read_statistics(alvo, excluding=True).attrs["exclusions"]
    assert [each["id"] for each in listed] == ([1] if gaps else [])


def test_all_signals(alvo: Engine, alvo_url: str) -> None:
    """The rows of the turbine are gone, those of another one stay; nothing stored changes."""
    load(alvo)
    before = stored(alvo_url), read_statistics(alvo)
    exclude(alvo, "06:00", "06:20")
    frame = read_statistics(alvo, excluding=True)
    assert [f"{stamp:%H:%M}" for stamp in frame.loc["T1"].index] == [
        "05:30",
        "05:40",
        "05:50",
        "06:20",
    ]
    assert frame.loc["T10"].equals(before[1].loc["T10"])
    assert frame.loc["T1"].equals(before[1].loc["T1"].loc[frame.loc["T1"].index])
    assert frame.attrs["units"] == before[1].attrs["units"]
    assert frame.attrs["exclusions"] == [
        list_exclusions(alvo)[0].model_dump(mode="json")
    ]  # fmt: skip
    assert frame.attrs["exclusions"][0]["start"] == "2024-05-20T06:00:00+00:00"
    assert stored(alvo_url) == before[0]
    assert read_statistics(alvo).equals(before[1])
    assert "exclusions" not in read_statistics(alvo).attrs
    assert verify_load(alvo, FARM, to_frame(compute())) == len(before[0])
    load(alvo)
    assert read_gaps(alvo) == ["06:00", "06:10"]


def test_one_signal(alvo: Engine) -> None:
    """Every statistic of the signal is missing, and the state; the other signal stays."""
    load(alvo)
    exclude(alvo, "06:00", "06:10", "wind_speed")
    whole, frame = read_statistics(alvo), read_statistics(alvo, excluding=True)
    key = ("T1", DAY.start + timedelta(hours=6))
    before, after = whole.loc[key].dropna().index, frame.loc[key].dropna().index
    gone = [name for name in before if name.startswith("wind_speed_") or name == "state_mode"]
    assert {"wind_speed_mean", "wind_speed_count", "state_mode"} <= set(gone)
    assert list(after) == [name for name in before if name not in gone]
    assert {"power_mean", "power_count", "expected"} <= set(after)
    assert len(frame) == len(whole)
    assert read_gaps(alvo, "wind_speed_max", "T10") == []


def test_overlap(alvo: Engine) -> None:
    """Where two overlap, the values come back when both are undone."""
    load(alvo)
    (first,), (second,) = exclude(alvo, "05:50", "06:10"), exclude(alvo, "06:00", "06:20", "power")
    assert read_gaps(alvo) == ["05:50", "06:00", "06:10"]
    assert len(read_statistics(alvo, excluding=True).attrs["exclusions"]) == 2
    assert delete_exclusion(alvo, first).signal is None
    assert read_gaps(alvo) == ["06:00", "06:10"]
    assert read_gaps(alvo, "wind_speed_mean") == []
    assert delete_exclusion(alvo, second).signal == "power"
    assert read_gaps(alvo) == []
    with pytest.raises(ParameterError, match="expected none, since there are no excl"):
        delete_exclusion(alvo, second)


def test_part_of_the_frame(alvo: Engine) -> None:
    """A frame lists the exclusions of its own turbines and period."""
    load(alvo)
    exclude(alvo, "06:00", "06:10")
    hour = DAY.start + timedelta(hours=6)
    for settings in ({"turbines": ["T10"]}, {"end": hour}, {"start": hour + timedelta(minutes=10)}):
        frame = read_statistics(alvo, **settings, excluding=True)  # type: ignore[arg-type]
        assert len(frame)
        assert frame.attrs["exclusions"] == []
    frame = read_statistics(alvo, hour, hour + timedelta(minutes=10), ["T1"], excluding=True)
    assert (len(frame), len(frame.attrs["exclusions"])) == (0, 1)


def test_empty_alvo(alvo: Engine) -> None:
    """Without statistics the frame is empty, and no turbine can be excluded."""
    assert read_statistics(alvo, excluding=True).empty
    with pytest.raises(ParameterError, match="expected none, since Alvo has no series; got T1"):
        exclude(alvo, "06:00", "06:10")


def test_several_signals(alvo: Engine, alvo_url: str) -> None:
    """Several signals are a row each, all or nothing."""
    load(alvo)
    with pytest.raises(
        ParameterError, match="some of wind_speed, power, which Alvo has of T1; got"
    ):
        exclude(alvo, "06:00", "06:10", "power", "rain")
    assert execute(alvo_url, ROWS) == []
    exclude(alvo, "06:00", "06:10", "power", "wind_speed", "power")
    assert execute(alvo_url, ROWS) == [
        (1, "T1", "power", "icing", "me"),
        (2, "T1", "wind_speed", "icing", "me"),
    ]


@pytest.mark.parametrize(
    ("start", "end", "reason", "author"),
    [(6, 6, "icing", "me"), (7, 6, "icing", "me"), (6, 7, " ", "me"), (6, 7, "icing", "")],
)
def test_refused_by_alvo(
    alvo: Engine, alvo_url: str, start: int, end: int, reason: str, author: str
) -> None:
    """Alvo takes no empty period, and no blank reason or author."""
    load(alvo)
    times = [DAY.start + timedelta(hours=hour) for hour in (start, end)]
    with pytest.raises(AlvoError, match="violates check constraint"):
        add_exclusions(alvo, "T1", *times, reason=reason, author=author)
    assert execute(alvo_url, ROWS) == []


def test_times_without_offset(alvo: Engine) -> None:
    """A time without an offset is UTC."""
    load(alvo)
    times = datetime(2024, 5, 20, 6), datetime(2024, 5, 20, 7)  # noqa: DTZ001
    (added,) = add_exclusions(alvo, "T1", *times, reason="icing", author="me")
    assert [added.start, added.end] == [time.replace(tzinfo=UTC) for time in times]


def test_forgotten_turbine(alvo: Engine, alvo_url: str) -> None:
    """The exclusions of a forgotten turbine go with it; those of others stay."""
    load(alvo)
    exclude(alvo, "06:00", "06:10", "power", "wind_speed")
    exclude(alvo, "06:00", "06:10", turbine="T10")
    statistics = len([row for row in stored(alvo_url) if row.turbine == "T1"])
    assert forget_turbines(alvo, ["T1"]) == Found(statistics, 1, exclusions=2)
    assert [row.turbine for row in execute(alvo_url, ROWS)] == ["T10"]
    load(alvo)
    assert read_gaps(alvo) == []


def test_excluded_while_forgotten(
    alvo: Engine, alvo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exclusion waits until a turbine is forgotten, and is then refused."""
    load(alvo)
    errors: list[str] = []

    def run() -> None:
        try:
            exclude(alvo, "06:00", "06:10")
        except ParameterError as error:
            errors.append(str(error))

    other, real = threading.Thread(target=run), forget.execute

    def exclude_meanwhile(cursor: Any, statement: str, *values: Any) -> Any:
        if statement == forget.DELETE_SIGNALS:
            other.start()
            other.join(timeout=0.5)
            assert other.is_alive()
        return real(cursor, statement, *values)

    monkeypatch.setattr(forget, "execute", exclude_meanwhile)
    forget_turbines(alvo, ["T1"])
    other.join(timeout=60)
    assert errors == ["turbine: expected one of T10; got T1"]
    assert execute(alvo_url, ROWS) == []
