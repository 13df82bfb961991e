"""The project's folder: the files that it needs."""

from pathlib import Path

from etl_lib.errors import ParameterError

FILES = Path(__file__).resolve().parent / "project_files"
"""The files of a new folder: in a checkout, links to the project's own; in a wheel, copies."""


def init_folder(folder: Path) -> list[Path]:
    """Make `folder` one in which every command works; return the files that this wrote.

    Files that are there with the same content stay. Raises `ParameterError`, before anything is
    written, where a file has other content, and `OSError` where the folder cannot be written.
    """
    sources = [path for path in sorted(FILES.rglob("*")) if not path.is_dir()]
    contents = {folder / path.relative_to(FILES): path.read_bytes() for path in sources}
    missing = [path for path in contents if not path.exists()]
    changed = [path for path in contents.keys() - missing if path.read_bytes() != contents[path]]
    if changed:
        names = ", ".join(sorted(str(path) for path in changed))
        raise ParameterError(
            f"{names}: expected no file or an unchanged one, got other content:"
            " move it away, or choose another folder"
        )
    for path in missing:
        path.parent.mkdir(parents=True, exist_ok=True)
    for path in missing:
        with path.open("xb") as file:
            file.write(contents[path])
    return missing
