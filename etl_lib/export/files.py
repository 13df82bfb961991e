"""The files of an export: written whole or not at all, and how each format is written."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from etl_lib.errors import ParameterError
from etl_lib.export.provenance import Provenance, make_descriptor

FORMATS = (".parquet", ".csv", ".csv.gz", ".xlsx")
STAMP = "%Y-%m-%dT%H:%M:%S"
FORMULA = r"(?s)^([=+\-@\t\r\n].)"
"""The begin of a text that a spreadsheet takes for a formula; a sign alone is harmless."""


def find_format(path: Path) -> str:
    """The suffix of an export's name, one of `FORMATS`.

    Raises `ParameterError` for another name, and for a folder that is not there.
    """
    formats = [suffix for suffix in FORMATS if path.name.lower().endswith(suffix)]
    if not formats or len(path.name) == len(formats[0]):
        raise ParameterError(f"FILE: expected a name that ends in {', '.join(FORMATS)}; got {path}")
    if not path.parent.is_dir():
        raise ParameterError(f"FILE: expected a folder {path.parent}, got none: make it first")
    return formats[0]


def name_files(path: Path, *, has_assets: bool) -> list[Path]:
    """The files of an export: `may.csv`, its description `may.csv.json`, and `may.assets.csv`."""
    suffix = find_format(path)
    description = [path.with_name(f"{path.name}.json")] if ".csv" in suffix else []
    assets = path.with_name(f"{path.name[: -len(suffix)]}.assets{path.name[-len(suffix) :]}")
    return [path, *description, *([assets] if has_assets and suffix != ".xlsx" else [])]


@contextmanager
def replacing(paths: Sequence[Path], *, force: bool) -> Iterator[list[Path]]:
    """Names to write to, which take the places of `paths` at the end; after an error none does.

    Raises `ParameterError` for a file that is there, unless `force` replaces it; and for a folder
    of that name.
    """
    _refuse_present(paths, force)
    partial = [path.with_name(f".{path.name}.{uuid4().hex}.partial") for path in paths]
    try:
        yield partial
        _refuse_present(paths, force)
        for written, path in reversed([*zip(partial, paths, strict=True)]):  # the statistics last
            written.replace(path)
    finally:
        for path in partial:
            path.unlink(missing_ok=True)


def _refuse_present(paths: Sequence[Path], force: bool) -> None:
    for path in paths:
        if path.is_dir() or (path.exists() and not force):
            what, do = ("a folder", "") if path.is_dir() else ("one", ", or --force to replace it")
            raise ParameterError(f"{path}: expected no file, got {what}: choose another name{do}")


@dataclass(frozen=True)
class Content:
    """What a file gets."""

    schema: pa.Schema
    begun: Provenance
    """What is known before the first row."""
    tables: Iterable[pa.Table]
    """The rows, in tables of `schema`: only one of them is in memory at a time."""
    conclude: Callable[[], Provenance]
    """Tells the provenance after the last row."""
    assets: pa.Table | None = None


def write_parquet(content: Content, paths: Sequence[Path]) -> None:
    """Write Parquet: units are metadata of the columns, the provenance is that of the schema.

    What is known only after the last row is metadata of the file.

    `paths`: the statistics, then the assets if there are any.
    """
    begun = content.begun.to_metadata()
    schema = content.schema.with_metadata(begun)
    with parquet.ParquetWriter(paths[0], schema, compression="zstd") as writer:
        for table in content.tables:
            writer.write_table(table)
        added = content.conclude().to_metadata().items() - begun.items()
        writer.add_key_value_metadata(dict(added))
    if content.assets is not None:
        parquet.write_table(content.assets, paths[1])


def write_csv(content: Content, paths: Sequence[Path], names: Sequence[str]) -> None:
    """Write CSV, packed by gzip where the names end in .gz; the first line has the columns.

    `paths`: the statistics, the description with units and provenance, and the assets if there
    are any; `names`: what these will be called.
    """
    is_packed = names[0].lower().endswith(".gz")
    schemas = {names[0]: content.schema}
    with _open_csv(paths[0], content.schema, is_packed) as writer:
        for table in content.tables:
            writer.write_table(to_text(table))
        provenance = content.conclude()
    if content.assets is not None:
        schemas[names[2]] = content.assets.schema
        with _open_csv(paths[2], content.assets.schema, is_packed) as writer:
            writer.write_table(to_text(content.assets))
    text = json.dumps(make_descriptor(provenance, schemas), indent=2, ensure_ascii=False)
    paths[1].write_text(f"{text}\n", encoding="utf-8")


@contextmanager
def _open_csv(path: Path, schema: pa.Schema, is_packed: bool) -> Iterator[csv.CSVWriter]:
    with ExitStack() as stack:
        stream: Any = stack.enter_context(path.open("wb"))
        if is_packed:
            stream = stack.enter_context(pa.CompressedOutputStream(stream, "gzip"))
        columns = to_text(schema.empty_table()).schema
        yield stack.enter_context(csv.CSVWriter(stream, columns))


def to_text(table: pa.Table) -> pa.Table:
    """A table as CSV has it: times as `2024-05-20T00:00:00Z`, texts that no spreadsheet runs.

    An apostrophe goes before a text that begins as a formula does, as OWASP recommends.
    """
    columns = []
    for column in table.columns:
        if pa.types.is_timestamp(column.type):
            zone = "Z" if column.type.tz else ""
            column = pc.strftime(column.cast(pa.timestamp("s", column.type.tz)), STAMP + zone)
        elif pa.types.is_string(column.type):
            column = pc.replace_substring_regex(column, FORMULA, r"'\1")
        columns.append(column)
    return pa.table(columns, names=[re.sub(FORMULA, r"'\1", name) for name in table.column_names])
