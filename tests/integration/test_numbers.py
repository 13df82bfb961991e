"""How a file writes numbers: decimal comma, thousands, and what could be read both ways."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from helpers import execute
from hypothesis import given
from hypothesis import strategies as st

from fonteapi.__main__ import main

Load = Callable[..., int]


@pytest.fixture
def load(fonte_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads power and wind speed of `;`-separated pairs, instead of what Fonte holds."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)

    def load(*pairs: str, options: tuple[str, ...] = ()) -> int:
        rows = [f"2024-05-20T00:{n // 60:02}:{n % 60:02};{pair}" for n, pair in enumerate(pairs)]
        path = tmp_path / "own.csv"
        path.write_text("\n".join(["timestamp;power;wind_speed", *rows]))
        return main(["load", str(path), "--replace-all", *options])

    return load


def stored(url: str) -> list[tuple[float | None, float | None]]:
    return [tuple(row) for row in execute(url, "SELECT power, wind_speed FROM data ORDER BY id")]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (["1,5;8", "2;9,25"], [(1.5, 8), (2, 9.25)]),
        (["1.075,2;8,5", "-12;0,125"], [(1075.2, 8.5), (-12, 0.125)]),
        (["1,075.2;8.5", "1,000,000;9"], [(1075.2, 8.5), (1e6, 9)]),
        (["1.075;8.5", "999;9"], [(1.075, 8.5), (999, 9)]),  # the other column tells
        (["1.075;8,5", "999;9"], [(1075, 8.5), (999, 9)]),
        (["0.075;8", "1.125;9"], [(0.075, 8), (1.125, 9)]),  # no thousand begins with 0
        (["1.5e3;8", ".5;9"], [(1500, 8), (0.5, 9)]),
        (["1.234.567;8", "1.5;9"], None),
        (["1 075,5;8", "1\u00a0000\u00a0000;9,5"], [(1075.5, 8), (1e6, 9.5)]),
        (["1'075.5;8", "1\u202f000;9"], [(1075.5, 8), (1000, 9)]),
        (["1 075;8", "-2 000;9"], [(1075, 8), (-2000, 9)]),
        (["1 07;8", "1.5;9"], None),
    ],
)
def test_marks(
    load: Load, fonte_url: str, pairs: list[str], expected: list[tuple[float, float]] | None
) -> None:
    """The numbers of a file tell what stands before decimals."""
    assert load(*pairs) == (1 if expected is None else 0)
    assert stored(fonte_url) == (expected or [])


@pytest.mark.parametrize(("text", "whole"), [("1.075", 1075), ("1,075", 1075)])
def test_both_ways(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str], text: str, whole: float
) -> None:
    """1.075 alone could be 1075: it is refused with both, until the option decides."""
    pairs = [f"{text};8", "999;9"]
    assert load(*pairs) == 2
    said = capsys.readouterr().err
    assert f"column 'power': {text!r} could be 1.075 or 1075: choose with --decimal . or" in said
    assert stored(fonte_url) == []
    decimal, other = ".," if "." in text else ",."
    assert load(*pairs, options=("--decimal", decimal)) == 0
    assert stored(fonte_url) == [(1.075, 8), (999, 9)]
    assert load(*pairs, options=("--decimal", other)) == 0
    assert stored(fonte_url) == [(whole, 8), (999, 9)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["8.125", "9.250"], [(None, 8.125), (None, 9.25)]),  # 8125 m/s cannot be
        (["8,125", "9,250"], [(None, 8.125), (None, 9.25)]),
        (["8.125;1.075", "9.250;1.125"], [(1.075, 8.125), (1.125, 9.25)]),
    ],
)
def test_what_can_be_decides(
    fonte_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    values: list[str],
    expected: list[tuple[float | None, float]],
) -> None:
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)
    path = tmp_path / "own.csv"
    names = "timestamp;wind_speed;power" if ";" in values[0] else "timestamp;wind_speed"
    rows = [f"2024-05-20T00:0{number};{value}\n" for number, value in enumerate(values)]
    path.write_text(f"{names}\n{''.join(rows)}")
    assert main(["load", str(path)]) == 0
    assert stored(fonte_url) == expected


def test_word_with_a_mark(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A word such as n.a. does not tell what stands before decimals."""
    pairs = ("1.075;8", "2.345;9", "n.a.;9")
    assert load(*pairs, options=("--bad-rows", "skip")) == 2
    assert "column 'power': '2.345' could be 2.345 or 2345" in capsys.readouterr().err
    assert stored(fonte_url) == []


