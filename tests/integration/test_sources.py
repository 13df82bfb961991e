"""Files of any kind into a real Fonte: packed, in folders and archives, Excel, other encodings."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import execute

from fonteapi.__main__ import main

TEXT = "timestamp,power\n2024-05-20T00:00:00Z,1\n2024-05-20T00:10:00Z,2\n"
LATER = "timestamp,power\n2024-05-20T00:20:00Z,3\n"
Powers = Callable[[], list[float | None]]


@pytest.fixture
def powers(
    fonte_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[float | None]]:
    """Reads the powers that Fonte holds; the working directory is the test's own."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)
    monkeypatch.chdir(tmp_path)
    return lambda: [power for (power,) in execute(fonte_url, "SELECT power FROM data ORDER BY id")]


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        gzip.compress(TEXT.encode()),
        bz2.compress(TEXT.encode()),
        lzma.compress(TEXT.encode()),
        gzip.compress(gzip.compress(TEXT.encode("utf-16"))),
    ],
    ids=range(8),
)
@pytest.mark.parametrize("name", ["own", "own.csv", "own.parquet"])
def test_content_decides(powers: Powers, content: bytes, name: str) -> None:
    """A file is read by what it has, whatever its name is."""
    Path(name).write_bytes(content)
    assert main(["load", name]) == 0
    assert powers() == [1, 2]


def test_parquet_by_another_name(powers: Powers) -> None:
    pq.write_table(pa.table({"timestamp": [datetime(2024, 5, 20)], "power": [7]}), "own.csv")  # noqa: DTZ001
    assert main(["load", "own.csv"]) == 0
    assert powers() == [7]


def test_folder(powers: Powers) -> None:
    """The tables of a folder, in order; other files, hidden ones and folders do not count."""
    Path("own/more.csv").mkdir(parents=True)
    Path("own/b.csv").write_text(LATER)
    Path("own/a.tsv").write_text(TEXT.replace(",", "\t"))
    Path("own/notes.md").write_text("# nothing")
    Path("own/.c.csv").write_text("nothing")
    assert main(["load", "own"]) == 0
    assert powers() == [1, 2, 3]


def test_bad_rows_of_an_earlier_load(powers: Powers) -> None:
    """Their file is not a table of its folder, nor of a pattern that names both."""
    Path("own").mkdir()
    Path("own/a.csv").write_text(TEXT + "2024-05-20T00:20:00Z,x\n")
    for _ in range(2):
        assert main(["load", "own", "--bad-rows", "skip", "--replace-all"]) == 0
    assert powers() == [1, 2]
    for words in (["own/*.csv"], ["own/a.csv", "own/a.csv.bad.csv"]):
        assert main(["load", *words, "--bad-rows", "skip", "--replace-all"]) == 0
        assert powers() == [1, 2]
    assert sorted(path.name for path in Path("own").iterdir()) == ["a.csv", "a.csv.bad.csv"]
    assert main(["load", "own/a.csv.bad.csv"]) == 1


def test_bad_rows_of_an_archive(powers: Powers) -> None:
    """Their file is beside the archive."""
    Path("own").mkdir()
    with zipfile.ZipFile("own/a.zip", "w") as archive:
        archive.writestr("b/c.csv", TEXT + "2024-05-20T00:20:00Z,x\n")
    assert main(["load", "own/a.zip", "--bad-rows", "skip"]) == 0
    assert Path("own/a.zip-b-c.csv.bad.csv").read_text().splitlines()[1:] == [
        "4,2024-05-20T00:20:00Z,x"
    ]


def test_pattern_and_names(powers: Powers, capsys: pytest.CaptureFixture[str]) -> None:
    """A pattern that the shell left, and names; a file that is named twice is loaded once."""
    Path("own1.csv").write_text(TEXT)
    Path("own2.csv").write_text(LATER)
    assert main(["load", "own?.csv", "own2.csv"]) == 0
    assert powers() == [1, 2, 3]
    assert (
        "loaded 3 readings of T1 from 2 files: 2024-05-20T00:00:00Z to " in capsys.readouterr().out
    )


def test_archive(powers: Powers) -> None:
    with zipfile.ZipFile("own.zip", "w") as archive:
        archive.writestr("folder/a.csv", TEXT)
        archive.writestr("folder/b.csv.gz", gzip.compress(LATER.encode()))
        archive.writestr("README.md", "nothing")
    assert main(["load", "own.zip"]) == 0
    assert powers() == [1, 2, 3]


