"""Alvo's statistics of a period into a file, a slice of days at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import Engine

from etl_lib.errors import AlvoError, ParameterError
from etl_lib.export import files, openoa
from etl_lib.export.excel import MOST_ROWS, write_excel
from etl_lib.export.layouts import Layout, Long, Wide
from etl_lib.export.provenance import Provenance
from etl_lib.load.alvo import shown_address
from etl_lib.load.exclusions import list_exclusions
from etl_lib.load.ledger import standing_loads
from etl_lib.load.reading import read_statistics
from etl_lib.load.records import Exclusion
from etl_lib.load.series import Series, find_span, list_series
from etl_lib.parameters import Span
from etl_lib.settings import code_version
from etl_lib.transform.kinds import BUCKET_SECONDS, EXPECTED, STAMP, TURBINE

BUCKETS = 86_400 // BUCKET_SECONDS
SLICE = 1_000_000
"""About how many values are in memory at a time; those of a day at least."""


@dataclass(frozen=True)
class Farm:
    """What OpenOA's layout needs of Fonte."""

    names: Mapping[str, str]
    """The name in IEC 61400-25 by signal."""
    facts: Mapping[str, Mapping[str, Any]]
    """Of each turbine."""


@dataclass(frozen=True)
class Choice:
    """What is exported."""

    first: date
    last: date
    """UTC days, both included."""
    turbines: Sequence[str] | None = None
    """None: all that Alvo has."""
    signals: Sequence[str] | None = None
    is_long: bool = False
    farm: Farm | None = None
    """Given for OpenOA's layout."""
    excluding: bool = False
    """Whether to leave out what people excluded."""

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """The period `[start, end)`, UTC."""
        span = Span(self.first, self.last)
        return span.start, span.end


@dataclass(frozen=True)
class Exported:
    """What was written."""

    paths: list[Path]
    """The statistics, then the description of CSV, then OpenOA's assets."""
    turbines: list[str]
    layout: Layout
    provenance: Provenance
    assets: pa.Table | None


def export_statistics(alvo: Engine, choice: Choice, path: Path, *, force: bool = False) -> Exported:
    """Write Alvo's ten-minute statistics to a file, in the format that its suffix names.

    All files are written whole or not at all; `force` replaces those that are there. Rows are
    ordered by timestamp, then turbine. Raises `ParameterError` for a name that cannot be, unknown
    turbines and signals, a file that is there, and too many rows for Excel; `AlvoError` for a
    period without statistics, and when one of its days was loaded meanwhile.
    """
    kind, series = files.find_format(path), list_series(alvo, choice.turbines, choice.signals)
    turbines, layout = sorted({each.turbine for each in series}), make_layout(choice, series)
    assets = openoa.make_assets(turbines, choice.farm.facts) if choice.farm else None
    paths = files.name_files(path, has_assets=assets is not None)
    with files.replacing(paths, force=force) as partial:
        reading = Reading(alvo, choice, turbines, layout, _find_days(alvo, choice, series))
        begun = reading.begin()
        content = files.Content(
            layout.schema, begun, reading.read_tables(), reading.conclude, assets
        )
        if kind == ".parquet":
            files.write_parquet(content, partial)
        elif kind == ".xlsx":
            reading.check_rows()
            write_excel(content, partial[0])
        else:
            files.write_csv(content, partial, [each.name for each in paths])
    assert reading.provenance
    return Exported(paths, turbines, layout, reading.provenance, assets)


def make_layout(choice: Choice, series: Sequence[Series]) -> Layout:
    """The layout of some series.

    Raises `ParameterError` for one whose unit differs between turbines: a column has one.
    """
    units: dict[str, str] = {EXPECTED: "1"}
    owners: dict[str, str] = {}
    for each in series:
        owner = owners.setdefault(each.name, each.turbine)
        if units.setdefault(each.name, each.unit) != each.unit:
            raise ParameterError(
                f"{each.name}: expected one unit, got {units[each.name]} of {owner} and"
                f" {each.unit} of {each.turbine}: choose with --turbines"
            )
    names = list(owners)
    if choice.farm:
        columns = openoa.choose_columns(names, units, choice.farm.names)
        return openoa.OpenOA(list(columns.values()), units, columns)
    return Long(names, units) if choice.is_long else Wide(names, units)


