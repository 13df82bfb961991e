"""Files that a load writes beside the user's: whole, and only once the load is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fonteapi.files.errors import LoadError


@contextmanager
def draft(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place when the `with` block is done.

    An error in the block deletes it. Raises `LoadError` at once if it cannot be written.
    """
    kept = path.parent / f".{path.name}.part"
    if path.is_dir():
        raise LoadError(f"{path} cannot be written: it is a folder")
    try:
        kept.touch()
    except OSError as error:
        raise LoadError(f"{path} cannot be written: {error.strerror}") from None
    try:
        yield kept
        kept.replace(path)
    finally:
        kept.unlink(missing_ok=True)
