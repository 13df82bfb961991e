"""Turns a user's CSV or Parquet file into readings, checks every row, and loads them into Fonte.

Nothing here knows HTTP or the command line.
"""