def test_files_of_an_archive(powers: Powers, capsys: pytest.CaptureFixture[str]) -> None:
    """A pattern chooses them; without one, the file that is not a table is named."""
    with zipfile.ZipFile("own.zip", "w") as archive:
        archive.writestr("park/Turbine_1.csv", TEXT)
        archive.writestr("park/Turbine_2.csv", LATER)
        archive.writestr("park/readme.txt", "Dear user,\nthese are data\n")
        archive.writestr("park/more.log", LATER.replace("00:20", "00:30").replace(",3", ",4"))
    assert main(["load", "own.zip"]) == 2
    err = capsys.readouterr().err
    assert "to leave own.zip/park/readme.txt out, name the others: own.zip/park/PATTERN\n" in err
    assert err.count("\n") == 1
    assert main(["load", "own.zip/Nothing*"]) == 2
    assert "own.zip: expected files in this archive, got none of 'Nothing*': " in (
        capsys.readouterr().err
    )
    assert main(["load", "o*.zip/park/Turbine_*", "own.zip/Turbine_2.csv", "own.zip/more.log"]) == 0
    assert powers() == [1, 2, 3, 4]


def test_files_of_a_folder(powers: Powers, capsys: pytest.CaptureFixture[str]) -> None:
    Path("own").mkdir()
    Path("own/Turbine_1.csv").write_text(TEXT)
    Path("own/Status_1.csv").write_text("Code,Text\n1,Stop\n")
    assert main(["load", "own"]) == 2
    assert "to leave own/Status_1.csv out, name the others: own/PATTERN" in capsys.readouterr().err
    assert main(["load", "own/Turbine*"]) == 0
    assert powers() == [1, 2]
    assert main(["load", "own/Turbine_1.csv/a"]) == 2
    assert "own/Turbine_1.csv is not an archive" in capsys.readouterr().err


