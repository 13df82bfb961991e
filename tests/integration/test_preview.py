"""`etl load --preview` and profiles: what is understood of a file, and options for many files."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import execute

from fonteapi.__main__ import main
from fonteapi.files.profiles import list_profiles

EXPORT = """\
# Turbine: North 3
# Time zone: Europe/Paris
Time;Wind (knots);Power (kW);Power std (kW);Note
01/06/2024 00:10;10,5;1.075,2;12,1;"a; b"
13/06/2024 00:20;11,0;998,0;13,4;
"""
RENAME = ["--rename", "Time=timestamp", "Wind (knots)=wind_speed", "Power (kW)=power"]
Stored = Callable[[], int]


@pytest.fixture
def stored(fonte_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stored:
    """Counts what Fonte holds; the working directory is the test's own and has `own.csv`."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)
    monkeypatch.chdir(tmp_path)
    Path("own.csv").write_text(EXPORT)
    return lambda: int(execute(fonte_url, "SELECT count(*) FROM data")[0][0])


def test_preview(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """It shows each column, what was found, and the command; nothing is written."""
    assert main(["load", "own.csv", *RENAME, "--preview"], prog="etl") == 0
    out, err = capsys.readouterr()
    assert (err, stored()) == ("", 0)
    assert out.splitlines() == [
        "own.csv: text in UTF-8, semicolons between fields, names in line 3, rows from line 4",
        "  column          first values                      read as",
        "  Time            01/06/2024 00:10, 13/06/2024 00…  timestamp",
        "  Wind (knots)    10,5, 11,0                        wind_speed (quantity, m/s)",
        "  Power (kW)      1.075,2, 998,0                    power (quantity, kW)",
        "  Power std (kW)  12,1, 13,4                        -",
        "  Note            a; b,                             -",
        "",
        "would load 2 readings of T1 from own.csv: 2024-05-31T22:10:00Z to 2024-06-12T22:20:00Z",
        "one reading every 17290 min",
        "wind_speed converted from knots to m/s",
        "timestamps read by '%d/%m/%Y %H:%M'",
        "numbers with a decimal comma: Wind (knots), Power (kW)",
        "local time of Europe/Paris, as the file says: '# Time zone: Europe/Paris'",
        "",
        "Nothing was written. To load it:",
        f"  {shlex.join(['etl', 'load', 'own.csv', *RENAME])}",
    ]


def test_guess(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """Without names the preview is refused, and guesses a command; as such it is right."""
    assert main(["load", "own.csv", "--preview"], prog="etl") == 2
    out, err = capsys.readouterr()
    assert "own.csv has no timestamp and no signal (wind_speed, " in err
    *_, guessed, empty = out.splitlines()
    words = shlex.split(guessed)
    assert (empty, words) == ("", ["etl", "load", "own.csv", *RENAME, "--preview"])
    assert stored() == 0
    assert main(words[1:]) == 0


@pytest.mark.parametrize(
    "content",
    [
        "Date,Time,Wind\n2024-05-20,00:00,5\n2024-05-20,00:10,6\n",
        "Time,Date,Wind\n9:50,20/05/2024,5\n10:00,20/05/2024,6\n",
        "Time stamp;Wind speed\n05/20/2024 12:50:00 AM;5\n05/20/2024 01:00:00 AM;6\n",
        "Time Wind\n2024-05-20T00:00 5,5\n2024-05-20T00:10 6,5\n",
    ],
    ids=range(4),
)
def test_guessed_command(stored: Stored, capsys: pytest.CaptureFixture[str], content: str) -> None:
    """It loads the file: a date and a time, and the delimiter that is there."""
    Path("own.csv").write_text(content)
    assert main(["load", "own.csv", "--preview"], prog="etl") == 2
    words = shlex.split(capsys.readouterr().out.splitlines()[-2])
    assert main([word for word in words[1:] if word != "--preview"]) == 0
    assert stored() == 2


def test_preview_of_a_refusal(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    Path("own.csv").write_text(EXPORT.replace("1.075,2", "x"))
    assert main(["load", "own.csv", *RENAME, "--preview"]) == 1
    out, err = capsys.readouterr()
    assert "Power (kW)      x, 998,0                          power (quantity, kW)" in out
    assert "line 4: column 'Power (kW)': expected a number, got 'x'" in err
    assert stored() == 0


def test_preview_of_several_files(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """The columns of like files are shown once."""
    for name in "ab":
        Path(f"{name}.csv").write_text(f"timestamp,power\n2024-05-20 00:1{name == 'b':d},1\n")
    assert main(["load", "a.csv", "b.csv", "--preview"]) == 0
    out = capsys.readouterr().out
    assert out.count(".csv: text in UTF-8") == 2
    assert out.count("first values") == 1
    assert "would load 2 readings of T1 from 2 files" in out
    assert stored() == 0


PROFILE = """\
turbine_from_name = 'Turbine: (.+)'
missing = ["-"]

[rename]
Time = "timestamp"
"Wind (knots)" = "wind_speed"
"Old wind" = "wind_speed"
"Power (kW)" = "power"
"""


def test_own_profile(stored: Stored, fonte_url: str) -> None:
    """A file need not have all names of a profile."""
    Path("own.toml").write_text(PROFILE)
    Path("own.csv").write_text(EXPORT.replace("11,0", "-"))
    assert main(["load", "own.csv", "--profile", "own.toml"]) == 0
    rows = execute(fonte_url, "SELECT turbine, wind_speed, power FROM data ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("North_3", pytest.approx(10.5 * 0.514444, abs=1e-4), 1075.2),
        ("North_3", None, 998),
    ]


def test_options_before_a_profile(stored: Stored, fonte_url: str) -> None:
    Path("own.toml").write_text(PROFILE)
    options = ["--rename", "Power std (kW)=power", "--turbine", "T7", "--timezone", "UTC"]
    assert main(["load", "own.csv", "--profile", "own.toml", *options]) == 0
    rows = execute(fonte_url, "SELECT turbine, timestamp, power FROM data ORDER BY id")
    assert [(name, stamp.hour, power) for name, stamp, power in rows] == [
        ("T7", 0, 12.1),
        ("T7", 0, 13.4),
    ]


@pytest.mark.parametrize(
    ("profile", "options", "expected"),
    [
        ("decimal = '.'", ["--thousands", "."], 1075.2),
        ("unit_scale.power = 0.5", ["--unit", "power=W"], 1.0752),
        ("unit.power = 'W'", ["--unit-scale", "power=2"], 2150.4),
        ("turbine = 'T9'", ["--turbine-from-name", "Turbine: (North)"], 1075.2),
        ("turbine_from_name = '(own)'", ["--rename", "Note=turbine"], 1075.2),
    ],
)
def test_option_of_another_name_before_a_profile(
    stored: Stored, fonte_url: str, profile: str, options: list[str], expected: float
) -> None:
    """An option that decides the same as the profile's option comes before it."""
    Path("own.toml").write_text(profile)
    Path("own.csv").write_text(EXPORT.replace("a; b", "North").replace("13,4;", "13,4;North"))
    command = ["load", "own.csv", *RENAME, "--profile", "own.toml", *options]
    assert main([*command, "--save-profile", "new.toml"]) == 0
    rows = execute(fonte_url, "SELECT turbine, power FROM data ORDER BY id")
    assert rows[0][1] == pytest.approx(expected)
    assert rows[0][0] == ("North" if "turbine" in profile else "T1")
    assert main(["load", "own.csv", "--profile", "new.toml", "--replace-all"]) == 0
    assert execute(fonte_url, "SELECT turbine, power FROM data ORDER BY id") == rows


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--decimal", ".", "--thousands", "."], "--decimal and --thousands: expected two marks"),
        (
            ["--unit", "power=W", "--unit-scale", "power=2"],
            "--unit and --unit-scale: expected one unit of power, got W and the factor 2",
        ),
        (["--turbine", "T7", "--turbine-from-name", "(own)"], "--turbine and --turbine-from-name"),
    ],
)
def test_contradictions(
    stored: Stored, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    """Of two options that decide the same, none is ignored."""
    assert main(["load", "own.csv", *RENAME, *options]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert stored() == 0


def test_saved_profile(stored: Stored, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The options of a load, saved, load another file alike."""
    options = [*RENAME, "--missing", "-", 'a"b', "--where", "Note=", "Note=a; b", "--label", "end"]
    options += ["--timezone", "UTC", "--turbine", "T2", "--unit", "power=W", "--decimal", ","]
    assert main(["load", "own.csv", *options, "--save-profile", "own.toml"]) == 0
    assert "the options are in own.toml: --profile own.toml" in capsys.readouterr().out
    query = "SELECT turbine, timestamp, wind_speed, power FROM data ORDER BY id"
    first = execute(fonte_url, query)
    assert main(["load", "own.csv", "--profile", "own.toml", "--replace-all"]) == 0
    assert execute(fonte_url, query) == first
    assert len(first) == 2


@pytest.mark.parametrize("path", ["none/own.toml", "."])
def test_profile_that_cannot_be_saved(
    stored: Stored, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    """Nothing is loaded then."""
    assert main(["load", "own.csv", *RENAME, "--save-profile", path]) == 1
    assert f"{path} cannot be written: " in capsys.readouterr().err
    assert stored() == 0
    assert [path.name for path in Path().iterdir()] == ["own.csv"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "--profile: own.toml cannot be read: "),
        ("rename = 1", "--profile: own.toml: expected a table as rename, got 1"),
        ("[rename", "--profile: own.toml cannot be read: "),
        ("renames = 1", "--profile: own.toml: 'renames' is not one of rename, wide, unit, "),
        ("header_row = 'x'", "--profile: own.toml: expected a number as header_row, got 'x'"),
        ("header_row = true", "--profile: own.toml: expected a number as header_row, got True"),
        ("label = 'END'", "--profile: own.toml: expected 'start' or 'end' as label, got 'END'"),
        ("decimal = ';'", "--profile: own.toml: expected '.' or ',' as decimal, got ';'"),
        ("names = [1, 2]", "--profile: own.toml: expected a text in names, got 1"),
        ("narrow = ['tag']", "--profile: own.toml: expected two names as narrow, got ['tag']"),
        ("rename.A = ['power']", "--profile: own.toml: expected a text in rename.A, got ['power']"),
        ("unit.power = 3", "--profile: own.toml: expected a text in unit.power, got 3"),
        ("where.A = [[]]", "expected a text or a number in where.A, got []"),
        ("[rename]\nTime = 'stamp'", "--rename 'Time=stamp': expected one of timestamp, date, "),
    ],
)
def test_wrong_profiles(
    stored: Stored, capsys: pytest.CaptureFixture[str], content: str | None, message: str
) -> None:
    if content is not None:
        Path("own.toml").write_text(content)
    assert main(["load", "own.csv", "--profile", "own.toml"]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert stored() == 0


def test_unknown_profile(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", "own.csv", "--profile", "none"]) == 2
    assert "expected a file.toml or one of campbell, edp, greenbyte, " in capsys.readouterr().err


# The head of each export, as its owner publishes it: names, a row, and the readings it has
EXPORTS = {
    "campbell": (
        '"TOA5","mast","CR1000","1","CR1000.Std.31","CPU:a.CR1","1","Ten"\n'
        '"TIMESTAMP","RECORD","WS_80m_Avg","AirTC_Avg"\n"TS","RN","meters/second","Deg C"\n'
        '"","","Avg","Avg"\n"2024-05-20 00:10:00",0,8.1,"NAN"\n"2024-05-20 00:20:00",1,8.2,11\n',
        ["--rename", "WS_80m_Avg=wind_speed"],
        [("T1", "00:00", 8.1, None), ("T1", "00:10", 8.2, None)],
    ),
    "edp": (
        "Turbine_ID;Timestamp;Gen_RPM_Avg;Amb_WindSpeed_Avg;Grd_Prod_Pwr_Avg\n"
        "T11;2016-01-01T00:00:00+00:00;1270;5.1;345.3\n",
        [],
        [("T11", "00:00", 5.1, 345.3)],
    ),
    "greenbyte": (
        "# This file was exported by Greenbyte\n#\n# Turbine: Kelmarsh 1\n# Time zone: UTC\n#\n"
        '# Date and time,Wind speed (m/s),"Wind speed, Standard deviation (m/s)",Power (kW)\n'
        "2016-01-03 00:00:00,NaN,NaN,NaN\n2016-01-03 00:10:00,6.5,0.8,400.25\n",
        [],
        [("Kelmarsh_1", "00:00", None, None), ("Kelmarsh_1", "00:10", 6.5, 400.25)],
    ),
    "hill_of_towie": (
        "TimeStamp,StationId,wtc_AcWindSp_mean,wtc_ActPower_mean\n"
        "2024-08-01 00:10:00,2304510,7.5,900\n2024-08-01 00:20:00,2304510,7.6,910\n"
        "2024-08-01 00:10:00,2304511,7.7,920\n2024-08-01 00:20:00,2304511,7.8,930\n",
        [],
        [
            *(("2304510", "00:00", 7.5, 900), ("2304510", "00:10", 7.6, 910)),
            *(("2304511", "00:00", 7.7, 920), ("2304511", "00:10", 7.8, 930)),
        ],
    ),
    "kaggle_t1": (
        "Date/Time,LV ActivePower (kW),Wind Speed (m/s),Theoretical_Power_Curve (KWh)\n"
        "01 01 2018 00:00,380.04,5.31,416.32\n",
        [],
        [("T1", "00:00", 5.31, 380.04)],
    ),
    "la_haute_borne": (
        "Wind_turbine_name,Date_time,P_avg,Ws_avg\nR80711,2014-01-01T01:00:00+01:00,-1.5,2.5\n",
        [],
        [("R80711", "00:00", 2.5, -1.5)],
    ),
    "sdwpf": (
        "TurbID,Tmstamp,Wspd,Wdir,Patv\n1,2020-01-01 00:00,6.17,-3.99,494.66\n",
        [],
        [("1", "00:00", 6.17, 494.66)],
    ),
    "windographer": (
        "Latitude = N 1\nElevation = 0 m\n\nIncluded flags: <Unflagged data>\n\n"
        "Time stamps indicate the end of the time step.\n\n"
        "Date/Time\tSpeed 80 m A [m/s]\tDirection 78 m [°]\n"
        "2024-05-20 00:10\t8.1\t200\n2024-05-20 00:20\t8.2\t201\n",
        ["--rename", "Speed 80 m A [m/s]=wind_speed"],
        [("T1", "00:00", 8.1, None), ("T1", "00:10", 8.2, None)],
    ),
}


@pytest.mark.parametrize("name", list_profiles())
def test_shipped_profiles(stored: Stored, fonte_url: str, name: str) -> None:
    """Each loads the head of its export."""
    content, options, expected = EXPORTS[name]
    Path("own.csv").write_text(content)
    assert main(["load", "own.csv", "--profile", name, *options]) == 0
    query = "SELECT turbine, timestamp, wind_speed, power FROM data ORDER BY turbine, timestamp"
    rows = execute(fonte_url, query)
    assert [(turbine, f"{stamp:%H:%M}", *values) for turbine, stamp, *values in rows] == expected
    if "Standard" in content:
        own = execute(fonte_url, 'SELECT "wind_speed.std" FROM data ORDER BY timestamp')
        assert [value for (value,) in own] == [None, 0.8]
