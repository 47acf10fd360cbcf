"""Databases for tests: made and dropped on a PostgreSQL server, or migrated once and emptied for each test.

Names hold the id of the process, so that parallel runs on one server do not meet.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from bridge.ledger import Ledger, schema

SERVER = "ILL_BRIDGE_TEST_POSTGRES"
_COUNT = itertools.count()


def server_url() -> str:
    """The server the environment names; the test is skipped where it names none."""
    return os.environ.get(SERVER) or pytest.skip(f"{SERVER} names no server")


def plain(url: str) -> str:
    """The URL as psycopg itself takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def postgres_database(server: str) -> Iterator[str]:
    """The URL of a new, empty database on this server; dropped at the end, whoever is still connected."""
    name = f"shared_{os.getpid()}_{next(_COUNT)}"
    with psycopg.connect(plain(server), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(plain(server), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def migrate(url: str) -> str:
    """Bring a database to the schema of the code; answers its URL."""
    ledger = Ledger(url)
    ledger.upgrade()
    ledger.close()
    return url


def empty(url: str) -> str:
    """Take all rows out of a migrated PostgreSQL database and number from 1 again; answers its URL."""
    tables = sql.SQL(", ").join(map(sql.Identifier, schema.metadata.tables))
    with psycopg.connect(plain(url), autocommit=True) as connection:
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(tables))
    return url
