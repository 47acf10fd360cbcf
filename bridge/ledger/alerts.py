"""What people were told, and what they are still to be told: remembered, so that a restart neither repeats nor loses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlalchemy import Row as SqlRow
from sqlalchemy.exc import IntegrityError

from bridge.ledger import schema
from bridge.ledger.database import Database

ALERT = schema.alert
NOTICE = schema.notice
META = schema.meta
DIGESTED = "digested"


@dataclass(frozen=True)
class Episode:
    """A trouble while it stands, or once it is over (``ended_at``). ``told`` counts its notices; ``document``: the trouble as last told."""

    id: int
    subject: str
    kind: str
    library: str
    cause: str
    document: str
    seen_at: datetime
    told_at: datetime | None = None
    told: int = 0
    ended_at: datetime | None = None


@dataclass(frozen=True)
class NewNotice:
    """A notice for one channel; ``audience`` is the library whose people are told, or empty for the general ones."""

    key: str
    channel: str
    audience: str
    kind: str
    at: datetime
    document: str


@dataclass(frozen=True)
class KeptNotice:
    """A notice of the ledger."""

    id: int
    key: str
    channel: str
    audience: str
    kind: str
    at: datetime
    document: str
    tries: int
    due_at: datetime
    problem: str


class Alerts:
    """Troubles and notices. What a trouble's step and its notices say is written in one transaction; of two daemons one writes it."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def digested(self) -> datetime:
        """The moment the latest digest was due, or (before the first) since when anybody is told anything: when this is first asked."""
        query = select(META.c.value).where(META.c.name == DIGESTED)
        with self._database.write() as connection:
            if connection.execute(query).scalar() is None:
                with suppress(IntegrityError), connection.begin_nested():  # another daemon was quicker
                    connection.execute(insert(META).values(name=DIGESTED, value=self._clock().isoformat()))
            return datetime.fromisoformat(connection.execute(query).scalar_one())

    def digest(self, due: datetime, notices: Sequence[NewNotice], *, last: datetime) -> bool:
        """Note that the digest of this moment is made, with its notices; answers whether nobody else made it since ``last``."""
        mine = (META.c.name == DIGESTED, META.c.value == last.isoformat())
        with self._database.write() as connection:
            if not connection.execute(update(META).where(*mine).values(value=due.isoformat())).rowcount:
                return False
            _post(connection, notices, self._clock())
        return True

    def standing(self) -> tuple[Episode, ...]:
        """Troubles that stand, oldest first."""
        return self._episodes(ALERT.c.ended_at.is_(None))

    def ended(self, since: datetime) -> tuple[Episode, ...]:
        """Troubles that ended since then, oldest first."""
        return self._episodes(ALERT.c.ended_at >= since)

    def _episodes(self, wanted: Any) -> tuple[Episode, ...]:  # noqa: ANN401 - an expression
        with self._database.read() as connection:
            rows = connection.execute(select(ALERT).where(wanted).order_by(ALERT.c.id)).all()
        return tuple(Episode(**row._mapping) for row in rows)  # noqa: SLF001 - SQLAlchemy's public name

    def begin(self, episode: Episode) -> bool:
        """Remember a new trouble; answers whether it was not known."""
        values = {
            "subject": episode.subject,
            "kind": episode.kind,
            "library": episode.library,
            "cause": episode.cause,
            "document": episode.document,
            "seen_at": episode.seen_at,
        }
        try:
            with self._database.write() as connection:
                connection.execute(insert(ALERT).values(values))
        except IntegrityError:
            return False
        return True

    def tell(self, episode: Episode, *, at: datetime, cause: str, document: str, notices: Sequence[NewNotice]) -> bool:
        """Note that a trouble is told as it stood then, with the notices that tell it; answers whether nobody else told it meanwhile."""
        values = {"told_at": at, "told": episode.told + 1, "cause": cause, "document": document}
        mine = (ALERT.c.id == episode.id, ALERT.c.told == episode.told, ALERT.c.ended_at.is_(None))
        with self._database.write() as connection:
            if not connection.execute(update(ALERT).where(*mine).values(values)).rowcount:
                return False
            _post(connection, notices, self._clock())
        return True

    def end(self, episode: Episode, notices: Sequence[NewNotice]) -> bool:
        """Note that a trouble is over, with the notices that tell it; answers whether it still stood."""
        now = self._clock()
        mine = (ALERT.c.id == episode.id, ALERT.c.ended_at.is_(None))
        with self._database.write() as connection:
            if not connection.execute(update(ALERT).where(*mine).values(ended_at=now)).rowcount:
                return False
            _post(connection, notices, now)
        return True

    def unsent(self) -> tuple[KeptNotice, ...]:
        """Notices still to be sent, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(NOTICE).where(schema.UNSENT).order_by(NOTICE.c.id)).all()
        return tuple(_notice(row) for row in rows)

    def take(self, channels: Iterable[str], *, patience: timedelta) -> KeptNotice | None:
        """Take the oldest notice that is due on one of these channels; nobody else sends it until ``patience`` is over."""
        now = self._clock()
        free = or_(NOTICE.c.taken_until.is_(None), NOTICE.c.taken_until <= now)
        due = (schema.UNSENT, NOTICE.c.due_at <= now, NOTICE.c.channel.in_(list(channels)), free)
        query = select(NOTICE).where(*due).order_by(NOTICE.c.id).limit(1).with_for_update(skip_locked=True)
        with self._database.write() as connection:
            found = connection.execute(query).first()
            if found is None:
                return None
            connection.execute(update(NOTICE).where(NOTICE.c.id == found.id).values(taken_until=now + patience))
        return _notice(found)

    def sent(self, notice: KeptNotice) -> None:
        """It was delivered."""
        self._mark(notice, sent_at=self._clock(), problem="")

    def put_off(self, notice: KeptNotice, *, until: datetime, problem: str) -> None:
        """It was not taken; try again then."""
        self._mark(notice, due_at=until, tries=notice.tries + 1, taken_until=None, problem=problem)

    def drop(self, notice: KeptNotice, problem: str) -> None:
        """Try no more."""
        self._mark(notice, dropped_at=self._clock(), problem=problem)

    def _mark(self, notice: KeptNotice, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(update(NOTICE).where(NOTICE.c.id == notice.id).values(values))

    def forget(self, before: datetime) -> None:
        """Forget what ended, or was sent or dropped, before then."""
        with self._database.write() as connection:
            connection.execute(delete(ALERT).where(ALERT.c.ended_at < before))
            done = func.coalesce(NOTICE.c.sent_at, NOTICE.c.dropped_at)
            connection.execute(delete(NOTICE).where(NOTICE.c.at < before, done < before))


def _post(connection: Connection, notices: Sequence[NewNotice], now: datetime) -> None:
    rows = [
        {
            "key": each.key,
            "channel": each.channel,
            "audience": each.audience,
            "kind": each.kind,
            "at": each.at,
            "document": each.document,
            "due_at": now,
        }
        for each in notices
    ]
    if rows:
        connection.execute(insert(NOTICE), rows)


def _notice(row: SqlRow[Any]) -> KeptNotice:
    return KeptNotice(
        row.id,
        row.key,
        row.channel,
        row.audience,
        row.kind,
        row.at,
        row.document,
        row.tries,
        row.due_at,
        row.problem,
    )
