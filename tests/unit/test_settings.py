"""Where settings come from, and that no secret leaves them."""

import subprocess
from pathlib import Path

import pytest

from etl_lib.errors import SettingsError
from etl_lib.settings import Settings, code_version, find_home, read_settings

SECRET = "s3cr3t-word"


def test_nothing_set_means_nothing_known(project: Path) -> None:
    assert read_settings() == Settings(fonte_api_url=None, alvo_database_url=None)


def test_the_environment_goes_before_the_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".env").write_text(
        "FONTE_API_URL=http://file:8000\nALVO_DATABASE_URL=postgresql://u:p@file/Alvo\nOTHER=1\n"
    )
    monkeypatch.setenv("FONTE_API_URL", "http://environment:8000")
    settings = read_settings()
    assert settings.fonte_api_url == "http://environment:8000"
    assert settings.alvo_database_url == "postgresql://u:p@file/Alvo"


def test_an_empty_value_is_none(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FONTE_API_URL", "")
    assert read_settings().fonte_api_url is None


@pytest.mark.parametrize("name", ["ALVO_DATABASE_URL", "FONTE_DATABASE_URL"], ids=["alvo", "fonte"])
@pytest.mark.parametrize(
    "value",
    [
        f"mysql://u:{SECRET}@host/Alvo",
        f"host {SECRET}",
        f"postgresql://u:a@b:{SECRET}@host/Alvo",
        f"postgresql://u:a@{SECRET}@host/Alvo",
    ],
)
def test_invalid_address(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """An invalid address is an error in one line, without the secret."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name}: expected postgresql://") as caught:
        read_settings()
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:8000", "http://", "http://h:abc", "http://[::1"])
def test_invalid_api_address(project: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """An invalid API address is refused."""
    monkeypatch.setenv("FONTE_API_URL", url)
    with pytest.raises(SettingsError, match="FONTE_API_URL: expected http://host:port"):
        read_settings()


def test_hidden_secrets() -> None:
    """An error in the settings does not show their secrets."""
    with pytest.raises(ValueError, match="expected postgresql://") as caught:
        Settings(alvo_database_url=f"mysql://u:{SECRET}@host/Alvo")
    assert SECRET not in str(caught.value)


def test_settings_do_not_show_their_secrets() -> None:
    url = f"postgresql://u:{SECRET}@host/Alvo"
    settings = Settings(alvo_database_url=url, fonte_database_url=url)
    assert SECRET not in repr(settings) + str(settings)


def test_home_from_below(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project's folder is found from any folder below it."""
    monkeypatch.delenv("ETL_HOME")
    below = project / "notebooks" / "deeper"
    below.mkdir()
    monkeypatch.chdir(below)
    assert find_home() == project


def test_home_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere the project's folder is that of the library."""
    monkeypatch.chdir(tmp_path)
    assert (find_home() / "etl_lib" / "settings.py").is_file()


def test_home_without_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without the notebook is refused."""
    monkeypatch.setenv("ETL_HOME", str(tmp_path))
    with pytest.raises(SettingsError, match=r"expected .*etl\.ipynb in ETL_HOME="):
        find_home()


def test_code_version(project: Path) -> None:
    """The code's version names the commit."""
    release = code_version()
    assert release[0].isdigit()
    if "+" not in release:  # a project that is no checkout has only its release
        git = ["git", "-C", str(project), "-c", "user.name=t", "-c", "user.email=t@t.invalid"]
        subprocess.run([*git, "init", "-q"], check=True)
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
        assert code_version().startswith(f"{release}+")


def test_not_utf_8(project: Path) -> None:
    """A `.env` that is not UTF-8 is an error in one line."""
    (project / ".env").write_bytes("# às vezes\n".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"\.env: expected UTF-8"):
        read_settings()
