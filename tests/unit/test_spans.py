"""Days, months and years as text, and the spans that they are compared with."""

from datetime import date

import pytest

from etl_lib.errors import ParameterError
from etl_lib.parameters import Span, parse_span

D = date.fromisoformat


@pytest.mark.parametrize(
    ("words", "first", "last", "name"),
    [
        (("2024-05-20",), "2024-05-20", "2024-05-20", "2024-05-20"),
        (("2024-05",), "2024-05-01", "2024-05-31", "May 2024"),
        (("2024",), "2024-01-01", "2024-12-31", "2024"),
        (("2024-05-01", "2024-05-07"), "2024-05-01", "2024-05-07", "2024-05-01 to 2024-05-07"),
        (("2024-05-01", "2024-05-31"), "2024-05-01", "2024-05-31", "May 2024"),
        (("2023", "2024-02"), "2023-01-01", "2024-02-29", "2023-01-01 to 2024-02-29"),
    ],
)
def test_spans(words: tuple[str, ...], first: str, last: str, name: str) -> None:
    """A day, a month or a year each stands for all of its days."""
    span = parse_span(*words)
    assert (span, str(span)) == (Span(D(first), D(last)), name)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((None,), "start: expected a day, month or year from 1900 on, as text: .*; got none"),
        ((202405,), r"got 202405 \(int\)"),
        (("2024-13",), "got '2024-13'"),
        (("2024-02-30",), "date: expected a day of the calendar"),
        (("9999",), "got '9999'"),
        (("9999-12-31",), "got '9999-12-31'"),
        (("2024", "1899"), "end: expected a day"),
        (("0001-05",), "got '0001-05'"),
        (("0001-05-01",), "got '0001-05-01'"),
        (("2024-05-02", "2024-05-01"), "end: expected 2024-05-02 or later, got 2024-05-01"),
        (("2024-05-02", 7), r"end: expected a day, month or year .*; got 7 \(int\)"),
    ],
)
def test_refused(words: tuple[object, ...], message: str) -> None:
    """Anything else is refused by name."""
    with pytest.raises(ParameterError, match=message):
        parse_span(*words)


@pytest.mark.parametrize(
    ("words", "before", "year_before"),
    [
        (("2024-03",), "February 2024", "March 2023"),
        (("2024-01",), "December 2023", "January 2023"),
        (("2024-02",), "January 2024", "February 2023"),
        (("2024-02", "2024-03"), "2023-12-01 to 2024-01-31", "2023-02-01 to 2023-03-31"),
        (("2024",), "2023", "2023"),
        (("2024-05-08", "2024-05-14"), "2024-05-01 to 2024-05-07", "2023-05-08 to 2023-05-14"),
        (("2024-02-29",), "2024-02-28", "2023-02-28"),
    ],
)
def test_compared_spans(words: tuple[str, ...], before: str, year_before: str) -> None:
    """Months are compared with months, other days with as many days."""
    span = parse_span(*words)
    assert (str(span.before), str(span.year_before)) == (before, year_before)
    assert (span.end - span.start).days == span.days