def test_error_in_an_archive(powers: Powers, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad row of one file keeps all out, and is named with its file."""
    with zipfile.ZipFile("own.zip", "w") as archive:
        archive.writestr("a.csv", TEXT)
        archive.writestr("b.csv", LATER.replace(",3", ",x"))
    assert main(["load", "own.zip"]) == 1
    err = capsys.readouterr().err
    assert "own.zip/b.csv: 1 bad row; nothing of the file is kept\n  line 2: column 'power'" in err
    assert powers() == []


def test_standard_input(powers: Powers, monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.TextIOWrapper(io.BytesIO(gzip.compress(TEXT.encode())))
    monkeypatch.setattr(sys, "stdin", content)
    assert main(["load", "-"]) == 0
    assert powers() == [1, 2]


def write_book(*sheets: str) -> None:
    """An Excel file: two lines above the names, times as Excel has them, and a sum at the end."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name in sheets:
        sheet = book.create_sheet(name)
        sheet.append(["Export of the park"])
        sheet.append([])
        sheet.append(["Time", "Power", "Wind"])
        for minute in range(0, 60, 10):
            sheet.append([datetime(2024, 5, 20, 0, minute), minute + 0.1, 8])  # noqa: DTZ001
        sheet.append(["Sum", "=SUM(B4:B9)", None])
    book.save("own.xlsx")


EXCEL = ["load", "own.xlsx", "--rename", "Time=timestamp", "Power=power", "Wind=wind_speed"]


def test_excel(powers: Powers, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Excel's times and numbers arrive exactly."""
    write_book("Data")
    assert main(EXCEL) == 0
    assert powers() == [0.1, 10.1, 20.1, 30.1, 40.1, 50.1]
    stamps = execute(fonte_url, "SELECT timestamp FROM data ORDER BY id")
    assert [f"{stamp:%H:%M:%S.%f}" for (stamp,) in stamps] == [
        f"00:{minute:02}:00.000000" for minute in range(0, 60, 10)
    ]
    assert "1 line is not a reading, such as line 10: 'Sum" in capsys.readouterr().out


@pytest.mark.parametrize("options", [(), ("--decimal", ","), ("--decimal", ".")])
def test_numbers_of_excel(
    powers: Powers, fonte_url: str, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    """A number of Excel is what it is, whatever stands before decimals in its texts."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["timestamp", "power", "wind_speed"])
    sheet.append([datetime(2024, 5, 20), 1.075, "8,5"])  # noqa: DTZ001
    sheet.append([datetime(2024, 5, 20, 0, 10), -7.125e-5, 7.125])  # noqa: DTZ001
    if options == ("--decimal", "."):
        sheet["C2"] = "8.5"
    book.save("own.xlsx")
    assert main(["load", "own.xlsx", "--preview", *options]) == 0
    shown = capsys.readouterr().out
    assert "1.075, -0.00007125 " in shown
    assert "e0" not in shown
    assert main(["load", "own.xlsx", *options]) == 0
    assert powers() == [1.075, -7.125e-5]
    speeds = execute(fonte_url, "SELECT wind_speed FROM data ORDER BY id")
    assert [speed for (speed,) in speeds] == [8.5, 7.125]


def test_text_of_excel(powers: Powers, capsys: pytest.CaptureFixture[str]) -> None:
    """A text of Excel is subject to marks, as that of any file."""
    book = openpyxl.Workbook()
    book.worksheets[0].append(["timestamp", "power"])
    book.worksheets[0].append([datetime(2024, 5, 20), "1.075"])  # noqa: DTZ001
    book.worksheets[0].append([datetime(2024, 5, 20, 0, 10), 2.345])  # noqa: DTZ001
    book.save("own.xlsx")
    assert main(["load", "own.xlsx"]) == 2
    assert "'1.075' could be 1.075 or 1075: choose" in capsys.readouterr().err
    assert main(["load", "own.xlsx", "--decimal", ","]) == 0
    assert powers() == [1075, 2.345]


def test_names_of_excel(powers: Powers, fonte_url: str) -> None:
    """A number that is a name is as a person types it."""
    book = openpyxl.Workbook()
    book.worksheets[0].append(["timestamp", "turbine", "height", "power"])
    for height in (80.5, 90.5):
        book.worksheets[0].append([datetime(2024, 5, 20), 1.5, height, height])  # noqa: DTZ001
    book.save("own.xlsx")
    assert main(["load", "own.xlsx", "--where", "height=90.5"]) == 0
    assert powers() == [90.5]
    assert [name for (name,) in execute(fonte_url, "SELECT turbine FROM data")] == ["1.5"]


def test_sheets(powers: Powers, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several sheets one has to be chosen."""
    write_book("T01", "T02")
    assert main(EXCEL) == 2
    err = capsys.readouterr().err
    assert "own.xlsx: expected one sheet with a table, got T01, T02: choose with --sheet" in err
    assert main([*EXCEL, "--sheet", "T03"]) == 2
    assert "--sheet: own.xlsx has no 'T03'; it has T01, T02" in capsys.readouterr().err
    Path("own.csv").write_text(TEXT)
    assert main(["load", "own.csv", "--sheet", "T02"]) == 2
    assert "--sheet: expected an Excel file, got own.csv" in capsys.readouterr().err
    assert main([*EXCEL, "--sheet", "T02"]) == 0
    assert len(powers()) == 6


def damaged(content: bytes, place: int) -> bytes:
    """A packed file whose block has a type that does not exist."""
    return content[:place] + b"\7" + content[place + 1 :]


def packed(flags: int = 0, method: int | None = None) -> bytes:
    """An archive whose file says that it is encrypted (flag 1), or packed by some method."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.csv", TEXT * 50)
    content = bytearray(file.getvalue())
    for start in (4, content.index(b"PK\1\2") + 6):  # the file's own entry, and the directory's
        content[start + 2] |= flags
        content[start + 4] = content[start + 4] if method is None else method
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("own.gz", damaged(gzip.compress(TEXT.encode()), 10), "own.gz: cannot be read: Error"),
        ("own.zip", damaged(packed(), 38), "own.zip: cannot be read: Error -3 while decom"),
        ("own.zip", packed(flags=1), "own.zip: cannot be read: File 'data.csv' is encrypted"),
        ("own.zip", packed(method=9), "own.zip: cannot be read: That compression method is not"),
        ("own.zip", b"PK\3\4 and no archive", "own.zip: cannot be read: File is not a zip file"),
        ("own.gz", gzip.compress(TEXT.encode())[:-9], "own.gz: cannot be read: "),
        ("own.xls", b"\xd0\xcf\x11\xe0 and no book", "own.xls: cannot be read: "),
        ("own.csv", b"\x7fELF\2\1\1\0\0", "own.csv: expected text, Parquet or Excel, got other"),
    ],
    ids=range(8),
)
def test_broken_files(
    powers: Powers, capsys: pytest.CaptureFixture[str], name: str, content: bytes, message: str
) -> None:
    Path(name).write_bytes(content)
    assert main(["load", name]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"python -m fonteapi load: {message}")
    assert err.count("\n") == 1
    assert powers() == []


def test_empty_folder(powers: Powers, capsys: pytest.CaptureFixture[str]) -> None:
    Path("own").mkdir()
    assert main(["load", "own"]) == 2
    assert "own: expected files in this folder (.csv, .tsv, .txt" in capsys.readouterr().err
    assert powers() == []
