"""Files of other shapes: a column a turbine, a row a value, a file a signal or a turbine."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import execute

from fonteapi.__main__ import main

WIDE = "Time,Wind,PW1,PW2\n2024-05-20 00:00,8,900,800\n2024-05-20 00:10,9,950,\n"
NARROW = """\
time,tag,value
2024-05-20 00:00,WS,8
2024-05-20 00:00,P,900
2024-05-20 00:00,Note,5
2024-05-20 00:10,WS,9
2024-05-20 00:20,P,950
2024-05-20 00:20,P,950
"""
Load = Callable[..., int]
Row = tuple[str, str, float | None, float | None]


@pytest.fixture
def load(fonte_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads texts as files of the current folder, by name."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)
    monkeypatch.chdir(tmp_path)

    def load(content: str | dict[str, str], *options: str) -> int:
        files = content if isinstance(content, dict) else {"own.csv": content}
        for name, text in files.items():
            Path(name).write_text(text)
        return main(["load", *files, *options])

    return load


def stored(url: str) -> list[Row]:
    query = "SELECT turbine, timestamp, wind_speed, power FROM data ORDER BY turbine, timestamp, id"
    return [
        (name, f"{stamp:%H:%M}", wind, power) for name, stamp, wind, power in execute(url, query)
    ]


WIDE_OPTIONS = ["--rename", "Time=timestamp", "Wind=wind_speed", "--wide", "PW{turbine}=power"]
EXPECTED_WIDE = [
    ("1", "00:00", 8, 900),
    ("1", "00:10", 9, 950),
    ("2", "00:00", 8, 800),
    ("2", "00:10", 9, None),
]


def test_wide(load: Load, fonte_url: str) -> None:
    """Each turbine has its own column, and all share the others."""
    assert load(WIDE, *WIDE_OPTIONS) == 0
    assert stored(fonte_url) == EXPECTED_WIDE


def test_wide_parquet(load: Load, fonte_url: str) -> None:
    stamps = [datetime(2024, 5, 20, 0, minute) for minute in (0, 10)]  # noqa: DTZ001
    columns = {"Time": stamps, "Wind": [8, 9], "PW1": [900, 950], "PW2": [800.0, None]}
    pq.write_table(pa.table(columns), "own.parquet")
    assert main(["load", "own.parquet", *WIDE_OPTIONS]) == 0
    assert stored(fonte_url) == EXPECTED_WIDE


def test_wide_with_units(load: Load, fonte_url: str) -> None:
    """Several signals by turbine, with a unit in the names, and a bad value by its line."""
    content = "Time,T1.P (MW),T1.WS,T2.P (MW),T2.WS\n2024-05-20 00:00,1.5,8,1.25,9\n"
    wide = ["--wide", "{turbine}.P (MW)=power", "{turbine}.WS=wind_speed"]
    assert load(content, "--rename", "Time=timestamp", *wide) == 0
    assert stored(fonte_url) == [("T1", "00:00", 8, 1500), ("T2", "00:00", 9, 1250)]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--wide", "PW=power"], 2, "--wide 'PW=power': expected 'Its name {turbine}=power'"),
        (["--wide", "PW{turbine}=P"], 2, "expected one of wind_speed, power, "),
        (["--wide", "X{turbine}=power"], 2, "own.csv has no signal"),
        ([*WIDE_OPTIONS[-2:], "--turbine", "T1"], 2, "names its turbines in the names of its col"),
        (["--rename", "Wind=turbine", *WIDE_OPTIONS[-2:]], 2, "names its turbines in 'Wind', too"),
    ],
)
def test_wrong_wide(
    load: Load,
    fonte_url: str,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    message: str,
) -> None:
    assert load(WIDE, "--rename", "Time=timestamp", *options) == code
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert stored(fonte_url) == []


TWO = "Time,P1,P2,Pitch1,Pitch2\n2024-05-20 00:00,900,800,1,2\n"


def test_narrower_pattern(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two patterns that fit, the one with all text of the other and more is meant."""
    wide = ["--rename", "Time=timestamp", "--wide", "P{turbine}=power"]
    assert load(TWO, *wide, "Pitch{turbine}=pitch_angle") == 0
    assert stored(fonte_url) == [("1", "00:00", None, 900), ("2", "00:00", None, 800)]
    angles = execute(fonte_url, "SELECT pitch_angle FROM data ORDER BY turbine")
    assert [angle for (angle,) in angles] == [1, 2]
    for other in ("{turbine}1=pitch_angle", "P{turbine}=pitch_angle"):
        assert load(TWO, *wide, other) == 2
        err = capsys.readouterr().err
        assert "--wide: 'P1' could be power of 1 and pitch_angle of " in err
        assert err.count("\n") == 1


