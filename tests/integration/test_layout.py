"""Where the table is in a text: lines above and below, units, no names, other encodings."""

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import execute

from fonteapi.__main__ import main
from fonteapi.catalogue import read_catalogue
from fonteapi.database import Fonte
from pgarrow.sessions import open_engine

ROWS = "2024-05-20 00:00:00,8.5,900\n2024-05-20 00:10:00,9.5,950\n"
NAMES = ["--rename", "Time=timestamp", "Wind=wind_speed", "Power=power"]
EXPECTED = [(8.5, 900), (9.5, 950)]
Load = Callable[..., int]


@pytest.fixture
def load(fonte_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a text as a file of the current folder."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)
    monkeypatch.chdir(tmp_path)

    def load(content: str, *options: str, encoding: str = "utf-8") -> int:
        Path("own.csv").write_bytes(content.encode(encoding))
        return main(["load", "own.csv", *options])

    return load


def stored(url: str) -> list[tuple[float | None, float | None]]:
    return [tuple(row) for row in execute(url, "SELECT wind_speed, power FROM data ORDER BY id")]


@pytest.mark.parametrize(
    "content",
    [
        f"Time,Wind,Power\n{ROWS}",
        f"\n\nTime,Wind,Power\n\n{ROWS}",
        f"# Exported, today\n#\n# Time,Wind,Power\n{ROWS}",  # Greenbyte
        f'"TOA5","site","CR1000"\n"Time","Wind","Power"\n"TS","m/s","kW"\n"","Avg","Avg"\n{ROWS}',
        f'Site: "Hill, North\nLatitude = N 1\n\nTime,Wind,Power\n{ROWS}',  # an open quote above
        f"latitude,longitude\n52.5,13.4\n\nTime,Wind,Power\n{ROWS}",  # Open-Meteo
        f"Time,Wind,Power\n,m/s,kW\n{ROWS}",
        f"Time,Wind,Power\n{ROWS}Mean,9,925\nSum,,1850\n",
        f"Time,Wind,Power\n{ROWS}Exported by somebody\n",
        f"Time,Wind,Power\n{ROWS}".replace("\n", ",\n"),
        "Time,Wind,Power\n" + ROWS.replace("\n", ",\n"),  # a delimiter at the end of rows only
        "Time,Wind,Power,\n" + ROWS,  # and of the names only
        f"Time,Wind,Power\n{ROWS}".replace(",", "|"),
        f"Time,Wind,Power\n{ROWS}".replace(",", "\t"),
        f"  Time Wind  Power\n{ROWS}".replace(" 00:", "T00:").replace(",", "   "),  # columns
        f"Time,Wind,Power\n{ROWS}".replace("\n", "\r"),
        f"Time,Wind,Power\r\n{ROWS}",  # mixed ends
        'Time,Wind,Power,"5\' 2"" pipe"\n' + ROWS.replace("\n", ',5" pipe\n'),
        f"Time,Wind,Power\n{ROWS.splitlines()[0]}\nTime,Wind,Power\n{ROWS.splitlines()[1]}\n",
    ],
    ids=range(19),
)
def test_table_is_found(load: Load, fonte_url: str, content: str) -> None:
    assert load(content, *NAMES) == 0
    assert stored(fonte_url) == EXPECTED


def test_any_delimiter(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    content = f"Time,Wind,Power\n{ROWS}".replace(",", "^")
    assert load(content, *NAMES) == 2
    assert load(content, *NAMES, "--delimiter", "^") == 0
    assert stored(fonte_url) == EXPECTED
    assert load(content, *NAMES, "--delimiter", "^^") == 2
    assert "--delimiter: expected one character, got '^^'" in capsys.readouterr().err


def test_date_and_time_between_blanks(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A timestamp with a blank in it has one field too many: the refusal names the columns."""
    content = "wind_speed timestamp power\n8.5 2024-05-20 00:00 900\n9.5 2024-05-20 00:10 950\n"
    assert load(content) == 1
    err = capsys.readouterr().err
    assert "line 2: expected 3 fields as in line 1, got 4" in err
    *_, last = err.splitlines()
    assert last == "  if a date and a time are two columns: --names wind_speed date time power"
    assert load(content, *last.split(": ")[1].split()) == 0
    assert stored(fonte_url) == EXPECTED


def test_lines_that_are_left_out_are_told(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    assert load(f"Time,Wind,Power\n{ROWS}Mean,9,925\nSum,,1850\n", *NAMES) == 0
    assert "2 lines are not readings, such as line 4: 'Mean,9,925'" in capsys.readouterr().out


def test_rows_of_empty_fields(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """They carry no reading, wherever they are, and are reported."""
    first, second = ROWS.splitlines()
    assert load(f"Time,Wind,Power\n{first}\n,,\n{second}\n, ,,,\n", *NAMES) == 0
    assert stored(fonte_url) == EXPECTED
    assert "2 lines are not readings, such as line 3: ',,'" in capsys.readouterr().out
    assert load(f"Time,Wind,Power\n{first}\n,9,\n", *NAMES) == 1
    assert "line 3: column 'Time': expected a timestamp, got nothing" in capsys.readouterr().err


def test_words_among_rows_are_bad(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    """Only at the end of a file a row of words is not a reading."""
    first, second = ROWS.splitlines()
    assert load(f"Time,Wind,Power\n{first}\nMean,9,925\n{second}\n", *NAMES) == 1
    assert "line 3: column 'Time': expected a timestamp, got 'Mean'" in capsys.readouterr().err


def test_units_below_the_names(load: Load, fonte_url: str) -> None:
    assert load("Time,Wind,Power\n,knots,MW\n2024-05-20 00:00,10,1.5\n", *NAMES) == 0
    assert stored(fonte_url) == [(pytest.approx(5.14444, abs=1e-5), 1500)]


def test_names_over_two_lines(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Equal names are told apart by what stands below them."""
    content = "Time,Wind,Wind,Wind\n,Avg,Min,Max\n2024-05-20 00:00:00,8,6,10\n"
    assert load(content, "--rename", "Time=timestamp", "Wind=wind_speed") == 2
    err = capsys.readouterr().err
    assert "own.csv has no column 'Wind'; it has 'Time', 'Wind Avg', 'Wind Min', 'Wind Max'" in err
    assert load(content, "--rename", "Time=timestamp", "Wind Avg=wind_speed") == 0
    assert stored(fonte_url) == [(8, None)]


def test_without_names(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert load(ROWS, "--names", "timestamp", "wind_speed", "power") == 0
    assert stored(fonte_url) == EXPECTED
    assert load(ROWS, "--names", "timestamp", "power") == 2
    assert (
        "--names: own.csv has no line of 2 fields, the number of names" in capsys.readouterr().err
    )


def test_line_of_the_names(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Two lines that name the columns are refused, until one is chosen."""
    content = f"Time,Power,Wind\nTime,Wind,Power\n{ROWS}"
    assert load(content, *NAMES) == 2
    err = capsys.readouterr().err
    assert "own.csv: lines 1 and 2 both name the columns: choose with --header-row" in err
    assert load(content, *NAMES, "--header-row", "2") == 0
    assert stored(fonte_url) == EXPECTED
    assert load(content, *NAMES, "--header-row", "9") == 2
    assert "--header-row: own.csv has 5 lines, got 9" in capsys.readouterr().err


@pytest.mark.parametrize("content", ['Time,Wind,"Power\n{}', 'Time,Wind,Power,"Note\n{}'])
def test_quote_too_many(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    """A quote that swallows rows is refused, among the names and among the rows."""
    assert load(content.format(ROWS.replace("900", '900"')), *NAMES) == 2
    assert "line 1: expected names, got a quote too many" in capsys.readouterr().err
    assert load(f'Time,Wind,Pow"er\n{ROWS}', *NAMES) == 2
    assert "line 1: expected names, got a quote too many" in capsys.readouterr().err
    swallowed = ROWS.replace(",950", ',950"')
    assert load(f'Time,Wind,Power\n"{swallowed}', *NAMES) == 1
    assert "line 2: expected the end of a quoted field, got further" in capsys.readouterr().err
    first, second = ROWS.splitlines()
    rows = f'{first},"a\n{second},a"\n2024-05-20 00:20:00,9,900,b\n'
    assert load("Time,Wind,Power,Note\n" + rows, *NAMES) == 1
    assert "line 2: expected the end of a quoted field, got further" in capsys.readouterr().err
    assert stored(fonte_url) == []


def test_row_above_the_names(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows are not lost when the first line of names is broken, and a later one is not."""
    first, second = ROWS.splitlines()
    assert load(f'Time,Wind,Pow"er\n{first}\nTime,Wind,Power\n{second}\n', *NAMES) == 2
    err = capsys.readouterr().err
    assert "lines 3 and 2: expected the names above the rows, got a row above them" in err
    assert stored(fonte_url) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16"])
def test_encodings(load: Load, fonte_url: str, encoding: str) -> None:
    """Names in any usual encoding are found."""
    rows = ROWS.replace("900", "-20").replace("950", "-21")
    names = ["--rename", "Time=timestamp", "Außentemperatur (°C)=ambient_temperature"]
    assert load(f"Time,Wind,Außentemperatur (°C)\n{rows}", *names, encoding=encoding) == 0
    found = execute(fonte_url, "SELECT ambient_temperature FROM data ORDER BY id")
    assert [value for (value,) in found] == [-20, -21]


@pytest.mark.parametrize(
    ("last", "code", "is_told"),
    [("9.5", 0, False), ("9.", 0, True), ("9", 0, True), ("", 0, True)],
)
def test_end_without_a_line_break(
    load: Load, capsys: pytest.CaptureFixture[str], last: str, code: int, *, is_told: bool
) -> None:
    """The last value is told, unless it has as many decimals as all others."""
    content = f"timestamp,wind_speed\n2024-05-20 00:00,8.5\n2024-05-20 00:10,{last}"
    assert load(content) == code
    assert ("may be cut off" in capsys.readouterr().out) is is_told


def test_cut_number(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A last number that is shorter than all others is refused."""
    rows = "".join(f"2024-05-20 00:{n:02},{n + 100}\n" for n in range(20))
    content = "timestamp,power\n" + rows
    assert load(content[:-2]) == 2
    err = capsys.readouterr().err
    assert "own.csv: no line break after the last value, '11', which may be cut off, since" in err
    assert stored(fonte_url) == []
    assert load(content[:-1]) == 0


def test_bad_rows_are_skipped(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--bad-rows skip` leaves them out, counts them, and writes them to a file."""
    first, second = ROWS.splitlines()
    content = f"Time,Wind,Power\n{first}\n2024-05-20 00:05:00,9,x\n1,2\nyesterday,8,900\n{second}\n"
    assert load(content, *NAMES) == 1
    assert "own.csv: 3 bad rows" in (err := capsys.readouterr().err)
    assert err.endswith("  to load the other rows: --bad-rows skip\n")
    assert load(content, *NAMES, "--bad-rows", "skip") == 0
    assert stored(fonte_url) == EXPECTED
    out = capsys.readouterr().out
    assert "\nleft out: 3 bad rows of own.csv\n" in out
    assert "\nbad rows written to own.csv.bad.csv\n" in out
    assert Path("own.csv.bad.csv").read_text().splitlines() == [
        "line,Time,Wind,Power",
        "3,2024-05-20 00:05:00,9,x",
        "4,1,2",
        "5,yesterday,8,900",
    ]


def test_bad_rows_in_a_preview(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    """A preview writes no file of them."""
    content = "timestamp,power\n2024-05-20 00:00,1\n2024-05-20 00:10,x\n"
    assert load(content, "--bad-rows", "skip", "--preview") == 0
    assert "left out: 1 bad row of own.csv" in capsys.readouterr().out
    assert [path.name for path in Path().iterdir()] == ["own.csv"]


def test_bad_rows_that_cannot_be_written(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is loaded if their file cannot be written, and no file stays if nothing is loaded."""
    content = "timestamp,power\n2024-05-20 00:00,1\n2024-05-20 00:10,x\n"
    Path("own.csv.bad.csv").mkdir()
    assert load(content, "--bad-rows", "skip") == 1
    assert "own.csv.bad.csv cannot be written: " in capsys.readouterr().err
    assert stored(fonte_url) == []
    Path("own.csv.bad.csv").rmdir()
    execute(fonte_url, "DROP TABLE data")
    execute(fonte_url, "CREATE VIEW data AS SELECT now() AS timestamp, 1.0 AS power")
    assert load(content, "--bad-rows", "skip") == 1
    assert [path.name for path in Path().iterdir()] == ["own.csv"]


def test_all_bad_values_at_once(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    """Equal values are listed once, with their number, and the option that makes them missing."""
    words = ["Bad"] * 500 + ["No Data", "I/O Timeout"]
    rows = [f"2024-05-20T{n // 60:02}:{n % 60:02},{word}\n" for n, word in enumerate(words)]
    assert load("timestamp,power\n" + "".join(rows)) == 1
    err = capsys.readouterr().err
    assert "  line 2: column 'power': expected a number, got 'Bad' (500 rows)\n  line 502: " in err
    assert "if these mean missing: --missing Bad 'No Data' 'I/O Timeout'\n" in err


def test_impossible_values(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be is told, and loaded as it is; if most is, the unit is another one."""
    rows = "timestamp,wind_speed\n2024-05-20 00:00,8\n2024-05-20 00:01,{}\n2024-05-20 00:02,{}\n"
    assert load(rows.format(9999, 9)) == 0
    assert [wind for wind, _ in stored(fonte_url)] == [8, 9999, 9]
    out = capsys.readouterr().out
    said = "wind_speed: 1 value is not possible, outside 0 to 100 m/s, and left out of the"
    assert f"{said} statistics: 9999\n" in out
    assert load(rows.format(800, 850)) == 2
    err = capsys.readouterr().err
    assert "expected values of 0 to 100 m/s, got others in 2 of 3 rows (800, 850): if they" in err


def test_on_change(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--on-change` marks the signal in Fonte, for kinds that may be sampled so."""
    content = (
        "timestamp,power,wind_direction\n2024-05-20 00:00:00,1000,10\n2024-05-20 00:09:00,100,11\n"
    )
    assert load(content, "--on-change", "wind_direction") == 2
    err = capsys.readouterr().err
    assert "--on-change: expected a quantity or state, got wind_direction, of the kind angle" in err
    assert load(content, "--on-change", "wind_speed") == 2
    assert "--on-change: own.csv has no wind_speed" in capsys.readouterr().err
    assert load(content, "--on-change", "power") == 0
    engine = open_engine(fonte_url)
    signals = Fonte(engine, read_catalogue()).describe().signals
    engine.dispose()
    assert [name for name, signal in signals.items() if signal.on_change] == ["power"]
