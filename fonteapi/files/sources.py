"""The files that a user names: found, unpacked, and told apart by their content."""

import bz2
import codecs
import csv
import gzip
import lzma
import shutil
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from glob import glob, has_magic
from itertools import count
from pathlib import Path, PurePosixPath
from typing import IO, Any

from fonteapi.files.errors import WrongInput
from fonteapi.files.numbers import write_native
from pgarrow.errors import first_line

PACKED: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
ZIP, PARQUET, OLD_EXCEL = b"PK\3\4", b"PAR1", b"\xd0\xcf\x11\xe0"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
TABLES = (".csv", ".tsv", ".txt", ".dat", ".parquet", ".xlsx", ".xls", ".gz", ".bz2", ".xz", ".zip")
"""The names that count in a folder and in an archive. A file that is named itself may have any."""
BAD_ROWS = ".bad.csv"
"""The end of the name of a file that an earlier load wrote: bad rows, and not readings."""
STANDARD_INPUT = "-"
DAMAGES = (
    *(OSError, EOFError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, UnicodeError),
    RuntimeError,  # an archive that is encrypted, or packed by a method that Python lacks
)
FIRST_EPOCH = 1e9
"""From here on a number may be a timestamp."""


class Form(StrEnum):
    """What a file's content is."""

    TEXT = "text"
    PARQUET = "parquet"
    EXCEL = "excel"
    """Its sheet, written as a text whose lines are its rows."""


@dataclass(frozen=True)
class Source:
    """A file with a table in it."""

    name: str
    """As messages name it; a member of an archive is `archive.zip/member.csv`."""
    path: Path
    """Where its content is, unpacked."""
    form: Form


def find_sources(words: Sequence[str], folder: Path, sheet: str | None = None) -> list[Source]:
    """The tables of the files, folders, patterns and archives that `words` name, each once.

    `archive.zip/PATTERN` names files of an archive. `folder` takes what has to be unpacked;
    `sheet` is that of an Excel file with several. Raises `WrongInput` for a word that names no
    file, for one that cannot be read, and for a sheet without an Excel file.
    """
    names = count()

    def make_room() -> Path:
        return folder / f"source{next(names)}"

    sources: dict[str, Source] = {}
    paths = dict.fromkeys(found for word in words for found in _find_paths(word))
    for path, members in paths:
        own = path.with_name(path.name.removesuffix(BAD_ROWS))
        if own != path and (own, members) in paths:  # its rows are in the file that is loaded, too
            continue
        name = "standard input" if str(path) == STANDARD_INPUT else str(path)
        try:
            content = path
            if str(path) == STANDARD_INPUT:
                content = _keep(sys.stdin.buffer, make_room())
            elif has_magic(str(path.resolve())):  # DuckDB would take it for a pattern
                content = make_room()
                content.symlink_to(path.resolve())
            found = _unpack(name, content, make_room, sheet, members)
            sources |= {source.name: source for source in found}
        except DAMAGES as error:
            raise WrongInput(f"{name}: cannot be read: {first_line(error)}") from None
    if sheet is not None and not any(each.form is Form.EXCEL for each in sources.values()):
        raise WrongInput(f"--sheet: expected an Excel file, got {', '.join([*sources][:3])}")
    return [*sources.values()]


def _find_paths(word: str) -> list[tuple[Path, str]]:
    """The files that a word names, each with the pattern of its members if it is an archive."""
    for parent in Path(word).parents:
        archives = [Path(name) for name in sorted(glob(str(parent)))]  # noqa: PTH207
        if files := [path for path in archives if path.is_file()]:
            return [(path, str(Path(word).relative_to(parent))) for path in files]
    return [(path, "") for path in _find_files(word)]


def _find_files(word: str) -> list[Path]:
    path = Path(word)
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.is_file() and _is_table(file.name))
        if not found:
            raise WrongInput(f"{word}: expected files in this folder ({', '.join(TABLES)})")
        return found
    if word == STANDARD_INPUT or path.is_file():
        return [path]
    found = [Path(name) for name in sorted(glob(word))]  # noqa: PTH207  # absolute or not
    if found and not path.exists():
        return [file for file in found if file.is_file()]
    raise WrongInput(f"{word}: " + ("not a file" if path.exists() else "there is no such file"))


def _is_table(name: str) -> bool:
    is_hidden = Path(name).name.startswith((".", "~$"))
    return name.lower().endswith(TABLES) and not is_hidden and not name.endswith(BAD_ROWS)


