"""The user's own files into a real Fonte, beside an independent reading of the same files."""

import csv
import gzip
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
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

from fonteapi import table
from fonteapi.__main__ import main

HAUTE_BORNE = DATA / "la_haute_borne" / "sample_R80711_2014-01.csv"
HAUTE_BORNE_NAMES = {
    "Wind_turbine_name": "turbine",
    "Date_time": "timestamp",
    "P_avg": "power",
    "Ws_avg": "wind_speed",
    "Ot_avg": "ambient_temperature",
}
MIDC = DATA / "midc_1min" / "midc_2018-10-18_1min.csv"
SAO_PAULO = DATA / "sao_paulo_swt_1min" / "data_swt_iee_usp_2017_fixture.csv"
SIGNALS = ["wind_speed", "power", "ambient_temperature"]
GOOD = "timestamp,power\n2024-05-20T00:00:00Z,1\n2024-05-20T00:01:00Z,2\n"

GZIP = gzip.compress(GOOD.encode(), mtime=0)
Content = str | bytes | dict[str, Any] | Path


@dataclass
class Own:
    """A user with files and an empty Fonte."""

    url: str
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def write(self, content: Content, name: str | None = None) -> Path:
        """Write text, bytes, or columns as Parquet; returns the path."""
        if isinstance(content, Path):
            return content
        path = self.folder / (name or ("own.parquet" if isinstance(content, dict) else "own.csv"))
        if isinstance(content, dict):
            pq.write_table(pa.table(content), path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self, content: Content, *options: str, name: str | None = None) -> int:
        """Call the command `load`; returns its exit code."""
        try:
            return main(["load", str(self.write(content, name)), *options])
        except SystemExit as stop:  # from argparse
            assert isinstance(stop.code, int)
            return stop.code

    def refusal(self, content: Content, *options: str, code: int, name: str | None = None) -> str:
        """Load what is refused with this exit code; returns stderr."""
        assert self.load(content, *options, name=name) == code
        out, err = self.capsys.readouterr()
        assert (out, self.stored()) == ("", [])
        return err

    def refused(self, content: Content, *options: str) -> str:
        """Load bad rows; returns stderr."""
        assert self.load(content, *options) == 1
        return self.capsys.readouterr().err

    def out(self) -> str:
        return self.capsys.readouterr().out

    def err(self) -> str:
        return self.capsys.readouterr().err

    def stored(self) -> list[tuple[Any, ...]]:
        """What Fonte holds, by id: timestamp and the signals."""
        rows = execute(self.url, f"SELECT timestamp, {', '.join(SIGNALS)} FROM data ORDER BY id")
        return [tuple(row) for row in rows]

    def powers(self) -> list[float | None]:
        return [row[2] for row in self.stored()]

    def stamps(self) -> list[datetime]:
        return [row[0] for row in self.stored()]


@pytest.fixture
def own(
    fonte_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Own:
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)
    return Own(fonte_url, tmp_path, capsys)


def assert_same(own: Own, expected: pd.DataFrame) -> None:
    """Fonte holds exactly these rows, in their order."""
    frame = pd.DataFrame(own.stored(), columns=["timestamp", *SIGNALS])
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


def test_la_haute_borne(own: Own) -> None:
    """ENGIE's ten-minute values arrive in UTC, as pandas reads them."""
    assert own.load(HAUTE_BORNE, *renames(HAUTE_BORNE_NAMES)) == 0
    expected = pd.read_csv(HAUTE_BORNE)
    expected = expected.rename(columns=HAUTE_BORNE_NAMES)
    expected["timestamp"] = pd.to_datetime(expected["timestamp"], utc=True)
    assert_same(own, expected)
    assert min(value for value in own.powers() if value is not None) < 0
    out, err = own.capsys.readouterr()
    assert out.startswith(f"loaded 4,464 readings of R80711 from {HAUTE_BORNE}: 2014-01-01T00:")
    assert out.endswith(" to 2014-01-31T23:50:00Z\nnot in the file, left empty: wind_direction\n")
    assert err == ""


