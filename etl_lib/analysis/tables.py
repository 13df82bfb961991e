"""Tables for pages: formatted cells that fold on a narrow screen, and a CSV to take along."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Column:
    """How a page shows a column of a frame."""

    title: str
    show: Callable[[Any], str] = str
    is_number: bool = True
    unit: str = ""
    """Of the values in the CSV."""


@dataclass(frozen=True)
class Table:
    """A frame as a page shows it; the CSV has all of its columns with all digits.

    `columns` are those that are shown, in order, by their name in the frame; the index comes first.
    """

    frame: pd.DataFrame
    columns: Mapping[str, Column]
    name: str
    """Of the CSV, without its suffix."""
    nothing: str = "Nothing is here."
    """What stands for a frame without rows."""

    def _repr_html_(self) -> str:
        """A table whose cells name their column, so that CSS can fold it into cards."""
        if self.frame.empty:
            return f"<p>{escape(self.nothing)}</p>"
        heads = [escape(str(name)) for name in self.frame.index.names]
        titles = [*heads, *(escape(each.title) for each in self.columns.values())]
        kinds = ["", *("n" if each.is_number else "" for each in self.columns.values())]
        kinds = ["" for _ in heads[1:]] + kinds
        shown = [self.frame[name].map(each.show) for name, each in self.columns.items()]
        rows = []
        for number, key in enumerate(self.frame.index):
            keys = [key] if len(heads) == 1 else [*key]
            cells = [f'<th scope="row">{escape(str(keys[0]))}</th>']
            others = [*map(str, keys[1:]), *(values.iloc[number] for values in shown)]
            for title, kind, text in zip(titles[1:], kinds[1:], others, strict=True):
                cells.append(f'<td class="{kind}" data-title="{title}">{escape(text)}</td>')
            rows.append(f"<tr>{''.join(cells)}</tr>")
        head = "".join(
            f'<th scope="col" class="{kind}">{title}</th>'
            for title, kind in zip(titles, kinds, strict=True)
        )
        body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
        return f'<table class="cards">{body}</table>{self._link()}'

    def __repr__(self) -> str:
        return repr(self.frame)

    def _link(self) -> str:
        """The CSV inside of the page."""
        units = {name: each.unit for name, each in self.columns.items() if each.unit}
        named = self.frame.rename(columns={n: f"{n} ({unit})" for n, unit in units.items()})
        text = defuse(named.reset_index()).to_csv(index=False)
        content = b64encode(text.encode()).decode()
        place = f'href="data:text/csv;charset=utf-8;base64,{content}"'
        return f'<p class="take"><a download="{escape(self.name)}.csv" {place}>CSV</a></p>'


def defuse(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, with an apostrophe before each text that a spreadsheet would run as a formula."""
    texts = frame.select_dtypes(include=["object", "string"]).columns
    plain = frame.copy(deep=False)
    for name in texts:
        plain[name] = [
            f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
            for value in frame[name]
        ]
    return plain
