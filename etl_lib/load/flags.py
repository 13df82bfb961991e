"""What the ledger says of a day's flags."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from etl_lib.catalogue import read_signal
from etl_lib.transform.flags import TESTS
from etl_lib.transform.kinds import FLAGS, TURBINE


def judge_flags(
    flags: pa.Table, statistics: pa.Table, turbines: Sequence[str]
) -> dict[str, list[Any]]:
    """The ledger's columns: `impossible` and `flagged` of each turbine, and the `suspects`.

    `flags` as from `find_flags`. A suspect has impossible values, or of a signal a larger share of
    flagged ones than the catalogue allows.
    """
    found = flags.select([TURBINE, "signal", FLAGS]).to_pandas()
    found["impossible"] = found[FLAGS] & TESTS["impossible"] > 0
    found["flagged"] = ~found["impossible"]
    counts = found.groupby([TURBINE, "signal"])[["impossible", "flagged"]].sum()
    signals = counts.index.unique("signal")
    fields = {name: statistics.schema.field(f"{name}_{FLAGS}") for name in signals}
    allowed = {name: read_signal(field).flagged_share for name, field in fields.items()}
    frame = statistics.select([TURBINE, *(f"{name}_count" for name in signals)]).to_pandas()
    present = frame.groupby(TURBINE).sum()
    suspects = {
        turbine
        for (turbine, signal), impossible, flagged in counts.itertuples()
        if impossible or flagged > allowed[signal] * present.at[turbine, f"{signal}_count"]
    }
    by_turbine = counts.groupby(level=TURBINE).sum().reindex(turbines, fill_value=0)
    return {
        "impossible": by_turbine["impossible"].astype(int).tolist(),
        "flagged": by_turbine["flagged"].astype(int).tolist(),
        "suspects": [turbine for turbine in turbines if turbine in suspects],
    }
