"""Asking for requests: orders written into the ledger, carried out by the daemon, or by the command itself where none runs."""

from __future__ import annotations

import getpass
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bridge.engine.asked import Answer, Asked
from bridge.engines import Engine, engine_of
from bridge.jobs.orders import ANSWER, ASKED, why_waiting
from bridge.ledger import Ledger, LedgerBusy
from bridge.ledger.model import NewOrder, Order
from bridge.settings import Configuration

PATIENCE = 60.0
"""Seconds that one order is waited for."""
UNATTENDED = 600.0
"""Seconds without progress after which a batch is taken back where nobody sits at a terminal."""
GRACE = 10.0
"""Seconds that a daemon which stopped may take to come back, before the command goes on by itself."""
LOOK_EVERY = 0.05
SEE_EVERY = 1.0
"""Seconds between looks at whether the daemon still runs, and why nothing goes on."""
WATCH_EVERY = 10.0
LOOK = "look"
"""Name of batches that only look before a question; they are not resumed."""
NAME = 60


def who() -> str:
    """Who asks, by the name of the account on this machine; behind sudo the one who called it."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        name = f"uid {os.getuid()}"
    return name[:NAME]


@dataclass(frozen=True)
class Done:
    """One thing asked for and what came of it; no answer where it was taken back before it was begun."""

    asked: Asked
    answer: Answer | None


class Way:
    """One command's way to have things done: by the daemon, or by an engine of its own where none runs. Ctrl-C stops it."""

    def __init__(self, known: Configuration, ledger: Ledger, stack: ExitStack) -> None:
        self.ledger = ledger
        self.stopped = threading.Event()
        self.ending = threading.Event()
        self._known = known
        self._stack = stack
        self._engine: Engine | None = None
        self._alone_since: float | None = None
        self._console = Console(stderr=True, soft_wrap=True)
        if not ledger.daemon_runs():
            self._take_over()

    @property
    def alone(self) -> bool:
        """Whether this command works itself and nobody else can on this ledger."""
        return self._engine is not None and self.ledger.lock.exclusive

    def one(self, asked: Asked) -> Answer:
        """Have one thing done; waits a minute at most."""
        order = self.ledger.orders.give(_order(asked))
        deadline = time.monotonic() + PATIENCE
        look = _Seldom(SEE_EVERY)
        while time.monotonic() < deadline and not self.stopped.is_set():
            if self._engine is not None:
                self._engine.orders.run_single()
            elif look.due():
                self._see_to_daemon()
            found = self.ledger.orders.one(order)
            if found.done_at is not None:
                return _answer(found)
            time.sleep(LOOK_EVERY)
        return self._not_yet(order)

    def _not_yet(self, order: int) -> Answer:
        if self._engine is None and not self.stopped.is_set():
            late = f"The daemon has not carried it out yet (order {order}); it will, when the request is free."
        elif self.ledger.orders.take_back(order):
            late = "Nothing was done: " + (
                "you stopped it." if self.stopped.is_set() else "the request is being worked on."
            )
        else:
            late = f"It was begun and goes on (order {order})."
        return Answer((late,), ok=False)

    def many(self, asked: Sequence[Asked], what: str, *, resumes: str = "") -> tuple[Done, ...]:
        """Have many things done, with a progress bar on standard error where that is a terminal.

        Ctrl-C takes back what was not begun, and tells how to go on with it. ``resumes`` names the batch of which these are the rest.
        """
        batch = f"{what}-{uuid.uuid4().hex[:8]}"
        with self._watching(batch):
            try:
                self.ledger.orders.give_all([_order(each) for each in asked], batch=batch)
                self.resumed(resumes)
                self._wait_for(batch, what)
            finally:
                self.ending.set()
                self.ledger.orders.withdraw(batch, begun=self.alone)  # alone, what was begun was begun by us
                self._tell_rest(batch, what)
                self.ending.clear()
        orders = self.ledger.orders.of(batch)
        return tuple(Done(ASKED.validate_json(each.options), _answer(each) if each.answer else None) for each in orders)

    def _tell_rest(self, batch: str, what: str) -> None:
        left = self.ledger.orders.interrupted(what).get(batch, 0)
        if left and what != LOOK:
            self._say(f"{left} requests were not done. Go on with: ill-bridge {what} --resume {batch}")

    def resumed(self, batch: str) -> None:
        """The rest of this batch, if one is named, was given anew."""
        if batch:
            self.ledger.orders.resumed(batch, ANSWER.dump_json(Answer(("It was given anew.",))).decode())

    def interrupted(self, batch: str) -> tuple[Asked, ...]:
        """What of this batch was taken back, or left by a command that is no longer there."""
        self.ledger.orders.withdraw_unwatched()
        orders = self.ledger.orders.of(batch)
        if any(order.done_at is None for order in orders):
            raise typer.BadParameter(f"'{batch}' is still being carried out")
        return tuple(ASKED.validate_json(order.options) for order in orders if not order.answer)

    @contextmanager
    def _watching(self, batch: str) -> Iterator[None]:
        """Tell the ledger again and again that this command lives."""
        ended = threading.Event()
        self.ledger.orders.watch(batch)

        def tell() -> None:
            while not ended.wait(WATCH_EVERY):
                with suppress(LedgerBusy):  # it is told again
                    self.ledger.orders.watch(batch)

        thread = threading.Thread(target=tell, name=f"watch {batch}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.ledger.orders.unwatch(batch)

    def _wait_for(self, batch: str, what: str) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        terminal = self._console.is_terminal
        total = left = self.ledger.orders.left(batch)
        with Progress(*columns, console=self._console, disable=not terminal) as progress:
            bar = progress.add_task(what, total=total)
            moved, look, told = time.monotonic(), _Seldom(SEE_EVERY), ""
            while left:
                if self.stopped.is_set() or (not terminal and time.monotonic() - moved > UNATTENDED):
                    self.ledger.orders.withdraw(batch)
                elif self._engine is not None:
                    self._engine.orders.run_batched()
                before, left = left, self.ledger.orders.left(batch)
                progress.update(bar, completed=total - left)
                if left != before:
                    moved, told = time.monotonic(), ""
                    continue
                if time.monotonic() - moved > SEE_EVERY and look.due():
                    told = self._say_why(batch, told)
                    self._see_to_daemon()
                time.sleep(LOOK_EVERY)

    def _say_why(self, batch: str, told: str) -> str:
        """Say once why nothing goes on; look whether a closed ILS answers again where no daemon does."""
        why = why_waiting(self.ledger, batch)
        if why and why != told:
            self._say(f"Waiting. {why} Ctrl-C stops; what was not begun can be resumed.")
        if self._engine is not None:
            self._probe(self._engine)
        return why

    def _probe(self, engine: Engine) -> None:
        now = self.ledger.clock()
        for lane in self.ledger.lanes.all():
            if (
                lane.name in engine.lanes
                and lane.paused_until is not None
                and lane.paused_until <= now
                and not lane.held_until
            ):
                engine.lanes[lane.name][0].probe_if_due()

    def _see_to_daemon(self) -> None:
        """Where the daemon stopped and does not come back, go on without it."""
        if self._engine is not None:
            return
        if self.ledger.daemon_runs():
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > GRACE:
            self._say("The daemon, or the other command, stopped; going on without it.")
            self._take_over()

    def _take_over(self) -> None:
        try:
            self._engine = self._stack.enter_context(engine_of(self._known, self.ledger, stopping=self.stopped.is_set))
        except LedgerBusy:  # somebody else was quicker, and will do it
            self._alone_since = None

    def _say(self, sentence: str) -> None:
        self._console.print(sentence, markup=False, highlight=False)


class _Seldom:
    """Says yes once in so many seconds, the first time at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    def due(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


def _order(asked: Asked) -> NewOrder:
    return NewOrder(asked.kind.value, asked.request_id, ASKED.dump_json(asked).decode(), asked.by)


def _answer(order: Order) -> Answer:
    if not order.answer:
        return Answer(("It was taken back before it was begun.",), ok=False)
    return ANSWER.validate_json(order.answer)


@contextmanager
def asking(known: Configuration, ledger: Ledger) -> Iterator[Way]:
    """A way to have things done: by a daemon that works on the ledger, else by this command."""
    with ExitStack() as stack:
        way = Way(known, ledger, stack)
        stack.enter_context(_stopping(way.stopped, way.ending))
        yield way


@contextmanager
def _stopping(stopped: threading.Event, ending: threading.Event) -> Iterator[None]:
    """Ctrl-C, an end of the terminal or a polite kill stop after the step in hand; the second one at once, unless it is ``ending``."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if ending.is_set():
            return
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()
        os.write(2, b"\nStopping after the step in hand; Ctrl-C again stops at once.\n")  # print is not safe here

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {
        each: signal.signal(each, stop) for each in signals
    }
    try:
        yield
    finally:
        for each, was in before.items():
            signal.signal(each, was)
