"""What a corrected table of words would do to messages that were taken already: ``replay --source S --since T``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.goal import goal_for
from bridge.domain.identity import RequestKey
from bridge.domain.preview import preview
from bridge.domain.request import Request
from bridge.domain.retold import retold, told_elsewhere
from bridge.domain.standing import standings
from bridge.ledger import Ledger
from bridge.ledger.model import Kept, Row
from bridge.settings import Configuration
from bridge.wiring import capabilities_of, readers_of

GONE = "Messages that it was told by are no longer there ([privacy] message_days), so it cannot be told anew; see `set` and `resync`."


@dataclass(frozen=True)
class Told:
    """A request as it stands, and as its messages would tell it now. ``row`` is ``None`` for one that would be new."""

    after: Request
    row: Row | None = None
    arrivals: dict[int, Arrival] = field(default_factory=dict)
    problem: str = ""

    @property
    def differs(self) -> bool:
        """Whether anything would be otherwise, or could not be told."""
        return bool(self.problem) or self.row is None or self.row.request != self.after


@dataclass(frozen=True)
class Retold:
    """All requests that these messages tell of, and messages that would still not be understood."""

    requests: tuple[Told, ...]
    left: tuple[tuple[int, str], ...]


class Retelling:
    """Reads messages again with the configuration as it is, and tells their requests anew; nothing is written."""

    def __init__(self, known: Configuration, ledger: Ledger) -> None:
        self._known = known
        self._ledger = ledger
        self._readers = readers_of(known)

    def of(self, messages: Sequence[Kept]) -> Retold:
        """What these messages would tell now."""
        read = {kept.id: self._read(kept) for kept in messages}
        left = [(id_, arrival.problem) for id_, arrival in read.items() if arrival.state is not ArrivalState.FOLDED]
        keys = dict.fromkeys(change.request for arrival in read.values() for change in arrival.changes)
        touched = {row.id: row for row in filter(None, map(self._ledger.requests.of, keys))}
        for row in self._touched(messages):
            touched.setdefault(row.id, row)
        told = [self._told(row, read) for row in touched.values()]
        there = {row.request.key for row in touched.values()}
        return Retold((*told, *self._new(keys, there, read)), tuple(left))

    def _touched(self, messages: Sequence[Kept]) -> Iterator[Row]:
        """Requests that these messages were folded into, whatever they say now."""
        for request_id in dict.fromkeys(self._ledger.inbox.folded_into([kept.id for kept in messages])):
            yield self._ledger.requests.one(request_id)

    def _read(self, kept: Kept) -> Arrival:
        reader = self._readers.get(kept.source)
        if reader is None:
            problem = f"its source '{kept.source}' is not in the configuration"
            return Arrival(kept.key, kept.body, state=kept.state, problem=problem)
        return reader.replayed(kept.body)

    def _told(self, row: Row, read: dict[int, Arrival]) -> Told:
        messages = self._ledger.inbox.told(row.id)
        if any(not kept.body for kept in messages):
            return Told(row.request, row, problem=GONE)
        key = row.request.key
        if told_elsewhere(row.request, {kept.key for kept in messages}):
            return Told(row.request, row, problem=GONE)
        mine = {kept.id: read.get(kept.id) or self._read(kept) for kept in messages}
        mine = {id_: each for id_, each in {**mine, **read}.items() if id_ in mine or _of(key, each)}
        mine = {id_: each for id_, each in mine.items() if not each.changes or _of(key, each)}
        changes = [one for each in mine.values() for one in each.changes if one.request == key]
        after = retold(row.request, changes)
        return Told(after, row, mine)

    @staticmethod
    def _new(keys: dict[RequestKey, None], there: set[RequestKey], read: dict[int, Arrival]) -> Iterator[Told]:
        for key in keys:
            if key not in there:
                mine = {id_: each for id_, each in read.items() if _of(key, each)}
                changes = [one for each in mine.values() for one in each.changes if one.request == key]
                yield Told(retold(Request(key), changes), arrivals=mine)

    def shown(self, told: Told) -> Shown:
        """What would be otherwise, in words."""
        key = told.after.key
        name = told.row.name if told.row is not None else "new"
        before = self._plan(told.row, told.row.request) if told.row is not None else ()
        after = self._plan(told.row, told.after) if not told.problem else before
        return Shown(
            name,
            key.number,
            key.library,
            key.role.value,
            _status(told.row.request) if told.row is not None else "nothing",
            _status(told.after),
            tuple(each for each in after if each not in before),
            tuple(each for each in before if each not in after),
            told.problem,
        )

    def _plan(self, row: Row | None, request: Request) -> tuple[str, ...]:
        library = request.key.library
        if row is None or library not in self._known.settings.libraries:
            return ()
        goal = goal_for(request, self._known.settings.policy(library))
        return preview(goal, row.record, capabilities_of(self._known, row.lane)).sentences

    def do(self, told: Told, since: datetime) -> bool:
        """Have it so: the request as it is told now, and due. ``False`` where something new was said of it meanwhile."""
        lane_of = self._known.settings.lane
        if told.row is None:
            for id_, arrival in told.arrivals.items():
                self._ledger.inbox.replay(id_, arrival, lane_of)
            return True
        line = f"Told anew from its messages, with the words as they are now (replay since {since:%Y-%m-%d %H:%M})."
        return self._ledger.inbox.retell(told.row, told.after, told.arrivals, line)


@dataclass(frozen=True)
class Shown:
    """A request for people: what it is and would be, what would be done that was not to be, and what no longer."""

    request: str
    number: str
    library: str
    role: str
    before: str
    after: str
    would: tuple[str, ...]
    would_not: tuple[str, ...]
    problem: str = ""

    def lines(self) -> Iterator[str]:
        """In sentences."""
        yield f"{self.request} ({self.number}, {self.library}, {self.role}): {self.before} → {self.after}"
        if self.problem:
            yield f"  {self.problem}"
        yield from (f"  would: {each}" for each in self.would)
        yield from (f"  would no longer: {each}" for each in self.would_not)

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return asdict(self)


def _of(key: RequestKey, arrival: Arrival) -> bool:
    return any(change.request == key for change in arrival.changes)


def _status(request: Request) -> str:
    """Phase, closure and conditions of each living leg and volume."""
    told = []
    for stand in standings(request):
        if not stand.dead:
            closed = f" ({stand.closure.value.replace('_', ' ')})" if stand.closure else ""
            words = [f"{stand.phase.value.replace('_', ' ')}{closed}" if stand.phase else "nothing said"]
            words += [each.value.replace("_", " ") for each in stand.conditions]
            told.append(
                ", ".join(
                    [*([stand.volume] if stand.volume else []), *words, *([f"due {stand.due}"] if stand.due else [])]
                )
            )
    return "; ".join(told) or "nothing"