def test_statistics_of_wide_columns(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name with more behind it is not a second turbine, in columns and in tags."""
    content = "Time,PW1,PW1_std,PW2,PW2_std\n2024-05-20 00:00,900,7,800,9\n"
    wide = ["--rename", "Time=timestamp", "--wide", "PW{turbine}=power"]
    assert load(content, *wide) == 2
    err = capsys.readouterr().err
    assert "--wide: '1' and '1_std' would be two turbines" in err
    assert err.count("\n") == 1
    assert load(content, *wide, "PW{turbine}_std=power.std") == 0
    rows = execute(fonte_url, 'SELECT turbine, power, "power.std" FROM data ORDER BY turbine')
    assert [tuple(row) for row in rows] == [("1", 900, 7), ("2", 800, 9)]
    tags = "time,tag,value\n2024-05-20 00:00,A.P,900\n2024-05-20 00:00,A-max.P,950\n"
    options = ["--narrow", "tag", "value", "--rename", "time=timestamp"]
    assert load(tags, *options, "--wide", "{turbine}.P=power") == 2
    assert "--wide: 'A' and 'A-max' would be two turbines" in capsys.readouterr().err


def test_turbines_of_wide_columns(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    """The report lists up to 20, so that a wrong one is seen."""
    names = "".join(f",P{number:02}" for number in range(22))
    content = f"timestamp{names}\n2024-05-20 00:00{',5' * 22}\n"
    assert load(content, "--wide", "P{turbine}=power") == 0
    listed = ", ".join(f"{number:02}" for number in range(20))
    assert f"\nturbines: {listed} and 2 more\n" in capsys.readouterr().out
    assert load(TWO, "--rename", "Time=timestamp", "--wide", "P{turbine}=power", "--preview") == 0
    assert "\nturbines: 1, 2, itch1, itch2\n" in capsys.readouterr().out


NARROW_OPTIONS = ["--narrow", "tag", "value", "--rename", "time=timestamp"]


def test_narrow(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Tags are renamed as columns are, and the values of a timestamp are one reading."""
    assert load(NARROW, *NARROW_OPTIONS, "WS=wind_speed", "P=power") == 0
    assert stored(fonte_url) == [
        ("T1", "00:00", 8, 900),
        ("T1", "00:10", 9, None),
        ("T1", "00:20", None, 950),
    ]
    assert "ignored: Note" in capsys.readouterr().out


def test_narrow_with_turbines(load: Load, fonte_url: str) -> None:
    """The turbine is in the tag, or in a column of its own."""
    content = NARROW.replace(",WS", ",A1.WS").replace(",P", ",A2.P")
    wide = ["--wide", "{turbine}.WS=wind_speed", "{turbine}.P=power"]
    assert load(content, *NARROW_OPTIONS, *wide) == 0
    assert stored(fonte_url) == [
        ("A1", "00:00", 8, None),
        ("A1", "00:10", 9, None),
        ("A2", "00:00", None, 900),
        ("A2", "00:20", None, 950),
    ]
    rows = NARROW.replace("\n2024", "\nB7,2024").replace("time,", "wtg,time,")
    options = [*NARROW_OPTIONS, "WS=wind_speed", "P=power"]
    assert load(rows, *options, "wtg=turbine", "--replace-all") == 0
    assert {turbine for turbine, *_ in stored(fonte_url)} == {"B7"}


def test_wrong_narrow(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert load(NARROW, *NARROW_OPTIONS) == 2
    assert "no signal among its tags in 'tag'; it has 'Note', 'P', 'WS'" in capsys.readouterr().err
    assert load(NARROW, *NARROW_OPTIONS, "WS=wind_speed", "None=power") == 2
    assert "--rename: own.csv has no column 'None'" in capsys.readouterr().err
    assert load(NARROW, "--narrow", "Tag", "value", "--rename", "time=timestamp") == 2
    assert "--narrow: own.csv has no column 'Tag'; it has 'time'" in capsys.readouterr().err
    assert load(NARROW.replace("WS,8", "WS,x"), *NARROW_OPTIONS, "WS=wind_speed") == 1
    assert "line 2: column 'WS': expected a number, got 'x'" in capsys.readouterr().err
    mixed = NARROW.replace("00:00,Note", "00:10,WS").replace("00:00,P", "00:00,WS")
    assert load(mixed, *NARROW_OPTIONS, "WS=wind_speed") == 2
    assert "several different ones for 2 of 2" in capsys.readouterr().err
    assert stored(fonte_url) == []


ROWS = "2024-05-20 00:00,{}\n2024-05-20 00:10,{}\n"


def test_file_a_signal(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The values of a timestamp are one reading, whichever file they are in."""
    files = {"p.csv": "timestamp,power\n" + ROWS.format(1, 2)}
    files["w.csv"] = "timestamp,Wind\n" + ROWS.format(8, 9)
    assert load(files, "--rename", "Wind=wind_speed") == 0
    assert stored(fonte_url) == [("T1", "00:00", 8, 1), ("T1", "00:10", 9, 2)]
    assert "loaded 2 readings of T1 from 2 files" in capsys.readouterr().out
    assert load(files, "--rename", "None=wind_speed") == 2
    assert "--rename: w.csv has no column 'None'; it has 'timestamp', 'Wind'" in (
        capsys.readouterr().err
    )


def test_file_a_signal_in_two_loads(load: Load, fonte_url: str) -> None:
    """What the second file lacks says nothing: both values are answered."""
    assert load("timestamp,power\n" + ROWS.format(1, 2)) == 0
    assert load("timestamp,wind_speed\n" + ROWS.format(8, 9)) == 0
    assert stored(fonte_url) == [
        ("T1", "00:00", None, 1),
        ("T1", "00:00", 8, None),
        ("T1", "00:10", None, 2),
        ("T1", "00:10", 9, None),
    ]


FILES = {
    "Turbine_A1_2024.csv": "timestamp,power\n" + ROWS.format(1, 2),
    "Turbine_B 2_2024.csv": "timestamp,power\n" + ROWS.format(3, 4),
}


def test_turbine_from_name(load: Load, fonte_url: str) -> None:
    """The groups of the pattern are the name, blanks being _."""
    assert load(FILES, "--turbine-from-name", r"Turbine_(\w)([ \d]+)_") == 0
    assert stored(fonte_url) == [
        *(("A_1", "00:00", None, 1), ("A_1", "00:10", None, 2)),
        *(("B_2", "00:00", None, 3), ("B_2", "00:10", None, 4)),
    ]


def test_turbine_above_the_names(load: Load, fonte_url: str) -> None:
    content = "# Turbine: Kelmarsh 1\n# timestamp,power\n" + ROWS.format(1, 2)
    assert load(content, "--turbine-from-name", "Turbine: (.+)") == 0
    assert [turbine for turbine, *_ in stored(fonte_url)] == ["Kelmarsh_1"] * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "of a turbine, got several different ones for 2 of 2. If each file has a turbine"),
        (["--turbine-from-name", "A(1)"], "expected a turbine in the file's name, or in a"),
        (["--turbine-from-name", "Turbine"], "expected a group around the name, as in 'Turbine_"),
        (["--turbine-from-name", "("], "--turbine-from-name '(': missing ), unterminated"),
    ],
)
def test_files_of_unnamed_turbines(
    load: Load,
    fonte_url: str,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    """Files that contradict are not mixed."""
    assert load(FILES, *options) == 2
    assert message in capsys.readouterr().err
    assert stored(fonte_url) == []


def test_rows_of_a_value(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--where` takes the rows that have one of the values in each column."""
    rows = "timestamp,kind,unit,power\n"
    rows += "".join(f"2024-05-20 00:0{n},{kind},{n % 2},{n}\n" for n, kind in enumerate("abcabc"))
    assert load(rows, "--where", "kind=a", "kind=b", "unit=0") == 0
    assert [power for *_, power in stored(fonte_url)] == [0, 4]
    assert load(rows, "--where", "Kind=a") == 2
    assert "--where: own.csv has no column 'Kind'; it has" in capsys.readouterr().err
    assert load(rows, "--where", "kind=d", "unit=1.0") == 1
    assert (
        "--where: own.csv has no reading with 'd' in 'kind', which has 'a', 'b', 'c' and with"
        " '1.0' in 'unit', which has '0', '1'\n"
    ) in capsys.readouterr().err
    assert load(rows, "--where", "kind") == 2
    assert "--where: expected 'Its name=value', got 'kind'" in capsys.readouterr().err


def test_given_name_before_one_by_chance(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A column that is named as ours is ignored, and listed so, if an option names another one."""
    content = "timestamp,Date,Time,power,P,P1\n1,2024-05-20,00:10,5,6,7\n"
    names = ["--rename", "Date=date", "Time=time"]
    assert load(content, *names, "P=power") == 0
    assert "ignored: timestamp, power, P1\n" in capsys.readouterr().out
    assert load(content, *names, "--wide", "P{turbine}=power", "--turbine-from-name", "x") == 2
    assert load(content, *names, "--wide", "P{turbine}=power") == 0
    assert "ignored: timestamp, power, P\n" in capsys.readouterr().out
    assert stored(fonte_url) == [("1", "00:10", None, 7), ("T1", "00:10", None, 6)]


def test_equal_names(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    content = "timestamp,Power,Power\n2024-05-20 00:00,5,6\n"
    assert load(content, "--rename", "Power=power") == 2
    err = capsys.readouterr().err
    assert "got 'Power' and 'Power': give each a name of its own: --header-row 1 --names …" in err
    assert load(content, "--header-row", "1", "--names", "timestamp", "power", "Other") == 0
    assert stored(fonte_url) == [("T1", "00:00", None, 5)]


def test_names_of_parquet(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"timestamp": ["2024-05-20"], "power": [1.0]}), "own.parquet")
    assert main(["load", "own.parquet", "--names", "timestamp", "power"]) == 2
    assert "--names: own.parquet is Parquet, whose columns have names" in capsys.readouterr().err


def test_unnamed_stations(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A column tells stations apart even where most of their values are equal."""
    rows = "time,Station,power\n"
    rows += "".join(f"2024-05-20 0{n}:00,S{s},0\n" for n in range(9) for s in (1, 2))
    assert load(rows, "--rename", "time=timestamp") == 2
    err = capsys.readouterr().err
    assert "the file has 2 turbines in 'Station' (S1, S2): --rename Station=turbine" in err
    assert load(rows, "--rename", "time=timestamp", "Station=turbine") == 0
    assert len(stored(fonte_url)) == 18


MIXED = "".join(
    f"2024-05-20T{n // 60:02}:{n % 60:02}:00Z,{station},{n if station == 'A' else n + 500}\n"
    for station, count in (("A", 100), ("B", 40))
    for n in range(count)
)


def test_few_rows_of_another_turbine(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A column that tells repeated timestamps apart is refused, however few they are."""
    assert load("timestamp,which,power\n" + MIXED) == 2
    err = capsys.readouterr().err
    assert "the file has 2 turbines in 'which' (A, B): --rename which=turbine; if they are" in err
    assert load("timestamp,which,power\n" + MIXED, "--turbine", "T1") == 0
    assert "40 timestamps are repeated with other values, the first 2024-05-20T00:00:00Z: the" in (
        capsys.readouterr().out
    )


def test_interleaved_stations(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    """A column of stations matters where no timestamp repeats, too, if it has several."""
    rows = "".join(f"2024-05-20T00:{n:02}:00Z,S{n % 2},{n}\n" for n in range(20))
    assert load("timestamp,station,power\n" + rows) == 2
    assert "2 turbines in 'station' (S0, S1): --rename station=turbine" in capsys.readouterr().err
    assert load("timestamp,station,power\n" + rows.replace("S1", "S0")) == 0


def test_files_that_contradict_where_they_meet(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another turbine's file is refused, beside the first one and after it."""
    rows = [row.replace(",A", "").replace(",B", "") for row in MIXED.splitlines(keepends=True)]
    files = {
        "a.csv": "timestamp,power\n" + "".join(rows[:100]),
        "b.csv": "timestamp,power\n" + "".join(rows[100:]),
    }
    assert load(files) == 2
    assert (
        "several different ones for 40 of 40. If each file has a turbine" in capsys.readouterr().err
    )
    assert main(["load", "a.csv"]) == 0
    assert main(["load", "b.csv"]) == 2
    err = capsys.readouterr().err
    assert "got other values at 40 of 40 timestamps that Fonte has, too: if they are another" in err
    assert len(stored(fonte_url)) == 100
    assert main(["load", "b.csv", "--turbine", "T1"]) == 0
    out = capsys.readouterr().out
    assert "other values at 40 of 40 timestamps that Fonte has, too: the new ones count" in out
    assert main(["load", "b.csv"]) == 0
    assert "other values" not in capsys.readouterr().out.replace("repeated with other values", "")


def test_turbine_by_its_rows(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--where` on a column of turbines names the turbine."""
    rows = "timestamp,Turbine,power\n2024-05-20 00:00,T01,1\n2024-05-20 00:10,T02,2\n"
    assert load(rows, "--where", "Turbine=T02") == 0
    assert stored(fonte_url) == [("T02", "00:10", None, 2)]
    assert load(rows, "--where", "Turbine=T01", "Turbine=T02") == 2
    assert "--rename Turbine=turbine" in capsys.readouterr().err


def test_blanks_in_names_of_turbines(load: Load, fonte_url: str) -> None:
    assert load("timestamp,turbine,power\n2024-05-20 00:00, WT 01,1\n") == 0
    assert [turbine for turbine, *_ in stored(fonte_url)] == ["WT_01"]
