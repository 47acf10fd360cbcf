"""What bears our mark in one ILS and no request knows: the list is read a page at a time, and each mark is looked up in the ledger.

Nothing is ever deleted from here: whose an object is that no request knows, only a human can say.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from bridge.connectors.base import Call, Connector
from bridge.domain.capabilities import InspectBy
from bridge.domain.commands import ListMarked
from bridge.domain.drift import Drift
from bridge.domain.identity import owner_of
from bridge.domain.record import ItemRecord, MarkedObject
from bridge.engine.audit import AS_IT_SHOULD_BE
from bridge.errors import IlsError
from bridge.ledger import Ledger, State
from bridge.ledger.audits import MarkList, NewFinding
from bridge.ledger.model import Row

ADVICE = "The bridge deletes nothing that no request knows. See what it is; if nobody needs it, delete the record in the ILS by hand."


@dataclass(frozen=True)
class Left:
    """Something that bears the mark of a request that is over, to be looked at with it. ``copy``: what is to be told where that look does
    not find it, since it is not what the bridge recorded; ``None`` where it is.
    """

    request_id: int
    copy: NewFinding | None = None


@dataclass(frozen=True)
class PageRead:
    """One page: ``finished`` is what bears the mark of requests that are over."""

    now: MarkList
    finished: tuple[Left, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether it was the last, or the list cannot be read."""
        return not self.now.following


class MarkReader:
    """Reads the lists of lanes. ``bridge`` is our name in marks; marks of other bridges are none of our business."""

    def __init__(self, ledger: Ledger, bridge: str, libraries: Collection[str]) -> None:
        self._ledger = ledger
        self._bridge = bridge
        self._libraries = libraries

    def page(self, lane: str, connector: Connector) -> PageRead:
        """Read the next page and note what was found; a list that cannot be read is noted with the reason.

        Where reading was cut off it goes on. Raises ``Unavailable`` and other errors of an ILS, after noting them.
        """
        can = connector.capabilities
        now = self._begun(lane)
        if InspectBy.ALL_MARKS not in can.inspect_by:
            return self._kept(replace(now, ended_at=self._ledger.clock(), problem=can.cannot_list))
        try:
            page = connector.marked(ListMarked(now.following), Call())
        except IlsError as problem:
            self._ledger.audits.keep_list(replace(now, problem=str(problem)))
            raise
        known = [self._judged(lane, each) for each in page.objects]
        finished = tuple(each for each in known if isinstance(each, Left))
        self._ledger.audits.seen([each for each in known if isinstance(each, NewFinding)])
        self._seen_again(finished)
        now = replace(now, listed=now.listed + len(page.objects), following=page.following, problem="")
        if not page.following:
            now = replace(now, ended_at=self._ledger.clock())
            self._ledger.audits.ended(lane, Drift.ORPHAN, unseen_since=now.begun_at or self._ledger.clock())
        return self._kept(now, finished)

    def looked(self, left: Left, said: Sequence[str]) -> None:
        """A look at a finished request ``said`` this: what it did not find, and is no record of ours, is told as what no request knows."""
        if left.copy is not None and tuple(said) == (AS_IT_SHOULD_BE,):
            self._ledger.audits.seen([left.copy])

    def _seen_again(self, finished: Sequence[Left]) -> None:
        """What was told of finished requests stands as long as it is listed."""
        told = {each.subject for each in self._ledger.audits.standing()}
        self._ledger.audits.seen(
            [each.copy for each in finished if each.copy is not None and each.copy.subject in told]
        )

    def _begun(self, lane: str) -> MarkList:
        known = self._ledger.audits.marked_list(lane)
        if known.following:
            return known
        return replace(known, begun_at=self._ledger.clock(), listed=0)

    def _kept(self, now: MarkList, finished: tuple[Left, ...] = ()) -> PageRead:
        self._ledger.audits.keep_list(now)
        return PageRead(now, finished)

    def _judged(self, lane: str, seen: MarkedObject) -> NewFinding | Left | None:
        """A finding; or what a finished request left; or nothing, where it is as it should be or not ours."""
        owner = owner_of(seen.mark)
        if owner is None:
            keeper = self._ledger.audits.keeper_of(lane, seen.ids.bib) if seen.ids.bib else None
            return None if keeper is not None else self._unreadable(lane, seen)
        if owner.bridge != self._bridge:
            return None
        row = self._ledger.requests.of(owner.key)
        if row is None:
            sentence = f"{_what(seen)} bears our mark for request {owner.key.number}, which the bridge does not know."
            return self._finding(lane, seen, sentence, owner.key.library)
        item = row.record.item(owner.leg, owner.volume)
        sentence = f"{_what(seen)} bears the mark of {row.name}, but is not what the bridge made for it."
        copy = None if _its_own(row, item, seen) else self._finding(lane, seen, sentence, owner.key.library)
        over = row.state is State.CLOSED and item in row.record.items
        return Left(row.id, copy) if over else copy

    def _unreadable(self, lane: str, seen: MarkedObject) -> NewFinding:
        sentence = f"{_what(seen)} bears the mark of a bridge ({seen.mark.code}), but its text was changed, and no open request knows it."
        return self._finding(lane, seen, sentence, "")

    def _finding(self, lane: str, seen: MarkedObject, sentence: str, library: str) -> NewFinding:
        return NewFinding(
            subject=f"{lane}:mark:{seen.mark.code}:{seen.ids.bib}",
            library=library if library in self._libraries else "",
            lane=lane,
            kind=Drift.ORPHAN.value,
            sentence=sentence,
            barcode=seen.barcode,
            advice=ADVICE,
        )


def _what(seen: MarkedObject) -> str:
    """The object in words: barcode where it is known, and the ILS's ids."""
    ids = ", ".join(part for part in (seen.ids.bib, seen.ids.holding, seen.ids.item) if part) or "id unknown"
    return f"Item {seen.barcode} ({ids})" if seen.barcode else f"A temporary record ({ids})"


def _its_own(row: Row, item: ItemRecord, seen: MarkedObject) -> bool:
    """Whether it is what the request has in the ILS, or may be: while work is under way the record is behind what is there."""
    under_way = row.state in {State.DUE, State.WAITING} or row.pending is not None
    return under_way or (item in row.record.items and item.ids.bib in {"", seen.ids.bib})
