"""The drill of ``check --drill``: makes, verifies and removes one temporary record set in the real ILS, and cleans up whatever happens."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import typer

from bridge.cli.asking import Way, asking, who
from bridge.cli.options import opened
from bridge.domain.attention import in_sentences
from bridge.domain.identity import mark_for
from bridge.domain.preview import left_behind
from bridge.engine.asked import Answer, Asked, Asking
from bridge.engine.drill import GOING_ON, begin, close_drills, end
from bridge.ledger import Ledger, Pending, State
from bridge.ledger.model import Row
from bridge.logging import mask_patron
from bridge.settings import Configuration

TRIES = 20
"""Tries of what did not succeed for now; the engine's own waits are longer than anybody watches."""
TRY_EVERY = 2.0
"""Seconds between them."""
LOOK_EVERY = 0.1
OPEN = frozenset({State.DUE, State.WAITING})


@dataclass(frozen=True)
class DrillAsked:
    """Where, and for whom a hold is placed, if at all."""

    library: str
    patron: str = ""
    pickup: str = ""


@dataclass
class Saying:
    """What was said, a sentence each: on standard output, or on standard error where that is to hold JSON."""

    quietly: bool = False
    said: list[str] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        """Say it now."""
        self.said.append(sentence)
        typer.echo(sentence, err=self.quietly)


def drill(config: Path, asked: DrillAsked, *, sure: bool, as_json: bool) -> int:
    """The whole drill; answers the exit code: 0 where everything was made, seen and removed."""
    saying = Saying(as_json)
    with opened(config) as (known, ledger):
        why_not = refusal(known, ledger, asked)
        if why_not:
            typer.echo(why_not, err=True)
            return 1
        if not sure:
            typer.echo(_question(known, asked), err=True)
            if not typer.confirm("Go on?", default=False, err=True):
                return 1
        with asking(known, ledger) as way:
            run = Drill(known, ledger, way, saying.say)
            well = run.cut_off() & run.whole(asked)
    if as_json:
        report = {"library": asked.library, "requests": run.requests, "ok": well, "said": saying.said, "left": run.left}
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    return 0 if well else 1


def refusal(known: Configuration, ledger: Ledger, asked: DrillAsked) -> str:
    """Why there can be no drill now, and what to do; empty where there can."""
    policy, lane = known.settings.libraries[asked.library].borrowing, known.settings.lane(asked.library)
    if not policy.enabled:
        return f"Borrowing is not enabled for '{asked.library}', so nothing would be made."
    if not policy.makes_items:
        return f"'{asked.library}' borrows within one ILS (existing_item): it makes no temporary items, so there is nothing to drill."
    if asked.patron and policy.hold and not (asked.pickup or policy.default_pickup_location):
        return "A hold needs a pickup location: name one with --pickup."
    held = [
        f"ILS '{each.name}' is paused: {each.held_why} First: ill-bridge resume {each.name}."
        for each in ledger.lanes.all()
        if _held(each.name, lane, each.held_until)
    ]
    held += [
        f"'{each.name}' is paused: {each.held_why} First: ill-bridge resume {each.name}."
        for each in ledger.libraries.all()
        if _held(each.name, asked.library, each.held_until)
    ]
    return held[0] if held else ""


def _held(name: str, wanted: str, until: object) -> bool:
    return name == wanted and until is not None


def _question(known: Configuration, asked: DrillAsked) -> str:
    lane = known.settings.lane(asked.library)
    what = "a bib, a holding and an item"
    if asked.patron:
        what += f", and a hold for patron {mask_patron(asked.patron)}"
    return f"In the real ILS '{lane}' the drill makes {what}, looks at them, and removes them."


