"""Temporary items whose loan by the desk is watched: when to look who has one, and whose an item is that the ILS tells of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, delete, exists, insert, or_, select, update

from bridge.domain.identity import Role
from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.model import Claimed, Look, State, Verdict
from bridge.ledger.statements import HELD_LIBRARIES

REQUEST = schema.request
WATCH = schema.loan_watch
ENDED = (State.CLOSED.value, State.FORGOTTEN.value)
LEFT_ALONE = (*ENDED, State.OBSERVED.value)
RECEIVED = REQUEST.c.status.like("received%")


class Watches:
    """What is watched. The rows are written as requests are released (``keep_watches``)."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def take_up(self, libraries: Sequence[str]) -> int:
        """Plan anew what was received and in step in these libraries before they aligned due dates; answers how many requests.

        What of requests that ended is still on the list goes.
        """
        watched = exists().where(WATCH.c.request_id == REQUEST.c.id)
        mine = (REQUEST.c.library.in_(libraries), REQUEST.c.role == Role.BORROWER.value, RECEIVED)
        ended = select(REQUEST.c.id).where(REQUEST.c.state.in_(ENDED))
        due = {"state": State.DUE.value, "due_at": self._clock(), "backlog": 1}
        with self._database.write() as connection:
            connection.execute(delete(WATCH).where(WATCH.c.request_id.in_(ended)))
            query = update(REQUEST).where(REQUEST.c.state == State.IN_STEP.value, *mine, ~watched).values(due)
            return connection.execute(query).rowcount

    def fall_due(self, lane: str, libraries: Sequence[str], *, most: int) -> int:
        """Make so many requests of these libraries due whose items are to be looked at now, behind live work; answers how many."""
        now = self._clock()
        unheld = or_(REQUEST.c.lease_until.is_(None), REQUEST.c.lease_until <= now)
        free = and_(unheld, REQUEST.c.state == State.IN_STEP.value)
        query = (
            select(REQUEST.c.id)
            .join(WATCH, WATCH.c.request_id == REQUEST.c.id)
            .where(WATCH.c.lane == lane, schema.TO_LOOK, WATCH.c.look_at <= now, free)
            .where(REQUEST.c.library.in_(libraries), REQUEST.c.library.not_in(HELD_LIBRARIES.params(now=now)))
            .order_by(WATCH.c.look_at)
            .limit(most)
            .with_for_update(skip_locked=True, of=REQUEST)
        )
        due = {"state": State.DUE.value, "due_at": now, "backlog": 1, "look": Look.UNSETTLED.value}
        due |= {"version": REQUEST.c.version + 1}
        with self._database.write() as connection:
            found = set(connection.execute(query).scalars())
            if found:
                connection.execute(update(REQUEST).where(REQUEST.c.id.in_(found), free).values(due))
        return len(found)

    def told(self, lane: str, *, item: str, barcode: str) -> tuple[int, ...]:
        """The ILS tells of a loan of this item: the requests it belongs to are looked at, at once; none, where it is not ours.

        Durable when this returns.
        """
        now = self._clock()
        names = [WATCH.c.item == item] if item else []
        names += [WATCH.c.barcode == barcode] if barcode else []
        if not names:
            return ()
        query = select(WATCH.c.request_id).where(WATCH.c.lane == lane, or_(*names)).distinct()
        news = {"state": State.DUE.value, "due_at": now, "backlog": 0, "look": Look.ALL.value, "updated_at": now}
        with self._database.read() as connection:  # most loans of an institution are not ours
            found = set(connection.execute(query).scalars())
        if not found:
            return ()
        open_ones = and_(REQUEST.c.id.in_(found), REQUEST.c.state.not_in(LEFT_ALONE))
        with self._database.write() as connection:
            changed = update(REQUEST).where(open_ones).values(news | {"version": REQUEST.c.version + 1})
            return tuple(sorted(connection.execute(changed.returning(REQUEST.c.id)).scalars()))


def keep_watches(connection: Connection, held: Claimed, verdict: Verdict) -> None:
    """Watch from now on what a verdict names."""
    mine = WATCH.c.request_id == held.row.id
    before = {(row.item, row.barcode): row.look_at for row in connection.execute(select(WATCH).where(mine))}
    after: dict[tuple[str, str], datetime | None] = {}
    for watch in verdict.watches or ():
        coming = before.get((watch.item, watch.barcode))
        stays = coming is not None and watch.look_at is not None and not verdict.looked
        after[watch.item, watch.barcode] = coming if stays else watch.look_at
    if after == before:
        return
    connection.execute(delete(WATCH).where(mine))
    for (item, barcode), look_at in after.items():
        values = {"request_id": held.row.id, "item": item, "barcode": barcode}
        connection.execute(insert(WATCH).values(**values, lane=held.row.lane, look_at=look_at))
