"""Libraries: held by staff, or by the bridge itself when it would delete more than it may in an hour."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy import Row as SqlRow
from sqlalchemy.exc import IntegrityError

from bridge.ledger import schema, statements
from bridge.ledger.database import Database
from bridge.ledger.model import Library, Quota, QuotaReached

LIBRARY = schema.library
OVER_QUOTA = "delete_quota"


class Libraries:
    """The libraries' durable state. A library that has no row was never held."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def ensure(self, names: Iterable[str]) -> None:
        """Make a row for each library that has none."""
        with self._database.write() as connection:
            known = set(connection.execute(select(LIBRARY.c.name)).scalars())
            for name in sorted(set(names) - known):
                with suppress(IntegrityError), connection.begin_nested():  # another daemon was quicker
                    connection.execute(insert(LIBRARY).values(name=name))

    def hold(self, name: str, *, until: datetime, why: str, cause: str = "staff") -> bool:
        """Let no work of this library begin until then; answers whether it was free before."""
        self.ensure([name])
        with self._database.write() as connection:
            query = select(LIBRARY.c.held_until).where(LIBRARY.c.name == name).with_for_update()
            before = connection.execute(query).scalar()
            connection.execute(
                update(LIBRARY).where(LIBRARY.c.name == name).values(held_until=until, held_why=why, held_cause=cause)
            )
        return before is None or before <= self._clock()

    def resume(self, name: str, *, why: str = "") -> bool:
        """Let work begin again, with a fresh quota; ``why`` says who did. Answers whether it was held."""
        self.ensure([name])
        now = self._clock()
        with self._database.write() as connection:
            freed = connection.execute(
                update(LIBRARY)
                .where(LIBRARY.c.name == name, LIBRARY.c.held_until > now)
                .values(held_until=None, held_why=why, held_cause="", quota_since=now)
            )
        return freed.rowcount > 0

    def last_said(self, name: str) -> str:
        """Who held the library last, or let it go on, and why; empty where nobody did."""
        with self._database.read() as connection:
            return connection.execute(select(LIBRARY.c.held_why).where(LIBRARY.c.name == name)).scalar() or ""

    def all(self) -> tuple[Library, ...]:
        """Every library that has a row, by name; one whose hold ran out is free."""
        now = self._clock()
        with self._database.read() as connection:
            rows = connection.execute(select(LIBRARY).order_by(LIBRARY.c.name)).all()
        return tuple(library_of(row, now) for row in rows)

    def deletions(self, name: str) -> int:
        """Deletions begun within the quota's hour."""
        now = self._clock()
        with self._database.read() as connection:
            since = connection.execute(select(LIBRARY.c.quota_since).where(LIBRARY.c.name == name)).scalar()
            return _deletions(connection, Quota(name, 0), since, now)


def library_of(row: SqlRow[Any], now: datetime) -> Library:
    """The library in this row; one whose hold ran out is free."""
    if row.held_until is None or row.held_until <= now:
        return Library(row.name)
    return Library(row.name, row.held_until, row.held_why, row.held_cause)


def guard_quota(connection: Connection, quota: Quota, now: datetime) -> None:
    """Raise ``QuotaReached`` where one more deletion would be too many; those of one library take turns here."""
    since = statements.QUOTA.scalar(connection, {"of_library": quota.library})
    done = _deletions(connection, quota, since, now)
    if done >= quota.most:
        raise QuotaReached(
            f"Temporary items of library '{quota.library}' deleted within an hour: {done}; more need a human's word."
        )


def _deletions(connection: Connection, quota: Quota, since: datetime | None, now: datetime) -> int:
    begun = max(now - quota.within, since) if since is not None else now - quota.within
    return int(statements.DELETIONS.scalar(connection, {"begun": begun, "of_library": quota.library}))
