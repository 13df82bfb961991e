"""The commands `etl exclude` and `etl exclusions` as people type them."""

import getpass
import json
from dataclasses import replace
from typing import Any

import pytest
from helpers import DAY as LOADED
from helpers import FARM, execute, farm_statistics, make_statistics, stored
from sqlalchemy import Engine

from etl_lib.cli import main as cli
from etl_lib.cli.options import RunOptions
from etl_lib.load.day import load_day

ROWS = 'SELECT turbine, signal, start::text, "end"::text, reason, author FROM exclusion ORDER BY id'
DAY = ("2024-05-20", "2024-05-21")
HEAD = "id  turbine  signal  start (UTC)       end (UTC)            reason       author"


@pytest.fixture(autouse=True)
def loaded(project: Any, alvo: Engine, alvo_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Power of A1 and B2 in Alvo; no Fonte is needed."""
    load_day(alvo, replace(FARM, turbines=["A1", "B2"]), farm_statistics(), readings=2880)
    monkeypatch.setenv("ALVO_DATABASE_URL", alvo_url)
    monkeypatch.setenv("FONTE_API_URL", "http://127.0.0.1:1")


@pytest.fixture
def etl(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command; returns its exit code, stdout and stderr."""
    return lambda *words: (cli.main(words), *capsys.readouterr())


def test_exclude_list_undo(etl: Any, alvo_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is excluded is listed, and can be undone by its number."""
    before = stored(alvo_url)
    monkeypatch.setattr(getpass, "getuser", lambda: "ana")
    assert etl("exclusions") == (0, "no exclusions\n", "")
    assert etl("exclusions", "--json") == (0, "[]\n", "")
    assert etl("exclude", "A1", *DAY, "--reason", " heavy\n  icing ") == (
        *(0, "excluded all signals of A1 from 2024-05-20 00:00 to 2024-05-21 00:00 UTC:"
        " heavy icing (exclusion 1)\n", ""),
    )  # fmt: skip
    times = ("2024-05-20T06:00+02:00", "2024-05-20T06:30:05")
    words = ("--signal", "power", "--reason=wrong", "--author", "Bo")
    assert etl("exclude", "B2", *times, *words)[0] == 0
    assert execute(alvo_url, ROWS) == [
        ("A1", None, "2024-05-20 00:00:00+00", "2024-05-21 00:00:00+00", "heavy icing", "ana"),
        ("B2", "power", "2024-05-20 04:00:00+00", "2024-05-20 06:30:05+00", "wrong", "Bo"),
    ]
    assert etl("exclusions")[1].splitlines() == [
        HEAD,
        "1   A1       all     2024-05-20 00:00  2024-05-21 00:00     heavy icing  ana",
        "2   B2       power   2024-05-20 04:00  2024-05-20 06:30:05  wrong        Bo",
    ]
    first, second = json.loads(etl("exclusions", "--json")[1])
    assert (first["signal"], first["start"]) == (None, "2024-05-20T00:00:00+00:00")
    assert (second["id"], second["reason"]) == (2, "wrong")
    code, out, _ = etl("exclusions", "--undo", "1")
    assert (code, out.split(" from ")[0]) == (0, "undone: all signals of A1")
    assert [row.turbine for row in execute(alvo_url, ROWS)] == ["B2"]
    assert stored(alvo_url) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["exclude", "a1", *DAY, "--reason=x"], "turbine: expected one of A1, B2; got a1"),
        (["exclude", "", *DAY, "--reason=x"], "turbine: expected one of A1, B2; got no name"),
        (
            ["exclude", "A1", *DAY, "--reason=x", "--signal", "power", "rain"],
            "signal: expected some of power, which Alvo has of A1; got rain",
        ),
        (["exclude", "A1", *DAY, "--reason", " \t"], "--reason: expected some words, got ' \\t'"),
        (["exclude", "A1", *DAY, "--reason=x", "--author="], "--author: expected some words, got"),
        (["exclude", "A1", *DAY, "--reason", "\udcff"], "--reason: expected some words, got"),
        (["exclude", "A1", *DAY], "the following arguments are required: --reason"),
        (["exclude", "A1", *reversed(DAY), "--reason=x"], "END: expected a time after 2024-05-21T"),
        (["exclusions", "--undo", "1"], "exclusion: expected none, since there are no"),
        (["exclusions", "--undo", "1" + "0" * 30], "exclusion: expected none, since there"),
    ],
)
def test_refused(etl: Any, alvo_url: str, words: list[str], message: str) -> None:
    """What cannot be is one line and exit code 2, and nothing is written."""
    code, out, err = etl(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"etl {words[0]}: {message}")
    assert execute(alvo_url, ROWS) == []


def test_without_a_login(etl: Any, monkeypatch: pytest.MonkeyPatch, alvo_url: str) -> None:
    """A user without a login, as in a container, has to name the author."""

    def fail() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", fail)
    code, _, err = etl("exclude", "A1", *DAY, "--reason=x")
    assert (code, err.split(";")[0]) == (
        *(2, "etl exclude: --author: expected a name, since this user has no login"),
    )
    assert etl("exclude", "A1", *DAY, "--reason=x", "--author=me")[0] == 0
    assert [row.author for row in execute(alvo_url, ROWS)] == ["me"]


def test_repeated_option(etl: Any, alvo: Engine, alvo_url: str) -> None:
    """An option of several names may be repeated: none of its words is lost."""
    for name in ("power", "wind_speed"):
        load_day(alvo, LOADED, make_statistics(name=name), readings=1440)
    words = ("--signal", "power", "--signal", "wind_speed")
    assert etl("exclude", "T1", *DAY, "--reason=x", *words)[0] == 0
    assert [row.signal for row in execute(alvo_url, ROWS)] == ["power", "wind_speed"]
    options = cli._parse(["run", "2024-05-20", "--columns", "a", "b", "--columns", "c", "a"])
    assert isinstance(options, RunOptions)
    assert options.columns == ["a", "b", "c"]


def test_forget_names_exclusions(etl: Any, alvo_url: str) -> None:
    """`etl forget` deletes the exclusions of a turbine, too, and counts them."""
    assert etl("exclude", "A1", *DAY, "--reason=x")[0] == 0
    _, out, err = etl("forget", "A1", "--yes")
    assert "deleted 720 statistics of A1 on 1 date, and 1 exclusion, from Alvo" in out, err
    assert execute(alvo_url, ROWS) == []
