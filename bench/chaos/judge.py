"""The judgement at the end of the day: what is left over, doubled, lost, or touched although it is somebody else's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bench.chaos.acts import Desk, Story
from bench.chaos.conductor import QUIET, Conductor
from bench.chaos.ils import OwnItem, Thing
from bench.chaos.stories import ACCOUNTS
from bench.chaos.tables import BRIDGE
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.commands import Verb
from bridge.domain.identity import Role, mark_for
from bridge.domain.standing import Standing, standings
from bridge.ledger import State
from bridge.ledger.model import Row

KINDS = ("orphans", "duplicates", "lost", "foreign_touched")


@dataclass(frozen=True)
class Violation:
    """One thing that is not right. ``story``: its place in the script, if it is about one."""

    kind: str
    what: str
    story: int | None = None


@dataclass
class Judge:
    """Compares the day's end with what the stories want. ``before``: own items and bystanders as the day began, by lane."""

    conductor: Conductor
    before_own: Mapping[str, Mapping[str, OwnItem]]
    before: Mapping[str, Mapping[str, object]]
    rows: dict[int, Row] = field(default_factory=dict)

    def violations(self) -> list[Violation]:
        """Everything that is wrong."""
        for index, story in enumerate(self.conductor.script.stories):
            row = self.conductor.row(story)
            if row is not None:
                self.rows[index] = row
        return [
            *self._faults(),
            *self._unheard(),
            *self._unfinished(),
            *self._things(),
            *self._own(),
            *self._bystanders(),
        ]

    def _faults(self) -> Iterator[Violation]:
        for fault in self.conductor.daemon.faults:
            yield Violation("lost", f"The daemon failed: {fault[:1000]}")
        for refused in self.conductor.service.refused:
            yield Violation("lost", f"The daemon refused a message: {refused}")

    def _unheard(self) -> Iterator[Violation]:
        """Acknowledged, or offered by the feed, and not in the ledger."""
        service = self.conductor.service
        for key in sorted(
            (service.acknowledged | service.feed) - self.conductor.heard(service.acknowledged | service.feed)
        ):
            yield Violation("lost", f"Change {key} was taken, and is not in the ledger.", self._story_of(key))

    def _story_of(self, key: str) -> int | None:
        stories = enumerate(self.conductor.script.stories)
        return next((index for index, story in stories if key.startswith(f"{story.number}-")), None)

    def _unfinished(self) -> Iterator[Violation]:
        for index, story in enumerate(self.conductor.script.stories):
            row = self.rows.get(index)
            if row is None:
                yield Violation("lost", "The request never arrived.", index)
                continue
            if row.state not in QUIET or row.pending is not None:
                yield Violation("lost", f"It is stuck: {row.state.value}, pending {row.pending}.", index)
            elif row.state not in (ends := self._ends(story)):
                wanted = " or ".join(sorted(state.value for state in ends))
                said = f": {row.parked.reason}" if row.parked.reason else ""
                yield Violation("lost", f"It is {row.state.value}, not {wanted}{said}", index)
            elif row.state in {State.PARKED, State.STAFF} and not (row.parked.reason and row.parked.advice):
                yield Violation("lost", f"It is {row.state.value} without a sentence and advice.", index)

    def _ends(self, story: Story) -> frozenset[State]:
        """What parks a request elsewhere stays with staff where it is they who find it out."""
        by_staff = self.conductor.houses[story.lane].capabilities.of(Verb.FIND_PATRON) is Ability.STAFF
        return story.ends | {State.STAFF} if State.PARKED in story.ends and by_staff else story.ends

    def _things(self) -> Iterator[Violation]:
        marks = {mark: (index, stand) for index, row in self.rows.items() for mark, stand in _marks(row)}
        for house in self.conductor.houses.values():
            things = house.things()
            yield from self._left_over(things, marks)
            yield from _doubled(things, marks)
            yield from self._placed_again(things, marks)
            yield from self._missing(things, marks, house.name)

    def _left_over(self, things: Iterable[Thing], marks: Mapping[str, tuple[int, Standing]]) -> Iterator[Violation]:
        for thing in things:
            if not thing.live or thing.kind == "fee":
                continue
            index, stand = marks.get(thing.mark, (None, None))
            if index is None:
                yield Violation("orphans", f"{_told(thing)} belongs to no request.")
            elif self.rows[index].state is State.CLOSED:
                yield Violation("orphans", f"{_told(thing)} is left of a finished request.", index)
            elif stand is not None and stand.dead:
                yield Violation("orphans", f"{_told(thing)} is left of a dead leg.", index)

    def _placed_again(self, things: Iterable[Thing], marks: Mapping[str, tuple[int, Standing]]) -> Iterator[Violation]:
        """A hold that had had its end, and nobody asked for another one; unless it ended while nobody knew yet that it had been placed."""
        ended: set[str] = set()
        for thing in things:
            index, _ = marks.get(thing.mark, (None, None))
            if thing.kind != "hold" or index is None or self.conductor.script.stories[index].name == "edited":
                continue
            if self._unclear(index):
                continue
            if thing.mark in ended:
                yield Violation("duplicates", f"Hold {thing.id} was placed again after one had had its end.", index)
            if not thing.live and not thing.ours:
                ended.add(thing.mark)

    def _unclear(self, index: int) -> bool:
        """Whether it was not known for a while that the hold was placed; it may come with its item."""
        with_item = self.conductor.houses[self.conductor.script.stories[index].lane].capabilities.by_patron
        placing = ("Place hold", *(("Create temporary item",) if with_item else ()))
        begun = tuple(f"{verb} {end}" for verb in placing for end in ("was cut off", "ended unclearly"))
        lines = (line.line for line in self.conductor.ledger.requests.history(self.rows[index].id))
        return any(line.startswith(begun) for line in lines)

    def _missing(
        self, things: Iterable[Thing], marks: Mapping[str, tuple[int, Standing]], lane: str
    ) -> Iterator[Violation]:
        """What should stand of borrowed items that are still here: one item, and a hold that stands or has had its end."""
        by_mark: dict[str, list[Thing]] = {}
        for thing in things:
            by_mark.setdefault(thing.mark, []).append(thing)
        for mark, (index, stand) in marks.items():
            story = self.conductor.script.stories[index]
            row = self.rows[index]
            open_here = story.lane == lane and story.role == "borrower" and row.state is State.IN_STEP
            if not open_here or stand.dead or stand.lost:
                continue
            mine = by_mark.get(mark, [])
            if not any(thing.kind == "item" for thing in mine):
                yield Violation("lost", "The temporary item that should stand is not there.", index)
            holds = [thing for thing in mine if thing.kind == "hold"]
            if not any(hold.live or not hold.ours for hold in holds):
                desk = [act.act for act in self.conductor.done.get(index, [])]
                if "lend" not in desk:
                    yield Violation("lost", "The hold that should stand is not there.", index)
            live = [(hold.who, hold.pickup) for hold in holds if hold.live]
            if live and live != [(stand.patron_id, stand.pickup_location)]:
                wanted = f"{stand.patron_id} at {stand.pickup_location}"
                yield Violation("lost", f"The hold is for {live}, not for {wanted}.", index)
            fees = sum(thing.kind == "fee" for thing in mine)
            if story.library.endswith("-main") and fees != 1:
                yield Violation("lost", f"{fees} fees were charged, not one.", index)

    def _own(self) -> Iterator[Violation]:
        for index, story in enumerate(self.conductor.script.stories):
            if not story.own or index not in self.rows:
                continue
            now = self.conductor.houses[story.lane].own().get(story.own)
            if now is None:
                yield Violation("foreign_touched", f"Own item {story.own} is gone.", index)
                continue
            yield from self._own_item(index, story, now)

    def _own_item(self, index: int, story: Story, now: OwnItem) -> Iterator[Violation]:
        before, row, done = self.before_own[story.lane][story.own], self.rows[index], self.conductor.done.get(index, [])
        if now.fixed != before.fixed:
            yield Violation(
                "foreign_touched", f"Own item {story.own} was changed: {now.fixed}, not {before.fixed}", index
            )
        if now.loans_by_bridge > 1:
            yield Violation("duplicates", f"Own item {story.own} was lent {now.loans_by_bridge} times.", index)
        lent_on = story.lent_on if any(act.act == "lend" for act in done) else ""
        if lent_on and now.loan != lent_on:
            yield Violation("foreign_touched", f"The desk's loan of {story.own} to {lent_on} is gone: {now}", index)
        wanted = _patrons_hold(done)
        if wanted and wanted not in now.holds:
            yield Violation("foreign_touched", f"The patron's hold on {story.own} is gone: {now}", index)
        if row.state is State.CLOSED:
            if now.away:
                yield Violation("orphans", f"Own item {story.own} is still at its temporary location.", index)
            if now.loan in ACCOUNTS.values():
                yield Violation("orphans", f"Own item {story.own} is still on loan to {now.loan}.", index)
        if row.state is State.IN_STEP and not lent_on:
            dated = _takes_dates(self.conductor.houses[story.lane].capabilities)
            yield from _still_lent(index, row, now, dated=dated)

    def _bystanders(self) -> Iterator[Violation]:
        for lane, house in self.conductor.houses.items():
            now, before = house.bystanders(), self.before[lane]
            for name in sorted(now.keys() | before.keys()):
                if now.get(name) != before.get(name):
                    what = f"{lane}, {name}: {now.get(name)}, not {before.get(name)}"
                    yield Violation("foreign_touched", what)


