"""Fonte's API to Arrow tables: the only room that speaks HTTP.

No SQL and no statistics: readings leave as they came, checked.
"""
