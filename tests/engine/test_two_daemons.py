"""Two daemons on one PostgreSQL, under stress: no request is ever worked on by both, whatever comes in meanwhile."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.change import Phase
from bridge.domain.record import Outcome
from bridge.ledger import State
from tests.engine.pretend import LATER, PretendIls, Stage
from tests.engine.test_dispatcher import running, until

REQUESTS = 25


class Watchful(PretendIls):
    """Notes who is in the house with which request, and who meets somebody there."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: Counter[str] = Counter()
        self.meetings: list[str] = []
        self.workers: set[str] = set()
        self._door = threading.Lock()
        self._pause = threading.Event()

    @contextmanager
    def _alone(self, code: str) -> Iterator[None]:
        with self._door:
            self.inside[code] += 1
            self.workers.add(threading.current_thread().name)
            if self.inside[code] > 1:
                self.meetings.append(code)
        self._pause.wait(0.002)
        try:
            yield
        finally:
            with self._door:
                self.inside[code] -= 1

    def create_temporary_item(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        with self._alone(command.target.mark.code):
            return super().create_temporary_item(command, call)

    def place_hold(self, command: do.PlaceHold, call: Call) -> Outcome:
        with self._alone(command.target.mark.code):
            return super().place_hold(command, call)

    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome:
        with self._alone(command.target.mark.code):
            return super().set_due_date(command, call)

    def delete_temporary_item(self, command: do.DeleteTemporaryItem, call: Call) -> Outcome:
        with self._alone(command.target.mark.code):
            return super().delete_temporary_item(command, call)


def test_no_request_is_in_two_hands(make_stage: Callable[..., Stage]) -> None:
    """On SQLite one daemon works alone (the file's lock), with as many workers."""
    ils = Watchful()
    one = make_stage(ils=ils, cap=8)
    two = make_stage(ils=ils, cap=8)
    shared = not one.ledger.lock.exclusive
    with running(one), running(two) if shared else nullcontext():
        for phase, edits in (
            (Phase.RECEIVED, {}),
            (None, {"due": LATER}),
            (None, {"patron_id": "p2"}),
            (Phase.RETURNED, {}),
        ):
            for number in range(REQUESTS):
                stage = two if shared and number % 2 else one
                stage.tell(phase, number=str(number), **edits)
        until(lambda: set(one.ledger.requests.counts()) == {State.IN_STEP})
    assert ils.meetings == []
    assert len(ils.workers) > 1
    assert (ils.bibs, set(ils.items)) == ({}, {"OWN-1"})
