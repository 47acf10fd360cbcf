"""Who works on a PostgreSQL ledger: daemons tell that they live, since no lock beside a file can say it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from bridge.ledger import schema
from bridge.ledger.database import Database

META = schema.meta
DAEMON = "daemon:"
SILENT = timedelta(seconds=20)
"""After so long without a word a daemon counts as gone."""
AHEAD = timedelta(minutes=1)
"""By how much another machine's clock may be ahead of ours."""


class Presence:
    """The daemons that live, each by a row with the moment of its last word."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def tell(self, owner: str) -> None:
        """This daemon lives."""
        name, moment = _name(owner), self._clock().isoformat()
        with self._database.write() as connection:
            told = connection.execute(update(META).where(META.c.name == name).values(value=moment))
            if told.rowcount == 0:
                connection.execute(insert(META).values(name=name, value=moment))

    def withdraw(self, owner: str) -> None:
        """This daemon stops."""
        with self._database.write() as connection:
            connection.execute(delete(META).where(META.c.name == _name(owner)))

    def lives(self) -> bool:
        """Whether any daemon works on the ledger now; a word by a clock that was set back since is none."""
        with self._database.read() as connection:
            told = connection.execute(select(META.c.value).where(META.c.name.startswith(DAEMON))).scalars().all()
        now = self._clock()
        return any(now - SILENT < datetime.fromisoformat(moment) < now + AHEAD for moment in told)


def _name(owner: str) -> str:
    return DAEMON + hashlib.sha256(owner.encode()).hexdigest()[:16]
