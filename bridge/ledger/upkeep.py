"""Looking after the database: a copy of it while it is in use, and whether what is in it can be read."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from bridge.errors import BridgeError
from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.migrating import Revision, revision
from bridge.ledger.rows import row_of

MODE = 0o600


class NotBackedUp(BridgeError):
    """No copy was made; the text says why and what to do."""


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong with the ledger, and what to do."""

    what: str
    advice: str


def backup(database: Database, to: Path) -> None:
    """Write a consistent copy, beside any daemon: a SQLite file, or PostgreSQL's own custom format. Raises ``NotBackedUp``."""
    if to.exists():
        raise NotBackedUp(f"{to} exists already; name another file.")
    if not to.parent.is_dir():
        raise NotBackedUp(f"There is no folder {to.parent}.")
    unfinished = to.with_name(f".{to.name}.part")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_CREAT | os.O_RDWR, MODE))
    try:
        (_copied if database.sqlite else _dumped)(database, unfinished)
        unfinished.replace(to)
    finally:
        unfinished.unlink(missing_ok=True)


def _copied(database: Database, to: Path) -> None:
    """SQLite's online backup: pages written meanwhile are copied again (sqlite.org/backup.html)."""
    name = make_url(database.url).database
    source, target = sqlite3.connect(f"file:{name}?mode=ro", uri=True), sqlite3.connect(to)
    try:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as problem:
        raise NotBackedUp(f"The ledger could not be copied: {problem}.") from problem
    finally:
        source.close()
        target.close()


def _dumped(database: Database, to: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise NotBackedUp(
            "pg_dump is not on this machine: install PostgreSQL's client programs, or back up on the server."
        )
    url = make_url(database.url)
    plain = url.set(drivername="postgresql", password=None).render_as_string()
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    done = subprocess.run(  # noqa: S603 - our own arguments, no shell
        [program, "--format=custom", f"--file={to}", f"--dbname={plain}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotBackedUp(f"pg_dump failed: {done.stderr.strip()}")


def troubles(database: Database) -> Iterator[Trouble]:
    """Everything that is wrong with the ledger; read-only."""
    old = behind(database)
    if old:
        yield old
        return
    if database.sqlite:
        yield from _file_troubles(database)
    yield from _unreadable(database)


def stood(database: Database) -> Revision:
    """Where the schema stands, and this release's."""
    with database.read() as connection:
        return revision(connection)


def behind(database: Database) -> Trouble | None:
    """How far the schema is behind this release's; ``None`` where it is not. A newer one is no trouble, since migrations only add."""
    found = stood(database)
    if found.current or found.newer:
        return None
    return Trouble(
        f"The schema is {found.stands or 'missing'}, this release's is {found.head}.", "Run: ill-bridge db upgrade."
    )


def _file_troubles(database: Database) -> Iterator[Trouble]:
    advice = "Stop the daemon, keep this file, and restore the last backup."
    try:
        with database.read() as connection:
            for (said,) in connection.execute(text("PRAGMA integrity_check")):
                if said != "ok":
                    yield Trouble(f"SQLite says: {said}", advice)
            for row in connection.execute(text("PRAGMA foreign_key_check")):
                yield Trouble(f"A row of table {row[0]} belongs to nothing.", advice)
    except DBAPIError as problem:
        yield Trouble(f"SQLite says: {problem.orig}", advice)


def _unreadable(database: Database) -> Iterator[Trouble]:
    """Requests whose stored text this release cannot read."""
    query = select(schema.request).order_by(schema.request.c.id).execution_options(yield_per=500)
    with database.read() as connection:
        for found in connection.execute(query):
            try:
                row_of(found)
            except (ValidationError, ValueError, KeyError) as problem:
                advice = "Report this as a fault of the bridge; the request is left alone."
                yield Trouble(f"Request R{found.id} ({found.number}) cannot be read: {problem}", advice)


def size(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    with database.read() as connection:
        return {
            name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for name, table in sorted(schema.metadata.tables.items())
        }
