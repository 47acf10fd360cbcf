"""ISO 18626 conversations at the ledger: who may say what of which request, what is kept, and what is answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.change import NOT_SUPPLIED
from bridge.domain.standing import legs_of, standings
from bridge.errors import RefusedInput
from bridge.intake import Intake
from bridge.ledger import Ledger, LedgerBusy, Receipt
from bridge.metrics import Metrics
from bridge.sources.iso18626 import Iso18626Source
from bridge.sources.iso18626.callers import Caller, caller_of
from bridge.sources.iso18626.confirmation import confirmation
from bridge.sources.iso18626.meaning import Side
from bridge.sources.iso18626.message import REFUSED, WAITING, Fault, FaultType, IsoMessage, Kind, conversation_of
from bridge.sources.iso18626.source import Reading
from bridge.sources.iso18626.writing import MEDIA_TYPE
from bridge.web.posts import Post, Said

log = structlog.get_logger(__name__)
AGAIN = {"Retry-After": "5"}
FIRST_LOOK, OVERLAP = timedelta(days=1), timedelta(minutes=5)
"""How far a look at what other sources told reaches back: the first after a start, and each beyond the one before."""


@dataclass(frozen=True)
class Verdict:
    """What is to become of a reading: kept as it says, or as ``arrival``; ``opens``: a request or a leg is heard of for the first time."""

    arrival: Arrival
    fault: Fault | None = None
    opens: bool = False


@dataclass(frozen=True)
class Heard:
    """Whether a request was heard of, and this leg; ``nameless``: nobody named a leg of it so far, and ``leg`` says whether it is the
    partner's. ``refused``: every supplier that was asked so far could not.
    """

    heard: bool = False
    leg: bool = False
    nameless: bool = False
    refused: bool = False

    @property
    def next_may_speak(self) -> bool:
        """Whether another supplier may be believed: the ones before could not, or nobody said who they are."""
        return self.leg or self.nameless or self.refused


class Conversations:
    """The door of one source. ``others`` are the other sources of its service."""

    def __init__(
        self,
        source: Iso18626Source,
        ledger: Ledger,
        intake: Intake,
        metrics: Metrics,
        others: Sequence[str] = (),
    ) -> None:
        self.name = source.name
        self.max_bytes = source.settings.max_bytes
        self.source = source
        self.ledger = ledger
        self._intake = intake
        self.metrics = metrics
        self._others = tuple(others)
        self._looked: datetime | None = None

    def admit(self, address: str, headers: Mapping[str, str]) -> None:
        """Raises ``RefusedInput`` for a stranger."""
        with self.counted():
            self.source.callers(address, headers)

    def answer(self, post: Post) -> Said:
        """Take a message and answer it. Raises ``RefusedInput`` for a stranger."""
        reading = self.source.read(post.body)
        with self.counted():
            caller = caller_of(self.source.callers(post.address, post.headers), reading.message)
        try:
            return self._confirmed(caller, reading)
        except LedgerBusy as busy:
            self.metrics.not_kept(self.name)
            log.critical("ledger.busy", source=self.name, why=str(busy))
            return Said(500, error="The message cannot be kept just now; send it again.", headers=AGAIN)

    def catch_up(self) -> None:
        """Take what waited for requests of which another source of the service has told since the last look. Raises ``LedgerBusy``."""
        if not self._others:
            return
        now = self.ledger.clock()
        for key in self.ledger.inbox.told_by(self._others, (self._looked or now - FIRST_LOOK) - OVERLAP):
            for requester in {key.requester, key.requester.rpartition(":")[2], ""}:
                self._take_waiting(conversation_of(requester, key.number))
        self._looked = now

    def close(self) -> None:
        """Nothing is in hand."""

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Strangers are counted."""
        try:
            yield
        except RefusedInput:
            self.metrics.refused(self.name)
            raise

    def _confirmed(self, caller: Caller, reading: Reading) -> Said:
        message = reading.message
        if message is None:
            return Said(400, error=reading.arrival.problem, kept=self.kept(reading.arrival))
        if message.asked_sequence is not None and caller.peer.speaks_for(message.sender):
            return self._said(message, *self._probed(message, message.asked_sequence))
        return self._said(message, self.heard(caller, reading, message))

    def kept(self, arrival: Arrival) -> int:
        """Keep what holds no message; answers its id."""
        receipt = self.take(arrival)
        log.warning("door.malformed", source=self.name, why=arrival.problem, kept=receipt.inbox_id)
        return receipt.inbox_id

    def _said(self, message: IsoMessage, fault: Fault | None, remark: Fault | None = None) -> Said:
        self.metrics.confirmed(self.name, message.kind.value, ok=fault is None)
        made = confirmation(message, fault, self.ledger.clock(), remark=remark)
        return Said(200, made, MEDIA_TYPE)

    def heard(self, caller: Caller, reading: Reading, message: IsoMessage) -> Fault | None:
        """Judge, keep and fold a message; answers what its sender is told."""
        verdict = self._judged(caller, reading, message)
        receipt = self.take(verdict.arrival)
        if WAITING in verdict.arrival.key:  # its request may have come in just now
            verdict = replace(verdict, opens=True)
        if verdict.opens:
            self._take_waiting(message.conversation)
        self._tell(verdict, receipt)
        return verdict.fault

    def _tell(self, verdict: Verdict, receipt: Receipt) -> None:
        inbox, repeated = receipt.inbox_id, receipt.repeated
        if verdict.fault is None:
            log.info("door.accepted", source=self.name, inbox=inbox, repeated=repeated)
        else:
            why = verdict.arrival.problem
            log.warning("door.not_applied", source=self.name, inbox=inbox, repeated=repeated, why=why)

    def take(self, arrival: Arrival) -> Receipt:
        """Keep and fold; one that was kept before without being understood is taken now."""
        receipt = self._intake.take(self.name, arrival)
        self.metrics.received(self.name, (arrival,), (receipt,))
        if receipt.repeated and arrival.changes:
            (before,) = self.ledger.inbox.kept((receipt.inbox_id,))
            if before.state is not ArrivalState.FOLDED:
                self.ledger.inbox.replay(receipt.inbox_id, arrival, self._intake.lane_of)
                self._intake.told(arrival)
                receipt = replace(receipt, repeated=False)
        return receipt

    def _judged(self, caller: Caller, reading: Reading, message: IsoMessage) -> Verdict:
        """Whether the sender may say this of this request."""
        symbol = self.source.settings.symbol(message.sender) or "(none)"
        if not caller.peer.speaks_for(message.sender):
            why = f"'{caller.name}' may not speak for '{symbol}'; if it may, add it to its symbols, then replay the message."
            arrival = _unfolded(reading.arrival, f"{REFUSED}{caller.name}", why)
            return Verdict(arrival, Fault(FaultType.VALUE, f"{symbol} is not a symbol of yours"))
        if not reading.sides:
            return Verdict(reading.arrival, reading.fault)
        said = [self._known(side) for side in reading.sides]
        if not self._may_say(caller, message, said):
            return self._unheard(caller, reading, message, symbol, heard=any(each.heard for each in said))
        if reading.fault is not None:
            return Verdict(reading.arrival, reading.fault)
        ended = any(change.phase in NOT_SUPPLIED for change in reading.arrival.changes)
        opens = ended or not all(each.heard and each.leg for each in said)
        return Verdict(reading.arrival, opens=opens)

    def _may_say(self, caller: Caller, message: IsoMessage, said: list[Heard]) -> bool:
        """A request opens itself; so does whatever our own side says. The other side goes on where our side began: a broker at any
        supplier, anybody else at its own. Our own system may tell what it hears of a request that was never heard of here, and of the next
        supplier once the others could not; so may anybody where only the other side is heard.
        """
        settings = self.source.settings
        if message.kind is Kind.REQUEST or (caller.peer.ours and settings.our_library(message.sender)):
            return True
        heard = [each for each in said if each.heard]
        if not heard:
            return caller.peer.ours or settings.peers_open_requests
        if caller.peer.broker:
            return True
        if caller.peer.ours:
            return all(each.next_may_speak for each in heard)
        return all(each.leg or (settings.peers_open_requests and each.refused) for each in heard)

    def _known(self, side: Side) -> Heard:
        """What was heard of a request, and of this leg of it; where nobody named one, the partner's is it."""
        request = self.ledger.inbox.request(side.key)
        if request is None:
            return Heard()
        legs, stands = legs_of(request), standings(request)
        nameless = legs == ("",)
        partner = next((each.partner for each in stands if each.partner), "")
        known = side.leg in legs or (nameless and same_agency(partner, side.leg))
        refused = all(stand.phase in NOT_SUPPLIED for stand in stands)
        return Heard(heard=True, leg=known, nameless=nameless, refused=refused)

    def _unheard(self, caller: Caller, reading: Reading, message: IsoMessage, symbol: str, *, heard: bool) -> Verdict:
        """Kept until our own side, or a request, is heard."""
        if heard:
            why = f"Request {message.number} was not sent to '{symbol}', as far as is known here; it is taken when that is heard."
            fault = Fault(FaultType.VALUE, f"request {message.number} is not known at {symbol}")
        else:
            why = f"Request {message.number} is not known here; the message is taken as soon as it is heard of."
            fault = Fault(FaultType.VALUE, f"requestingAgencyRequestId {message.number} is not known")
        arrival = _unfolded(reading.arrival, f"{WAITING}{caller.name}", reading.arrival.problem or why)
        return Verdict(arrival, reading.fault or fault)

    def _take_waiting(self, conversation: str) -> None:
        """Messages of this request that came before it was heard of."""
        for kept in self.ledger.inbox.waiting(self.name, conversation):
            _, found, name = kept.key.partition(WAITING)
            peer = self.source.settings.peers.get(name)
            if not found or peer is None or not kept.body:
                continue
            reading = self.source.reread(kept.body)
            if reading.message is None:
                continue
            verdict = self._judged(Caller(name, peer), reading, reading.message)
            if verdict.fault is None:
                self.ledger.inbox.replay(kept.id, verdict.arrival, self._intake.lane_of)
                self._intake.told(verdict.arrival)
                log.info("door.waited", source=self.name, inbox=kept.id)

    def _probed(self, message: IsoMessage, asked: int) -> tuple[Fault | None, Fault | None]:
        """Whether the number that ReShare asks about is that of its last message; nothing else of a probe counts."""
        side = f"{message.conversation}{message.kind.value[0]}:"
        numbers = (key.removeprefix(side).partition(":")[0] for key in self.ledger.inbox.keys(self.name, side))
        last = next(reversed([int(number) for number in numbers if number]), None)
        if last == asked:
            return None, Fault(FaultType.VALUE, str(asked))
        return Fault(FaultType.VALUE, "" if last is None else str(last)), None


def same_agency(partner: str, leg: str) -> bool:
    """Whether a partner may be the agency of this leg; one that nobody named may be any. Sources name the same one with its type
    (``ISIL:XYZ``) or without.
    """
    plain = (partner.casefold().rpartition(":")[2], leg.casefold().rpartition(":")[2])
    return not partner or plain[0] == plain[1]


def _unfolded(arrival: Arrival, marked: str, why: str) -> Arrival:
    """Kept beside the same message from somebody who may say it."""
    return replace(arrival, key=arrival.key + marked, changes=(), state=ArrivalState.MALFORMED, problem=why)
