"""Dagster: each UTC day is a partition of an asset. `dagster dev -m etl_lib.orchestration`

The only room that imports dagster; running a day is the work of `runs`.
"""

from etl_lib.orchestration.definitions import defs

__all__ = ["defs"]
