"""What people excluded from a frame of statistics, as text."""

import re
from html import escape

import pandas as pd

from etl_lib.load.records import Exclusion

SHOWN = 20
"""The most rows."""
HEAD = "| turbine | signal | start (UTC) | end (UTC) | reason | author |"
SPECIAL = re.compile(r"[\\`*_~\[\]|$]")
"""What Markdown, or its mathematics, would take as more than a letter."""


def describe_exclusions(statistics: pd.DataFrame) -> str:
    """The exclusions in `attrs["exclusions"]`, as Markdown: a sentence and a table.

    `statistics` as from `read_statistics(alvo, excluding=True)`. Empty if nothing was left out.
    """
    found = [Exclusion.model_validate(each) for each in statistics.attrs.get("exclusions", ())]
    if not found:
        return ""
    what = "1 period is" if len(found) == 1 else f"{len(found):,} periods are"
    count = "counts" if len(found) == 1 else "count"
    lines = [f"**{what} excluded by people** and {count} as without readings on this page.", ""]
    lines += [HEAD, f"|{':--|' * 6}", *map(_row, found[:SHOWN])]
    if len(found) > SHOWN:
        lines += ["", f"{len(found) - SHOWN:,} more: `etl exclusions` lists them all."]
    return "\n".join(lines)


def _row(each: Exclusion) -> str:
    cells = (each.turbine, each.signal or "all", *each.period, each.reason, each.author)
    # People's words, and Markdown passes HTML through
    plain = (SPECIAL.sub(r"\\\g<0>", escape(" ".join(cell.split()), quote=False)) for cell in cells)
    return f"| {' | '.join(plain)} |"
