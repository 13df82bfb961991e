"""Values that cannot be, such as a wind of 9999 m/s, and others that may mean missing: reported.

They are loaded as they are: the statistics leave out what cannot be, and count it.
"""

from collections.abc import Mapping

import duckdb

from fonteapi.catalogue import Signal
from fonteapi.files.errors import WrongInput
from fonteapi.files.spellings import Conversion

SHOWN = 5
"""How many distinct values a line names."""
SENTINELS = (-999, -999.9, -9999, -9999.9, -99999, -99999.9, 9999, 9999.9, 99999, 99999.9)
"""The numbers by which loggers mean missing."""


def report_impossible(con: duckdb.DuckDBPyConnection, signals: Mapping[str, Signal]) -> list[str]:
    """Lines on values of `loaded` that are outside a signal's possible bounds.

    Raises `WrongInput` for a signal of which most are: its unit is another one.
    """
    notes = []
    for name, signal in signals.items():
        if not signal.possible:
            continue
        low, high = signal.possible
        outside = f'isfinite("{name}") AND NOT "{name}" BETWEEN {low!r} AND {high!r}'
        query = f"""
            SELECT count(*) FILTER ({outside}), count("{name}"),
                list_sort(list(DISTINCT "{name}") FILTER ({outside}))[:{SHOWN + 1}]
            FROM loaded
        """  # noqa: S608
        [(count, total, examples)] = con.execute(query).fetchall()
        if not count:
            continue
        shown = ", ".join(f"{value:.10g}" for value in examples[:SHOWN])
        shown += " …" if len(examples) > SHOWN else ""
        bounds = f"{low:g} to {high:g} {signal.unit}"
        if 2 * count > total:
            raise WrongInput(
                f"{name}: expected values of {bounds}, got others in {count:,} of {total:,} rows"
                f" ({shown}): if they have another unit, --unit {name}=UNIT; if they mean missing,"
                f" --missing {examples[0]:.10g}"
            )
        values = "1 value is" if count == 1 else f"{count:,} values are"
        notes.append(
            f"{name}: {values} not possible, outside {bounds}, and left out of the statistics:"
            f" {shown}"
        )
    return notes


def report_sentinels(
    con: duckdb.DuckDBPyConnection,
    conversions: Mapping[str, Conversion],
    signals: Mapping[str, Signal],
) -> list[str]:
    """Lines on values of `readings` that look as if they meant missing, as the file has them.

    Only those that are possible, and not plausible or far below all others: the rest is reported
    already, or may be real.
    """
    sentinels = ", ".join(map(str, SENTINELS))
    notes = []
    for name, (factor, offset) in conversions.items():
        everything = (-1e308, 1e308)
        low, high = signals[name].plausible or everything
        lowest, highest = signals[name].possible or everything
        written = f'round(("{name}" - {offset!r}) / {factor!r}, 1)'
        query = f"""
            WITH others AS (
                SELECT coalesce(min("{name}"), 0) AS least FROM readings
                WHERE {written} NOT IN ({sentinels})
            )
            SELECT DISTINCT {written} AS found FROM readings, others
            WHERE found IN ({sentinels}) AND "{name}" BETWEEN {lowest!r} AND {highest!r}
                AND ("{name}" NOT BETWEEN {low!r} AND {high!r} OR "{name}" < 2 * least(least, 0))
            ORDER BY found
        """  # noqa: S608
        if found := " ".join(f"{value:.10g}" for (value,) in con.execute(query).fetchall()):
            notes.append(f"{name}: {found} may mean missing: if so, --missing {found}")
    return notes
