"""What a load changed of a day that was loaded before."""

from dataclasses import dataclass
from importlib.resources import files

import pyarrow as pa

from etl_lib.query import query


@dataclass(frozen=True)
class Changes:
    """How many statistics of a day a load added, changed and removed."""

    added: int
    changed: int
    removed: int
    largest: str | None
    """The change that is largest beside the value itself, such as `power_max by 948 kW`."""

    def __str__(self) -> str:
        counts = f"{self.added:,} added, {self.changed:,} changed, {self.removed:,} removed"
        return f"{counts}; at most {self.largest}" if self.largest else counts


def find_changes(before: pa.Table, after: pa.Table, signals: pa.Table) -> Changes:
    """Compare a day's rows of Alvo's `data` before and after a load.

    `before`, `after`: `signal_id`, `timestamp`, `value`; `signals`: `id`, `name`, `unit`.
    """
    sql = (files("etl_lib") / "sql" / "changes.sql").read_text(encoding="utf-8")
    rows = query(sql, before=before, after=after, signals=signals).to_pylist()
    return Changes(
        added=sum(row["added"] for row in rows),
        changed=sum(row["changed"] for row in rows),
        removed=sum(row["removed"] for row in rows),
        largest=_describe(rows[0]) if rows and rows[0]["changed"] else None,
    )


def _describe(row: dict[str, object]) -> str:
    unit = "" if row["unit"] == "1" else f" {row['unit']}"
    return f"{row['name']} by {row['largest']:.4g}{unit}"
