"""Loads a user's file into Fonte in one transaction: all of it or nothing."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import duckdb

from fonteapi import database
from fonteapi.catalogue import SIGNALS
from fonteapi.files.tables import NAMES, LoadError, WrongInput, open_file
from fonteapi.files.values import Rules, read_values, set_rules, to_number
from pgarrow.errors import first_line
from pgarrow.sessions import open_engine

SUMMARY = """
    SELECT count(*), strftime(min(timestamp), '%Y-%m-%dT%H:%M:%SZ'),
        strftime(max(timestamp), '%Y-%m-%dT%H:%M:%SZ')
    FROM readings
"""


def parse_rename(words: Sequence[str]) -> dict[str, str]:
    """The file's name → ours, from words such as `Ws_avg=wind_speed`."""
    rename: dict[str, str] = {}
    for word in words:
        source, _, name = (part.strip() for part in word.rpartition("="))
        if not source:
            raise WrongInput(f"--rename: expected 'Its name=wind_speed', got {word!r}")
        if name not in NAMES:
            raise WrongInput(f"--rename {word!r}: expected one of {', '.join(NAMES)}, got {name!r}")
        if rename.setdefault(source, name) != name:
            raise WrongInput(f"--rename: {source!r} cannot be both {rename[source]} and {name}")
    return rename


def parse_scale(words: Sequence[str]) -> dict[str, float]:
    """Signal → its factor, from words such as `power=0.001`."""
    scale: dict[str, float] = {}
    for word in words:
        name, _, text = (part.strip() for part in word.partition("="))
        if name not in SIGNALS:
            allowed = ", ".join(SIGNALS)
            raise WrongInput(f"--unit-scale {word!r}: expected one of {allowed}, got {name!r}")
        factor = to_number(text)
        if not factor or not isfinite(factor):
            raise WrongInput(f"--unit-scale: expected a number as in {name}=0.001, got {text!r}")
        if scale.setdefault(name, factor) != factor:
            raise WrongInput(f"--unit-scale: {name} has two factors, {scale[name]} and {factor}")
    return scale


def load_file(path: Path, rules: Rules, database_url: str, *, replace: bool = False) -> str:
    """Check a file, then append its readings to Fonte, or `replace` all that Fonte holds.

    Returns a report. Raises `WrongInput` if the file as a whole or the rules do not fit, and
    `LoadError` with the bad rows, or if Fonte does not take the readings: it is then unchanged.
    """
    with duckdb.connect() as con:
        set_rules(con, rules)
        file = open_file(path, rules.rename)
        for name in rules.scale.keys() - file.columns:
            raise WrongInput(f"--unit-scale: {path} has no {name}")
        read_values(con, file, rules.scale)
        count, first, last = con.execute(SUMMARY).fetchall()[0]
        if not count:
            raise LoadError(f"{path}: expected readings below the names of the columns, got none")
        before = _write(con, database_url, replace)
    report = f"loaded {count:,} readings from {path}: {first} to {last}"
    if before:
        verb = "instead of" if replace else "beside"
        report += f", {verb} {before:,} that Fonte held"
    if absent := [name for name in SIGNALS if name not in file.columns]:
        report += f"\nnot in the file, left empty: {', '.join(absent)}"
    if file.ignored:
        report += f"\nignored: {', '.join(file.ignored)}"
    return report


def _write(con: duckdb.DuckDBPyConnection, database_url: str, replace: bool) -> int:
    """Move DuckDB's `readings` into Fonte; returns how many Fonte held before."""
    readings = con.table("readings").to_arrow_reader()
    engine = open_engine(database_url)
    try:
        database.create_table(engine)
        return database.load_readings(engine, readings, replace=replace)
    except database.FAILURES as error:
        raise LoadError(f"Fonte did not take the readings: {first_line(error)}") from None
    finally:
        engine.dispose()
