"""ILL accounts: what each ILS last said of the accounts that items are checked out to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bridge.domain.attention import IllAccount
from bridge.ledger import schema
from bridge.ledger.database import Database

ACCOUNT = schema.ill_account


class Accounts:
    """One row an account and lane; asked by one daemon at a time."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def ensure(self, lane: str, names: Iterable[str]) -> None:
        """Keep exactly these accounts of a lane; a new one is to be asked at once."""
        wanted = set(names)
        with self._database.write() as connection:
            known = set(connection.execute(select(ACCOUNT.c.name).where(ACCOUNT.c.lane == lane)).scalars())
            for name in sorted(wanted - known):
                with suppress(IntegrityError), connection.begin_nested():  # another daemon was quicker
                    connection.execute(insert(ACCOUNT).values(lane=lane, name=name, ask_at=self._clock()))
            gone = (ACCOUNT.c.lane == lane, ACCOUNT.c.name.in_(known - wanted))
            connection.execute(delete(ACCOUNT).where(*gone))

    def take(self, lane: str, *, next_at: datetime) -> str | None:
        """Take an account of this lane that is to be asked now, and note when it is asked again; ``None``: there is none."""
        due = (ACCOUNT.c.lane == lane, ACCOUNT.c.ask_at <= self._clock())
        query = select(ACCOUNT.c.name).where(*due).order_by(ACCOUNT.c.name).limit(1).with_for_update(skip_locked=True)
        with self._database.write() as connection:
            name: str | None = connection.execute(query).scalar()
            if name is not None:
                mine = (ACCOUNT.c.lane == lane, ACCOUNT.c.name == name)
                connection.execute(update(ACCOUNT).where(*mine).values(ask_at=next_at))
        return name

    def ask_again(self, lane: str, name: str, *, at: datetime) -> None:
        """Ask about an account then; the ILS did not answer."""
        with self._database.write() as connection:
            mine = (ACCOUNT.c.lane == lane, ACCOUNT.c.name == name)
            connection.execute(update(ACCOUNT).where(*mine).values(ask_at=at))

    def learned(self, lane: str, name: str, *, expires: date | None, problem: str) -> None:
        """Note what the ILS said."""
        values = {"asked_at": self._clock(), "expires": expires.isoformat() if expires else "", "problem": problem}
        with self._database.write() as connection:
            connection.execute(update(ACCOUNT).where(ACCOUNT.c.lane == lane, ACCOUNT.c.name == name).values(values))

    def all(self) -> tuple[IllAccount, ...]:
        """Every account that was asked about, by lane and name."""
        query = select(ACCOUNT).where(ACCOUNT.c.asked_at.is_not(None)).order_by(ACCOUNT.c.lane, ACCOUNT.c.name)
        with self._database.read() as connection:
            return tuple(
                IllAccount(
                    row.lane,
                    row.name,
                    date.fromisoformat(row.expires) if row.expires else None,
                    row.problem,
                    row.asked_at,
                )
                for row in connection.execute(query)
            )
