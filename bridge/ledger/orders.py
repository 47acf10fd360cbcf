"""Orders of staff: rows that a running daemon carries out, so that commands work beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Row as SqlRow
from sqlalchemy import insert, select, update

from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.model import Order

ORDER = schema.order


class Orders:
    """Given by commands, carried out by the daemon (or by the command itself where none runs)."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def give(self, kind: str, *, request_id: int | None, options: str = "{}", by: str = "") -> int:
        """Write an order; answers its id."""
        values = {"kind": kind, "request_id": request_id, "options": options, "given_at": self._clock(), "given_by": by}
        with self._database.write() as connection:
            return int(connection.execute(insert(ORDER).values(values).returning(ORDER.c.id)).scalar_one())

    def open(self) -> tuple[Order, ...]:
        """Orders not carried out yet, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(ORDER).where(ORDER.c.done_at.is_(None)).order_by(ORDER.c.id)).all()
        return tuple(_order(row) for row in rows)

    def one(self, order_id: int) -> Order:
        """An order by its id."""
        with self._database.read() as connection:
            return _order(connection.execute(select(ORDER).where(ORDER.c.id == order_id)).one())

    def answer(self, order_id: int, text: str, *, failed: bool = False) -> None:
        """Note that an order was carried out, and what came of it."""
        with self._database.write() as connection:
            connection.execute(
                update(ORDER).where(ORDER.c.id == order_id).values(done_at=self._clock(), answer=text, failed=failed)
            )


def _order(row: SqlRow[Any]) -> Order:
    return Order(row.id, row.kind, row.request_id, row.options, row.given_by, row.answer, bool(row.failed), row.done_at)
