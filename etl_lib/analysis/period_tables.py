"""Tables of a period beside that of its turbines; `period` as from `read_period`."""

from calendar import month_name
from itertools import groupby
from pathlib import PurePosixPath

import pandas as pd

from etl_lib.analysis import words
from etl_lib.analysis.axes import label
from etl_lib.analysis.flags import summarize_flags
from etl_lib.analysis.performance import DAY, measure
from etl_lib.analysis.period_numbers import Performance
from etl_lib.analysis.ranking import tabulate
from etl_lib.analysis.tables import Column, Table
from etl_lib.load.period import Period
from etl_lib.transform.kinds import TURBINE

MOST_DAYS = 62
"""Of more days, months are shown."""
LEFT_TO_CSV = ("share", "expected_energy", "flagged")
REPORTS = "../.."
"""The archive, from the folder of a period's page."""


def tabulate_days(period: Period, performance: Performance) -> Table:
    """All turbines together: a row per UTC day with readings, or month of more than two."""
    amounts, form = performance.amounts, "%Y-%m" if period.span.days > MOST_DAYS else "%Y-%m-%d"
    dates = pd.DatetimeIndex(amounts.index.get_level_values(DAY)).strftime(form).rename(DAY)
    days = measure(amounts.set_axis(dates), DAY)
    name = f"days {period.span.first} {period.span.last}"
    return tabulate(days[days["coverage"] > 0], name, LEFT_TO_CSV)


def tabulate_flags(period: Period) -> Table:
    """How many ten-minute values have flagged readings: a row per turbine and signal."""
    months = summarize_flags(period.statistics)
    counts = months.groupby(level=[TURBINE, "signal"]).sum()
    columns = {str(name): Column(str(name), words.count_or_nothing) for name in counts}
    counts = counts.rename(index=label, level="signal")
    name = f"flags {period.span.first} {period.span.last}"
    return Table(counts, columns, name, "No test flagged a reading.")


def link_days(period: Period) -> str:
    """Links to the reports of the days, a line per month, as Markdown; other days are plain."""
    dates = pd.date_range(period.span.first, period.span.last)
    lines = []
    for (year, month), days in groupby(dates, lambda day: (day.year, day.month)):
        links = " ".join(_link(period, day) for day in days)
        lines.append(f"- {month_name[month]} {year}: {links}")
    return "\n".join(lines)


def _link(period: Period, day: pd.Timestamp) -> str:
    load = period.loads.get(day.date())
    if load is None or load.notebook is None:
        return f"{day.day}"
    page = PurePosixPath(load.notebook).with_suffix(".html")
    return f"[{day.day}]({REPORTS}/{page})"
