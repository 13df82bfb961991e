"""Turns a user's files into readings, checks them, and loads them into Fonte, all or none.

A file goes from `sources` by `layout` and `tables` into DuckDB, by `columns` and `shapes` into a
row a reading, by `values` into numbers, and by `load` into Fonte. Nothing here knows HTTP.
"""
