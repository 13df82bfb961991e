"""New readings beside those that Fonte holds: another turbine's must not take their place."""

from collections.abc import Sequence

import duckdb
import sqlalchemy as sa

from fonteapi.database import FAILURES, Fonte, bulk_cursor, data
from fonteapi.files.errors import WrongInput
from fonteapi.files.queries import latest


def compare_held(
    con: duckdb.DuckDBPyConnection, fonte: Fonte, signals: Sequence[str], *, is_new: bool
) -> str:
    """Compare readings in `loaded` with those of Fonte at the timestamps that both have.

    Simulated ones do not count. If most differ and `is_new`, raises `WrongInput`. Returns a line
    on those that differ; empty without any.
    """
    try:
        both, different = _count(con, fonte, signals)
    except FAILURES:  # no table yet, or not one of ours, which `create_table` refuses
        return ""
    if not different:
        return ""
    where = f"other values at {different:,} of {both:,} timestamps that Fonte has, too"
    if is_new and 2 * different > both:
        raise WrongInput(
            f"expected readings of a turbine that Fonte does not have yet, got {where}: if they are"
            " another turbine's: --turbine NAME; if they correct it: --turbine with its name, or"
            " --replace"
        )
    return f"{where}: the new ones count"


def _count(con: duckdb.DuckDBPyConnection, fonte: Fonte, signals: Sequence[str]) -> tuple[int, int]:
    """The timestamps that both have, and those of them at which a value differs."""
    held = fonte.describe()
    names = [name for name in signals if name in held.signals]
    if not names:
        return 0, 0
    query = "SELECT turbine, min(timestamp), max(timestamp) FROM loaded GROUP BY turbine"
    both = different = 0
    for turbine, first, last in con.execute(query).fetchall():
        chosen = sa.select(data.c.id, data.c.timestamp, *(sa.column(name) for name in names)).where(
            held.turbine == turbine, data.c.timestamp.between(first, last)
        )
        if held.marks_simulated:
            chosen = chosen.where(~sa.column("simulated", sa.Boolean))
        text = chosen.compile(dialect=fonte.engine.dialect, compile_kwargs={"literal_binds": True})
        with bulk_cursor(fonte.engine) as cursor:
            cursor.execute(str(text))
            con.register("held", cursor.fetch_record_batch())
            values = latest(names, "id")
            is_other = " OR ".join(f'l."{name}" <> h."{name}"' for name in names)
            [counts] = con.execute(
                f"""
                SELECT count(DISTINCT timestamp), count(DISTINCT timestamp) FILTER ({is_other})
                FROM (FROM loaded WHERE turbine = $1) AS l
                JOIN (SELECT timestamp, {values} FROM held GROUP BY ALL) AS h USING (timestamp)
                """,  # noqa: S608
                [turbine],
            ).fetchall()
        both, different = both + counts[0], different + counts[1]
    return both, different
