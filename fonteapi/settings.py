"""The settings of the API."""

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from fonteapi.catalogue import ONLY_TURBINE, TURBINE_NAME, Catalogue, read_catalogue
from pgarrow.fields import HeaderKey, PostgresAddress, describe_problems

SIMULATED_DAYS = 10
"""Days of simulated readings in the embedded Fonte, and those of `python -m fonteapi fill`."""


class Settings(BaseSettings):
    """Settings of the API; each is the environment variable `FONTE_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="FONTE_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: PostgresAddress = Field(repr=False)
    """The source database, `postgresql://user:password@host:port/database`."""
    start_date: date = date(2024, 5, 20)
    """First UTC day of the simulated readings."""
    days: int | None = Field(default=None, ge=0, le=3660)
    """Number of days of simulated readings that fill an empty database; 0, or unset, nothing is
    created or written. Unset, the embedded Fonte has `SIMULATED_DAYS`, and so has `fill`."""
    turbines: int = Field(default=1, ge=1, le=200)
    """Number of simulated turbines that fill an empty database: one, or a farm T1, T2, …"""
    seed: int | None = Field(default=None, ge=0)
    """Makes the simulated readings the same each time; unset, they differ each time."""
    turbine: str = Field(default=ONLY_TURBINE, pattern=f"^{TURBINE_NAME}$")
    """The turbine of readings that name none, of a table without a `turbine`, and the simulated
    one, unless a farm is simulated."""
    catalogue: Annotated[Catalogue, NoDecode, BeforeValidator(read_catalogue)] = Field(
        default_factory=read_catalogue, validate_default=False
    )
    """What signals and turbines are; the setting names a file that adds to the shipped one."""
    api_key: HeaderKey | None = Field(default=None, repr=False)
    """Key that every route but `/health` requires, ASCII without spaces; unset, none is needed."""
    concurrency: int = Field(default=80, ge=1)
    """Requests that a process answers at once; PostgreSQL has to allow 25 sessions more."""


def read_settings(**overrides: object) -> Settings:
    """Settings from the environment; raises `SystemExit` with one line on what is wrong."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        problems = describe_problems(error, "FONTE_")
        if "FONTE_DATABASE_URL: Field required" in problems:
            problems += ". `etl serve` and `etl load` use the embedded Fonte and do not need it."
        raise SystemExit(f"fonteapi: {problems}") from None
