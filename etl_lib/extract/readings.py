"""Fonte's readings as Arrow, checked before anything is made of them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import httpx2
import pyarrow as pa
import pyarrow.compute as pc

from etl_lib.catalogue import read_signal
from etl_lib.errors import FonteError, ParameterError
from etl_lib.extract import client
from etl_lib.extract.days import Day

TIMESTAMP_TYPE = pa.timestamp("us", "UTC")
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
ARROW = "application/vnd.apache.arrow.stream"
END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""The end mark of an Arrow IPC stream; Arrow's reader accepts a stream without it."""


def fetch_readings(
    fonte: httpx2.Client,
    start: datetime,
    end: datetime,
    columns: Sequence[str],
    turbines: Sequence[str] = (),
) -> pa.Table:
    """The readings of `turbines` in `[start, end)`, of every turbine if none is named.

    One row each, by timestamp, turbine, then in order of arrival. Columns: `timestamp` (UTC,
    microseconds), `turbine`, then `columns` (float64, nullable), each with its `unit` in the
    field's metadata; then the source's own statistics of them that Fonte has, such as `power.std`.
    Raises `ParameterError` for a column or turbine that Fonte does not have,
    `FonteError` when the API does not answer, or not with whole readings of the period.
    """
    readings = _fetch(fonte, start, end, columns, turbines)
    signals = {name: read_signal(readings.schema.field(name)) for name in columns}
    own = [f"{name}.{one}" for name, signal in signals.items() for one in signal.statistics]
    # Again in one answer: Fonte may change between two, whose rows then do not belong together
    return _fetch(fonte, start, end, [*columns, *own], turbines) if own else readings


def _fetch(
    fonte: httpx2.Client,
    start: datetime,
    end: datetime,
    columns: Sequence[str],
    turbines: Sequence[str],
) -> pa.Table:
    """The readings of these columns alone."""
    query = client.to_query(start, end)
    query |= {"columns": list(columns), "turbine": list(turbines) or ["*"]}
    try:
        response = client.get(fonte, "/data", query, accept=ARROW)
    except ParameterError as error:
        raise ParameterError(_name_option(str(error))) from None
    where = client.shown_url(response.url)
    table = _read_stream(response, where)
    keys = [("timestamp", TIMESTAMP_TYPE), ("turbine", pa.string())]
    expected = [*keys, *((name, pa.float64()) for name in columns)]
    if (found := [(field.name, field.type) for field in table.schema]) != expected:
        raise FonteError(f"expected the columns {_spell(expected)}, got {_spell(found)}")
    if not _is_within(table["timestamp"], start, end) or table["turbine"].null_count:
        raise FonteError(
            f"expected readings from {start} up to {end} from {where}, got others among them"
        )
    return table


def _name_option(problems: str) -> str:
    """A refusal that ends in how to choose other signals."""
    if "columns: " not in problems:
        return problems
    return f"{problems}: name the signals to load by --columns, or in papermill by -p columns"


def fetch_before(fonte: httpx2.Client, day: Day, readings: pa.Table) -> pa.Table:
    """The readings before the day on which its statistics and flags depend.

    Of counters, states, and signals that are sampled on change, these are those of the day before;
    of others, as many hours as the longest test of the signals looks back. As from
    `fetch_readings`, of the day's turbines: what `compute_statistics` and `find_flags` take as
    `before`. Without such signals, or without readings, it is empty and Fonte is not asked.
    """
    signals = {field.name: read_signal(field).look_back for field in readings.schema}
    names = [name for name, seconds in signals.items() if seconds]
    if not names or not readings.num_rows:
        return readings.slice(0, 0).select(["timestamp", "turbine", *names])
    start = day.start - timedelta(seconds=max(signals.values()))
    return _fetch(fonte, start, day.start, names, day.turbines)


def _read_stream(response: httpx2.Response, where: str) -> pa.Table:
    kind = response.headers.get("content-type", "nothing")
    if kind != ARROW:
        raise FonteError(f"expected an Arrow stream from {where}, got {kind}")
    if not response.content.endswith(END_OF_STREAM):
        raise FonteError(f"the readings from {where} broke off before their end: run again")
    try:
        return pa.ipc.open_stream(response.content).read_all()
    except pa.ArrowInvalid as error:
        raise FonteError(f"expected readable Arrow from {where}: {error}") from None


def _is_within(stamps: pa.ChunkedArray, start: datetime, end: datetime) -> bool:
    """Whether every stamp is there and in `[start, end)`.

    Compared as numbers: Arrow's conversion to datetimes imports pandas, a quarter of a second.
    """
    if stamps.null_count or not len(stamps):
        return not stamps.null_count
    bounds = pc.min_max(stamps)
    first, last = ((bound - EPOCH) // MICROSECOND for bound in (start, end))
    return bool(first <= bounds["min"].value and bounds["max"].value < last)


def _spell(columns: Iterable[tuple[str, pa.DataType]]) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in columns)
