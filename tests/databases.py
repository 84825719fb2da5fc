"""Databases for tests on a PostgreSQL server."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

_numbers = itertools.count(1)


@contextmanager
def postgresql_database(server: str, template: str = "template1") -> Iterator[str]:
    """The URL of a new database on ``server``, a copy of ``template`` (a URL or a name) that nobody uses."""
    import psycopg
    from sqlalchemy.engine import make_url

    name = f"t{os.getpid()}_{next(_numbers)}"
    model = make_url(template).database if "://" in template else template
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{model}"')
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
