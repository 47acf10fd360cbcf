"""Opening the database: SQLite made durable and kept to one daemon, PostgreSQL as it is."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.pool import ConnectionPoolEntry

from bridge.errors import ConfigurationError
from bridge.ledger.migrating import Revision, migrate
from bridge.ledger.model import LedgerBusy
from bridge.ledger.prepared import executed

SEE_CHECK = ". See: ill-bridge db check"
UPGRADING = 0x111B  # the advisory lock under which daemons on one PostgreSQL take turns to migrate
PATIENCE = 30_000
"""Milliseconds that SQLite waits for another writer."""
SOON = 200
"""The same where it may as well be done later."""
DRIVERS = frozenset({"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"})
A_LOOK = 1.0
"""Seconds for which a daemon waits for the lock on its file: whoever looks whether anybody holds it takes it for a moment."""
NO_DATABASE = (
    "ledger.url: names no database that the ledger can live in; it is sqlite:///FILE, for example "
    "sqlite:////var/lib/ill-bridge/ill-bridge.db, or postgresql+psycopg://USER@HOST/NAME"
)


class Database:
    """A connection pool, and transactions for reading and writing.

    SQLite runs in WAL mode with ``synchronous=FULL``, and with ``secure_delete``, since patrons' data must not outlive their row in free
    pages (sqlite.org/pragma.html#pragma_secure_delete). Its writers take turns in this process, so that none waits on the file's own lock,
    and share one connection, whose cache of pages is therefore always the file's.
    ``refused`` is told of each read or write that the database refuses.
    """

    def __init__(self, url: str, *, password: str = "") -> None:
        parsed = _parsed(url, password)
        self.url = parsed.render_as_string(hide_password=False)
        self.refused: Callable[[str], None] = _nobody
        self._turn = threading.RLock()
        self._writer: Connection | None = None
        self._relaxed = False
        self.engine = _engine(parsed)
        self._closed = False
        event.listen(self.engine, "checkin", self._given_back)
        self.sqlite = self.engine.dialect.name == "sqlite"

    @property
    def shown(self) -> str:
        """Where the database is, as logs may say it: without user, password and options."""
        url = self.engine.url
        return URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()

    @contextmanager
    def write(self, *, relaxed: bool = False) -> Iterator[Connection]:
        """A transaction that writes; committed at its end. Raises ``LedgerBusy`` where the database refuses.

        A ``relaxed`` one does not wait for the disk: a killed process loses nothing, a power cut may lose it together with the relaxed ones
        after it (sqlite.org/pragma.html#pragma_synchronous; postgresql.org/docs/current/wal-async-commit.html). The next one that is not
        relaxed makes it durable with itself. It is for what is found out again where it is lost.
        """
        try:
            with self._written(relaxed=relaxed) if self.sqlite else self._begun(relaxed=relaxed) as connection:
                yield connection
        except (DatabaseError, NoneFree) as problem:
            if not _refusal(problem):
                raise
            self.refused("write")
            raise LedgerBusy(f"The ledger cannot be written: {_said(problem)}") from problem

    @contextmanager
    def _begun(self, *, relaxed: bool) -> Iterator[Connection]:
        with self.engine.begin() as connection:
            if relaxed:
                executed(connection, "SET LOCAL synchronous_commit TO OFF")
            yield connection

    @contextmanager
    def _written(self, *, relaxed: bool) -> Iterator[Connection]:
        with self._turn:
            writer = self._writer = self._writer or self._fresh_writer()
            try:
                if relaxed is not self._relaxed:
                    executed(writer, f"PRAGMA synchronous={'NORMAL' if relaxed else 'FULL'}")
                    self._relaxed = relaxed
                executed(writer, "BEGIN IMMEDIATE")
                try:
                    yield writer
                    executed(writer, "COMMIT")
                except BaseException:
                    _undo(writer)
                    raise
            except DatabaseError:
                self._drop_writer()
                raise

    def _fresh_writer(self) -> Connection:
        """For SQLAlchemy one transaction that never ends: what it does at each begin and end costs as much as the statements between."""
        writer = self.engine.connect().execution_options(writes=True)
        writer.begin()
        self._relaxed = False
        return writer

    def _drop_writer(self) -> None:
        """After trouble, and at the end; the next transaction takes a fresh connection."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.invalidate()
            writer.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        try:
            with self.engine.connect() as connection, connection.begin():
                yield connection
        except (DatabaseError, NoneFree) as problem:
            if not _refusal(problem):
                raise
            self.refused("read")
            raise LedgerBusy(f"The ledger cannot be read: {_said(problem)}") from problem

    def upgrade(self) -> Revision:
        """Bring the schema to this release's version (``migrate``), one daemon at a time; answers where it stood."""
        with self.write() as connection:
            if not self.sqlite:
                connection.execute(select(func.pg_advisory_xact_lock(UPGRADING)))
            return migrate(connection)

    def shorten_log(self) -> bool:
        """Have SQLite's write-ahead log emptied, so that what was overwritten leaves it too; answers whether that was done.

        It is not while somebody reads an older state; PostgreSQL has no such file.
        """
        if not self.sqlite:
            return True
        with self._turn, self.engine.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            try:
                driver.execute(f"PRAGMA busy_timeout={SOON}").close()
                busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                driver.execute(f"PRAGMA busy_timeout={PATIENCE}").close()
        return not busy

    def close(self) -> None:
        """Give back all connections; one that is in use is closed as soon as it is not."""
        self._closed = True
        with self._turn:
            self._drop_writer()
        self.engine.dispose()

    def _given_back(self, _connection: object, entry: ConnectionPoolEntry) -> None:
        if self._closed:
            entry.close()


def _nobody(_doing: str) -> None:
    """For commands and tests."""


def _refusal(problem: DatabaseError | NoneFree) -> bool:
    """Whether the database itself refuses or is damaged; anything else is a fault of ours."""
    return isinstance(problem, OperationalError | NoneFree) or type(problem) is DatabaseError


def _said(problem: DatabaseError | NoneFree) -> str:
    if isinstance(problem, NoneFree):
        return "no connection to it became free"
    return str(problem.orig) if isinstance(problem, OperationalError) else f"{problem.orig}{SEE_CHECK}"


def _parsed(url: str, password: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = URL.create("none")
    if parsed.drivername not in DRIVERS:
        raise ConfigurationError((NO_DATABASE,))
    return parsed.set(password=password) if password and parsed.get_backend_name() != "sqlite" else parsed


def _engine(parsed: URL) -> Engine:
    if parsed.get_backend_name() != "sqlite":
        return _postgresql(parsed)
    if not parsed.database or parsed.database == ":memory:":
        raise ConfigurationError(("ledger.url: the ledger must be a file, e.g. sqlite:///var/ill-bridge.db",))
    _private(Path(parsed.database))
    engine = create_engine(
        parsed,
        pool_size=20,
        max_overflow=20,
        hide_parameters=True,  # an error's text must not name patrons
        connect_args={"timeout": 30, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(url, pool_size=20, max_overflow=20, pool_pre_ping=True, hide_parameters=True)
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            ("ledger.url: PostgreSQL needs its driver: pip install 'ill-bridge[postgres]'",)
        ) from missing


def _private(path: Path) -> None:
    """Make the file readable by its owner only before anything is in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={PATIENCE}",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    """The writer's transactions are begun where they are."""
    if not connection.get_execution_options().get("writes"):
        executed(connection, "BEGIN")


def _undo(writer: Connection) -> None:
    """Roll back, unless SQLite has done so itself (sqlite.org/lang_transaction.html, errors within a transaction)."""
    driver: Any = writer.connection.dbapi_connection
    if driver.in_transaction:
        executed(writer, "ROLLBACK")


class OneDaemon:
    """Holds the lock beside a SQLite file, so that one daemon works on it; PostgreSQL needs none."""

    def __init__(self, url: str) -> None:
        path = make_url(url).database if url.startswith("sqlite") else None
        self._owner = Path(f"{path}.owner") if path else None
        self._lock = FileLock(f"{path}.lock", mode=0o600, thread_local=False) if path else None

    @property
    def exclusive(self) -> bool:
        """Whether holding it means that nobody else works on the ledger."""
        return self._lock is not None

    def take(self) -> None:
        """Take the lock; taking what one holds changes nothing. Raises ``LedgerBusy`` naming who has it."""
        if self._lock is None or self._owner is None or self._lock.is_locked:
            return
        try:
            self._lock.acquire(timeout=A_LOOK)
        except Timeout as taken:
            raise LedgerBusy(f"The ledger is in use by {self.holder()}: stop it first, or use another file.") from taken
        self._owner.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")

    def holder(self) -> str:
        """Who holds it, as far as they said."""
        if self._owner is None or not self._owner.exists():
            return "another process"
        return self._owner.read_text(encoding="utf-8").strip() or "another process"

    def free(self) -> bool:
        """Whether nobody holds the lock now."""
        if self._lock is None:
            return True
        if self._lock.is_locked:
            return False
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        self._lock.release()
        return True

    def give_back(self) -> None:
        """Let go of the lock."""
        if self._lock is not None and self._owner is not None and self._lock.is_locked:
            self._owner.unlink(missing_ok=True)
            self._lock.release()