def test_decimal_comma_is_told(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    assert load("1,5;8") == 0
    assert "numbers with a decimal comma: power, wind_speed" in capsys.readouterr().out


def test_bad_number_among_commas(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A number of the other kind, and words, are bad rows."""
    assert load("1,5;8", "2,5;9", "3.5;9", "Bad;9") == 1
    said = capsys.readouterr().err
    assert "line 4: column 'power': expected a number, got '3.5'" in said
    assert "line 5: column 'power': expected a number, got 'Bad'" in said
    assert stored(fonte_url) == []


@pytest.mark.parametrize(
    ("values", "options", "said"),
    [
        (["-999", "-999.0", "5"], (), "power: -999 may mean missing: if so, --missing -999\n"),
        (["-999.9", "-999", "5"], (), "if so, --missing -999.9 -999\n"),
        (["-1", "5", "-999"], ("--unit", "power=W"), "if so, --missing -999\n"),
        (["-9999.9", "-9999.900390625", "5"], ("--missing", "-9999.9"), ""),
        (["-999", "9999", "-20"], (), "power: -999 may mean missing"),  # far below all others
        (["-999", "-700", "9999"], (), ""),  # plausible
        (["-5000", "30000"], (), ""),  # not plausible, and no usual word for missing
    ],
)
def test_value_that_may_mean_missing(
    load: Load,
    fonte_url: str,
    capsys: pytest.CaptureFixture[str],
    values: list[str],
    options: tuple[str, ...],
    said: str,
) -> None:
    """It is reported, as the file has it, and stays."""
    assert load(*(f"{value};8" for value in values), options=options) == 0
    out = capsys.readouterr().out
    assert said in out
    assert ("may mean missing" in out) == bool(said)
    kept = [power for power, _ in stored(fonte_url)]
    assert (None in kept) == ("--missing" in options)


@given(
    st.lists(st.decimals(-5000, 50000, places=2), min_size=2, max_size=20),
    st.sampled_from(
        [(".", ""), (".", ","), (".", "'"), (",", ""), (",", "."), (",", " "), (",", "\u202f")]
    ),
)
def test_any_numbers(
    load: Load, fonte_url: str, numbers: list[object], marks: tuple[str, str]
) -> None:
    """Numbers in any of the usual forms are read as they are, or refused; never as others."""
    decimal, thousands = marks

    def spell(number: object) -> str:
        text = f"{number:,.2f}"
        return text.translate({ord(","): thousands, ord("."): decimal})

    assert load(*(f"{spell(number)};1" for number in numbers)) == 0
    assert [power for power, _ in stored(fonte_url)] == [float(str(n)) for n in numbers]


def test_text_of_parquet(fonte_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parquet may hold numbers as text, also as pandas' categories."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)
    frame = pd.DataFrame({"timestamp": [datetime(2024, 5, 20)] * 2, "power": ["1,5", "2"]})  # noqa: DTZ001
    frame["timestamp"] += pd.to_timedelta([0, 1], unit="min")
    frame["timestamp"] = frame["timestamp"].astype(str).astype("category")
    frame["wind_speed"] = pd.Series(["8", "9"], dtype="category")
    frame.to_parquet(tmp_path / "own.parquet")
    assert main(["load", str(tmp_path / "own.parquet")]) == 0
    assert stored(fonte_url) == [(1.5, 8), (2, 9)]
