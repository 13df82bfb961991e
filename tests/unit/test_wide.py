"""Alvo's long rows as a wide frame."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from etl_lib.load.wide import to_wide

SIGNALS = pa.table(
    {
        "id": [1, 3, 4, 8],
        "turbine": ["B2", "A1", "A1", "B2"],
        "name": ["power_mean", "power_mean", "power_std", "never"],
    }
)
STAMPS = [datetime(2024, 5, 20, hour, tzinfo=UTC) for hour in range(2)]


def test_rows_in_any_order() -> None:
    """Rows by turbine and time, columns by id; rows of an unknown signal are left out."""
    given = [(4, 1, 2.5), (1, 0, 7.0), (9, 0, 1.0), (3, 1, 5.0), (3, 0, 4.0), (2, 1, 9.0)]
    ids, stamps, values = zip(*given, strict=True)
    rows = pa.table({"signal_id": ids, "timestamp": [STAMPS[n] for n in stamps], "value": values})
    frame = to_wide(rows, SIGNALS)
    assert list(frame) == ["power_mean", "power_std"]
    assert frame.index.to_list() == [("A1", STAMPS[0]), ("A1", STAMPS[1]), ("B2", STAMPS[0])]
    np.testing.assert_equal(frame.to_numpy(), [[4, np.nan], [5, 2.5], [7, np.nan]])
