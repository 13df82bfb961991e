"""What the API reads from its environment."""

from datetime import date

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pgarrow.fields import HeaderKey, PostgresAddress, describe_problems


class Settings(BaseSettings):
    """Settings of the API; each is the environment variable `FONTE_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="FONTE_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: PostgresAddress = Field(repr=False)
    """The source database, `postgresql://user:password@host:port/database`."""
    start_date: date = date(2024, 5, 20)
    """First UTC day of the readings that fill an empty table."""
    days: int = Field(default=10, ge=1, le=3660)
    """Number of days that fill an empty table, 1 to 3660."""
    seed: int | None = Field(default=None, ge=0)
    """Makes the simulated readings the same each time; unset, they are new ones."""
    api_key: HeaderKey | None = Field(default=None, repr=False)
    """What every route but `/health` wants to be shown, ASCII without spaces; unset, nothing."""
    concurrency: int = Field(default=80, ge=1)
    """How many requests a process answers at once; who comes then is asked to try again.

    PostgreSQL has to allow 25 sessions more, each process.
    """


def read_settings(**overrides: object) -> Settings:
    """Settings from the environment, or one line on what is missing or wrong.

    Raises `SystemExit` with that line: a service that is set up wrongly must not start.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        problems = describe_problems(error, "FONTE_")
        hint = "`etl serve` and `etl load` use the embedded Fonte and need none of these."
        raise SystemExit(f"fonteapi: {problems}. {hint}") from None
