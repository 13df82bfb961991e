"""Alvo's tables: the contract with everybody who reads them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

metadata = sa.MetaData()
signal = sa.Table(
    "signal",
    metadata,
    sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("turbine", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False, comment="<column>_<statistic>"),
    sa.Column("unit", sa.Text, nullable=False),
    sa.UniqueConstraint("turbine", "name"),
    comment="What is measured: a ten-minute statistic of one of Fonte's columns, of a turbine",
)
data = sa.Table(
    "data",
    metadata,
    sa.Column("signal_id", sa.ForeignKey(signal.c.id), primary_key=True),
    sa.Column("timestamp", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("value", sa.Double, nullable=False),
    comment="Ten-minute statistics. timestamp is the START of the bucket, UTC:"
    " 00:10 holds [00:10, 00:20). What does not exist has no row",
)
run = sa.Table(
    "run",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("date", sa.Date, nullable=False, index=True, comment="the UTC day that was loaded"),
    sa.Column("started", sa.DateTime(timezone=True), nullable=False),
    sa.Column("finished", sa.DateTime(timezone=True), nullable=False),
    sa.Column("columns", ARRAY(sa.Text), nullable=False, comment="Fonte's columns, as requested"),
    sa.Column("turbines", ARRAY(sa.Text), nullable=False, comment="the turbines, as requested"),
    sa.Column("is_whole", sa.Boolean, nullable=False, comment="whether Fonte had no others"),
    sa.Column("readings", sa.Integer, nullable=False, comment="readings that Fonte returned"),
    sa.Column(
        "intervals",
        ARRAY(sa.Double),
        nullable=False,
        comment="seconds between the readings of each turbine; 60 where it had none",
    ),
    sa.Column("statistics", sa.Integer, nullable=False, comment="rows written to data"),
    sa.Column("coverage", sa.Double, nullable=False, comment="finite readings / expected, 0 to 1"),
    sa.Column("added", sa.Integer, nullable=False, comment="statistics that the day did not have"),
    sa.Column("changed", sa.Integer, nullable=False, comment="statistics that had another value"),
    sa.Column("removed", sa.Integer, nullable=False, comment="statistics that are gone"),
    sa.Column("largest_change", sa.Text, comment="the largest; NULL if none changed"),
    sa.Column(
        "fingerprints",
        ARRAY(sa.Text),
        nullable=False,
        comment="of each turbine's readings of these columns; empty where it had none",
    ),
    sa.Column(
        "impossible",
        ARRAY(sa.Integer),
        nullable=False,
        comment="values of each turbine that cannot be; empty before they were counted",
    ),
    sa.Column(
        "flagged",
        ARRAY(sa.Integer),
        nullable=False,
        comment="possible values of each turbine that a test flagged",
    ),
    sa.Column(
        "suspects",
        ARRAY(sa.Text),
        nullable=False,
        comment="turbines with impossible values, or a larger share of flagged ones than allowed",
    ),
    sa.Column("notebook", sa.Text, comment="its path below runs/; NULL outside etl run"),
    sa.Column("code_version", sa.Text, nullable=False),
    comment="The ledger: one row for each load",
)
forgotten = sa.Table(
    "forgotten",
    metadata,
    sa.Column("turbine", sa.Text, primary_key=True),
    sa.Column(
        "last_run",
        sa.BigInteger,
        primary_key=True,
        comment="the id of the last load before it: data has nothing from that one or earlier",
    ),
    sa.Column("finished", sa.DateTime(timezone=True), nullable=False),
    comment="Turbines whose statistics were deleted: the ledger keeps their loads",
)
exclusion = sa.Table(
    "exclusion",
    metadata,
    sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("turbine", sa.Text, nullable=False),
    sa.Column("signal", sa.Text, comment="one of Fonte's columns; NULL means all of them"),
    sa.Column("start", sa.DateTime(timezone=True), nullable=False, comment="inclusive"),
    sa.Column("end", sa.DateTime(timezone=True), nullable=False, comment="exclusive"),
    sa.Column("reason", sa.Text, nullable=False, comment="such as icing or maintenance"),
    sa.Column("author", sa.Text, nullable=False, comment="who excluded it"),
    sa.Column(
        "created",
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
    ),
    sa.CheckConstraint('start < "end"'),
    sa.CheckConstraint(r"reason ~ '\S' AND author ~ '\S'"),
    comment="Periods that people excluded: data has their values, analyses leave them out",
)
STATISTICS_VIEW = """
    CREATE VIEW statistics AS
    SELECT
        turbine,
        timestamp,
        regexp_replace(name, '_[^_]*$', '') AS signal,
        substring(name FROM '[^_]*$') AS statistic,
        value,
        unit
    FROM data JOIN signal ON signal.id = signal_id;
    COMMENT ON VIEW statistics IS 'data and signal together, for people and their tools'
"""
