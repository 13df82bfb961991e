"""Alvo's statistics as files that people take with them: Parquet, CSV, Excel.

Nothing here computes a statistic, or draws one.
"""
