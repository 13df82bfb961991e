"""Tables for pages: cells, escapes, and the CSV inside of the page."""

import base64
import io
import re

import pandas as pd

from etl_lib.analysis.tables import Column, Table


def read_csv(html: str) -> str:
    [content] = re.findall(r'href="data:text/csv;charset=utf-8;base64,([^"]*)"', html)
    return base64.b64decode(content).decode()


def test_cells_name_their_column() -> None:
    """A narrow page shows a cell with its column's title; the CSV has all digits and columns."""
    frame = pd.DataFrame(
        {"energy": [1234.5678], "hours": [3.0]}, index=pd.Index(["T1"], name="turbine")
    )
    columns = {"energy": Column("energy, kWh", lambda value: f"{value:,.0f}", unit="kWh")}
    html = Table(frame, columns, "turbines 2024")._repr_html_()
    assert '<th scope="row">T1</th><td class="n" data-title="energy, kWh">1,235</td>' in html
    assert 'download="turbines 2024.csv"' in html
    found = pd.read_csv(io.StringIO(read_csv(html)))
    assert found.to_dict("records") == [{"turbine": "T1", "energy (kWh)": 1234.5678, "hours": 3.0}]


def test_text_is_harmless() -> None:
    """Text is escaped on the page, and a spreadsheet runs none of it."""
    words = ["=cmd|' /C calc'!A0", "<script>", "-1", "+1", "@x", "plain"]
    frame = pd.DataFrame({"text": words}, index=pd.Index(["=1+1"] * 6, name="turbine"))
    html = Table(frame, {"text": Column("<b>", is_number=False)}, '"><script>')._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html
    cells = pd.read_csv(io.StringIO(read_csv(html)))
    starts = {str(value)[0] for value in cells.to_numpy().ravel()}
    assert not starts & set("=+-@")


def test_nothing_is_a_sentence() -> None:
    """A frame without rows is no empty table."""
    empty = pd.DataFrame({"energy": []}, index=pd.Index([], name="turbine"))
    html = Table(empty, {}, "flags", "No test flagged a reading.")._repr_html_()
    assert html == "<p>No test flagged a reading.</p>"
