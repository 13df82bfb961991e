"""A power curve in a CSV file, such as a warranted one."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from etl_lib.errors import ParameterError

OWNERS = ("turbine", "model")
NUMBERS = ["wind_speed", "power"]
STRONGEST = 60.0
"""m/s; a curve that goes further is in another unit."""


def read_curves(path: str) -> tuple[str | None, dict[str, pd.DataFrame]]:
    """The curves of a file, and which column tells their owners: `turbine`, `model` or None.

    Each has the columns `wind_speed` (m/s, ascending), `power` (kW) and `count`, 0. The only curve
    of a file without owners has the empty name. Raises `ParameterError` for another file.
    """
    try:
        content = Path(path).read_bytes()
        table = pd.read_csv(BytesIO(content), dtype=dict.fromkeys(OWNERS, str))
    except (OSError, ValueError) as error:
        expected = "fleet, own or the path of a CSV file"
        raise ParameterError(f"reference: expected {expected}; got {path!r}: {error}") from None
    values = table.reindex(columns=NUMBERS)
    if (
        not {*NUMBERS} <= {*table}
        or len(table) < 2
        or not all(kind.kind in "if" for kind in values.dtypes)
    ):
        columns = ", ".join(map(str, table)) or "none"
        expected = "numbers in the columns wind_speed (m/s) and power (kW), two rows or more"
        raise ParameterError(f"reference: expected {expected}; {path} has {columns}")
    found = [name for name in OWNERS if name in table]
    if len(found) > 1:
        raise ParameterError(f"reference: expected a column turbine or model; {path} has both")
    if values["wind_speed"].max() > STRONGEST:
        got = f"{values['wind_speed'].max():g}: is it in another unit?"
        raise ParameterError(f"reference: expected wind_speed in m/s in {path}, got {got}")
    owner = table[found[0]].fillna("") if found else pd.Series("", index=table.index)
    return next(iter(found), None), {
        str(name): _check(path, str(name), part) for name, part in values.groupby(owner)
    }


def _check(path: str, name: str, curve: pd.DataFrame) -> pd.DataFrame:
    curve = curve.astype(float).sort_values("wind_speed").assign(count=0)
    if not np.isfinite(curve).all(axis=None) or curve["wind_speed"].duplicated().any():
        of_it = f", of {name}" if name else ""
        expected = "one power of each wind speed, all finite"
        raise ParameterError(f"reference: expected {expected}, in {path}{of_it}")
    return curve
