"""Orders of staff: rows that a running daemon carries out, so that commands work beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row as SqlRow
from sqlalchemy import func, insert, or_, select, update

from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.model import NewOrder, Order

ORDER = schema.order
SOME = 500


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

    def open(self) -> tuple[Order, ...]:
        """Orders not carried out yet, single ones before those of a batch, oldest first; some hundreds at most."""
        waiting = select(ORDER).where(ORDER.c.done_at.is_(None))
        with self._database.read() as connection:
            rows = connection.execute(waiting.order_by(ORDER.c.batch != "", ORDER.c.id).limit(SOME)).all()
        return tuple(_order(row) for row in rows)

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

    def withdraw(self, batch: str) -> int:
        """Take back the orders of a batch that were not carried out; answers how many."""
        with self._database.write() as connection:
            query = update(ORDER).where(ORDER.c.batch == batch, ORDER.c.done_at.is_(None))
            return connection.execute(query.values(done_at=self._clock(), answer="", failed=True)).rowcount

    def one(self, order_id: int) -> Order:
        """An order by its id."""
        with self._database.read() as connection:
            return _order(connection.execute(select(ORDER).where(ORDER.c.id == order_id)).one())

    def take(self, order_id: int, *, patience: timedelta = timedelta(minutes=2)) -> bool:
        """Take an open order, so that nobody else carries it out too; one whose taker fell silent is free again."""
        now = self._clock()
        free = or_(ORDER.c.taken_at.is_(None), ORDER.c.taken_at <= now - patience)
        with self._database.write() as connection:
            query = update(ORDER).where(ORDER.c.id == order_id, ORDER.c.done_at.is_(None), free)
            return connection.execute(query.values(taken_at=now)).rowcount > 0

    def give_back(self, order_id: int) -> None:
        """Let somebody take it later: its request is being worked on."""
        with self._database.write() as connection:
            connection.execute(update(ORDER).where(ORDER.c.id == order_id).values(taken_at=None))

    def answer(self, order_id: int, text: str, *, failed: bool = False) -> None:
        """Note that an order was carried out, and what came of it."""
        with self._database.write() as connection:
            connection.execute(
                update(ORDER).where(ORDER.c.id == order_id).values(done_at=self._clock(), answer=text, failed=failed)
            )


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
