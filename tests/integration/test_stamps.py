"""When a file's rows were read: forms, zones, labels, and what could mean two things."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import execute
from hypothesis import given
from hypothesis import strategies as st

from fonteapi.__main__ import main
from fonteapi.files.errors import LoadError
from fonteapi.files.zones import localize

MINUTE = timedelta(minutes=1)
PARIS = ZoneInfo("Europe/Paris")
ZONES = ["Europe/Paris", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]


@pytest.fixture
def load(fonte_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Loads lines of CSV; returns the exit code."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)

    def load(*lines: str, options: tuple[str, ...] = ()) -> int:
        path = tmp_path / "own.csv"
        path.write_text("\n".join(lines))
        return main(["load", str(path), *options])

    return load


@pytest.fixture
def stored(fonte_url: str) -> Callable[[], list[str]]:
    """The stamps that Fonte holds, UTC, by id."""
    query = "SELECT to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM data"
    return lambda: [row[0] for row in execute(fonte_url, f"{query} ORDER BY id")]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["05/13/2024 01:02", "05/06/2024 01:02"], ["2024-05-13 01:02:00", "2024-05-06 01:02:00"]),
        (["13.05.2024 01:02:03", "06.05.2024 01:02:03"], ["2024-05-13 01:02:03",
                                                          "2024-05-06 01:02:03"]),
        (["5/13/2024 1:02:03 PM"], ["2024-05-13 13:02:03"]),
        (["2024/05/06 01:02"], ["2024-05-06 01:02:00"]),
        (["20240506 01:02"], ["2024-05-06 01:02:00"]),
        (["1715000000", "1715000060.5"], ["2024-05-06 12:53:20", "2024-05-06 12:54:20"]),
        (["1715000000123"], ["2024-05-06 12:53:20"]),
        (["2024-05-06 24:00", "2024-05-07T24:00:00"], ["2024-05-07 00:00:00",
                                                        "2024-05-08 00:00:00"]),
        (["13/05/2024 24:00"], ["2024-05-14 00:00:00"]),
        (["2024/05/13 0110 UTC"], ["2024-05-13 01:10:00"]),  # INMET
        (["05/13/2024 15:30:00+02:00"], ["2024-05-13 13:30:00"]),  # TOA5
        (["202405060110", "202405060120"], ["2024-05-06 01:10:00", "2024-05-06 01:20:00"]),  # DWD
        (["2024:05:06 01:10:00.500"], ["2024-05-06 01:10:00"]),
        (["06-May-2024 01:10"], ["2024-05-06 01:10:00"]),  # a short or a long name of a month
        (["05/05/2024 01:10"], ["2024-05-05 01:10:00"]),  # the same either way
        (["13 05 2024 01:10"], ["2024-05-13 01:10:00"]),
    ],
)  # fmt: skip
def test_forms(
    load: Callable[..., int], stored: Callable[[], list[str]], texts: list[str], expected: list[str]
) -> None:
    """The usual forms are read without a format; a 13 tells day from month."""
    assert load("timestamp,power", *(f"{text},1" for text in texts)) == 0
    assert stored() == expected


def test_given_format_with_midnight(
    load: Callable[..., int], stored: Callable[[], list[str]]
) -> None:
    """24:00 is read by a format, too."""
    options = ("--timestamp-format", "%d.%m.%Y %H:%M")
    assert load("timestamp,power", "06.05.2024 23:50,1", "06.05.2024 24:00,1", options=options) == 0
    assert stored()[-1] == "2024-05-07 00:00:00"


def test_found_form_is_told(load: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert load("timestamp,power", "13/05/2024 01:02,1") == 0
    assert "timestamps read by '%d/%m/%Y %H:%M'" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["05/06/2024 01:02", "5.6.2024 01:02", "05-06-2024"])
def test_day_and_month(
    load: Callable[..., int],
    stored: Callable[[], list[str]],
    capsys: pytest.CaptureFixture[str],
    text: str,
) -> None:
    """What could be day or month is refused with both forms and the option."""
    assert load("timestamp,power", f"{text},1") == 2
    said = capsys.readouterr().err
    assert f"{text!r} could be read by '%d" in said
    assert "' and by '%m" in said
    assert "choose with --timestamp-format '%d" in said
    assert stored() == []


def test_date_and_time(load: Callable[..., int], stored: Callable[[], list[str]]) -> None:
    """A date and a time of two columns are one stamp."""
    lines = ["Day;At;power", "13.05.2024;00:10;1", "13.05.2024;24:00;2"]
    assert load(*lines, options=("--rename", "Day=date", "At=time")) == 0
    assert stored() == ["2024-05-13 00:10:00", "2024-05-14 00:00:00"]


def test_turbines_beside_date_and_time(
    load: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Turbines that share their stamps are found beside a date and a time, too."""
    lines = [f"2024-05-06,00:{m}0,{n}{m},{n},{n}{m}" for m in range(6) for n in (1, 2)]
    assert load("date,time,height,mast,power", *lines) == 2
    assert "the file has 2 turbines in 'mast' (1, 2)" in capsys.readouterr().err


