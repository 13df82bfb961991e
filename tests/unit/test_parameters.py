"""What a date, a time, columns and turbines may look like, as people and papermill write them."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from etl_lib.errors import ParameterError
from etl_lib.parameters import parse_columns, parse_date, parse_time, parse_turbines


def test_a_date_is_read() -> None:
    assert parse_date("2024-02-29") == date(2024, 2, 29)


@pytest.mark.parametrize(
    "value",
    [
        *(20240520, 12, 1e5, True, date(2024, 5, 20), ["2024-05-20"]),
        *("20240520", "2024-5-20", "2024-05-20T00:00", " 2024-05-20", "2024-05-20\n", ""),
        *("../../etc/x", "2024-W21-1", "٢٠٢٤-٠٥-٢٠", "yesterday"),
    ],
)
def test_date_form(value: Any) -> None:
    """Another form of a date is refused with the text that came."""
    with pytest.raises(ParameterError, match="date: expected YYYY-MM-DD, got") as caught:
        parse_date(value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("value", ["2024-02-30", "2023-02-29", "2024-13-01", "0000-01-01"])
def test_impossible_date(value: str) -> None:
    """A day that no calendar has is refused."""
    with pytest.raises(ParameterError, match=f"expected a day of the calendar, got '{value}'"):
        parse_date(value)


def test_no_date() -> None:
    """No date is refused, with how to give one."""
    with pytest.raises(ParameterError, match="got none: give one with -p date YYYY-MM-DD"):
        parse_date(None)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2024-05-20", 0),
        ("2024-05-20T06:00", 6),
        ("2024-05-20T06:00:00", 6),
        ("2024-05-20T06:00Z", 6),
        ("2024-05-20T06:00+02:00", 4),
        ("2024-05-19T23:00:00-03:00", 2),
    ],
)
def test_time(text: str, hour: int) -> None:
    """A time without an offset is UTC, and a date is its midnight."""
    found = parse_time(text)
    assert (found, found.tzinfo) == (datetime(2024, 5, 20, hour, tzinfo=UTC), UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", "20240520", "2024-05-20T6", "2024-05-20T06", "2024-05-20 06:00", "yesterday"),
        *("2024-05-20T24:00", "2024-05-20T06:00:00.5", "2024-05-20+02:00", "2024-05-20T06:00+2"),
        *("2024-02-30", "2024-05-20T06:60", "2024-05-20T06:00+99:00", "0001-01-01T00:00+01:00"),
    ],
)
def test_time_form(text: str) -> None:
    """Another form of a time, or one that no calendar has, is refused with the text that came."""
    with pytest.raises(ParameterError, match="time: expected ") as caught:
        parse_time(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "power wind_speed",
        "power,wind_speed",
        " power ,  wind_speed ",
        ["power", "wind_speed"],
        ["power wind_speed"],
        ("power", "wind_speed", "power"),
    ],
)
def test_columns(value: Any) -> None:
    """Columns come as a list or as words."""
    assert parse_columns(value) == ["power", "wind_speed"]


@pytest.mark.parametrize("value", ["", " , ", [], [""], None, 7, [7], {"power": None, 3: None}])
def test_what_names_no_signal_is_refused(value: Any) -> None:
    with pytest.raises(ParameterError, match="columns: expected"):
        parse_columns(value)


@pytest.mark.parametrize("value", ["T1 T2", "T1,T2", ["T1", "T2", "T1"], ("T1 T2",)])
def test_turbines(value: Any) -> None:
    """Turbines come in the same forms as columns."""
    assert parse_turbines(value) == ["T1", "T2"]


@pytest.mark.parametrize("value", [None, "", [], [" "]])
def test_no_name_is_every_turbine(value: Any) -> None:
    assert parse_turbines(value) is None


@pytest.mark.parametrize("value", [7, [7], 1.5, True])
def test_turbines_that_are_numbers_are_refused(value: Any) -> None:
    """A number may have been text of other digits: papermill makes 1 of `-p turbines 01`."""
    with pytest.raises(ParameterError, match="turbines: expected names of turbines, got"):
        parse_turbines(value)
