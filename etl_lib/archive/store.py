"""The archive of executed notebooks: a folder of this machine, or a place in an object store.

`<date>/<UTC start>.ipynb` with its `.html` beside it; what failed ends in `.failed.ipynb`, and
`.<UTC start>.partial.ipynb`, empty, stands for what is being run. A file is there whole or not at
all, and what was executed is never overwritten.
"""

import mimetypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from pyarrow import ArrowException, fs

from etl_lib.errors import ArchiveError

SUFFIX, FAILED, PAGE = ".ipynb", ".failed.ipynb", ".html"
Place = Path | str
"""Where people find a file: a path, or its address in an object store."""


class Archive:
    """The archive at `location`: a folder, or the address of a store that Arrow reads and writes.

    `s3://bucket/prefix`, `gs://bucket/prefix`, `abfs://…` and `hdfs://…`, with the credentials and
    the endpoint of each store's own variables (`AWS_…`). Files are named by their path below it.
    Every method raises `ArchiveError` when the place does not answer or refuses.
    """

    def __init__(self, location: Place) -> None:
        is_address = "://" in str(location)
        self.location: Place = str(location).rstrip("/") if is_address else Path(location).resolve()

    def __reduce__(self) -> tuple[Any, ...]:
        """Only the location goes to other processes: each has credentials of its own."""
        return Archive, (self.location,)

    def names(self) -> dict[str, Any]:
        """What is known of every file (`mtime_ns`, `size`), by its name; one listing."""
        everything = fs.FileSelector("", recursive=True, allow_not_found=True)
        with self._as_archive_error():
            return {
                info.path: info for info in self._files.get_file_info(everything) if info.is_file
            }

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        with self._as_archive_error():
            return bool(self._files.get_file_info(name).is_file)

    def read(self, name: str) -> bytes:
        """A file's content."""
        with self._as_archive_error(), self._files.open_input_stream(name) as stream:
            return bytes(stream.read())

    def write(self, name: str, text: str) -> Place:
        """Put a file there, in place of one of that name; returns where people find it."""
        with self._as_archive_error():
            if isinstance(self.location, Path):
                self._replace(self.location / name, text)
            else:  # a store shows nothing before it has all
                content, kind = text.encode(), mimetypes.guess_type(name)[0] or "application/json"
                with self._files.open_output_stream(name, metadata={"Content-Type": kind}) as file:
                    file.write(content)
        return self.locate(name)

    def reserve(self, day: date) -> str:
        """The name, without its suffix, of a run of `day` that begins now, and nobody else's."""
        while True:
            name = f"{day}/{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
            with self._as_archive_error():
                if self._mark(name):
                    return name

    def release(self, name: str) -> None:
        """The run has ended: what it leaves has been written."""
        with self._as_archive_error():
            self._files.delete_file(marker(name))

    def locate(self, name: str) -> Place:
        """Where people find a file."""
        return (
            self.location / name if isinstance(self.location, Path) else f"{self.location}/{name}"
        )

    def _mark(self, name: str) -> bool:
        if not isinstance(self.location, Path):
            if self.has(marker(name)) or self.has(name + SUFFIX) or self.has(name + FAILED):
                return False
            self.write(marker(name), "")
            return True
        path = self.location / marker(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    @staticmethod
    def _replace(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{uuid4().hex}.partial")
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        finally:  # of a full disk, say
            partial.unlink(missing_ok=True)

    @cached_property
    def _files(self) -> Any:
        if isinstance(self.location, Path):
            return fs.SubTreeFileSystem(str(self.location), fs.LocalFileSystem())
        scheme, _, path = self.location.partition("://")
        if scheme == "s3":  # from_uri knows neither of these, and asks AWS for the region
            endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
            store = fs.S3FileSystem(endpoint_override=endpoint)
            return fs.SubTreeFileSystem(path, store)
        store, path = fs.FileSystem.from_uri(self.location)
        return fs.SubTreeFileSystem(path, store)

    @contextmanager
    def _as_archive_error(self) -> Iterator[None]:
        try:
            yield
        except (OSError, UnicodeError, ArrowException) as error:  # a name may be no UTF-8
            reason = str(error).splitlines()[0]
            raise ArchiveError(
                f"the archive {self.location}: expected to list, read and write there, got {reason}"
            ) from error


def marker(name: str) -> str:
    """What stands for a run while it lasts; `name` without its suffix."""
    day, _, stamp = name.rpartition("/")
    return f"{day}/.{stamp}.partial.ipynb"


def shown(place: Place) -> str:
    """A place as people type it: a path from here, an address as it is."""
    return os.path.relpath(place) if isinstance(place, Path) else place
