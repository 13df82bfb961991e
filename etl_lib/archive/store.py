"""The archive of executed notebooks: a folder on this machine, or a place in an object store.

`<date>/<UTC start>.ipynb` with its `.html` beside it; failed notebooks end in `.failed.ipynb`.
Periods are below `periods/<first day>_<last day>/`, with the same names; those of chosen turbines,
or with another reference curve, have a folder of their own.
The marker `.<UTC start>.partial.ipynb`, an empty file, exists during a run. A file is there whole
or not at all, and executed notebooks are never overwritten.
"""

import mimetypes
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from pyarrow import ArrowException, fs

from etl_lib.errors import ArchiveError
from etl_lib.settings import Settings, find_home
from pgarrow.errors import first_line

NOTEBOOK_SUFFIX, FAILED_SUFFIX, PAGE_SUFFIX = ".ipynb", ".failed.ipynb", ".html"
PRINT_SUFFIX = ".pdf"
"""Of a page that was printed."""
DATE = r"\d{4}-\d{2}-\d{2}"
PERIODS = "periods/"
FOLDER = re.compile(f"{DATE}|{PERIODS}{DATE}_{DATE}(_[0-9a-f]{{8}})?", re.ASCII)
"""The folder of a date's notebooks, or of a period's; of chosen turbines it ends in a digest."""
Location = Path | str
"""A path on this machine, or an address in an object store."""


def open_archive(location: Location) -> "Archive":
    """Open the archive in a folder, or at the address of an object store that Arrow supports.

    Addresses are `s3://bucket/prefix`, `gs://bucket/prefix`, `abfs://…` and `hdfs://…`; the
    credentials and the endpoint come from each store's usual variables (`AWS_…`).
    """
    if "://" in str(location):
        return Archive(str(location).rstrip("/"))
    return FolderArchive(Path(location).resolve())


def project_archive(settings: Settings, runs: str | None = None) -> "Archive":
    """Open the archive at `runs`, else that of the settings, else the project's `runs/`."""
    return open_archive(runs or settings.etl_runs or find_home() / "runs")


@dataclass(frozen=True)
class Archive:
    """Files in an object store, named by their path below `location`; no part of one is visible.

    Every method raises `ArchiveError` if the location is unreachable or refuses access.
    """

    location: Location

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the location only: each process has its own credentials."""
        return open_archive, (self.location,)

    def names(self) -> dict[str, Any]:
        """List every file by its name, with `mtime_ns` and `size`, in one request."""
        everything = fs.FileSelector("", recursive=True, allow_not_found=True)
        with self._as_archive_error():
            found = self._files.get_file_info(everything)
            return {info.path: info for info in found if info.is_file}

    def has(self, name: str) -> bool:
        """Whether the file exists."""
        with self._as_archive_error():
            return bool(self._files.get_file_info(name).is_file)

    def read(self, name: str) -> bytes:
        """Return a file's content."""
        with self._as_archive_error(), self._files.open_input_stream(name) as stream:
            return bytes(stream.read())

    def write(self, name: str, content: str | bytes) -> Location:
        """Write a file, or replace it, whole or not at all; returns its location."""
        with self._as_archive_error():
            self._write(name, content.encode() if isinstance(content, str) else content)
        return self.locate(name)

    def reserve(self, folder: date | str) -> str:
        """Mark the start of a run in a folder, such as that of a date; returns its unique name.

        The name is without a suffix.
        """
        while True:
            name = f"{folder}/{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
            with self._as_archive_error():
                if self._mark(name):
                    return name

    def release(self, name: str) -> None:
        """Remove the marker of a run that has ended and whose files are written."""
        self.delete(marker(name))

    def delete(self, name: str) -> None:
        """Delete a file, which must exist."""
        with self._as_archive_error():
            self._files.delete_file(name)

    def delete_empty_folders(self, before: datetime) -> None:
        """Delete the empty folders of dates and periods that last changed before then.

        Object stores have no folders, so there is nothing to delete.
        """

    def locate(self, name: str) -> Location:
        """Return where people find the file: its path, or its address in an object store."""
        return f"{self.location}/{name}"

    def _write(self, name: str, content: bytes) -> None:
        metadata = {"Content-Type": mimetypes.guess_type(name)[0] or "application/json"}
        with self._files.open_output_stream(name, metadata=metadata) as stream:
            stream.write(content)

    def _mark(self, name: str) -> bool:
        """Create the marker of a run; False if the name is in use."""
        taken = (marker(name), name + NOTEBOOK_SUFFIX, name + FAILED_SUFFIX)
        if any(map(self.has, taken)):
            return False
        self._write(marker(name), b"")
        return True

    @cached_property
    def _files(self) -> Any:
        """Arrow's file system below the location."""
        scheme, _, path = str(self.location).partition("://")
        if scheme == "s3":  # from_uri ignores these variables, and asks AWS for the region
            endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
            store = fs.S3FileSystem(endpoint_override=endpoint)
        else:
            store, path = fs.FileSystem.from_uri(str(self.location))
        return fs.SubTreeFileSystem(path, store)

    @contextmanager
    def _as_archive_error(self) -> Iterator[None]:
        try:
            yield
        except (OSError, UnicodeError, ArrowException) as error:  # names may not be UTF-8
            raise ArchiveError(
                f"the archive {self.location}: expected to list, read and write there,"
                f" got {first_line(error)}"
            ) from error


class FolderArchive(Archive):
    """The archive in a folder on this machine."""

    location: Path

    def locate(self, name: str) -> Path:
        """Return the file's path."""
        return self.location / name

    def delete_empty_folders(self, before: datetime) -> None:
        """As of an `Archive`; a folder that holds anything stays, also if it fills meanwhile."""
        with self._as_archive_error():
            folders = [
                path
                for path in [*self.location.glob("*"), *self.location.glob(f"{PERIODS}*")]
                if FOLDER.fullmatch(path.relative_to(self.location).as_posix())
                and path.stat().st_mtime < before.timestamp()
            ]
        for folder in folders:
            with suppress(OSError):  # a file, or a folder that is not empty
                folder.rmdir()

    def _write(self, name: str, content: bytes) -> None:
        path = self.location / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{uuid4().hex}.partial")
        try:
            partial.write_bytes(content)
            partial.replace(path)
        finally:  # a full disk leaves a part of the file
            partial.unlink(missing_ok=True)

    def _mark(self, name: str) -> bool:
        path = self.location / marker(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def marker(name: str) -> str:
    """The file that exists during a run; `name` has no suffix."""
    day, _, stamp = name.rpartition("/")
    return f"{day}/.{stamp}.partial.ipynb"


def display_path(location: Location) -> str:
    """A location as people type it: a path relative to the current folder, or an address."""
    return os.path.relpath(location) if isinstance(location, Path) else location
