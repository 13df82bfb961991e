"""Dagster: UTC days and months are partitions of assets. `dagster dev -m etl_lib.orchestration`

The only room that imports dagster; running a day is the work of `runs`.
"""

import warnings

import dagster as dg

with warnings.catch_warnings():  # Dagster would name what it has in beta at every start
    warnings.simplefilter("ignore", dg.BetaWarning)
    from etl_lib.orchestration.definitions import defs

__all__ = ["defs"]
