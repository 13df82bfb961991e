"""Dates to executed notebooks: one date, many dates, and where they run.

No arguments and no output: the command line and Dagster stand above.
"""

PRELOAD = "etl_lib.runs.preload"
"""The module whose imports a warm kernel of the pipeline's notebook starts with."""