def _keep(content: IO[bytes], path: Path) -> Path:
    with path.open("wb") as kept:
        shutil.copyfileobj(content, kept, 1 << 20)
    return path


def _unpack(
    name: str, path: Path, make_room: Callable[[], Path], sheet: str | None, members: str = ""
) -> Iterator[Source]:
    """The tables of a file: one, or those of an archive that `members`, a pattern, names."""
    with path.open("rb") as file:
        start = file.read(4096)
    for mark, open_packed in PACKED.items():
        if start.startswith(mark):
            with open_packed(path) as content:
                kept = _keep(content, make_room())
            yield from _unpack(name, kept, make_room, sheet, members)
            return
    if start.startswith(ZIP):
        with zipfile.ZipFile(path) as archive:
            if "xl/workbook.xml" not in archive.namelist():
                for member in _choose(name, archive.namelist(), members):
                    with archive.open(member) as content:
                        kept = _keep(content, make_room())
                    yield from _unpack(f"{name}/{member}", kept, make_room, sheet)
                return
    if members:
        raise WrongInput(f"{name}/{members}: {name} is not an archive")
    if start.startswith((ZIP, OLD_EXCEL)):
        yield Source(name, _write_sheet(name, path, make_room(), sheet), Form.EXCEL)
    elif start.startswith(PARQUET):
        yield Source(name, path, Form.PARQUET)
    elif encoding := _find_utf_16(start):
        yield Source(name, _decode(path, encoding, make_room()), Form.TEXT)
    elif b"\0" in start:
        raise WrongInput(f"{name}: expected text, Parquet or Excel, got other content")
    else:
        yield Source(name, path, Form.TEXT)


def _choose(archive: str, names: Sequence[str], pattern: str) -> list[str]:
    """The names of an archive that are tables, and fit a pattern; one without `*` may have any."""
    is_name = bool(pattern) and not has_magic(pattern)
    found = [name for name in names if is_name or _is_table(name)]
    if pattern:
        found = [name for name in found if PurePosixPath(name).match(pattern)]
    if not found:
        what = repr(pattern) if pattern else "a table"
        few = ", ".join(names[:5])
        raise WrongInput(f"{archive}: expected files in this archive, got none of {what}: {few}")
    return found


def _find_utf_16(start: bytes) -> str | None:
    """UTF-16 by its mark, or by the zero bytes beside ASCII."""
    if start.startswith(UTF_16):
        return "utf-16"
    half = len(start) // 2
    for zeros, encoding in ((start[1::2], "utf-16-le"), (start[::2], "utf-16-be")):
        if half > 4 and zeros.count(0) > 0.9 * half:
            return encoding
    return None


def _decode(path: Path, encoding: str, kept: Path) -> Path:
    with (
        path.open(encoding=encoding, newline="") as text,
        kept.open("w", encoding="utf-8", newline="") as file,
    ):
        shutil.copyfileobj(text, file, 1 << 20)
    return kept


def _write_sheet(name: str, path: Path, kept: Path, wanted: str | None) -> Path:
    """A sheet of an Excel file as CSV, whose lines are the sheet's rows."""
    from python_calamine import CalamineError, load_workbook  # loaded for Excel files only

    try:
        with load_workbook(str(path)) as book:
            sheets = {title: book.get_sheet_by_name(title) for title in book.sheet_names}
            filled = [title for title, sheet in sheets.items() if sheet.total_height]
            if wanted is None and len(filled) != 1:
                raise WrongInput(
                    f"{name}: expected one sheet with a table, got {', '.join(filled) or 'none'}:"
                    " choose with --sheet NAME"
                )
            if wanted is not None and wanted not in sheets:
                raise WrongInput(f"--sheet: {name} has no {wanted!r}; it has {', '.join(sheets)}")
            rows = sheets[wanted or filled[0]].to_python(skip_empty_area=False)
    except CalamineError as error:
        raise WrongInput(f"{name}: cannot be read: {first_line(error)}") from None
    with kept.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(map(_to_text, row) for row in rows)
    return kept


def _to_text(cell: Any) -> str:
    """A cell as a person would type it, but for numbers with decimals, whose point is no mark.

    Excel's times are only exact to a few microseconds.
    """
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "milliseconds").removesuffix(".000")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, float) and abs(cell) < FIRST_EPOCH:
        return write_native(cell)
    return str(cell)
