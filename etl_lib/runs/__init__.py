"""Dates to executed notebooks: one date, many dates, and where they run.

No arguments and no output: the command line and Dagster stand above.
"""
