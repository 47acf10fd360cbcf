"""Databases for tests: made and dropped on a PostgreSQL server, or migrated once and copied or emptied for each test.

Names hold the id of the process, so that parallel runs on one server do not meet.
"""

from __future__ import annotations

import functools
import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
def postgres_database(server: str, template: str = "template1") -> Iterator[str]:
    """The URL of a new database on this server, empty or a copy of another; dropped at the end, whoever is still connected."""
    name = f"shared_{os.getpid()}_{next(_COUNT)}"
    new = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(plain(server), autocommit=True) as connection:
        connection.execute(new)
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(plain(server), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def migrate(url: str) -> str:
    """Bring a database to the schema of the code; answers its URL. A new SQLite file is a copy of one migrated before."""
    named = make_url(url)
    path = Path(str(named.database))
    if named.drivername == "sqlite" and not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(_migrated_file())
    else:
        _upgrade(url)
    return url


@functools.cache
def _migrated_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        _upgrade(f"sqlite:///{path}")
        return path.read_bytes()


def _upgrade(url: str) -> None:
    ledger = Ledger(url)
    ledger.upgrade()
    ledger.close()


def empty(url: str) -> str:
    """Take all rows out of a migrated PostgreSQL database and number from 1 again; answers its URL."""
    tables = sql.SQL(", ").join(map(sql.Identifier, schema.metadata.tables))
    with psycopg.connect(plain(url), autocommit=True) as connection:
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(tables))
    return url
