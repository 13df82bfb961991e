"""Numbers as people read them."""

from math import nan

import pytest

from etl_lib.analysis import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 kWh"),
        (-0.4, "0 kWh"),
        (-1006.4, "-1,006 kWh"),
        (9_999.4, "9,999 kWh"),
        (9_999.6, "10.0 MWh"),
        (-80_500.0, "-80.5 MWh"),
        (123_456.0, "123 MWh"),
        (999_499.0, "999 MWh"),
        (999_600.0, "1.00 GWh"),
        (12_345_678.0, "12.3 GWh"),
        (None, "–"),
        (nan, "–"),
    ],
)
def test_energy(value: float | None, text: str) -> None:
    """The unit fits the size, with three digits or more."""
    assert words.energy(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "100.0%"),
        (1 - 1e-12, "100.0%"),
        (-1e-5, "0.0%"),
        (0.99999, "99.9%"),
        (0.214, "21.4%"),
        (nan, "–"),
    ],
)
def test_share(value: float, text: str) -> None:
    """What is not all is never shown as 100 %, except for the rounding of a sum."""
    assert words.share(value) == text


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (112.0, 100.0, "12% more than in May"),
        (88.0, 100.0, "12% less than in May"),
        (100.2, 100.0, "as much as in May"),
        (450.0, 100.0, "4.5 times that in May"),
        (450.0, 0.0, ""),
        (100.0, -10.0, ""),
        (-50.0, 100.0, ""),
        (450.0, None, ""),
        (None, 100.0, ""),
    ],
)
def test_change(now: float | None, before: float | None, text: str) -> None:
    """A change is relative, and none is named where one of the two is not known."""
    assert words.change(now, before, "in May") == text


def test_change_of_a_day() -> None:
    """Spans of another length are compared by the energy of a day."""
    assert words.change(3.0, 2.0, "in May", " a day") == "50% more a day than in May"


def test_loss() -> None:
    """A loss below nothing is named as a gain."""
    assert words.loss(120.0, 1000.0, 1.0) == ("120 kWh", "lost; 12.0% below the reference curve")
    part = "lost; 12.0% below the reference curve, in 51% of the time"
    assert words.loss(120.0, 1000.0, 0.51) == ("120 kWh", part)
    assert words.loss(120.0, -1.0, 1.0) == ("120 kWh", "lost; below the reference curve")
    gain = "more than expected; 12.0% above the reference curve"
    assert words.loss(-120.0, 1000.0, 0.99) == ("120 kWh", gain)


def test_small_words() -> None:
    """Counts, lists and zeros without a sign."""
    assert words.count(1, "day") == "1 day"
    assert words.count(2000, "day is", "days are") == "2,000 days are"
    assert words.listing(["T1"]) == "T1"
    assert words.listing(["T1", "T2", "T3"]) == "T1, T2 and T3"
    assert words.listing([f"T{n}" for n in range(1, 10)]) == "T1, T2, T3, T4 and 5 more"
    assert words.number(-0.04) == "0.0"
