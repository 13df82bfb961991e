"""Values that cannot be, such as a wind of 9999 m/s: missing, and reported."""

from collections.abc import Mapping

import duckdb

from fonteapi.catalogue import Signal
from fonteapi.files.errors import WrongInput

SHOWN = 5
"""How many distinct values a line names."""


def drop_impossible(con: duckdb.DuckDBPyConnection, signals: Mapping[str, Signal]) -> list[str]:
    """Make values outside a signal's possible bounds missing, in `loaded`; returns lines on them.

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
        con.execute(f'UPDATE loaded SET "{name}" = NULL WHERE {outside}')  # noqa: S608
        values = "1 value is" if count == 1 else f"{count:,} values are"
        notes.append(f"{name}: {values} not possible, outside {bounds}, and so missing: {shown}")
    return notes
