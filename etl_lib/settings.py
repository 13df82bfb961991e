"""The settings: addresses and keys from the environment, then from the project's `.env`."""

import os
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from etl_lib.errors import SettingsError
from pgarrow.fields import HeaderKey, PostgresAddress, describe_problems

PIPELINE_NOTEBOOK = Path("notebooks") / "etl.ipynb"
PERIOD_NOTEBOOK = Path("notebooks") / "period.ipynb"
"""The file that makes a folder the project's."""
LIBRARY = Path(__file__).resolve().parent
NOTEBOOK_VARIABLE = "ETL_NOTEBOOK"
"""The variable that names the archived notebook to the notebook itself, for the ledger."""


class Settings(BaseSettings):
    """The addresses that the pipeline uses.

    An address that is not set is None: `services.embedded` starts its service on this machine.
    """

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    fonte_api_url: str | None = Field(default=None, repr=False)
    """The Fonte API, `http://host:port`."""
    fonte_api_key: HeaderKey | None = Field(default=None, repr=False)
    """The API's key, if it requires one: ASCII without spaces."""
    alvo_database_url: PostgresAddress | None = Field(default=None, repr=False)
    """The target database, `postgresql://user:password@host:port/database`."""
    fonte_database_url: PostgresAddress | None = Field(default=None, repr=False)
    """The source database, for `etl load` and an embedded API: the pipeline never reads it."""
    fonte_catalogue: Path | None = None
    """The user's own file of signals, for the same two; relative to the project's folder."""
    fonte_turbine: str = Field(default="T1", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """The turbine of readings that name none, and of an Alvo of version 0.1."""

    etl_runs: str | None = None
    """The archive: a folder or an object store's address. Unset: `runs/` of the project."""

    @field_validator("fonte_api_url")
    @classmethod
    def _is_http(cls, url: str | None) -> str | None:
        try:
            given = urlsplit(url or "http://unset")
            if given.scheme in ("http", "https") and given.hostname and given.port != 0:
                return url
        except ValueError:  # an invalid port or IPv6 address
            pass
        raise ValueError("expected http://host:port")


def read_settings() -> Settings:
    """The settings in force; raises `SettingsError` that lists the invalid ones."""
    home = find_home()
    try:
        settings = Settings(_env_file=home / ".env")  # type: ignore[call-arg]
    except UnicodeDecodeError as error:
        raise SettingsError(f"{home / '.env'}: expected UTF-8, got {error}") from None
    except ValidationError as error:
        raise SettingsError(describe_problems(error)) from None
    catalogue = settings.fonte_catalogue and home / settings.fonte_catalogue
    return settings.model_copy(update={"fonte_catalogue": catalogue})


def find_home() -> Path:
    """The project's folder: `ETL_HOME`, else upwards from here, else where the library lies.

    Raises `SettingsError` when none of them holds `notebooks/etl.ipynb`.
    """
    chosen = os.environ.get("ETL_HOME")
    here = Path.cwd()
    candidates = [Path(chosen).resolve()] if chosen else [here, *here.parents, LIBRARY.parent]
    for folder in candidates:
        if (folder / PIPELINE_NOTEBOOK).is_file():
            return folder
    where = f"ETL_HOME={chosen}" if chosen else f"{here} or a folder above it"
    raise SettingsError(
        f"expected the project's {PIPELINE_NOTEBOOK} in {where}: "
        "go to the project's folder, set ETL_HOME to it, or make one with `etl init FOLDER`"
    )


@cache
def code_version() -> str:
    """The version of this code: the release and, in a git checkout, the commit."""
    release = version("wind-etl")
    command = ["git", "-C", str(LIBRARY), "describe", "--always", "--dirty"]
    try:
        described = subprocess.run(  # noqa: S603  # fixed words, no input of a user's
            command, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return release
    return f"{release}+{described.stdout.strip()}"
