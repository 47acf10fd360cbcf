"""Asking for requests: orders written into the ledger, carried out by the daemon, or by the command itself where none runs."""

from __future__ import annotations

import getpass
import signal
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bridge.daemon import Engine, engine_of
from bridge.engine.steering import Answer, Asked
from bridge.jobs.orders import ANSWER, ASKED
from bridge.ledger import Ledger
from bridge.ledger.model import NewOrder, Order
from bridge.settings import Configuration

PATIENCE = 60.0
LOOK_EVERY = 0.05


def who() -> str:
    """Who asks, by the name of the account on this machine."""
    return getpass.getuser()


@dataclass(frozen=True)
class Asking:
    """One command's way to have things done: ``engine`` is its own where no daemon runs, ``stopped`` is set by Ctrl-C."""

    ledger: Ledger
    engine: Engine | None
    stopped: threading.Event

    def one(self, asked: Asked) -> Answer:
        """Have one thing done; waits a minute at most."""
        order = self.ledger.orders.give(_order(asked))
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not self.stopped.is_set():
            found = self._looked_at(order)
            if found.done_at is not None:
                return _answer(found)
        late = f"The daemon has not carried it out yet (order {order}); it will, when the request is free."
        return Answer((late,), ok=False)

    def many(self, asked: Sequence[Asked], what: str) -> tuple[str, dict[int, Answer]]:
        """Have many things done, with a progress bar on standard error; answers the batch, and the answers by request.

        Ctrl-C takes back what was not begun; ``again`` gives it anew.
        """
        batch = f"{what}-{uuid.uuid4().hex[:8]}"
        self.ledger.orders.give_all([_order(each) for each in asked], batch=batch)
        return batch, self._watched(batch, what)

    def again(self, batch: str) -> tuple[Asked, ...]:
        """What of this batch was taken back."""
        return tuple(ASKED.validate_json(order.options) for order in self.ledger.orders.of(batch) if not order.answer)

    def _looked_at(self, order: int) -> Order:
        if self.engine is not None:
            self.engine.orders.run()
        found = self.ledger.orders.one(order)
        if found.done_at is None:
            time.sleep(LOOK_EVERY)
        return found

    def _watched(self, batch: str, what: str) -> dict[int, Answer]:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            total = self.ledger.orders.left(batch)
            bar = progress.add_task(what, total=total)
            moved, left = time.monotonic(), total
            while left:
                if self.stopped.is_set() or (self.engine is not None and time.monotonic() - moved > PATIENCE):
                    self.ledger.orders.withdraw(batch)
                elif self.engine is not None:
                    self.engine.orders.run(most=1)
                before, left = left, self.ledger.orders.left(batch)
                progress.update(bar, completed=total - left)
                if left == before:
                    time.sleep(LOOK_EVERY)
                else:
                    moved = time.monotonic()
        return {order.request_id or 0: _answer(order) for order in self.ledger.orders.of(batch) if order.answer}


def _order(asked: Asked) -> NewOrder:
    return NewOrder(asked.kind.value, asked.request_id, ASKED.dump_json(asked).decode(), asked.by)


def _answer(order: Order) -> Answer:
    return ANSWER.validate_json(order.answer)


@contextmanager
def asking(known: Configuration, ledger: Ledger) -> Iterator[Asking]:
    """A way to have things done: by the daemon that holds the ledger, else by this command (on PostgreSQL always, beside any daemon)."""
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        typer.echo("Stopping after the step in hand; Ctrl-C again stops at once.", err=True)
        stopped.set()

    before = signal.signal(signal.SIGINT, stop)
    try:
        if ledger.lock.exclusive and not ledger.lock.free():
            yield Asking(ledger, None, stopped)
        else:
            with engine_of(known, ledger, stopping=stopped.is_set) as engine:
                yield Asking(ledger, engine, stopped)
    finally:
        signal.signal(signal.SIGINT, before)
