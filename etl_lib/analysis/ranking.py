"""Turbines in a table, the one that lost most energy first."""

from functools import partial

import pandas as pd

from etl_lib.analysis import words
from etl_lib.analysis.tables import Column, Table

COLUMNS = {
    "energy": Column("energy, MWh", lambda kwh: words.number(kwh / 1000, 1), unit="kWh"),
    "share": Column("share", words.share),
    "calendar_capacity_factor": Column("capacity factor", words.share),
    "capacity_factor": Column("in hours with data", words.share),
    "mean_wind_speed": Column("wind, m/s", partial(words.number, digits=2), unit="m/s"),
    "availability": Column("availability", words.share),
    "expected_energy": Column("expected, MWh", lambda kwh: words.number(kwh / 1000, 1), unit="kWh"),
    "lost_energy": Column("lost, MWh", lambda kwh: words.number(kwh / 1000, 1), unit="kWh"),
    "coverage": Column("coverage", words.share),
    "flagged": Column("flagged", lambda count: f"{count:,}" if count else "", unit="buckets"),
}


def rank(table: pd.DataFrame, name: str) -> Table:
    """The rows of `measure_turbines`, sorted by lost energy, without columns that hold nothing.

    `name` is that of its CSV.
    """
    rows = table.sort_values("lost_energy", ascending=False, kind="stable", na_position="last")
    shown = {column: each for column, each in COLUMNS.items() if rows[column].notna().any()}
    if len(rows) == 1:
        shown.pop("share", None)
    return Table(rows, shown, name)
