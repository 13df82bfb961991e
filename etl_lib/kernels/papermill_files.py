"""papermill's files by address; papermill imports this module while it is imported itself."""

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname


class FileHandler:
    """papermill's files by address, `file:///…`.

    A file given by its path is read and written in the working directory. papermill keeps one
    such directory for all threads, moves the whole process to it, and fails if it is gone.
    """

    @staticmethod
    def read(address: str) -> str:
        """Return the text of a file."""
        return _path(address).read_text(encoding="utf-8")

    @staticmethod
    def write(text: str, address: str) -> None:
        """Write a text into a file."""
        _path(address).write_text(text, encoding="utf-8")

    @staticmethod
    def pretty_path(address: str) -> str:
        """Return the address as papermill logs it."""
        return address


def _path(address: str) -> Path:
    return Path(url2pathname(urlsplit(address).path))
