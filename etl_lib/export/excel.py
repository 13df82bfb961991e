"""An export as an Excel workbook: statistics, units and provenance, a sheet each."""

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import xlsxwriter

from etl_lib.export.files import Content
from etl_lib.export.layouts import read_units
from etl_lib.export.provenance import Provenance

MOST_ROWS = 1_048_575
"""Of a sheet, below the line of names."""
RUNS_PER_CELL = 1000
"""A cell takes 32,767 characters."""
OPTIONS = {"constant_memory": True}
"""A row goes to disk when the next one begins."""


def write_excel(content: Content, path: Path) -> None:
    """Write the sheets `statistics`, `units`, `provenance`, and `assets` if there are any.

    Excel knows no time zones: times are UTC, as the sheet `units` shows. Texts are cells of text,
    which no spreadsheet runs as a formula.
    """
    with xlsxwriter.Workbook(str(path), OPTIONS) as book:
        book.use_zip64()
        _write_tables(book, "statistics", content.schema, content.tables)
        provenance = content.conclude()
        _write_rows(book, "units", [("column", "unit"), *read_units(content.schema).items()])
        _write_rows(book, "provenance", _describe(provenance))
        if content.assets is not None:
            _write_tables(book, "assets", content.assets.schema, [content.assets])


def _write_tables(book: Any, name: str, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    sheet, numbers = book.add_worksheet(name), count(1)
    stamp = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    sheet.freeze_panes(1, 2)
    for column, field in enumerate(schema):
        sheet.set_column(column, column, 20 if pa.types.is_timestamp(field.type) else 14)
        sheet.write_string(0, column, field.name)
    for table in tables:
        columns = [_to_python(values) for values in table.columns]
        for cells in zip(*columns, strict=True):
            row = next(numbers)
            for column, value in enumerate(cells):
                if isinstance(value, float):
                    sheet.write_number(row, column, value)
                elif isinstance(value, str):
                    sheet.write_string(row, column, value)
                elif value is not None:
                    sheet.write_datetime(row, column, value, stamp)


def _to_python(values: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us"))  # in UTC, without saying so
    return list(values.to_pylist())


def _write_rows(book: Any, name: str, rows: Iterable[tuple[str, ...]]) -> None:
    sheet = book.add_worksheet(name)
    sheet.set_column(0, 1, 24)
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            sheet.write_string(row, column, text)


def _describe(provenance: Provenance) -> Iterator[tuple[str, ...]]:
    """The facts as rows of text: a row for each exclusion, and for each thousand of runs."""
    facts = provenance.to_metadata()
    for name in ("runs", "exclusions"):
        del facts[name]
    yield "fact", "value"
    yield from facts.items()
    for first in range(0, len(provenance.runs), RUNS_PER_CELL):
        yield "runs", ", ".join(map(str, provenance.runs[first : first + RUNS_PER_CELL]))
    for each in provenance.exclusions:
        start, end = each.period
        yield "exclusion", each.turbine, each.signal or "all", start, end, each.reason, each.author
