"""Looking after the database: a copy of it while it is in use, and whether what is in it can be read."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url

from bridge.errors import BridgeError
from bridge.ledger import schema
from bridge.ledger.database import SEE_CHECK, Database
from bridge.ledger.migrating import Revision, revision
from bridge.ledger.model import LedgerBusy
from bridge.ledger.rows import row_of

MODE = 0o600
POSTGRES = Path("/usr/lib/postgresql")
DAMAGED = "Stop the daemon, keep this file, and restore the last backup."


class NotBackedUp(BridgeError):
    """No copy was made; the text says why and what to do."""


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong with the ledger, and what to do."""

    what: str
    advice: str


def missing(url: str) -> str:
    """The SQLite file of this address, where it is not there; opening it would make an empty one."""
    parsed = make_url(url)
    path = parsed.database or ""
    return path if parsed.get_backend_name() == "sqlite" and not Path(path).is_file() else ""


def backup(database: Database, to: Path) -> None:
    """Write a consistent copy, beside any daemon: a SQLite file, or PostgreSQL's own custom format. Raises ``NotBackedUp``."""
    if to.exists():
        raise NotBackedUp(f"{to} exists already; name another file.")
    if not to.parent.is_dir():
        raise NotBackedUp(f"There is no folder {to.parent}.")
    unfinished = to.with_name(f".{to.name}.part")
    try:
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, MODE))
        (_copied if database.sqlite else _dumped)(database, unfinished)
        os.link(unfinished, to)  # unlike a rename it replaces nothing
    except OSError as problem:
        raise NotBackedUp(f"{to} cannot be written: {problem.strerror}.") from problem
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _copied(database: Database, to: Path) -> None:
    """SQLite's online backup: pages written meanwhile are copied again (sqlite.org/backup.html)."""
    path = Path(make_url(database.url).database or "").absolute()
    source, target = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True), sqlite3.connect(to)
    try:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as problem:
        raise NotBackedUp(f"The ledger could not be copied: {problem}. See: ill-bridge db check.") from problem
    finally:
        source.close()
        target.close()


def _dumped(database: Database, to: Path) -> None:
    program = shutil.which("pg_dump") or _newest_pg_dump()
    if program is None:
        raise NotBackedUp(
            "pg_dump is not on this machine: install PostgreSQL's client programs, or back up on the server."
        )
    url = make_url(database.url)
    plain = url.set(drivername="postgresql", password=None).render_as_string()
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    done = subprocess.run(  # noqa: S603 - our own arguments, no shell
        [program, "--format=custom", "--no-password", f"--file={to}", f"--dbname={plain}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        older = "version mismatch" in done.stderr
        advice = (
            f" {program} is older than the server: install the client programs of the server's version."
            if older
            else ""
        )
        raise NotBackedUp(f"pg_dump failed: {done.stderr.strip()}{advice}")


def _newest_pg_dump() -> str | None:
    """Debian keeps them by version, outside of PATH."""
    found = {
        int(path.parents[1].name): path for path in POSTGRES.glob("*/bin/pg_dump") if path.parents[1].name.isdigit()
    }
    return str(found[max(found)]) if found else None


def troubles(database: Database) -> Iterator[Trouble]:
    """Everything that is wrong with the ledger; read-only."""
    try:
        old = behind(database)
        if old:
            yield old
            return
        yield from _file_troubles(database) if database.sqlite else ()
        yield from _unreadable(database)
    except LedgerBusy as problem:
        yield Trouble(
            f"{str(problem).removesuffix(SEE_CHECK)}.", DAMAGED if database.sqlite else "See to the database server."
        )


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
    with database.read() as connection:
        for (said,) in connection.execute(text("PRAGMA integrity_check")):
            if said != "ok":
                yield Trouble(f"SQLite says: {said}", DAMAGED)
        for row in connection.execute(text("PRAGMA foreign_key_check")):
            yield Trouble(f"A row of table {row[0]} belongs to nothing.", DAMAGED)


def _unreadable(database: Database) -> Iterator[Trouble]:
    """Requests whose stored text this release cannot read."""
    query = select(schema.request).order_by(schema.request.c.id).execution_options(yield_per=500)
    with database.read() as connection:
        for found in connection.execute(query):
            try:
                row_of(found)
            except (ValidationError, ValueError, KeyError) as problem:
                advice = "Report this as a fault of the bridge; the request is left alone."
                yield Trouble(f"Request R{found.id} ({found.number}) cannot be read: {_briefly(problem)}.", advice)


def _briefly(problem: Exception) -> str:
    """What is wrong, without what stood there: it may name a patron."""
    if not isinstance(problem, ValidationError):
        return type(problem).__name__
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'text'}: {each['msg']}" for each in problem.errors())


def size(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    with database.read() as connection:
        return {
            name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for name, table in sorted(schema.metadata.tables.items())
        }
