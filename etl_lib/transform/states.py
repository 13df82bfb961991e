"""What a turbine did in each bucket: told by its status signal, or inferred: see `states.sql`."""

from enum import IntEnum
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl_lib.catalogue import rated_powers, read_signal
from etl_lib.transform.flags import TESTS
from etl_lib.transform.kinds import BUCKET_SECONDS, EXPECTED, STAMP, TURBINE, signal_fields
from etl_lib.transform.query import query


class TurbineState(IntEnum):
    """What a turbine did; where there is no state, there were no data."""

    RUNNING = 1
    DERATED = 2
    IDLE = 3
    STOPPED = 4


NEEDED = {"wind_speed", "power"}
SUSPICIOUS = ~TESTS["thin"]


def find_states(statistics: pa.Table, readings: pa.Table) -> pa.ChunkedArray | None:
    """The state of each row of `statistics`, numbers of `TurbineState`; null without data.

    A status signal of `readings` tells it, by the codes that the catalogue lists as `states`; of
    codes that it does not list, and without one, it is inferred from wind speed and power. Wind
    that a test flagged counts as not known. None where there is neither.
    """
    signals = {field.name: read_signal(field) for field in signal_fields(readings)}
    told = [name for name, signal in signals.items() if signal.states]
    can_infer = all(f"{name}_max" in statistics.column_names for name in NEEDED)
    if not told and not can_infer:
        return None
    states = np.full(statistics.num_rows, np.nan)
    if can_infer:
        states = _infer(statistics, rated_powers(readings))
    for name in told:
        codes = statistics[f"{name}_mode"].to_numpy()
        for code, state in signals[name].states.items():
            states[codes == code] = TurbineState[state.upper()]
    return pa.chunked_array([pa.array(states, from_pandas=True)])


def _infer(statistics: pa.Table, rated: dict[str, float]) -> np.ndarray:
    """The states that wind speed and power tell; NaN without power."""
    flags = np.nan_to_num(statistics["wind_speed_flags"].to_numpy()).astype(int)
    wind = statistics["wind_speed_mean"].to_numpy()
    turbines = statistics[TURBINE].combine_chunks().dictionary_encode()
    known = [rated.get(turbine) for turbine in turbines.dictionary.to_pylist()]
    buckets = {
        TURBINE: turbines.indices,
        STAMP: statistics[STAMP].cast(pa.timestamp("us")),
        "wind": pa.array(np.where(flags & SUSPICIOUS, np.nan, wind), from_pandas=True),
        "power": statistics["power_mean"],
        "level": statistics["power_max"],
        "rated": pa.array(known, pa.float64()).take(turbines.indices),
        "seconds": pc.max_element_wise(
            pc.divide(BUCKET_SECONDS, statistics[EXPECTED]), float(BUCKET_SECONDS)
        ),
        "place": np.arange(statistics.num_rows),
    }
    sql = (files(__package__) / "states.sql").read_text("utf-8")
    found = query(sql, buckets=pa.table(buckets))
    states = np.full(statistics.num_rows, np.nan)
    states[found["place"].to_numpy()] = found["state"].to_numpy()
    return states
