"""PostgreSQL for two drivers: SQLAlchemy for statements, ADBC for bulk data as Arrow.

Nothing here knows wind turbines, Fonte, Alvo or a table.
"""
