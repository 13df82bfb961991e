"""Types for the fields of settings. No message repeats a value: it may be a secret."""

from typing import Annotated

from pydantic import AfterValidator, ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


def _check_address(address: str) -> str:
    try:
        url = make_url(address)
        got = url.get_backend_name()
        # An @ in the host is the rest of a password that is not escaped
        if got == "postgresql" and "@" not in (url.host or ""):
            return address
    except (ArgumentError, ValueError):  # ValueError: the port is part of such a password
        got = "no database address"
    raise ValueError(
        f"expected postgresql://user:password@host:port/database, got {got};"
        " @ in a password is written as %40"
    )


def _check_key(key: str) -> str:
    if not all("!" <= letter <= "~" for letter in key):
        raise ValueError("expected ASCII without spaces")
    return key


PostgresAddress = Annotated[str, AfterValidator(_check_address)]
"""`postgresql://user:password@host:port/database`."""
HeaderKey = Annotated[str, AfterValidator(_check_key)]
"""A key that an HTTP header can carry."""


def describe_problems(error: ValidationError, prefix: str = "") -> str:
    """One line: each wrong setting, named as its environment variable, and what was expected."""
    return "; ".join(
        f"{prefix}{problem['loc'][0]}".upper() + f": {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False, include_input=False)
    )
