"""Plays a script: one turn after the other, while the daemon works, dies and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select

from bench.chaos.acts import Ask, Desk, Fault, Kill, KillAt, Rest, Script, Spell, Story, Tell, Turn, When
from bench.chaos.daemon import Daemon
from bench.chaos.ils import House
from bench.chaos.service import Service
from bench.chaos.staff import Staff, asked
from bridge.engine.asked import Asked
from bridge.jobs.orders import ASKED
from bridge.ledger import Ledger, LedgerBusy, State, schema
from bridge.ledger.model import NewOrder, Row

QUIET = frozenset({State.IN_STEP, State.CLOSED, State.PARKED, State.STAFF})
FOR_STAFF = frozenset({State.PARKED, State.STAFF})
LOOK_EVERY = 0.01
REST = 1.5
"""Seconds that a rest lasts at most; a request that waits for its next try may rest in peace later."""
RESTLESS = 0.3
"""The same while the story's ILS is in trouble."""
SOON = 0.5
SETTLED = 150.0
"""Seconds after the last trouble after which a request that does not rest is stuck; on PostgreSQL an order
that a killed daemon had begun is free only after two minutes."""
STATE = select(schema.request.c.state).where(schema.request.c.number == bindparam("of"))


@dataclass
class Conductor:
    """``done``: desk acts that the ILS let through, by story. ``skipped`` counts those that came too early or too late.

    ``by_hand`` counts how often staff did what the bridge asked of them.
    """

    script: Script
    houses: Mapping[str, House]
    service: Service
    daemon: Daemon
    ledger: Ledger
    staff: Staff
    done: dict[int, list[Desk]] = field(default_factory=dict)
    skipped: int = 0
    faults: int = 0
    by_hand: int = 0
    _orders: dict[int, int] = field(default_factory=dict)
    _spells: list[tuple[int, Spell]] = field(default_factory=list)
    _number: int = 0
    _armed: Kill | None = None
    _waits: bool = False
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def play(self) -> None:
        """All turns, then calm: every message delivered, and every request at rest or stuck."""
        plays: Mapping[type, Callable[[Turn], None]] = {
            Tell: self._tell,
            Rest: self._rest,
            Desk: self._desk,
            Ask: self._ask,
            Fault: self._fault,
            Spell: self._spell,
            Kill: self._kill_soon,
        }
        for number, turn in enumerate(self.script.turns):
            self._number = number
            if self._waits:
                self._waits = False
                self.daemon.up()
            self._end_spells()
            self.service.deliver(self._number)
            plays[type(turn.act)](turn)
        self._kill_now()
        self.calm()
        self.daemon.up()
        self.service.settle()

    def calm(self) -> None:
        """No trouble any more."""
        self._spells.clear()
        for house in self.houses.values():
            house.calm()

    def settle(self) -> None:
        """Wait until every request is at rest, or stuck."""
        deadline = time.monotonic() + SETTLED
        while time.monotonic() < deadline and not self._all_quiet():
            time.sleep(0.1)

    def _all_quiet(self) -> bool:
        if self.ledger.orders.any() or self.service.feed - self.heard(self.service.feed):
            return False
        rows = self.ledger.requests.list(limit=1_000_000)
        if not all(row.state in QUIET and row.pending is None for row in rows):
            return False
        asked = [self._settled_by_hand(row) for row in rows if row.state in FOR_STAFF]
        return not any(asked)

    def heard(self, keys: Iterable[str]) -> set[str]:
        """Which of these messages are in the ledger."""
        wanted = sorted(keys)
        parts = (wanted[start : start + 500] for start in range(0, len(wanted), 500))
        with self.ledger.database.read() as connection:
            found = (select(schema.inbox.c.key).where(schema.inbox.c.key.in_(part)) for part in parts)
            return {key for query in found for key in connection.execute(query).scalars()}

    def row(self, story: Story) -> Row | None:
        """The story's request, if it has come in."""
        return next(iter(self.ledger.requests.find(story.number)), None)

    def _story(self, turn: Turn) -> Story:
        assert turn.story is not None
        return self.script.stories[turn.story]

    def _tell(self, turn: Turn) -> None:
        assert isinstance(turn.act, Tell)
        self.service.tell(self._story(turn), turn.act, self._number)

    def _rest(self, turn: Turn) -> None:
        story = self._story(turn)
        troubled = any(story.lane in spell.lanes for _, spell in self._spells)
        patience = RESTLESS if troubled else REST
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and not self._resting(story):
            time.sleep(LOOK_EVERY)

    def _resting(self, story: Story) -> bool:
        due = {post.event.event_id for post in self.service.posts}
        told = set(self.service.told.get(story.number, ())) - due
        state = self._state(story)
        if state is None:
            return not told
        if state not in QUIET or not (story.channel == "webhook" or told <= self.heard(told)):
            return False
        row = self.row(story) if state in FOR_STAFF else None
        return row is None or not self._settled_by_hand(row)

    def _state(self, story: Story) -> State | None:
        with self.ledger.database.read() as connection:
            found = connection.execute(STATE, {"of": story.number}).scalar()
        return State(found) if found else None

    def _settled_by_hand(self, row: Row) -> bool:
        """Staff do what is asked of them, and say so; answers whether there was anything, or is still to be heard."""
        given = self._orders.get(row.id)
        if given is not None and self.ledger.orders.one(given).done_at is None:
            return True
        asked = self.staff.settled(row)
        if asked is None:
            return False
        self.by_hand += 1
        self._order(asked)
        return True

    def _desk(self, turn: Turn) -> None:
        act, story = turn.act, self._story(turn)
        assert isinstance(act, Desk)
        assert turn.story is not None
        if act.when is When.REST:
            self._rest(turn)
        house = self.houses[story.lane]
        deadline = time.monotonic() + (SOON if act.when is When.SOON else 0.0)
        well = house.desk(act.act, act.barcode, act.more)
        while not well and time.monotonic() < deadline:
            time.sleep(0.002)
            well = house.desk(act.act, act.barcode, act.more)
        if well:
            self.done.setdefault(turn.story, []).append(act)
        else:
            self.skipped += 1

    def _ask(self, turn: Turn) -> None:
        assert isinstance(turn.act, Ask)
        row = self.row(self._story(turn))
        if row is not None:
            self._order(asked(turn.act.kind, row))

    def _order(self, asked: Asked) -> None:
        order = NewOrder(asked.kind.value, asked.request_id, ASKED.dump_json(asked).decode(), asked.by)
        for _ in range(20):
            try:
                self._orders[asked.request_id] = self.ledger.orders.give(order)
            except LedgerBusy:
                time.sleep(0.1)
            else:
                return

    def _fault(self, turn: Turn) -> None:
        assert isinstance(turn.act, Fault)
        self.faults += 1
        for lane in turn.act.lanes:
            self.houses[lane].fault(turn.act.fields)

    def _spell(self, turn: Turn) -> None:
        assert isinstance(turn.act, Spell)
        self.faults += 1
        self._spells.append((self._number + turn.act.turns, turn.act))
        for lane in turn.act.lanes:
            self.houses[lane].spell(turn.act.kind, turn.act.fields, on=True)

    def _end_spells(self) -> None:
        over = [spell for until, spell in self._spells if until <= self._number]
        self._spells = [(until, spell) for until, spell in self._spells if until > self._number]
        for spell in over:
            for lane in spell.lanes:
                self.houses[lane].spell(spell.kind, spell.fields, on=False)

    def _kill_soon(self, turn: Turn) -> None:
        """Arm a kill; one before it that did not come to its point is done first."""
        assert isinstance(turn.act, Kill)
        self._kill_now()
        self.daemon.up()
        kill = self._armed = turn.act

        def strike() -> None:
            self._strike(kill)

        if kill.at is KillAt.LOG_LINE:
            self.daemon.on_line(kill.count, strike)
        elif kill.at is KillAt.MESSAGE_SENT:
            self.service.at_sending(kill.count, strike)
        else:
            for house in self.houses.values():
                (house.gate.before if kill.at is KillAt.CALL_SENT else house.gate.after)(kill.count, strike)

    def _strike(self, kill: Kill) -> None:
        with self._guard:
            if self._armed is not kill:
                return
            self._armed = None
        self._waits = kill.wait
        self.daemon.kill()

    def _kill_now(self) -> None:
        if self._armed is not None:
            self._strike(self._armed)
        self.daemon.forget()
        self.service.at_sending(0, None)
        for house in self.houses.values():
            house.gate.forget()
