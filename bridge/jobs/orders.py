"""Carries out the orders that commands wrote into the ledger."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from pydantic import TypeAdapter, ValidationError

from bridge.engine.asked import Answer, Asked
from bridge.engine.pauses import why_closed, why_paused
from bridge.engine.steering import Steering
from bridge.ledger import LeaseLost, Ledger, LedgerBusy
from bridge.ledger.model import Order

log = structlog.get_logger(__name__)

ASKED = TypeAdapter(Asked)
ANSWER = TypeAdapter(Answer)


def _nobody() -> bool:
    return False


class OrderJob:
    """One look at the open orders. An order whose request is being worked on waits for the next look.

    Orders of a batch stand behind single ones, so that many requests never hold up one. They wait while their lane is closed, while their
    library or lane is paused and, within a daemon (``live_first``), while other work of their lane is due; those of a command that is no
    longer there are taken back.
    """

    def __init__(
        self, ledger: Ledger, steering: Steering, *, stopping: Callable[[], bool] = _nobody, live_first: bool = False
    ) -> None:
        self._ledger = ledger
        self._steering = steering
        self._stopping = stopping
        self._live_first = live_first

    def run(self) -> None:
        """Carry out what can be carried out now."""
        if not self._ledger.orders.any():
            return
        self.take_back_unwatched()
        self.run_single()
        while self.run_batched():
            self.run_single()

    def take_back_unwatched(self) -> None:
        """Take back the batches of commands that are no longer there."""
        for batch, count in self._ledger.orders.withdraw_unwatched().items():
            log.warning("orders.taken_back", batch=batch, orders=count)

    def run_single(self) -> None:
        """Carry out the orders that were given on their own."""
        for order in self._ledger.orders.open(batch=""):
            if self._stopping():
                return
            self._carry_out(order)

    def run_batched(self) -> bool:
        """Carry out one order of a batch; answers whether there was one that need not wait."""
        if self._stopping():
            return False
        order = self._ledger.orders.next_of_batch(lanes_closed=self._lanes_closed())
        return order is not None and self._carry_out(order)

    def _lanes_closed(self) -> frozenset[str]:
        closed = {lane.name for lane in self._ledger.lanes.all() if lane.paused_until or lane.held_until}
        if not self._live_first:
            return frozenset(closed)
        now = self._ledger.clock()
        busy = {name for name, due in self._ledger.work.due_lanes() if due <= now}
        return frozenset(closed | (busy & self._steering.lanes))

    def _carry_out(self, order: Order) -> bool:
        """Answers whether it is done, and not to be tried again."""
        try:
            asked = ASKED.validate_json(order.options)
        except ValidationError:
            self._answer(order, Answer((f"This release knows no order '{order.kind}'.",), ok=False))
            return True
        if not self._ledger.orders.take(order.id):
            return False
        fault = Answer(("The bridge itself failed on this; report it with the log.",), ok=False)
        found: Answer | None = fault
        try:
            found = self._steering.carry_out(asked)
        except LeaseLost as lost:
            log.warning("order.lease_lost", order=order.id, why=str(lost))
            found = None
        except (KeyboardInterrupt, LedgerBusy):
            found = None
            raise
        finally:
            if found is not None:
                self._answer(order, found)
            else:
                self._ledger.orders.give_back(order.id)
        return found is not None

    def _answer(self, order: Order, answer: Answer) -> None:
        self._ledger.orders.answer(order.id, ANSWER.dump_json(answer).decode(), failed=not answer.ok)
        log.info("order.done", order=order.id, kind=order.kind, by=order.given_by, ok=answer.ok)


def why_waiting(ledger: Ledger, batch: str) -> str:
    """Why the orders of this batch are not carried out now, in one sentence; empty where nothing but other work is before them."""
    for order in ledger.orders.open(batch=batch)[:1]:
        row = ledger.requests.one(order.request_id or 0)
        return why_paused(ledger, row) or why_closed(ledger, row)
    return ""
