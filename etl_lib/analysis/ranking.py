"""Turbines or days in a table: energy, capacity factors, wind, losses, coverage."""

from collections.abc import Collection
from functools import partial

import pandas as pd

from etl_lib.analysis import words
from etl_lib.analysis.tables import Column, Table

LARGE = 100_000
"""kWh; if a turbine has more, energies are in MWh."""


def rank(table: pd.DataFrame, name: str) -> Table:
    """The rows of `measure`, sorted by lost energy, the largest loss first: see `tabulate`."""
    rows = table.sort_values("lost_energy", ascending=False, kind="stable", na_position="last")
    return tabulate(rows, name)


def tabulate(rows: pd.DataFrame, name: str, hidden: Collection[str] = ()) -> Table:
    """The rows of `measure`, without columns that show nothing; `name` is that of the CSV.

    `lost_in_stretches`, kWh, may be a further column; the hidden ones are in the CSV alone.
    """
    columns = _name_columns("MWh" if rows["energy"].max() > LARGE else "kWh")
    factors = rows[["capacity_factor", "calendar_capacity_factor"]].map(words.share)
    is_same = factors.nunique(axis=1).eq(1).all()
    useless = {*hidden} | ({"share"} if len(rows) == 1 else set())
    useless |= {"capacity_factor"} if is_same else set()
    useless |= {"flagged"} if not rows["flagged"].any() else set()
    known = {key for key in columns if key in rows and rows[key].notna().any()}
    return Table(rows, {k: v for k, v in columns.items() if k in known - useless}, name)


def _name_columns(unit: str) -> dict[str, Column]:
    """The columns in order, with energies in a unit."""
    size, digits = (1000, 1) if unit == "MWh" else (1, 0)

    def energy(title: str) -> Column:
        show = partial(_scale, size=size, digits=digits)
        return Column(f"{title}, {unit}", show, unit="kWh")

    return {
        "energy": energy("energy"),
        "share": Column("share", words.share),
        "calendar_capacity_factor": Column("capacity factor", words.share),
        "capacity_factor": Column("in hours with data", words.share),
        "mean_wind_speed": Column("wind, m/s", partial(words.number, digits=2), unit="m/s"),
        "availability": Column("availability", words.share),
        "expected_energy": energy("expected"),
        "lost_energy": energy("lost, net"),
        "lost_in_stretches": energy("in stretches"),
        "coverage": Column("coverage", words.share),
        "flagged": Column("flagged", words.count_or_nothing, unit="buckets"),
    }


def _scale(value: float, size: int, digits: int) -> str:
    return words.number(value / size, digits)
