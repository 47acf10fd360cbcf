"""Two daemons on one PostgreSQL, under stress: no request is ever worked on by both, whatever comes in meanwhile."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.change import Phase
from bridge.domain.record import Outcome
from bridge.ledger import LedgerBusy, State
from tests.databases import migrate, plain, postgres_database, server_url
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


@contextmanager
def gone(url: str) -> Iterator[None]:
    """The database server turns everybody away, and ends what is open."""
    name = make_url(url).database
    with psycopg.connect(plain(server_url()), autocommit=True) as connection:
        named = sql.Identifier(name or "")
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(named))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(named))


@pytest.mark.postgres
def test_a_database_that_is_gone_for_a_while_stops_nobody() -> None:
    """What comes in meanwhile is refused, the daemon goes on by itself afterwards, and what it had in hand is done once."""
    with postgres_database(server_url()) as url:
        ils = Watchful()
        stage = Stage(migrate(url), ils=ils, cap=4)
        try:
            with running(stage):
                numbers = [stage.tell(Phase.RECEIVED, number=str(number)) for number in range(REQUESTS)]
                until(lambda: len(ils.items) > 3)
                with gone(url):
                    with pytest.raises(LedgerBusy):
                        stage.tell(Phase.RECEIVED, number="late")
                    until(lambda: not any(ils.inside.values()))
                stage.clock.advance(minutes=5)  # past the leases of what was in hand
                until(lambda: set(stage.ledger.requests.counts()) == {State.IN_STEP})
            assert len(ils.bibs) == len(numbers)
            assert len(ils.items) == len(numbers) + 1
        finally:
            stage.close()
