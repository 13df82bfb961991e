"""Types for the fields of settings. No message repeats a value: it may be a secret."""

import re
from typing import Annotated, Any

from psycopg2 import ProgrammingError
from psycopg2.extensions import parse_dsn
from pydantic import AfterValidator, ValidationError
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

EXPECTED = "expected postgresql://user:password@host:port/database"
HINT = "; @ in a password is written as %40"


def check_address(address: str) -> str:
    """The address as both drivers take it; libpq parses it, so that all of its forms are known."""
    scheme, _, rest = address.partition("://")
    try:
        if scheme.partition("+")[0] not in ("postgresql", "postgres"):
            raise ArgumentError
        given = parse_dsn(f"postgresql://{rest}")
        host, ports = given.get("host", ""), given.get("port", "").split(",")
        # An @ in a host, or letters in a port, are the rest of a password that is not escaped
        if "@" in host or any(port and not port.isdecimal() for port in ports):
            raise ArgumentError
    except ProgrammingError as error:
        # Only the name of a parameter: other messages of libpq may hold a password
        unknown = re.search(r'invalid URI query parameter: "([a-z_]+)"', str(error))
        got = (
            f"the parameter {unknown[1]}, which libpq does not know" if unknown else "another form"
        )
        raise ValueError(f"{EXPECTED}, got {got}{HINT}") from None
    except ArgumentError:
        raise ValueError(f"{EXPECTED}, got another form{HINT}") from None
    if "," not in host and not host.startswith("/"):
        return f"postgresql://{rest}"
    # SQLAlchemy takes several hosts, and the folder of a socket, as parameters only
    names = {"username": "user", "password": "password", "database": "dbname"}
    parts: dict[str, Any] = {part: given.pop(name, None) for part, name in names.items()}
    return URL.create("postgresql", **parts, query=given).render_as_string(hide_password=False)


def _check_key(key: str) -> str:
    if not all("!" <= letter <= "~" for letter in key):
        raise ValueError("expected ASCII without spaces")
    return key


PostgresAddress = Annotated[str, AfterValidator(check_address)]
"""`postgresql://user:password@host:port/database`."""
HeaderKey = Annotated[str, AfterValidator(_check_key)]
"""A key that an HTTP header can carry."""


def describe_problems(error: ValidationError, prefix: str = "") -> str:
    """One line: each wrong setting, named as its environment variable, and what was expected."""
    return "; ".join(
        f"{prefix}{problem['loc'][0]}".upper() + f": {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False, include_input=False)
    )
