"""papermill's files by address; papermill imports this module while it is imported itself."""

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname


class FileHandler:
    """papermill's files by address, `file:///…`.

    A file given by its path is read and written in a directory that papermill keeps for all
    threads at once, which may be gone by then, and to which it moves the whole process.
    """

    @staticmethod
    def read(address: str) -> str:
        """The text of a file."""
        return _path(address).read_text(encoding="utf-8")

    @staticmethod
    def write(text: str, address: str) -> None:
        """Put a text into a file."""
        _path(address).write_text(text, encoding="utf-8")

    @staticmethod
    def pretty_path(address: str) -> str:
        """What papermill logs of it."""
        return address


def _path(address: str) -> Path:
    return Path(url2pathname(urlsplit(address).path))
