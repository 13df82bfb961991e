"""The wheel, and the folder that an installed wheel makes."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from helpers import ROOT

from etl_lib.errors import ParameterError, SettingsError
from etl_lib.project import FILES, init_folder
from etl_lib.settings import find_home

NAMES = {
    *(".env.example", ".gitignore", "dagster.yaml", "runs/README.md"),
    *("notebooks/etl.ipynb", "notebooks/explore.ipynb", "notebooks/period.ipynb"),
}
NOT_SHIPPED = ("Dockerfile", "requirements.lock")
MAKE = "import pathlib, etl_lib.project as p; p.init_folder(pathlib.Path('farm'))"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*build, "--directory", str(folder)], cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def files(folder: Path) -> dict[str, bytes]:
    """The content of each file in a folder, by its relative path."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_wheel_holds_the_packages_only(wheel: Path) -> None:
    """The wheel has the files of the packages, and Jupyter's: no tests, no settings, no archive."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    (server,) = (name for name in held if name.endswith("/wind_etl.json"))
    assert server.endswith(".data/data/etc/jupyter/jupyter_server_config.d/wind_etl.json")
    assert held - {server} == {
        f"{package}/{name}"
        for package in ("pgarrow", "fonteapi", "etl_lib")
        for name in files(ROOT / package)
        if "__pycache__" not in name and Path(name).name not in NOT_SHIPPED
    }


def test_wheel_makes_a_folder_that_works(wheel: Path, services: str, tmp_path: Path) -> None:
    """A wheel away from the checkout makes a folder in which a day is loaded and reported."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    subprocess.run([sys.executable, "-c", MAKE], cwd=tmp_path, env=environment, check=True)
    farm = tmp_path / "farm"
    made = files(farm)
    assert made.keys() == NAMES
    assert all(made[name] == (ROOT / name).read_bytes() for name in NAMES - {".gitignore"})
    etl = [sys.executable, "-m", "etl_lib.cli", "run", "2024-05-20"]
    ran = subprocess.run(etl, cwd=farm, env=environment, capture_output=True, text=True, check=True)
    assert "2024-05-20  loaded" in ran.stdout
    assert len(list(farm.glob("runs/2024-05-20/*.html"))) == 1


def test_checkout_makes_the_same_folder(tmp_path: Path) -> None:
    """From a checkout, the files are the project's own."""
    written = init_folder(tmp_path / "a" / "farm")
    assert {path.relative_to(tmp_path / "a" / "farm").as_posix() for path in written} == NAMES
    assert files(tmp_path / "a" / "farm") == files(FILES)


def test_second_init_changes_nothing(tmp_path: Path) -> None:
    """A second call writes nothing; after a deletion it writes that file only."""
    init_folder(tmp_path)
    before = files(tmp_path)
    assert init_folder(tmp_path) == []
    (tmp_path / "dagster.yaml").unlink()
    assert init_folder(tmp_path) == [tmp_path / "dagster.yaml"]
    assert files(tmp_path) == before


def test_other_content_is_never_overwritten(tmp_path: Path) -> None:
    """Files with other content are refused in one line, before anything is written."""
    notebook = tmp_path / "notebooks" / "etl.ipynb"
    notebook.parent.mkdir()
    notebook.write_text("mine")
    with pytest.raises(ParameterError, match=r"etl\.ipynb: expected .* got other") as caught:
        init_folder(tmp_path)
    assert "\n" not in str(caught.value)
    assert files(tmp_path) == {"notebooks/etl.ipynb": b"mine"}


def test_file_for_folder(tmp_path: Path) -> None:
    """A file where a folder is needed stays, and nothing is written."""
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(FileExistsError):
        init_folder(tmp_path)
    assert files(tmp_path) == {"runs": b"mine"}


def test_missing_project_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no folder is a project's, the error names the command that makes one."""
    monkeypatch.setenv("ETL_HOME", str(tmp_path))
    with pytest.raises(SettingsError, match="etl init FOLDER"):
        find_home()
    init_folder(tmp_path)
    assert find_home() == tmp_path


def test_made_folder_keeps_secrets_from_git(tmp_path: Path) -> None:
    """Git ignores the settings, the databases and the reports of a made folder."""
    init_folder(tmp_path)
    names = [".env", ".local/postgresql/PG_VERSION", "runs/2024-05-20/a.ipynb", "runs/README.md"]
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    ignored = subprocess.run([*git, "check-ignore", *names], capture_output=True, text=True)
    assert ignored.stdout.split() == names[:-1]
