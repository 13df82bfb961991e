"""What the API reads from its environment."""

from datetime import date

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


class Settings(BaseSettings):
    """Settings of the API; each is the environment variable `FONTE_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="FONTE_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: str = Field(repr=False)
    """The source database, `postgresql://user:password@host:port/database`."""
    start_date: date = date(2024, 5, 20)
    """First UTC day of the readings that fill an empty table."""
    days: int = Field(default=10, ge=1, le=3660)
    """Number of days that fill an empty table, 1 to 3660."""
    seed: int | None = Field(default=None, ge=0)
    """Makes the simulated readings the same each time; unset, they are new ones."""
    api_key: str | None = Field(default=None, repr=False)
    """What every route but `/health` wants to be shown, ASCII without spaces; unset, nothing."""
    concurrency: int = Field(default=80, ge=1)
    """How many requests a process answers at once; who comes then is asked to try again.

    PostgreSQL has to allow 25 sessions more, each process.
    """

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: str | None) -> str | None:
        if key and not all("!" <= letter <= "~" for letter in key):
            raise ValueError("expected ASCII without spaces")
        return key

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: str) -> str:
        try:
            given = make_url(url)
            backend = given.get_backend_name()
            if backend == "postgresql" and "@" not in (given.host or ""):
                return url
        except (ArgumentError, ValueError):  # ValueError: the port, with it an unescaped password
            backend = "no database address"
        # The address itself stays out of the message: it may hold a password
        raise ValueError(
            f"expected postgresql://user:password@host:port/database, got {backend};"
            " @ in a password is written as %40"
        )


def read_settings(**overrides: object) -> Settings:
    """Settings from the environment, or one line on what is missing or wrong.

    Raises `SystemExit` with that line: a service that is set up wrongly must not start.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        problems = "; ".join(
            f"FONTE_{str(problem['loc'][0]).upper()}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        hint = "`etl serve` and `etl load` use the embedded Fonte and need none of these."
        raise SystemExit(f"fonteapi: {problems}. {hint}") from None
