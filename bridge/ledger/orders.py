"""Orders of staff: rows that a running daemon carries out, so that commands work beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update
from sqlalchemy import Row as SqlRow

from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.model import NewOrder, Order

ORDER = schema.order
REQUEST = schema.request
META = schema.meta
TAKEN_BACK = and_(ORDER.c.done_at.is_not(None), ORDER.c.answer == "")
SOME = 500
SHOWN = 5
WATCH = "watch:"
SILENT = timedelta(minutes=2)
"""After this an order that was begun and not ended counts as not begun: whoever carried it out is no more."""
UNWATCHED = timedelta(minutes=1)
"""After this a batch of which nobody said that he still waits for it is taken back."""


class Orders:
    """Given by commands, carried out by the daemon (or by the command itself where none runs)."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def give(self, order: NewOrder) -> int:
        """Write an order; answers its id."""
        with self._database.write() as connection:
            query = insert(ORDER).values(self._values(order, "")).returning(ORDER.c.id)
            return int(connection.execute(query).scalar_one())

    def give_all(self, orders: Sequence[NewOrder], *, batch: str) -> None:
        """Write the orders that one command gives together, under the name of their batch."""
        if orders:
            with self._database.write() as connection:
                connection.execute(insert(ORDER), [self._values(order, batch) for order in orders])

    def _values(self, order: NewOrder, batch: str) -> dict[str, object]:
        return {
            "kind": order.kind,
            "request_id": order.request_id,
            "options": order.options,
            "given_at": self._clock(),
            "given_by": order.given_by,
            "batch": batch,
        }

    def any(self) -> bool:
        """Whether any order waits; asked often, so that it costs next to nothing."""
        with self._database.read() as connection:
            return connection.execute(select(ORDER.c.id).where(ORDER.c.done_at.is_(None)).limit(1)).first() is not None

    def open(self, *, batch: str | None = None) -> tuple[Order, ...]:
        """Orders not carried out yet, oldest first, some hundreds at most: of this batch where one is named ("": single ones)."""
        waiting = select(ORDER).where(ORDER.c.done_at.is_(None))
        if batch is not None:
            waiting = waiting.where(ORDER.c.batch == batch)
        with self._database.read() as connection:
            rows = connection.execute(waiting.order_by(ORDER.c.id).limit(SOME)).all()
        return tuple(_order(row) for row in rows)

    def next_of_batch(self, *, lanes_closed: Collection[str] = ()) -> Order | None:
        """The oldest order of any batch that can be carried out now: nobody holds its request, its library is not held, its lane not
        among these."""
        now = self._clock()
        held = select(schema.library.c.name).where(schema.library.c.held_until > now)
        workable = and_(
            REQUEST.c.lane.not_in(lanes_closed),
            REQUEST.c.library.not_in(held),
            or_(REQUEST.c.lease_until.is_(None), REQUEST.c.lease_until <= now),
        )
        query = (
            select(ORDER)
            .join(REQUEST, REQUEST.c.id == ORDER.c.request_id, isouter=True)
            .where(ORDER.c.done_at.is_(None), ORDER.c.batch != "", _free(now), or_(REQUEST.c.id.is_(None), workable))
            .order_by(ORDER.c.id)
            .limit(1)
        )
        with self._database.read() as connection:
            found = connection.execute(query).first()
        return _order(found) if found is not None else None

    def of(self, batch: str) -> tuple[Order, ...]:
        """All orders of a batch, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(ORDER).where(ORDER.c.batch == batch).order_by(ORDER.c.id)).all()
        return tuple(_order(row) for row in rows)

    def left(self, batch: str) -> int:
        """How many orders of a batch were not carried out yet."""
        query = select(func.count()).where(ORDER.c.batch == batch, ORDER.c.done_at.is_(None))
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def watch(self, batch: str) -> None:
        """Note that the command that gave this batch still lives; without that for a while its orders are taken back."""
        moment = self._clock().isoformat()
        with self._database.write() as connection:
            query = update(META).where(META.c.name == _watch(batch)).values(value=moment)
            if not connection.execute(query).rowcount:
                connection.execute(insert(META).values(name=_watch(batch), value=moment))

    def unwatch(self, batch: str) -> None:
        """The command that gave this batch has ended."""
        with self._database.write() as connection:
            connection.execute(delete(META).where(META.c.name == _watch(batch)))

    def watched(self, batch: str) -> bool:
        """Whether the command that gave this batch still lives."""
        with self._database.read() as connection:
            seen = connection.execute(select(META.c.value).where(META.c.name == _watch(batch))).scalar()
        return seen is not None and datetime.fromisoformat(seen) > self._clock() - UNWATCHED

    def withdraw_unwatched(self) -> dict[str, int]:
        """Take back what commands left that are no longer there (killed, or the machine went down); answers how many of which batch."""
        waiting = select(ORDER.c.batch).where(ORDER.c.done_at.is_(None), ORDER.c.batch != "").distinct()
        with self._database.read() as connection:
            given = set(connection.execute(waiting).scalars())
            watches = connection.execute(select(META.c.name).where(META.c.name.startswith(WATCH))).scalars()
            watched = {name.removeprefix(WATCH) for name in watches}
        gone = sorted(batch for batch in given | watched if not self.watched(batch))
        counts = {batch: self.withdraw(batch) for batch in gone}
        for batch in gone:
            self.unwatch(batch)
        return {batch: count for batch, count in counts.items() if count}

    def withdraw(self, batch: str, *, begun: bool = False) -> int:
        """Take back the orders of a batch that nobody has begun (``begun``: the caller's own too); answers how many."""
        wanted = ORDER.c.batch == batch
        return self._take_back(wanted if begun else and_(wanted, _free(self._clock())))

    def take_back(self, order_id: int) -> bool:
        """Take back one order; answers whether nobody had begun it."""
        return self._take_back(and_(ORDER.c.id == order_id, _free(self._clock()))) > 0

    def _take_back(self, wanted: ColumnElement[bool]) -> int:
        now = self._clock()
        with self._database.write() as connection:
            query = update(ORDER).where(wanted, ORDER.c.done_at.is_(None))
            return connection.execute(query.values(done_at=now, answer="", failed=True)).rowcount

    def resumed(self, batch: str, answer: str) -> None:
        """What of this batch was taken back is given anew, which is noted as its answer."""
        with self._database.write() as connection:
            connection.execute(update(ORDER).where(ORDER.c.batch == batch, TAKEN_BACK).values(answer=answer))

    def under_way(self, kind: str) -> tuple[str, ...]:
        """Batches of this kind that are still being carried out."""
        mine = ORDER.c.batch.startswith(f"{kind}-", autoescape=True)
        with self._database.read() as connection:
            query = select(ORDER.c.batch).where(mine, ORDER.c.done_at.is_(None)).distinct().order_by(ORDER.c.batch)
            return tuple(connection.execute(query).scalars())

    def interrupted(self, kind: str) -> dict[str, int]:
        """Batches of this kind of which something was taken back, the latest first, and how many orders; some at most."""
        mine = ORDER.c.batch.startswith(f"{kind}-", autoescape=True)
        query = select(ORDER.c.batch, func.count()).where(mine, TAKEN_BACK).group_by(ORDER.c.batch)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(func.max(ORDER.c.id).desc()).limit(SHOWN)).all()
        return {batch: int(count) for batch, count in rows}

    def one(self, order_id: int) -> Order:
        """An order by its id."""
        with self._database.read() as connection:
            return _order(connection.execute(select(ORDER).where(ORDER.c.id == order_id)).one())

    def take(self, order_id: int) -> bool:
        """Take an open order, so that nobody else carries it out too; one whose taker fell silent is free again."""
        now = self._clock()
        with self._database.write() as connection:
            query = update(ORDER).where(ORDER.c.id == order_id, ORDER.c.done_at.is_(None), _free(now))
            return connection.execute(query.values(taken_at=now)).rowcount > 0

    def give_back(self, order_id: int) -> None:
        """Let somebody take it later: its request is being worked on."""
        with self._database.write() as connection:
            connection.execute(update(ORDER).where(ORDER.c.id == order_id).values(taken_at=None))

    def free_all(self) -> int:
        """Free every order that was taken and not ended; for who holds the file's lock, so that nobody else can be carrying one out."""
        with self._database.write() as connection:
            query = update(ORDER).where(ORDER.c.taken_at.is_not(None), ORDER.c.done_at.is_(None))
            return connection.execute(query.values(taken_at=None)).rowcount

    def answer(self, order_id: int, text: str, *, failed: bool = False) -> None:
        """Note that an order was carried out, and what came of it."""
        with self._database.write() as connection:
            connection.execute(
                update(ORDER).where(ORDER.c.id == order_id).values(done_at=self._clock(), answer=text, failed=failed)
            )


def _free(now: datetime) -> ColumnElement[bool]:
    """Whether nobody has begun an order, or who had begun it fell silent."""
    return or_(ORDER.c.taken_at.is_(None), ORDER.c.taken_at <= now - SILENT)


def _watch(batch: str) -> str:
    return f"{WATCH}{batch}"


def _order(row: SqlRow[Any]) -> Order:
    return Order(
        row.id,
        row.kind,
        row.request_id,
        row.options,
        row.given_by,
        row.answer,
        bool(row.failed),
        row.done_at,
        row.batch,
    )
