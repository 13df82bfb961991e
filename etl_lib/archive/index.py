"""`index.html`, the page that lists the executed notebooks by date; it opens without a server.

It has the newest year and the periods; each older year has a page beside it, `index-2023.html`.
"""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from etl_lib.analysis import words
from etl_lib.archive.attempts import read_attempts
from etl_lib.archive.periods import make_periods
from etl_lib.archive.pictures import HEIGHT, find_scales
from etl_lib.archive.rows import make_months, make_rows
from etl_lib.archive.status import DayStatus
from etl_lib.archive.store import Archive, Location

TEMPLATES = Path(__file__).parent / "templates"
INDEX = "index.html"
YEAR_PAGE = re.compile(r"index-\d{4}\.html")


def write_index(archive: Archive, statuses: Mapping[date, DayStatus]) -> Location:
    """Write the page of each year that changed, each whole or not at all; returns the newest's."""
    names = archive.names()
    attempts = read_attempts(archive, names)
    rows = make_rows([each for each in attempts if not each.is_period], statuses)
    years = {
        year: list(days) for year, days in groupby(rows[::-1], lambda row: f"{row.date.year:04}")
    }
    pages = {year: INDEX if n == 0 else f"index-{year}.html" for n, year in enumerate(years)}
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    environment.filters |= {"energy": words.energy, "share": words.share}
    template = environment.get_template("index.html.j2")
    common = {
        "pages": pages,
        "scales": find_scales(row.facts for row in rows if row.facts),
        "height": HEIGHT,
        "several": any(row.turbines > 1 for row in rows),
        "exists": names.__contains__,
        "periods": make_periods([each for each in attempts if each.is_period], statuses),
    }
    for year, days in years.items() or [("", [])]:
        months = make_months(days[::-1])
        states = Counter(row.state for row in days)
        page = template.render(year=year, rows=days, months=months, states=states, **common)
        _write_change(archive, names, pages.get(year, INDEX), page)
    for name in names:  # years without days any more
        if YEAR_PAGE.fullmatch(name) and name not in pages.values():
            archive.delete(name)
    return archive.locate(INDEX)


def _write_change(archive: Archive, names: Mapping[str, Any], name: str, page: str) -> None:
    """Write a page unless the archive has the same."""
    if name not in names or archive.read(name) != page.encode():
        archive.write(name, page)