def test_parquet_date_and_time(
    fonte_url: str, tmp_path: Path, stored: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parquet has a date's and a time's own types, and numbers of seconds."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)
    moment = datetime(2024, 5, 6, 1, 2)  # noqa: DTZ001
    columns = {"date": [moment.date()], "time": [moment.time()], "power": [1.0]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    pq.write_table(pa.table({"timestamp": [1715000000], "power": [1.0]}), tmp_path / "b.parquet")
    assert main(["load", str(tmp_path / "a.parquet")]) == 0
    assert main(["load", str(tmp_path / "b.parquet")]) == 0
    assert stored() == ["2024-05-06 01:02:00", "2024-05-06 12:53:20"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rename", "At=time"), "--rename: expected a date and a time of "),
        (("--rename", "Day=date"), "--rename: expected a date and a time of "),
        (("--timestamp-format", "%H:%M"), "--timestamp-format: expected a date in it"),
        (("--timezone", "Paris"), "--timezone: expected a name such as Europe/Paris, got 'Paris'"),
    ],
)
def test_half_a_stamp(
    load: Callable[..., int],
    stored: Callable[[], list[str]],
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    message: str,
) -> None:
    """A time without a date, and a date without a time, are refused."""
    assert load("Day,At,power", "2024-05-06,00:10,1", options=options) == 2
    assert message in capsys.readouterr().err
    assert stored() == []


def test_midnights(
    load: Callable[..., int], stored: Callable[[], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Dates without a time, several times the same, are refused; a value a day is not."""
    assert load("timestamp,At,power", *(f"2024-05-06,00:{n}0,{n}" for n in range(6))) == 2
    assert "--rename ITS=date ITS=time" in capsys.readouterr().err
    assert stored() == []
    assert load("timestamp,power", "2024-05-06,1", "2024-05-07,2") == 0


def test_time_zone(load: Callable[..., int], stored: Callable[[], list[str]]) -> None:
    """Local stamps become UTC; one that has an offset keeps it."""
    lines = ["2024-01-15T12:00,1", "2024-07-15T12:00,1", "2024-07-15T12:00Z,1", "1721044800,1"]
    zone = ("--timezone", "Europe/Paris")
    assert load("timestamp,power", *lines, options=zone) == 0
    utc = ["2024-01-15 11:00:00", "2024-07-15 10:00:00", *["2024-07-15 12:00:00"] * 2]
    assert stored() == utc
    options = (*zone, "--replace", "--timestamp-format", "%d.%m.%Y %H:%M %z")
    assert load("timestamp,power", "15.07.2024 12:00 +0100,1", options=options) == 0
    assert stored() == ["2024-07-15 11:00:00"]


def local(utc: list[datetime], zone: ZoneInfo) -> np.ndarray:
    """Local times of instants, as a file has them: microseconds without an offset."""
    naive = [moment.astimezone(zone).replace(tzinfo=UTC) for moment in utc]
    return np.array([round(moment.timestamp() * 1e6) for moment in naive])


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2012, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from([1, 10, 30, 60]),
)
def test_a_year_of_local_time(name: str, start: datetime, minutes: int) -> None:
    """Local time in order, across each change of the clocks, gives the instants back."""
    zone = ZoneInfo(name)
    start = start.replace(second=0, microsecond=0, minute=0)
    count = min(4000, 366 * 24 * 60 // minutes)
    utc = [start + n * minutes * MINUTE for n in range(count)]
    # Half a repeated hour at either end cannot be told apart
    kept = [u for u in utc if start + timedelta(days=1) < u < utc[-1] - timedelta(days=1)]
    stamps = local(kept, zone)
    distinct = len(set(stamps.tolist()))
    try:
        found = localize(stamps, ["T1"] * len(kept), zone)
    except LoadError as error:
        assert "repeat" in str(error)
        assert distinct == len(stamps)
        return
    assert found.tolist() == [round(u.timestamp() * 1e6) for u in kept]


def test_hours_that_clocks_change(
    load: Callable[..., int], stored: Callable[[], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A repeated hour that is there once, and a skipped hour, are refused by name."""
    options = ("--timezone", "Europe/Paris")
    once = [f"2024-10-27T0{h}:{m}0,1" for h in (1, 2, 3) for m in range(6)]
    assert load("timestamp,power", *once, options=options) == 1
    assert "the clocks repeat 2024-10-27 02:00 there" in capsys.readouterr().err
    assert load("timestamp,power", "2024-03-31T02:30,1", options=options) == 1
    said = capsys.readouterr().err
    assert "2024-03-31 02:30 does not exist there" in said
    assert "--timezone Etc/GMT-1" in said
    assert stored() == []
    beside = [f"2024-10-27T02:{m}0,{n}" for m in range(6) for n in (1, 2)]
    assert load("timestamp,power", *beside, options=options) == 1
    assert "one after the other" in capsys.readouterr().err
    assert stored() == []
    twice = [f"2024-10-27T02:{m}0,{n}" for n in (1, 2) for m in range(6)]
    assert load("timestamp,power", *twice, options=options) == 0
    assert stored() == [f"2024-10-27 0{h}:{m}0:00" for h in (0, 1) for m in range(6)]
    assert load("timestamp,power", *twice[::-1], options=(*options, "--replace-all")) == 0
    assert stored() == [f"2024-10-27 0{h}:{m}0:00" for h in (1, 0) for m in range(5, -1, -1)]


def test_labels_of_the_end(
    load: Callable[..., int], fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stamps that label the end move by their turbine's interval."""
    lines = [f"A,2024-05-06T0{n // 6}:{n % 6}0,{n}" for n in range(1, 8)]
    lines += [f"B,2024-05-06T00:0{n},{n}" for n in range(1, 8)]
    assert load("turbine,timestamp,power", *lines, options=("--label", "end")) == 0
    assert (
        "timestamps mark the end of their interval: moved 1 min and 10 min back, to its start"
        in (capsys.readouterr().out)
    )
    rows = execute(fonte_url, "SELECT turbine, min(timestamp), max(timestamp) FROM data GROUP BY 1")
    start = datetime(2024, 5, 6, tzinfo=UTC)
    assert {row[0]: (row[1], row[2]) for row in rows} == {
        "A": (start, start + 60 * MINUTE),
        "B": (start, start + 6 * MINUTE),
    }


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-05-20 9:10", "2024-05-20 10:20"], ["2024-05-20 09:10:00", "2024-05-20 10:20:00"]),
        (["27/05/2024", "27/05/2024 00:10"], ["2024-05-27 00:00:00", "2024-05-27 00:10:00"]),
        (["20240520 0130"], ["2024-05-20 01:30:00"]),
        (["20240520 130"], None),  # 01:30 or 13:00
        (["1712312300"], None),  # seconds, or 2017-12-31 23:00
    ],
)
def test_as_excel_writes_them(
    load: Callable[..., int],
    stored: Callable[[], list[str]],
    texts: list[str],
    expected: list[str] | None,
) -> None:
    """Hours of one digit and midnights without a time are read; without marks, digits count."""
    lines = ["timestamp,power", *(f"{text},1" for text in texts), ""]
    assert (load(*lines) == 0) is (expected is not None)
    assert stored() == (expected or [])


def test_ten_digits(load: Callable[..., int], stored: Callable[[], list[str]]) -> None:
    """The option decides between seconds and a date of a two-digit year."""
    lines = ["timestamp,power", "1712312300,1", ""]
    assert load(*lines, options=("--timestamp-format", "epoch")) == 0
    assert load(*lines, options=("--timestamp-format", "%y%m%d%H%M")) == 0
    assert stored() == ["2024-04-05 10:18:20", "2017-12-31 23:00:00"]


def test_epoch_is_no_local_time(load: Callable[..., int], stored: Callable[[], list[str]]) -> None:
    lines = ["timestamp,power", "1716163200 ,5", ""]
    assert load(*lines, options=("--timezone", "Europe/Paris")) == 0
    assert stored() == ["2024-05-20 00:00:00"]


def test_dates_in_a_zone(load: Callable[..., int], stored: Callable[[], list[str]]) -> None:
    """The day of a date is no offset."""
    lines = ["timestamp,power", "2024-05-10,1", "2024-05-25,2", ""]
    assert load(*lines, options=("--timezone", "Europe/Paris")) == 0
    assert stored() == ["2024-05-09 22:00:00", "2024-05-24 22:00:00"]


def test_half_a_date_and_time(
    load: Callable[..., int], stored: Callable[[], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A row without a time is bad, and not midnight."""
    assert load("date,time,power", "2024-05-20,00:10,1", "2024-05-20,,7", "") == 1
    assert "line 3: column 'date' and 'time': expected a timestamp" in capsys.readouterr().err
    assert stored() == []


@pytest.mark.parametrize(
    "lines",
    [
        ["Local_Time,power", "2024-05-20 00:10,1"],
        ["LocalTime,power", "2024-05-20 00:10,1"],
        ["Zeit_MEZ,power", "2024-05-20 00:10,1"],
        ["Time (AEST),power", "2024-05-20 00:10,1"],
        ["Time +01:00,power", "2024-05-20 00:10,1"],
        ["# All times are in CET", "stamp,power", "2024-05-20 00:10,1"],
        ["# Zeitzone: MEZ", "stamp,power", "2024-05-20 00:10,1"],
        ["# UTC offset: +1", "stamp,power", "2024-05-20 00:10,1"],
        ["stamp,power", "CET,kW", "2024-05-20 00:10,1"],
        ["stamp,tz,power", "2024-05-20 00:10,Europe/Paris,1"],
        ["stamp,power", "2024-05-20 00:10,1", "2024-05-20T00:20Z,2"],
    ],
)
def test_zones_that_are_in_doubt(
    load: Callable[..., int],
    stored: Callable[[], list[str]],
    capsys: pytest.CaptureFixture[str],
    lines: list[str],
) -> None:
    """A file that says something of its zone is refused until the option decides."""
    title = next(word for line in lines for word in line.split(",")[:1] if line.endswith("power"))
    rename = ("--rename", f"{title}=timestamp")
    assert load(*lines, "", options=rename) == 2
    assert "--timezone" in capsys.readouterr().err
    assert load(*lines, "", options=(*rename, "--timezone", "Europe/Paris")) == 0
    assert stored()[0] == "2024-05-19 22:10:00"


@pytest.mark.parametrize(
    ("lines", "note"),
    [
        (["stamp,power"], "timestamps have no offset: read as UTC; --timezone names another"),
        (["# timezone", "# Europe/Paris", "stamp,power"], "local time of Europe/Paris, as the f"),
        (["# Time zone: UTC", "stamp,power"], None),
    ],
)
def test_zones_are_told(
    load: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    lines: list[str],
    note: str | None,
) -> None:
    assert load(*lines, "2024-05-20 00:10,1", "", options=("--rename", "stamp=timestamp")) == 0
    out = capsys.readouterr().out
    assert note in out if note else "UTC;" not in out


def test_label_of_one_reading(load: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """Without an interval a timestamp cannot move."""
    assert load("timestamp,power", "2024-05-20T00:10Z,1", "", options=("--label", "end")) == 2
    err = capsys.readouterr().err
    assert "expected several timestamps of T1, or its interval in the catalogue" in err


def test_narrow_file_in_local_time(
    load: Callable[..., int], stored: Callable[[], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The hour that clocks repeat is told apart for each tag, or refused."""
    hours = ["01:30", "02:30", "02:30", "03:30"]
    rows = [f"2024-10-27 {hour},{tag},{n}" for n, hour in enumerate(hours) for tag in ("WS", "P")]
    options = ("--narrow", "tag", "value", "--rename", "time=timestamp", "WS=wind_speed")
    options += ("P=power", "--timezone", "Europe/Paris")
    assert load("time,tag,value", *rows, "", options=options) == 0
    assert stored() == [f"2024-10-{day}" for day in (
        "26 23:30:00", "27 00:30:00", "27 01:30:00", "27 02:30:00")]  # fmt: skip
    once = [row for row in sorted(rows, key=lambda row: row.split(",")[1]) if row[-1] != "2"]
    assert load("time,tag,value", *once, "", options=options) == 1
    assert "the clocks repeat 2024-10-27 02:30 there" in capsys.readouterr().err


def test_hour_that_comes_twice(
    load: Callable[..., int], stored: Callable[[], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A whole hour with other values looks like local time, on one day alone, too."""
    hours = [0, 1, 2, 2, 3, 4]
    rows = [f"2024-10-27 {hour:02}:{m:02},{n}{m}" for n, hour in enumerate(hours) for m in (10, 40)]
    assert load("timestamp,power", *rows, "") == 2
    err = capsys.readouterr().err
    assert "2024-10-27 02:10 to 02:40 comes twice, with other values, as where clocks ch" in err
    assert load("timestamp,power", *rows, "", options=("--timezone", "Asia/Tokyo")) == 2
    assert "where those of Asia/Tokyo do not change" in capsys.readouterr().err
    assert load("timestamp,power", *rows, "", options=("--timezone", "Europe/Paris")) == 0
    assert stored()[4:6] == ["2024-10-27 00:10:00", "2024-10-27 00:40:00"]
    assert load("timestamp,power", *rows, "", options=("--timezone", "UTC", "--replace-all")) == 0
    assert "2 timestamps are repeated with other values" in capsys.readouterr().out
