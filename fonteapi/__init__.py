"""Fonte's only door: a read-only HTTP service over the source database of wind-turbine readings."""
