"""Addresses of databases in each form that libpq has, with both drivers."""

from urllib.parse import quote

import pytest
from helpers import closing_engine
from sqlalchemy import make_url

from pgarrow.bulk import bulk_cursor
from pgarrow.fields import check_address

FORMS = {
    "postgres": "postgres://postgres@/{name}?host={folder}",
    "driver": "postgresql+psycopg2://postgres@/{name}?host={folder}",
    "folder in the host": "postgresql://postgres@{quoted}/{name}",
    "several hosts": "postgresql://postgres@127.0.0.1:1,{quoted}:5432/{name}",
    "several hosts as a parameter": "postgresql://postgres@/{name}?host=/nowhere,{folder}",
    "hosts and ports": "postgresql://postgres@/{name}?host=/nowhere,{folder}&port=1,5432",
    "all as parameters": "postgresql:///?user=postgres&dbname={name}&host={folder}",
    "options": "postgresql://postgres@/{name}?host={folder}&options=-csearch_path%3Dscada",
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(alvo_url: str, form: str) -> None:
    """Each form leads both drivers to the same database, with its options."""
    url = make_url(alvo_url)
    folder, name = str(url.query["host"]), str(url.database)
    given = FORMS[form].format(folder=folder, quoted=quote(folder, safe=""), name=name)
    question = "SELECT current_database() || ' ' || current_setting('search_path')"
    path = "scada" if form == "options" else '"$user", public'
    with closing_engine(check_address(given)) as engine:
        with engine.connect() as connection:
            assert connection.exec_driver_sql(question).scalar() == f"{name} {path}"
        with bulk_cursor(engine) as cursor:
            cursor.execute(question)
            assert cursor.fetchall() == [(f"{name} {path}",)]


@pytest.mark.parametrize(
    ("given", "got"),
    [
        ("postgresql://h/db?pgbouncer=true", "the parameter pgbouncer, which libpq does not know"),
        ("postgresql://h/db?schema=scada", "the parameter schema, which libpq does not know"),
        ("jdbc:postgresql://h/db", "another form"),
        ("host=h dbname=db", "another form"),
        ("mysql://h/db", "another form"),
        ("postgresql://u:s3cr3t@word@h/db", "another form"),
        ("postgresql://u:a@b:s3cr3t@h/db", "another form"),
    ],
)
def test_refusals(given: str, got: str) -> None:
    """What libpq does not take is named for what it is, without a value."""
    with pytest.raises(ValueError, match=f"expected postgresql://.*, got {got};") as refusal:
        check_address(given)
    assert "s3cr3t" not in str(refusal.value)