class Drill:
    """One run: ``left`` is what could not be removed, in sentences."""

    def __init__(self, known: Configuration, ledger: Ledger, way: Way, say: Callable[[str], None]) -> None:
        self._lane_of = known.settings.lane
        self._bridge = known.settings.bridge
        self._ledger = ledger
        self._way = way
        self._say = say
        self._alone = way.alone
        self.requests: list[str] = []
        self.left: list[str] = []

    def cut_off(self) -> bool:
        """Remove what earlier drills left that were cut off; answers whether nothing of them is left."""
        idle = timedelta() if self._alone else GOING_ON
        well = True
        for each in close_drills(self._ledger, self._lane_of, idle=idle):
            self._say(f"An earlier drill (R{each}) was cut off; what it left is removed first.")
            well &= self._removed(each, again=True)
        return well

    def whole(self, asked: DrillAsked) -> bool:
        """Make, verify, remove, verify; what was made is removed whatever happens meanwhile."""
        made = gone = False
        request = begin(self._ledger, self._lane_of, asked.library, patron=asked.patron, pickup=asked.pickup)
        try:
            made = self._made(request)
        finally:
            gone = self._removed(request)
        if made and gone:
            self._say("The drill succeeded: made, verified, removed, and nothing is left.")
        elif gone:
            self._say("The drill failed; nothing of it is left in the ILS.")
        return made and gone

    def _made(self, request: int) -> bool:
        row = self._worked(request, State.IN_STEP)
        if self._way.stopped.is_set():
            self._say("Stopped; what was made is removed.")
            return False
        if row.state is not State.IN_STEP:
            self._say(f"It did not succeed: {self._why(row)}")
            return False
        seen = self._asked(Asking.LOOK, request)
        for line in seen.lines:
            self._say(f"Seen in the ILS: {line}" if seen.ok else f"The ILS could not be looked at: {line}")
        if seen.ok and not seen.lines:
            self._say("What was made cannot be seen in the ILS.")
        return seen.ok and bool(seen.lines)

    def _removed(self, request: int, *, again: bool = False) -> bool:
        self._way.stopped.clear()
        end(self._ledger, self._lane_of, self._ledger.requests.one(request).request.key)
        row = self._worked(request, State.CLOSED, first=Asking.RETRY if again else Asking.WORK)
        seen = self._asked(Asking.LOOK, request)
        self.requests.append(row.name)
        if row.state is State.CLOSED and seen.ok and not seen.lines:
            self._say("Looked in the ILS: nothing of it is left.")
            return True
        self._stays(row, seen)
        return False

    def _stays(self, row: Row, seen: Answer) -> None:
        """Say precisely what is left, as the ILS says, or else as the record does."""
        left = seen.lines if seen.ok else left_behind(row.record)
        if not seen.ok:
            self._say(f"The ILS could not be looked at: {' '.join(seen.lines)}")
        if row.pending is not None:
            left = (*left, self._unclear(row, row.pending))
        for line in left:
            self._say(f"Left in the ILS: {line}")
        self.left += left
        if row.state is State.CLOSED:
            self._say("Remove it by hand: the bridge has nothing left to do for it.")
        else:
            self._say(f"{row.name} is {row.state.value}: {self._why(row)}")
            self._say(
                f"When that is seen to, give the drill again: it begins with removing this. See: ill-bridge show {row.name}."
            )

    def _unclear(self, row: Row, pending: Pending) -> str:
        verb, key = pending.step.key.verb, row.request.key
        mark = mark_for(self._bridge, key, pending.step.key.leg, pending.step.key.volume)
        said = f"Whether '{verb.value.replace('_', ' ')}' took effect is not known"
        return f"{said}; what it made, if anything, bears the mark {mark.code}."

    def _why(self, row: Row) -> str:
        """Why a request does not go on, by itself or because its lane is closed."""
        closed = next((lane.why for lane in self._ledger.lanes.all() if lane.name == row.lane), "")
        own = in_sentences(row.parked.reason, row.parked.advice)
        return own or closed or "see its history."

    def _worked(self, request: int, wanted: State, first: Asking = Asking.WORK) -> Row:
        """Have the engine work on it until it is as wanted, cannot go on, or patience ends; a retry takes up what was parked too."""
        row = self._ledger.requests.one(request)
        with self._watched(request):
            for number in range(TRIES):
                self._asked(Asking.WORK if number else first, request)
                row = self._ledger.requests.one(request)
                if row.state is wanted or row.state not in OPEN or self._way.stopped.wait(TRY_EVERY):
                    break
        return row

    def _asked(self, kind: Asking, request: int) -> Answer:
        return self._way.one(Asked(kind, request, who()))

    @contextmanager
    def _watched(self, request: int) -> Iterator[None]:
        """Say each line of the history as it comes, whoever does the work."""
        ended = threading.Event()
        told = len(self._ledger.requests.history(request))

        def watch() -> None:
            nonlocal told
            while True:
                last = ended.wait(LOOK_EVERY)
                for line in self._ledger.requests.history(request)[told:]:
                    told += 1
                    self._say(line.line)
                if last:
                    return

        watcher = threading.Thread(target=watch, name="drill")
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
