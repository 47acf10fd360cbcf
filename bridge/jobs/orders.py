"""Carries out the orders that commands wrote into the ledger."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from pydantic import TypeAdapter, ValidationError

from bridge.engine.steering import Answer, Asked, Steering
from bridge.ledger import LeaseLost, Ledger
from bridge.ledger.model import Order

log = structlog.get_logger(__name__)

ASKED = TypeAdapter(Asked)
ANSWER = TypeAdapter(Answer)


class OrderJob:
    """One look at the open orders. An order whose request is being worked on waits for the next look.

    Orders of a batch stand behind single ones and wait while their lane is closed, so that many requests never hold up one.
    """

    def __init__(self, ledger: Ledger, steering: Steering, *, stopping: Callable[[], bool] = lambda: False) -> None:
        self._ledger = ledger
        self._steering = steering
        self._stopping = stopping

    def run(self, *, most: int = 10_000) -> None:
        """Carry out what can be carried out now, ``most`` orders at most."""
        tried: set[int] = set()
        while not self._stopping() and len(tried) < most:
            order = next((each for each in self._ledger.orders.open() if each.id not in tried), None)
            if order is None:
                return
            tried.add(order.id)
            self._carry_out(order)

    def _carry_out(self, order: Order) -> None:
        try:
            asked = ASKED.validate_json(order.options)
        except ValidationError:
            answer = Answer((f"This release knows no order '{order.kind}'.",), ok=False)
            self._ledger.orders.answer(order.id, ANSWER.dump_json(answer).decode(), failed=True)
            return
        if (order.batch and self._lane_closed(asked.request_id)) or not self._ledger.orders.take(order.id):
            return
        try:
            found = self._steering.carry_out(asked)
        except LeaseLost as lost:
            log.warning("order.lease_lost", order=order.id, why=str(lost))
            found = None
        if found is None:
            self._ledger.orders.give_back(order.id)
        else:
            self._ledger.orders.answer(order.id, ANSWER.dump_json(found).decode(), failed=not found.ok)
            log.info("order.done", order=order.id, kind=order.kind, by=order.given_by)

    def _lane_closed(self, request_id: int) -> bool:
        lane = self._ledger.requests.one(request_id).lane
        closed = {each.name for each in self._ledger.lanes.all() if each.paused_until or each.held_until}
        return lane in closed
