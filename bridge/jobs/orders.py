"""Carries out the orders that commands wrote into the ledger."""

from __future__ import annotations

import json

import structlog

from bridge.engine.resync import Answer, Resync
from bridge.ledger import LeaseLost, Ledger
from bridge.ledger.model import Order

log = structlog.get_logger(__name__)


class OrderJob:
    """One look at the open orders. An order whose request is being worked on waits for the next look."""

    def __init__(self, ledger: Ledger, resync: Resync) -> None:
        self._ledger = ledger
        self._resync = resync

    def run(self) -> None:
        """Carry out what can be carried out now."""
        for order in self._ledger.orders.open():
            self._carry_out(order)

    def _carry_out(self, order: Order) -> None:
        if order.kind not in {"resync", "resolve"} or order.request_id is None:
            self._ledger.orders.answer(order.id, f"This release knows no order '{order.kind}'.", failed=True)
            return
        try:
            answer = self._asked(order, order.request_id)
        except LeaseLost as lost:
            log.warning("order.lease_lost", order=order.id, why=str(lost))
            return
        if answer is not None:
            self._ledger.orders.answer(order.id, "\n".join(answer.lines), failed=not answer.ok)
            log.info("order.done", order=order.id, kind=order.kind, by=order.given_by)

    def _asked(self, order: Order, request_id: int) -> Answer | None:
        if order.kind == "resolve":
            return self._resync.resolve(request_id, by=order.given_by)
        dry_run = bool(json.loads(order.options).get("dry_run"))
        return self._resync.carry_out(request_id, dry_run=dry_run, by=order.given_by)
