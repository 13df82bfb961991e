"""The user's own files into a real Fonte, beside an independent reading of the same files."""

import csv
import gzip
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import DATA, ROOT, execute

from fonteapi import database
from fonteapi.__main__ import main

HAUTE_BORNE = DATA / "la_haute_borne" / "sample_R80711_2014-01.csv"
HAUTE_BORNE_NAMES = {
    "Date_time": "timestamp",
    "P_avg": "power",
    "Ws_avg": "wind_speed",
    "Ot_avg": "ambient_temperature",
}
MIDC = DATA / "midc_1min" / "midc_2018-10-18_1min.csv"
SAO_PAULO = DATA / "sao_paulo_swt_1min" / "data_swt_iee_usp_2017_fixture.csv"
SIGNALS = ["wind_speed", "power", "ambient_temperature"]
GOOD = "timestamp,power\n2024-05-20T00:00:00Z,1\n2024-05-20T00:01:00Z,2\n"

Load = Callable[..., int]
Write = Callable[..., Path]


@pytest.fixture
def load(fonte_url: str, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Calls the command `load` on `fonte_url`; returns its exit code."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)

    def call(path: Path, *options: str) -> int:
        try:
            return main(["load", str(path), *options])
        except SystemExit as stop:  # from argparse
            assert isinstance(stop.code, int)
            return stop.code

    return call


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file; returns its path."""

    def call(content: str | bytes, name: str = "own.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return call


def stored(url: str) -> list[tuple[Any, ...]]:
    """What Fonte holds, by id: timestamp and the signals."""
    rows = execute(url, f"SELECT timestamp, {', '.join(SIGNALS)} FROM data ORDER BY id")
    return [tuple(row) for row in rows]


def powers(url: str) -> list[float | None]:
    return [row[2] for row in stored(url)]


def stamps(url: str) -> list[datetime]:
    return [row[0] for row in stored(url)]


def assert_same(url: str, expected: pd.DataFrame) -> None:
    """Fonte holds exactly these rows, in their order."""
    frame = pd.DataFrame(stored(url), columns=["timestamp", *SIGNALS])
    assert len(frame) == len(expected)
    assert (pd.to_datetime(frame["timestamp"], utc=True) == expected["timestamp"].array).all()
    for name in SIGNALS:
        wanted = expected.get(name, pd.Series(np.nan, expected.index))
        np.testing.assert_array_equal(
            frame[name].to_numpy(float), wanted.to_numpy(float), err_msg=name
        )


# Real files


def renames(names: dict[str, str]) -> list[str]:
    return ["--rename", *(f"{source}={name}" for source, name in names.items())]


def test_la_haute_borne_arrives_in_utc_and_equals_what_pandas_reads(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(HAUTE_BORNE, *renames(HAUTE_BORNE_NAMES)) == 0
    expected = pd.read_csv(HAUTE_BORNE)
    expected = expected.rename(columns=HAUTE_BORNE_NAMES)
    expected["timestamp"] = pd.to_datetime(expected["timestamp"], utc=True)
    assert_same(fonte_url, expected)
    assert min(value for value in powers(fonte_url) if value is not None) < 0
    out, err = capsys.readouterr()
    assert out.startswith(f"loaded 4,464 readings from {HAUTE_BORNE}: 2014-01-01T00:00:00Z to ")
    assert out.endswith(" 2014-01-31T23:50:00Z\nignored: Wind_turbine_name\n")
    assert err == ""


def test_midc_has_no_power_and_its_power_stays_null(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(MIDC) == 0
    expected = pd.read_csv(MIDC, parse_dates=["timestamp"])
    assert_same(fonte_url, expected)
    assert set(powers(fonte_url)) == {None}
    assert "not in the file, left empty: power\n" in capsys.readouterr().out


def test_sao_paulo_loads_with_its_own_timestamps_units_and_names(
    load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--timestamp-format", "%Y:%m:%d:%H:%M:%S.%f", "--unit-scale", "power=0.001"]
    options += ["--rename", "Log Time=timestamp", "Windspeed (ref)=wind_speed"]
    assert load(SAO_PAULO, *options, "--rename", "Power out=power", "T3=ambient_temperature") == 0
    with SAO_PAULO.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert any("," in row["Log Time"] for row in rows), "the file shows both signs"
    expected = [
        (
            datetime.strptime(
                row["Log Time"].replace(",", ".") + "+0000", "%Y:%m:%d:%H:%M:%S.%f%z"
            ),
            float(row["Windspeed (ref)"]),
            float(row["Power out"]) * 0.001,
            float(row["T3"]),
        )
        for row in rows
    ]
    assert stored(fonte_url) == expected
    ignored = capsys.readouterr().out.splitlines()[-1]
    assert ignored.startswith("ignored: SN#, Software rev, ")
    assert "T1, T2, Event count" in ignored


def test_the_command_itself_loads_and_says_so(fonte_url: str) -> None:
    command = [sys.executable, "-m", "fonteapi", "load", str(MIDC)]
    environment = os.environ | {"FONTE_DATABASE_URL": fonte_url}
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("loaded 1,440 readings from ")
    assert len(stored(fonte_url)) == 1440


def test_a_load_appends_and_says_what_was_there(
    load: Load, write: Write, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(GOOD)
    assert load(path) == 0
    assert "Fonte held" not in capsys.readouterr().out
    assert load(path) == 0
    assert "beside 2 that Fonte held" in capsys.readouterr().out
    assert powers(fonte_url) == [1, 2, 1, 2]


def test_replace_leaves_nothing_but_the_file(
    load: Load, write: Write, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(MIDC) == 0
    assert load(write(GOOD), "--replace") == 0
    assert "instead of 1,440 that Fonte held" in capsys.readouterr().out
    assert powers(fonte_url) == [1, 2]


def test_a_bad_file_with_replace_keeps_what_was_there(
    load: Load, write: Write, fonte_url: str
) -> None:
    assert load(write(GOOD)) == 0
    assert load(write(GOOD + "2024-05-20T00:02:00Z,x\n"), "--replace") == 1
    assert powers(fonte_url) == [1, 2]


def test_a_failure_after_the_deletion_keeps_what_was_there(
    load: Load,
    write: Write,
    fonte_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert load(write(GOOD)) == 0
    execute(fonte_url, "ALTER TABLE data ADD CHECK (power < 100)")
    assert load(write(GOOD + "2024-05-20T00:02:00Z,100\n"), "--replace") == 1
    err = capsys.readouterr().err
    assert "Fonte did not take the readings: " in err
    assert len(err.splitlines()) == 1
    assert powers(fonte_url) == [1, 2]


def test_who_reads_during_a_replacement_is_not_held_up(
    load: Load, write: Write, fonte_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(write(GOOD)) == 0
    seen: list[list[Any]] = []
    append = database.append

    def append_and_look(*arguments: Any) -> int:
        number = append(*arguments)
        # Another session, before the load commits
        seen.append(execute(fonte_url, "SET lock_timeout = '5s'; SELECT power FROM data"))
        return number

    monkeypatch.setattr(database, "append", append_and_look)
    assert load(write("timestamp,power\n2025-01-01,7\n"), "--replace") == 0
    assert seen == [[(1,), (2,)]]
    assert powers(fonte_url) == [7]


def test_loading_creates_the_table(
    new_database: Callable[[], str], write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database()
    monkeypatch.setenv("FONTE_DATABASE_URL", url)
    assert main(["load", str(write(GOOD))]) == 0
    assert powers(url) == [1, 2]


# Timestamps


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-20", "2024-05-20T00:00:00"),
        ("2024-05-20T01:02", "2024-05-20T01:02:00"),
        ("2024-05-20 01:02:03", "2024-05-20T01:02:03"),
        ("2024-05-20T01:02:03Z", "2024-05-20T01:02:03"),
        ("2024-05-20 01:02:03 UTC", "2024-05-20T01:02:03"),
        ("2024-05-20T01:02:03.25+02:00", "2024-05-19T23:02:03.250000"),
        ("2024-05-20T01:02:03.123456Z", "2024-05-20T01:02:03.123456"),
        ("2024-05-20T01:02:03-0330", "2024-05-20T04:32:03"),
        ("2024-05-20 01:02:03+00", "2024-05-20T01:02:03"),
        (" 2024-05-20T01:02:03Z ", "2024-05-20T01:02:03"),
        ('"2024-05-20T01:02:03,5Z"', "2024-05-20T01:02:03.500000"),
        ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59"),
    ],
)
def test_iso_timestamps_are_read_as_utc(
    load: Load, write: Write, fonte_url: str, text: str, expected: str
) -> None:
    assert load(write(f"timestamp,power\n{text},1\n")) == 0
    assert stamps(fonte_url) == [datetime.fromisoformat(expected).replace(tzinfo=UTC)]


@pytest.mark.parametrize(
    "text",
    [
        *("20.05.2024", "05/20/2024", "2024-02-30", "2024-05-20T25:00", "1716163200", "now"),
        *("infinity", "epoch", "0000-01-01", "2024-05-20T00:00:00+99", "20240520"),
    ],
)
def test_other_timestamps_are_refused(
    load: Load, write: Write, fonte_url: str, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert load(write(f"timestamp,power\n{text},1\n")) == 1
    err = capsys.readouterr().err
    assert f"line 2: column 'timestamp': expected a timestamp, got '{text}'" in err
    assert stored(fonte_url) == []


@pytest.mark.parametrize(
    ("text", "timestamp_format", "hour"),
    [
        ("20/05/2024 13:00", "%d/%m/%Y %H:%M", 13),
        ("20/05/2024 13:00 +0200", "%d/%m/%Y %H:%M %z", 11),
    ],
)
def test_a_format_of_ones_own_with_and_without_an_offset(
    load: Load, write: Write, fonte_url: str, text: str, timestamp_format: str, hour: int
) -> None:
    path = write(f"timestamp,power\n{text},1\n")
    assert load(path, "--timestamp-format", timestamp_format) == 0
    assert stamps(fonte_url) == [datetime(2024, 5, 20, hour, tzinfo=UTC)]


def test_a_timestamp_that_does_not_fit_the_format_is_a_bad_row(
    load: Load, write: Write, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("timestamp,power\n20/05/2024,1\n2024-05-21,1\n")
    assert load(path, "--timestamp-format", "%d/%m/%Y") == 1
    assert "  line 3: column 'timestamp'" in capsys.readouterr().err
    assert stored(fonte_url) == []


# Values


def test_blanks_are_missing_and_nan_and_infinity_are_kept(
    load: Load, write: Write, fonte_url: str
) -> None:
    lines = ["", " ", "nan", "inf", "-Infinity", "1e3", '""', " 4.5 "]
    body = "".join(f"2024-05-20T00:0{i}:00Z,{value},8\n" for i, value in enumerate(lines))
    assert load(write("timestamp,power,wind_speed\n" + body)) == 0
    np.testing.assert_array_equal(
        [np.nan if value is None else value for value in powers(fonte_url)],
        [np.nan, np.nan, np.nan, np.inf, -np.inf, 1000, np.nan, 4.5],
    )
    assert [value is None for value in powers(fonte_url)] == [
        *(True, True, False, False, False, False, True, False)
    ]


def test_sentinels_mean_missing_however_they_are_written(
    load: Load, write: Write, fonte_url: str
) -> None:
    values = ["-9999.9", "-9999.90", "-7999", "-7999.0", "NA", "-7998", "99"]
    body = "".join(f"2024-05-20T00:0{i}:00Z,{value}\n" for i, value in enumerate(values))
    missing = ["--missing", "-9999.9", "-7999", "--missing", "NA"]
    assert load(write("timestamp,power\n" + body), *missing, "--unit-scale", "power=2") == 0
    assert powers(fonte_url) == [None, None, None, None, None, -15996, 198]


def test_without_missing_a_word_is_a_bad_row_and_a_sentinel_a_number(
    load: Load, write: Write, fonte_url: str
) -> None:
    assert load(write("timestamp,power\n2024-05-20,NA\n")) == 1
    assert load(write("timestamp,power\n2024-05-20,-9999.9\n")) == 0
    assert powers(fonte_url) == [-9999.9]


# The shape of a CSV


@pytest.mark.parametrize(
    "content",
    [
        b"timestamp,power\n2024-05-20,1\n2024-05-21,2",
        b"\xef\xbb\xbftimestamp,power\r\n2024-05-20,1\r\n2024-05-21,2\r\n",
        b'\xef\xbb\xbf"timestamp";"power"\n2024-05-20;"1"\n\n2024-05-21;2\n\n',
        b"timestamp\tpower\n2024-05-20\t1\r\n2024-05-21\t2\n",  # mixed line ends
        b" timestamp , power \n2024-05-20,1\n2024-05-21,2\n",
        b'timestamp,"note",power\n2024-05-20,"a\n""b"", c",1\n2024-05-21,"a"b,2\n',
        b"timestamp;Torque, mean, kNm;Yaw, mean, deg;power\n2024-05-20;1;1;1\n2024-05-21;1;1;2\n",
        b"x,x,,timestamp,power\n1,2,3,2024-05-20,1\n1,2,3,2024-05-21,2\n",
    ],
)
def test_a_csv_may_come_in_many_shapes(
    load: Load, write: Write, fonte_url: str, content: bytes
) -> None:
    assert load(write(content)) == 0
    assert powers(fonte_url) == [1, 2]
    assert stamps(fonte_url) == [datetime(2024, 5, day, tzinfo=UTC) for day in (20, 21)]


@pytest.mark.parametrize("name", ["a*.csv", "a[X]b.csv", "a?b.csv", "'; DROP TABLE data; --.csv"])
def test_names_of_files_and_columns_are_never_patterns_or_sql(
    load: Load, write: Write, fonte_url: str, name: str
) -> None:
    evil = "p'; DROP TABLE data; --\""
    quoted = evil.replace('"', '""')
    content = f'timestamp,"{quoted}","sel""ect"\n2024-05-20,5,"1"\n'
    path = write(content, name)
    write(content.replace(",5,", ",666,"), "aXb.csv")
    assert load(path, "--rename", f"{evil}=power", "--missing", "'); DROP TABLE data; --") == 0
    assert powers(fonte_url) == [5]


def test_the_order_of_the_file_is_the_order_of_the_ids(
    load: Load, write: Write, fonte_url: str
) -> None:
    numbers = np.random.default_rng(1).permutation(300_000)
    body = "".join(f"2024-05-20,{number}\n" for number in numbers)
    assert load(write("timestamp,power\n" + body)) == 0
    assert powers(fonte_url) == numbers.tolist()


# Bad rows


def test_bad_rows_are_named_by_their_line_and_nothing_is_kept(
    load: Load, write: Write, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(
        "note,Stamp,power,wind_speed\n"  # line 1
        '"two\nlines",2024-05-20,1,1\n'  # 2 and 3
        "\n"
        "a,2024-05-20,12 kW,1\n"  # 5
        "a,2024-05-20,1\n"  # 6
        "a,2024-05-20,1,1,1\n"  # 7
        "a,,1,1\n"  # 8
        '"x\n\ny",yesterday,"1,5",1\n'  # 9 to 11
        "\xff,2024-05-20,1,1\n"  # 12
        "a,2024-05-20,1,-\n"  # 13
    )
    assert load(path, "--rename", "Stamp=timestamp") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"python -m fonteapi load: {path}: 6 bad rows; nothing of the file is kept",
        "  line 5: column 'power': expected a number, got '12 kW'",
        "  line 6: expected 4 fields as in line 1, got 3",
        "  line 7: expected 4 fields as in line 1, got 5",
        "  line 8: column 'Stamp': expected a timestamp, got nothing",
        "  line 9: column 'Stamp': expected a timestamp, got 'yesterday';"
        " column 'power': expected a number, got '1,5'",
        "  and 1 more",
    ]
    assert stored(fonte_url) == []


def test_bytes_that_are_not_utf_8_are_a_bad_row(
    load: Load, write: Write, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(write(GOOD.encode() + b"2024-05-20,\xb5\n")) == 1
    assert "1 bad row; nothing of the file is kept\n  line 4: expected UTF-8" in (
        capsys.readouterr().err
    )
    assert stored(fonte_url) == []


def test_a_header_over_two_lines_counts_as_two(
    load: Load, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(write('timestamp,power,"wind\ndirection"\n2024-05-20,x,2\n')) == 1
    assert "  line 3: column 'power'" in capsys.readouterr().err


def test_a_bad_row_deep_in_a_large_file_has_its_line(
    load: Load, write: Write, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["timestamp,power"] + ["2024-05-20,1"] * 300_000
    lines[250_000] = "2024-05-20,l"
    assert load(write("\n".join(lines))) == 1
    assert "  line 250001: column 'power': expected a number, got 'l'" in capsys.readouterr().err
    assert stored(fonte_url) == []


# What cannot be loaded at all


@pytest.mark.parametrize(
    ("content", "name", "code", "message"),
    [
        (GOOD, "own.xlsx", 2, "expected a name that ends in .csv, .txt, .parquet"),
        (
            gzip.compress(GOOD.encode(), mtime=0),
            "own.csv.gz",
            2,
            "expected a name that ends in .csv",
        ),
        (gzip.compress(GOOD.encode(), mtime=0), "own.csv", 2, "expected CSV in UTF-8"),
        (GOOD.encode("utf-16"), "own.csv", 2, "expected CSV in UTF-8"),
        ("", "own.csv", 2, "expected a first line that names the columns, got none"),
        ("\n" + GOOD, "own.csv", 2, "expected a first line that names the columns, got none"),
        ("timestamp,power\n", "own.csv", 1, "expected readings below the names"),
        ("power\n1\n", "own.csv", 2, "has no timestamp; it has 'power'. Rename a"),
        ("timestamp,Power\n", "own.csv", 2, "has no signal (wind_speed, power, ambient_tem"),
        ("a,b\n", "own.csv", 2, "--rename 'Its name=timestamp'"),
        ("timestamp,power,power\n", "own.csv", 2, "expected one column for power, got 'power' "),
        (GOOD, "own.parquet", 2, "cannot be read: "),
        ("", "own.parquet", 2, "cannot be read: "),
    ],
)
def test_a_file_that_is_no_file_of_readings_gets_one_line(
    load: Load,
    write: Write,
    fonte_url: str,
    capsys: pytest.CaptureFixture[str],
    content: str | bytes,
    name: str,
    code: int,
    message: str,
) -> None:
    path = write(content, name)
    assert load(path) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert str(path) in err
    assert message in err
    assert stored(fonte_url) == []


def test_what_is_not_there_or_not_a_file_is_said(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    assert load(folder) == 2
    assert capsys.readouterr().err.endswith("folder.csv: not a file\n")
    assert load(tmp_path / "none.csv") == 2
    assert capsys.readouterr().err.endswith("none.csv: there is no such file\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rename", "Ws_avg"], "--rename: expected 'Its name=wind_speed', got 'Ws_avg'"),
        (["--rename", "=power"], "--rename: expected 'Its name=wind_speed', got '=power'"),
        (["--rename", "a=speed"], "expected one of timestamp, wind_speed, power, ambient_temp"),
        (["--rename", "none=wind_speed"], "has no column 'none'; it has 'timestamp', 'power', 'n"),
        (["--rename", "note=power"], "expected one column for power, got 'power' and 'note'"),
        (["--rename", "note=power", "note=wind_speed"], "'note' cannot be both power and wind_sp"),
        (["--unit-scale", "power=kilo"], "expected a number as in power=0.001, got 'kilo'"),
        (["--unit-scale", "power"], "expected a number as in power=0.001, got ''"),
        (["--unit-scale", "power=nan"], "expected a number as in power=0.001, got 'nan'"),
        (["--unit-scale", "power=0"], "expected a number as in power=0.001, got '0'"),
        (["--unit-scale", "Power=1"], "expected one of wind_speed, power, ambient_temperature"),
        (["--unit-scale", "wind_speed=2"], "has no wind_speed"),
        (["--unit-scale", "power=2", "power=3"], "power has two factors, 2.0 and 3.0"),
        (["--timestamp-format", "%Q"], "--timestamp-format: Failed to parse format"),
        (["--replaces"], "unrecognized arguments: --replaces"),
        (["--missing"], "expected at least one argument"),
        (["more.csv"], "unrecognized arguments: more.csv"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options_get_one_line_and_exit_code_2(
    load: Load,
    write: Write,
    fonte_url: str,
    capsys: pytest.CaptureFixture[str],
    options: Sequence[str],
    message: str,
) -> None:
    assert load(write("timestamp,power,note\n2024-05-20,1,2\n"), *options) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("python -m fonteapi")
    assert message in err
    assert stored(fonte_url) == []


def test_without_a_command_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: python -m fonteapi" in capsys.readouterr().err


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["load", "--help"])
    assert stop.value.code == 0
    assert "--rename Date_time=timestamp P_avg=power" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://u:s3cr3t@127.0.0.1:1/Fonte", "Fonte did not take the readings: "),
        ("mysql://u:s3cr3t@127.0.0.1/Fonte", "FONTE_DATABASE_URL"),
        ("postgresql://u:p@s3cr3t:s3cr3t@host/Fonte", "FONTE_DATABASE_URL"),
        ("", "FONTE_DATABASE_URL: Field required"),
    ],
)
def test_a_wrong_database_gets_one_line_without_the_password(
    url: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fonteapi", "load", str(MIDC)],
        env=os.environ | {"FONTE_DATABASE_URL": url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "s3cr3t" not in done.stderr


# Parquet


def put_parquet(path: Path, columns: dict[str, Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


MOMENT = datetime(2024, 5, 20, 1, 2, 3)  # noqa: DTZ001  # a naive one is meant


@pytest.mark.parametrize(
    "kind",
    [
        *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")),
        *(pa.timestamp(unit, "UTC") for unit in ("s", "ms", "us", "ns")),
        *(pa.timestamp(unit, "Europe/Paris") for unit in ("us", "ns")),
    ],
    ids=str,
)
def test_parquet_timestamps_of_any_unit_are_utc(
    load: Load, tmp_path: Path, fonte_url: str, kind: pa.DataType
) -> None:
    moment = MOMENT.replace(tzinfo=UTC) if kind.tz else MOMENT
    columns = {"When": pa.array([moment], kind), "power": [1.5]}
    path = put_parquet(tmp_path / "own.parquet", columns)
    assert load(path, "--rename", "When=timestamp") == 0
    assert stored(fonte_url) == [(MOMENT.replace(tzinfo=UTC), None, 1.5, None)]


def test_parquet_timestamps_may_be_text(load: Load, tmp_path: Path, fonte_url: str) -> None:
    columns = {"timestamp": ["2024-05-20T03:02:03+02:00"], "power": [1.5]}
    assert load(put_parquet(tmp_path / "own.parquet", columns)) == 0
    assert stamps(fonte_url) == [MOMENT.replace(tzinfo=UTC)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((kind, 12) for kind in (pa.int16(), pa.int64(), pa.uint8())),
        *((kind, 12.3) for kind in (pa.float32(), pa.float64())),
        (pa.float16(), np.float16(12.3)),
        (pa.decimal128(12, 3), Decimal("12.345")),
        (pa.decimal256(50, 3), Decimal("12.345")),
        (pa.null(), None),
    ],
    ids=str,
)
def test_parquet_numbers_of_any_type_are_exact(
    load: Load, tmp_path: Path, fonte_url: str, kind: pa.DataType, value: Any
) -> None:
    values = pa.array([value, None], kind)
    columns = {"timestamp": [MOMENT] * 2, "power": values}
    assert load(put_parquet(tmp_path / "own.parquet", columns)) == 0
    expected = None if value is None else float(values[0].as_py())
    assert powers(fonte_url) == [expected, None]


def test_a_sentinel_in_single_precision_is_recognised(
    load: Load, tmp_path: Path, fonte_url: str
) -> None:
    columns = {"timestamp": [MOMENT] * 2, "power": pa.array([-9999.9, 6.87], pa.float32())}
    assert load(put_parquet(tmp_path / "own.parquet", columns), "--missing", "-9999.9") == 0
    assert powers(fonte_url) == [None, float(np.float32(6.87))]


def test_parquet_equals_csv(load: Load, tmp_path: Path, fonte_url: str) -> None:
    frame = pd.read_csv(HAUTE_BORNE)
    frame["Date_time"] = pd.to_datetime(frame["Date_time"])
    frame.to_parquet(tmp_path / "own.parquet")
    assert load(tmp_path / "own.parquet", *renames(HAUTE_BORNE_NAMES)) == 0
    from_parquet = stored(fonte_url)
    assert load(HAUTE_BORNE, *renames(HAUTE_BORNE_NAMES), "--replace") == 0
    assert stored(fonte_url) == from_parquet


def test_a_parquet_row_without_a_timestamp_is_named_by_its_number(
    load: Load, tmp_path: Path, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = {"timestamp": [MOMENT, None, MOMENT + timedelta(1)], "power": [1.0, 2.0, 3.0]}
    path = put_parquet(tmp_path / "own.parquet", columns)
    assert load(path) == 1
    assert capsys.readouterr().err.endswith(
        f"{path}: 1 bad row; nothing of the file is kept\n"
        "  row 2: column 'timestamp': expected a timestamp, got nothing\n"
    )
    assert stored(fonte_url) == []


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"timestamp": [1, 2], "power": [1, 2]},
            "column 'timestamp': expected timestamps or ISO 8601 text, got int64",
        ),
        (
            {"timestamp": [MOMENT] * 2, "power": ["1", "2"]},
            "column 'power': expected numbers, got string",
        ),
        (
            {"timestamp": [MOMENT] * 2, "power": [True, False]},
            "column 'power': expected numbers, got bool",
        ),
        ({"timestamp": [MOMENT], "P": [1]}, "has no signal"),
    ],
)
def test_parquet_columns_of_a_wrong_type_get_one_line(
    load: Load,
    tmp_path: Path,
    fonte_url: str,
    capsys: pytest.CaptureFixture[str],
    columns: dict[str, Any],
    message: str,
) -> None:
    assert load(put_parquet(tmp_path / "own.parquet", columns)) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1
    assert stored(fonte_url) == []


def test_an_empty_parquet_file_has_no_readings(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = {"timestamp": pa.array([], pa.timestamp("us")), "power": pa.array([], pa.float64())}
    assert load(put_parquet(tmp_path / "own.parquet", columns)) == 1
    assert "expected readings below the names of the columns, got none" in capsys.readouterr().err


def test_a_quote_that_is_never_closed_is_named_by_the_line_that_it_begins_on(
    load: Load, write: Write, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "2024-05-20T00:00,1\n" * 10_000
    assert load(write(f'timestamp,power\n{rows[:38]}"2024-05-20T00:02,1\n{rows}')) == 2
    assert "the row from line 4 on cannot be read" in capsys.readouterr().err
    assert stored(fonte_url) == []
