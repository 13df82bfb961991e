"""The three forms of an answer, encoded batch by batch: memory holds one batch, not a year."""

import io
from collections.abc import Iterable, Iterator

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

JSON = "application/json"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
END = b"\xff\xff\xff\xff\0\0\0\0"
"""The end of an Arrow IPC stream: a stream without it broke off."""


def encode_json(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[bytes]:
    """A list of flat objects. JSON has no NaN and no infinity: both are null here."""
    separator = b"["
    for batch in batches:
        if batch.num_rows:
            rows = orjson.dumps(batch.to_pylist(), option=orjson.OPT_UTC_Z)
            yield separator + rows[1:-1]
            separator = b","
    yield b"[]" if separator == b"[" else b"]"


def encode_csv(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[bytes]:
    """A header, then one line for each reading; a missing value is empty, NaN is `nan`."""
    yield (",".join(schema.names) + "\n").encode()
    options = csv.WriteOptions(include_header=False, quoting_style="none")
    for batch in batches:
        buffer = io.BytesIO()
        stamps = pc.strftime(batch.column(0), format="%Y-%m-%dT%H:%M:%SZ")
        stamps = pc.replace_substring(stamps, ".000000Z", "Z")
        csv.write_csv(batch.set_column(0, "timestamp", stamps), buffer, options)
        yield buffer.getvalue()


def encode_arrow(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[bytes]:
    """An Arrow IPC stream: the schema with units in its metadata, the batches, the end mark."""
    yield schema.serialize().to_pybytes()
    for batch in batches:
        yield batch.serialize().to_pybytes()
    yield END


ENCODERS = {JSON: encode_json, CSV: encode_csv, ARROW: encode_arrow}


def choose_format(accept: str) -> str | None:
    """The form that an `Accept` header prefers; None if it accepts none of them.

    For each form the most specific range that matches it decides (RFC 9110, 12.5.1). Of forms
    of the same quality, the one whose range comes first is chosen, then the first of `ENCODERS`.
    Parameters of a range other than its quality do not count.
    """
    ranges = [_parse_range(entry) for entry in accept.split(",")]

    def rank(form: str) -> tuple[float, int]:
        for name in (form, form.split("/")[0] + "/*", "*/*"):
            for place, (wanted, quality) in enumerate(ranges):
                if wanted == name:
                    return quality, -place
        return 0, 0

    best = max(ENCODERS, key=rank)
    return best if rank(best)[0] > 0 else None


def _parse_range(entry: str) -> tuple[str, float]:
    """A media range and its quality: 1 unless given, 0 if it is not a number from 0 to 1."""
    name, *parameters = (part.strip().lower() for part in entry.split(";"))
    given = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
    try:
        quality = float(given)
    except ValueError:
        quality = 0
    return name, quality if 0 <= quality <= 1 else 0