def _marks(row: Row) -> Iterator[tuple[str, Standing]]:
    for stand in standings(row.request):
        yield mark_for(BRIDGE, row.request.key, stand.leg, stand.volume).code, stand


def _told(thing: Thing) -> str:
    return f"{thing.kind.capitalize()} {thing.id} ({thing.barcode or thing.mark or 'unmarked'})"


def _takes_dates(can: Capabilities) -> bool:
    """Whether a loan is due when it should be: by what the ILS does as it is asked, or by staff, who do as they are asked."""
    dating = can.of(Verb.SET_DUE_DATE)
    return dating is Ability.YES or (dating is Ability.STAFF and can.due_date_at_check_out)


def _patrons_hold(done: Iterable[Desk]) -> str:
    return next((str(act.more["patron"]) for act in done if act.act == "place_hold"), "")


def _doubled(things: Iterable[Thing], marks: Mapping[str, tuple[int, Standing]]) -> Iterator[Violation]:
    """Two live things of a kind, or two fees, for one mark."""
    live = Counter((thing.mark, thing.kind) for thing in things if thing.mark and thing.live)
    for (mark, kind), count in live.items():
        if count > 1:
            yield Violation("duplicates", f"{count} {kind}s bear {mark}.", marks.get(mark, (None,))[0])


def _still_lent(index: int, row: Row, now: OwnItem, *, dated: bool) -> Iterator[Violation]:
    """``dated``: this ILS takes the due date it is given."""
    (stand,) = standings(row.request)
    if row.request.key.role is not Role.LENDER or stand.lost:
        return
    account = ACCOUNTS[stand.partner]
    if now.loan != account:
        yield Violation("lost", f"{now.barcode} should be on loan to {account}: {now}", index)
    elif dated and stand.due is not None and now.due != stand.due.isoformat():
        yield Violation("lost", f"{now.barcode} should be due {stand.due}: {now}", index)
    if not now.away:
        yield Violation("lost", f"{now.barcode} should be at its temporary location.", index)