@dataclass
class Reading:
    """Statistics read in slices, and what is known of them after the last one."""

    alvo: Engine
    choice: Choice
    turbines: list[str]
    layout: Layout
    days: tuple[date, date]
    """The first and the last one that has statistics."""
    provenance: Provenance | None = None
    """Complete at the end."""
    rows: int = 0
    seconds: set[int] = field(default_factory=set)
    """Between two rows of a turbine."""

    def read_tables(self) -> Iterator[pa.Table]:
        """The rows, a table for each slice."""
        self.rows = 0
        for frame in self._read_frames():
            table = self.layout.to_table(frame)
            self.rows += table.num_rows
            self.seconds |= openoa.find_seconds(frame[EXPECTED])
            yield table

    def check_rows(self) -> None:
        """Raise `ParameterError` if a sheet of Excel has not enough rows, before it is written."""
        days = (self.days[1] - self.days[0]).days + 1
        if days * BUCKETS * len(self.turbines) * self.layout.most_rows <= MOST_ROWS:
            return
        for _ in self.read_tables():
            if self.rows > MOST_ROWS:
                raise ParameterError(
                    f"FILE: expected at most {MOST_ROWS:,} rows for a sheet of Excel, got more:"
                    " name a .csv or .parquet file, or choose a shorter period"
                )

    def begin(self) -> Provenance:
        """The provenance before the first row: without rows and frequency."""
        runs, exclusions = self._describe_source()
        self.provenance = Provenance(
            source=shown_address(self.alvo),
            first_day=self.choice.first,
            last_day=self.choice.last,
            created=datetime.now(UTC).replace(microsecond=0),
            code_version=code_version(),
            layout=self.layout.name,
            excluding=self.choice.excluding,
            exclusions=exclusions,
            runs=runs,
        )
        return self.provenance

    def conclude(self) -> Provenance:
        """The provenance after the last row.

        Raises `AlvoError` for no row at all, and when a day or an exclusion changed meanwhile.
        """
        if not self.rows:
            raise no_statistics(self.choice)
        begun = self.provenance
        assert begun
        if self._describe_source() != (begun.runs, begun.exclusions):
            raise AlvoError(
                "expected an Alvo that stays as it is during the export, got a load or exclusion"
                " of the period: run it again"
            )
        frequency = openoa.find_frequency(self.seconds) if self.choice.farm else None
        update = {"rows": self.rows, "frequency": frequency}
        self.provenance = begun.model_copy(update=update)
        return self.provenance

    def _read_frames(self) -> Iterator[pd.DataFrame]:
        """Slices of whole days, each by timestamp and turbine."""
        names, (first, last) = list(self.layout.names), self.days
        days = max(1, SLICE // (BUCKETS * len(self.turbines) * len(names)))
        while first <= last:
            end = min(last, first + timedelta(days=days - 1))
            span = Span(first, end)
            frame = read_statistics(
                self.alvo,
                span.start,
                span.end,
                self.turbines,
                excluding=self.choice.excluding,
            )
            frame = frame.reindex(columns=[*names, EXPECTED]).dropna(how="all", subset=names)
            yield frame.sort_index(level=[STAMP, TURBINE])
            first = end + timedelta(days=1)

    def _describe_source(self) -> tuple[list[int], list[Exclusion]]:
        """The loads behind the period, and its exclusions."""
        choice, (start, end) = self.choice, self.choice.bounds
        loads = standing_loads(self.alvo, choice.first, choice.last, self.turbines)
        signals = {name.rpartition("_")[0] for name in self.layout.names}
        exclusions = [
            each
            for each in list_exclusions(self.alvo)
            if each.turbine in self.turbines
            and (each.signal is None or each.signal in signals)
            and each.start < end
            and each.end > start
        ]
        return [load.run_id for load in loads], exclusions


def no_statistics(choice: Choice) -> AlvoError:
    """That a period has nothing to export."""
    of = f" of {', '.join(choice.turbines)}" if choice.turbines else ""
    return AlvoError(
        f"expected statistics{of} from {choice.first} to {choice.last}, got none: `etl status`"
        " shows which dates are loaded"
    )


def _find_days(alvo: Engine, choice: Choice, series: Sequence[Series]) -> tuple[date, date]:
    days = find_span(alvo, series, *choice.bounds)
    if days is None:
        raise no_statistics(choice)
    return days