def test_midc(own: Own) -> None:
    """A signal that the file lacks stays NULL, and is reported."""
    assert own.load(MIDC) == 0
    expected = pd.read_csv(MIDC, parse_dates=["timestamp"])
    assert_same(own, expected)
    assert set(own.powers()) == {None}
    assert "not in the file, left empty: power, wind_direction\n" in own.out()


def test_sao_paulo(own: Own) -> None:
    """Options translate timestamps, units and names."""
    options = ["--timestamp-format", "%Y:%m:%d:%H:%M:%S.%f", "--unit-scale", "power=0.001"]
    options += ["--rename", "Log Time=timestamp", "Windspeed (ref)=wind_speed"]
    assert (
        own.load(SAO_PAULO, *options, "--rename", "Power out=power", "T3=ambient_temperature") == 0
    )
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
    assert own.stored() == expected
    ignored, unit, zone = own.out().splitlines()[-3:]
    assert ignored.startswith("ignored: SN#, Software rev, ")
    assert unit == "wind_speed: taken as m/s; 'ref' in 'Windspeed (ref)' is no known unit"
    assert zone == "timestamps have no offset: read as UTC; --timezone names another zone"
    assert "T1, T2, Event count" in ignored


def run_load(url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fonteapi", "load", str(MIDC)]
    environment = os.environ | {"FONTE_DATABASE_URL": url}
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_command(own: Own) -> None:
    """`python -m fonteapi load` reports what it loaded."""
    done = run_load(own.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("loaded 1,440 readings of T1 from ")
    assert len(own.stored()) == 1440


def test_load_appends(own: Own) -> None:
    assert own.load(GOOD) == 0
    assert "Fonte held" not in own.out()
    assert own.load(GOOD) == 0
    assert "beside 2 that Fonte held" in own.out()
    assert own.powers() == [1, 2, 1, 2]


def test_replace(own: Own) -> None:
    assert own.load(MIDC) == 0
    assert own.load(GOOD, "--replace") == 0
    assert "instead of 1,440 that Fonte held" in own.out()
    assert own.powers() == [1, 2]


def test_replace_with_a_bad_file(own: Own) -> None:
    """Fonte keeps its readings."""
    assert own.load(GOOD) == 0
    assert own.load(GOOD + "2024-05-20T00:02:00Z,x\n", "--replace") == 1
    assert own.powers() == [1, 2]


def test_replace_fails_late(own: Own) -> None:
    """An error after the deletion leaves Fonte as it was."""
    assert own.load(GOOD) == 0
    execute(own.url, "ALTER TABLE data ADD CHECK (power < 100)")
    assert own.load(GOOD + "2024-05-20T00:02:00Z,100\n", "--replace") == 1
    assert re.fullmatch(".*: Fonte did not take the readings: .*\n", own.err())
    assert own.powers() == [1, 2]


def test_repeated_readings(own: Own) -> None:
    """Readings that are repeated with their values, and a few corrections, are loaded."""
    rows = [f"2024-05-20T00:{m:02},{m}" for m in range(9)]
    corrected = [*rows, *rows, "2024-05-20T00:00,70", "2024-05-20T00:01,"]
    assert own.load("\n".join(["timestamp,power", *corrected])) == 0
    assert len(own.powers()) == 20


def test_replace_with_readers(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers during a replacement see the old readings, and do not wait."""
    assert own.load(GOOD) == 0
    seen: list[list[Any]] = []
    append = table.append

    def append_and_look(*arguments: Any) -> int:
        number = append(*arguments)
        # Another session, before the load commits
        seen.append(execute(own.url, "SET lock_timeout = '5s'; SELECT power FROM data"))
        return number

    monkeypatch.setattr(table, "append", append_and_look)
    assert own.load("timestamp,power\n2025-01-01,7\n", "--replace") == 0
    assert seen == [[(1,), (2,)]]
    assert own.powers() == [7]


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
def test_iso_timestamps(own: Own, text: str, expected: str) -> None:
    assert own.load(f"timestamp,power\n{text},1\n") == 0
    assert own.stamps() == [datetime.fromisoformat(expected).replace(tzinfo=UTC)]


@pytest.mark.parametrize(
    "text",
    [
        *("20.05.24", "32/20/2024", "2024-02-30", "2024-05-20T25:00", "716163200", "now"),
        *("infinity", "epoch", "0000-01-01", "2024-05-20T00:00:00+99", "20240520"),
    ],
)
def test_other_timestamps(own: Own, text: str) -> None:
    err = own.refusal(f"timestamp,power\n{text},1\n", code=1)
    assert f"line 2: column 'timestamp': expected a timestamp, got '{text}'" in err


@pytest.mark.parametrize(
    ("text", "timestamp_format", "hour"),
    [
        ("20/05/2024 13:00", "%d/%m/%Y %H:%M", 13),
        ("20/05/2024 13:00 +0200", "%d/%m/%Y %H:%M %z", 11),
    ],
)
def test_timestamp_format(own: Own, text: str, timestamp_format: str, hour: int) -> None:
    assert own.load(f"timestamp,power\n{text},1\n", "--timestamp-format", timestamp_format) == 0
    assert own.stamps() == [datetime(2024, 5, 20, hour, tzinfo=UTC)]


def test_timestamp_of_another_format(own: Own) -> None:
    err = own.refusal(
        "timestamp,power\n20/05/2024,1\n2024-05-21,1\n", "--timestamp-format", "%d/%m/%Y", code=1
    )
    assert "  line 3: column 'timestamp'" in err


# Values


def test_blanks_and_nan(own: Own) -> None:
    """Blanks are missing; NaN and infinities are kept."""
    lines = ["", " ", "nan", "inf", "-Infinity", "1e3", '""', " 4.5 "]
    body = "".join(f"2024-05-20T00:0{i}:00Z,{value},8\n" for i, value in enumerate(lines))
    assert own.load("timestamp,power,wind_speed\n" + body) == 0
    np.testing.assert_array_equal(
        [np.nan if value is None else value for value in own.powers()],
        [np.nan, np.nan, np.nan, np.inf, -np.inf, 1000, np.nan, 4.5],
    )
    assert [value is None for value in own.powers()] == [
        *(True, True, False, False, False, False, True, False)
    ]


def test_sentinels(own: Own) -> None:
    """`--missing` matches numbers by value, words by text."""
    values = ["-9999.9", "-9999.90", "-7999", "-7999.0", "NA", "-7998", "99"]
    body = "".join(f"2024-05-20T00:0{i}:00Z,{value}\n" for i, value in enumerate(values))
    missing = ["--missing", "-9999.9", "-7999", "--missing", "NA"]
    assert own.load("timestamp,power\n" + body, *missing, "--unit-scale", "power=2") == 0
    assert own.powers() == [None, None, None, None, None, -15996, 198]


def test_without_missing(own: Own) -> None:
    """A word is a bad row, and a sentinel a number."""
    assert own.load("timestamp,power\n2024-05-20,NA\n") == 1
    assert own.load("timestamp,power\n2024-05-20,-999.9\n") == 0
    assert own.powers() == [-999.9]


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
def test_shapes_of_csv(own: Own, content: bytes) -> None:
    assert own.load(content) == 0
    assert own.powers() == [1, 2]
    assert own.stamps() == [datetime(2024, 5, day, tzinfo=UTC) for day in (20, 21)]


@pytest.mark.parametrize("name", ["a*.csv", "a[X]b.csv", "a?b.csv", "'; DROP TABLE data; --.csv"])
def test_hostile_names(own: Own, name: str) -> None:
    """Names of files and columns are never patterns or SQL."""
    evil = "p'; DROP TABLE data; --\""
    quoted = evil.replace('"', '""')
    content = f'timestamp,"{quoted}","sel""ect"\n2024-05-20,5,"1"\n'
    own.write(content.replace(",5,", ",666,"), "aXb.csv")
    path = own.write(content, name)
    assert own.load(path, "--rename", f"{evil}=power", "--missing", "'); DROP TABLE data; --") == 0
    assert own.powers() == [5]


def test_order_of_ids(own: Own) -> None:
    """Ids follow the order of the file."""
    numbers = np.random.default_rng(1).permutation(300_000)
    stamps = np.datetime64("2024-05-20T00:00") + numbers
    body = "".join(f"{stamp},{n / 10}\n" for stamp, n in zip(stamps, numbers, strict=True))
    assert own.load("timestamp,power\n" + body) == 0
    assert own.powers() == (numbers / 10).tolist()


# Bad rows


def test_bad_rows(own: Own) -> None:
    """Bad rows are listed by line, and nothing of the file is kept."""
    path = own.write(
        "note,Stamp,power,wind_speed\n"  # line 1
        '"two\nlines",2024-05-20,1,1\n'  # 2 and 3
        "\n"
        "a,2024-05-20,12 kW,1\n"  # 5
        "a,2024-05-20,1\n"  # 6
        "a,2024-05-20,1,1,1\n"  # 7
        "a,,1.5,1\n"  # 8
        '"x\n\ny",yesterday,"1,5",1\n'  # 9 to 11
        "\xff,2024-05-20,1,1\n"  # 12
        "a,2024-05-20,1,-\n"  # 13
    )
    assert own.refusal(path, "--rename", "Stamp=timestamp", code=1).splitlines() == [
        f"python -m fonteapi load: {path}: 6 bad rows; nothing of the file is kept",
        "  line 5: column 'power': expected a number, got '12 kW'",
        "  line 6: expected 4 fields as in line 1, got 3",
        "  line 7: expected 4 fields as in line 1, got 5",
        "  line 8: column 'Stamp': expected a timestamp, got nothing",
        "  line 9: column 'Stamp': expected a timestamp, got 'yesterday';"
        " column 'power': expected a number, got '1,5'",
        "  line 13: column 'wind_speed': expected a number, got '-'",
        "  if it means missing: --missing -",
        "  to load the other rows: --bad-rows skip",
    ]


def test_other_bytes(own: Own) -> None:
    """A byte that is no UTF-8 matters only in a column that is loaded."""
    good, lines = "timestamp,power,note\n", "2024-05-20T01:00,1,a\n" * 20_000
    content = f"{good}{lines}2024-05-20T01:10,2,\xb5\n".encode("latin-1")
    assert own.load(content) == 0
    assert own.powers()[-1] == 2
    content = f"{good}{lines}2024-05-20T01:00,\xb5,a\n".encode("latin-1")
    assert "1 bad row; nothing of the file is kept\n  line 20002: expected UTF-8" in own.refused(
        content
    )


def test_header_over_two_lines(own: Own) -> None:
    err = own.refusal('timestamp,power,"wind\ndirection"\n2024-05-20,x,2\n', code=1)
    assert "  line 3: column 'power'" in err


def test_bad_row_in_a_large_file(own: Own) -> None:
    lines = ["timestamp,power"] + ["2024-05-20,1"] * 300_000
    lines[250_000] = "2024-05-20,l"
    err = own.refusal("\n".join(lines), code=1)
    assert "  line 250001: column 'power': expected a number, got 'l'" in err


def test_states_in_words(own: Own) -> None:
    """A column of words that is called as a state is left out, unless somebody named it."""
    lines = "timestamp,power,status\n2024-05-20,1,Running\n2024-05-21,2,Stopped\n"
    assert own.load(lines) == 0
    assert own.powers() == [1, 2]
    assert "ignored: status" in own.out()
    codes = lines.replace("Running", "3").replace("Stopped", "0")
    assert own.load(codes, "--replace-all") == 0
    assert "ignored" not in own.out()
    rename = ("--rename", "status=status")
    assert "expected a number, got 'Running'" in own.refused(lines, *rename)


def test_compressed_file(own: Own) -> None:
    assert own.load(GZIP, name="own.CSV.GZ") == 0
    assert own.powers() == [1, 2]


# What cannot be loaded at all


@pytest.mark.parametrize(
    ("content", "name", "code", "message"),
    [
        (GZIP[:-9], "own.csv.gz", 2, "cannot be read: "),
        (b"\x89PNG\0\0\0\x0d", "own.csv", 2, "expected text, Parquet or Excel, got other content"),
        ("", "own.csv", 2, "expected a line that names the columns, got none"),
        ("timestamp,power\n", "own.csv", 1, "expected readings below the names"),
        ("power\n1\n", "own.csv", 2, "has no timestamp; it has 'power'. Rename a"),
        ("timestamp,Power\n", "own.csv", 2, "has no signal (wind_speed, power, "),
        ("a,b\n", "own.csv", 2, "--rename 'Its name=timestamp'"),
        ("timestamp,power,power\n", "own.csv", 2, "expected one column for power, got 'power' "),
        ("PAR1", "own.parquet", 2, "cannot be read: "),
    ],
)
def test_other_files(own: Own, content: str | bytes, name: str, code: int, message: str) -> None:
    """A file without readings is refused in one line."""
    err = own.refusal(content, name=name, code=code)
    assert err.startswith(f"python -m fonteapi load: {own.folder / name}")
    assert message in err
    assert err.count("\n") == 1


def test_no_file(own: Own, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    err = own.refusal(tmp_path / "folder.csv", code=2)
    assert "folder.csv: expected files in this folder (.csv, .tsv, " in err
    assert own.refusal(tmp_path / "none.csv", code=2).endswith("none.csv: there is no such file\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rename", "Ws_avg"], "--rename: expected 'Its name=wind_speed', got 'Ws_avg'"),
        (["--rename", "=power"], "--rename: expected 'Its name=wind_speed', got '=power'"),
        (
            ["--rename", "a=speed"],
            "expected one of timestamp, date, time, turbine, wind_speed, ",
        ),
        (["--rename", "none=wind_speed"], "has no column 'none'; it has 'timestamp', 'power', 'n"),
        (
            ["--rename", "power=power", "note=power"],
            "expected one column for power, got 'power' and 'note'",
        ),
        (["--rename", "note=power", "note=wind_speed"], "'note' cannot be both power and wind_sp"),
        (["--unit-scale", "power=kilo"], "expected a number as in power=0.001, got 'kilo'"),
        (["--unit-scale", "power"], "expected a number as in power=0.001, got ''"),
        (["--unit-scale", "power=nan"], "expected a number as in power=0.001, got 'nan'"),
        (["--unit-scale", "power=0"], "expected a number as in power=0.001, got '0'"),
        (["--unit-scale", "Power=1"], "expected one of wind_speed, power, "),
        (["--unit-scale", "wind_speed=2"], "has no wind_speed"),
        (["--unit-scale", "power=2", "power=3"], "power has two factors, 2.0 and 3.0"),
        (["--timestamp-format", "%Q"], "--timestamp-format: Failed to parse format"),
        (["--replaces"], "unrecognized arguments: --replaces"),
        (["--missing"], "expected at least one argument"),
        (["more.csv"], "more.csv: there is no such file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options(own: Own, options: Sequence[str], message: str) -> None:
    err = own.refusal("timestamp,power,note\n2024-05-20,1,2\n", *options, code=2)
    assert re.fullmatch(f"python -m fonteapi( load)?: .*{re.escape(message)}.*\n", err)


def test_no_command(own: Own) -> None:
    assert main([]) == 2
    assert "usage: python -m fonteapi" in own.err()


def test_help(own: Own) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["load", "--help"])
    assert stop.value.code == 0
    assert "--rename Wind_turbine_name=turbine Date_time=timestamp" in own.out()


def test_name_of_the_program(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller names the program for errors and help, and hands over Fonte's address."""
    monkeypatch.delenv("FONTE_DATABASE_URL")
    assert (
        main(["load", "none.csv"], prog="etl", find_settings=lambda: {"database_url": own.url}) == 2
    )
    assert own.err() == "etl load: none.csv: there is no such file\n"
    for words, text in ((["--replaces"], "etl load: the following"), (["--help"], "etl load [-h]")):
        with pytest.raises(SystemExit):
            main(["load", *words], prog="etl", find_settings=lambda: {"database_url": own.url})
        assert text in "".join(own.capsys.readouterr())
    assert (
        main(
            ["load", str(own.write(GOOD))],
            prog="etl",
            find_settings=lambda: {"database_url": own.url},
        )
        == 0
    )
    assert own.powers() == [1, 2]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://u:s3cr3t@127.0.0.1:1/Fonte", "Fonte did not take the readings: "),
        ("mysql://u:s3cr3t@127.0.0.1/Fonte", "FONTE_DATABASE_URL"),
        ("postgresql://u:p@s3cr3t:s3cr3t@host/Fonte", "FONTE_DATABASE_URL"),
        ("", "FONTE_DATABASE_URL: Field required"),
    ],
)
def test_wrong_database(url: str, message: str) -> None:
    """A wrong address is one line without the password."""
    done = run_load(url)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "s3cr3t" not in done.stderr


# Parquet


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
def test_parquet_timestamps(own: Own, kind: pa.DataType) -> None:
    """Timestamps of any unit and zone become UTC."""
    moment = MOMENT.replace(tzinfo=UTC) if kind.tz else MOMENT
    columns = {"When": pa.array([moment], kind), "power": [1.5]}
    assert own.load(columns, "--rename", "When=timestamp") == 0
    assert own.stored() == [(MOMENT.replace(tzinfo=UTC), None, 1.5, None)]


def test_parquet_timestamps_as_text(own: Own) -> None:
    columns = {"timestamp": ["2024-05-20T03:02:03+02:00"], "power": [1.5]}
    assert own.load(columns) == 0
    assert own.stamps() == [MOMENT.replace(tzinfo=UTC)]


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
def test_parquet_numbers(own: Own, kind: pa.DataType, value: Any) -> None:
    values = pa.array([value, None], kind)
    columns = {"timestamp": [MOMENT] * 2, "power": values}
    assert own.load(columns) == 0
    expected = None if value is None else float(values[0].as_py())
    assert own.powers() == [expected, None]


def test_sentinel_in_single_precision(own: Own) -> None:
    columns = {"timestamp": [MOMENT] * 2, "power": pa.array([-9999.9, 6.87], pa.float32())}
    assert own.load(columns, "--missing", "-9999.9") == 0
    assert own.powers() == [None, float(np.float32(6.87))]


def test_parquet_equals_csv(own: Own, tmp_path: Path) -> None:
    frame = pd.read_csv(HAUTE_BORNE)
    frame["Date_time"] = pd.to_datetime(frame["Date_time"])
    frame.to_parquet(tmp_path / "own.parquet")
    assert own.load(tmp_path / "own.parquet", *renames(HAUTE_BORNE_NAMES)) == 0
    from_parquet = own.stored()
    assert own.load(HAUTE_BORNE, *renames(HAUTE_BORNE_NAMES), "--replace-all") == 0
    assert own.stored() == from_parquet


def test_parquet_row_without_timestamp(own: Own) -> None:
    """A bad row of Parquet is named by its number."""
    columns = {"timestamp": [MOMENT, None, MOMENT + timedelta(1)], "power": [1.0, 2.0, 3.0]}
    assert (
        "own.parquet: 1 bad row; nothing of the file is kept\n"
        "  row 2: column 'timestamp': expected a timestamp, got nothing\n"
    ) in own.refusal(columns, code=1)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"timestamp": [False], "power": [1]},
            "'timestamp': expected timestamps, text or epoch seconds",
        ),
        ({"timestamp": [MOMENT], "power": [True]}, "column 'power': expected numbers, got bool"),
        ({"timestamp": [MOMENT], "P": [1]}, "has no signal"),
    ],
)
def test_parquet_columns_of_other_types(own: Own, columns: dict[str, Any], message: str) -> None:
    err = own.refusal(columns, code=2)
    assert message in err
    assert err.count("\n") == 1


def test_empty_parquet(own: Own) -> None:
    columns = {"timestamp": pa.array([], pa.timestamp("us")), "power": pa.array([], pa.float64())}
    err = own.refusal(columns, code=1)
    assert "expected readings below the names of the columns, got none" in err


def test_open_quote(own: Own) -> None:
    """A quote that is never closed is named by the line where it begins."""
    rows = "2024-05-20T00:00,1\n" * 10_000
    err = own.refusal(f'timestamp,power\n{rows[:38]}"2024-05-20T00:02,1\n{rows}', code=2)
    assert "the row from line 4 on cannot be read" in err
