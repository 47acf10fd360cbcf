"""What a message means for our side of a loan: whose request it is about, and the changes it carries."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bridge.domain.change import UNSET, Change, Closure, Condition, Edits, Phase, Stamp, Unset
from bridge.domain.commands import Money
from bridge.domain.identity import RequestKey, Role, ServiceType
from bridge.domain.words import Meaning
from bridge.sources.iso18626.elements import Branch, day_or_moment, moment
from bridge.sources.iso18626.items import Sent, sent, volume_names
from bridge.sources.iso18626.message import Fault, FaultType, IsoMessage, Kind
from bridge.sources.iso18626.settings import Iso18626Settings
from bridge.sources.iso18626.words import REASONS

AHEAD = timedelta(days=1)
"""A message from further ahead than this has a wrong clock; it is taken for one of now."""
LONGEST_LOAN = timedelta(days=731)
LONGEST_SYMBOL, LONGEST_NUMBER, LONGEST_TEXT = 100, 200, 2000
SERVICE_TYPES = {"copy": ServiceType.COPY, "loan": ServiceType.LOAN}
"""CopyOrLoan is decided by what is sent in the end."""
COPIED = "copycompleted"
DATED = frozenset({"loaned", "recalled"})
"""Statuses whose due date is news. Overdue repeats one that may be older than a renewal, and the others come before or after the loan."""
COSTED = frozenset({"loaned", "copycompleted", "completedwithoutreturn"})
ON_LOAN = frozenset({"loaned", "overdue", "recalled"})
NOTHING = Meaning()


class NotTaken(ValueError):
    """A message that says something we cannot take; ``fault`` is what its sender is told, ``unknown_word`` whether a word is the reason."""

    def __init__(self, type_: FaultType, value: str, why: str, *, unknown_word: bool = False) -> None:
        super().__init__(why)
        self.fault = Fault(type_, value)
        self.unknown_word = unknown_word


@dataclass(frozen=True)
class Side:
    """Our side of a conversation. A borrower's leg is its supplier; a lender knows of no other."""

    key: RequestKey
    leg: str
    partner: str


def sides_of(message: IsoMessage, settings: Iso18626Settings, libraries: frozenset[str]) -> tuple[Side, ...]:
    """Ours; both where lender and borrower are libraries of ours. Raises ``NotTaken``.

    Whose symbol is ours decides. Where no symbols are configured the kind of message does: what a supplier says is for a borrower, all
    else is for a lender.
    """
    number = _printable(message.number, LONGEST_NUMBER)
    if not number:
        raise NotTaken(FaultType.VALUE, "requestingAgencyRequestId is missing", "requestingAgencyRequestId is missing.")
    requester, supplier = settings.symbol(message.requester), settings.symbol(message.supplier)
    for symbol in (requester, supplier):
        if len(symbol) > LONGEST_SYMBOL:
            raise NotTaken(FaultType.VALUE, symbol[:LONGEST_SYMBOL], "The symbol of an agency is too long.")
    requester = requester or settings.requester
    found = []
    for role, library in _roles(message, settings):
        if library not in libraries:
            raise NotTaken(FaultType.VALUE, library, f"'{library}' is none of our libraries.")
        key = RequestKey(library, settings.service, role, requester, number)
        borrower = role is Role.BORROWER
        found.append(Side(key, supplier if borrower else "", supplier if borrower else requester))
    if not found:
        named = f"requestingAgencyId {requester or '(none)'}, supplyingAgencyId {supplier or '(none)'}"
        raise NotTaken(
            FaultType.VALUE, named, f"None of our symbols is in it ({named}); see 'libraries' of this source."
        )
    return tuple(found)


def _roles(message: IsoMessage, settings: Iso18626Settings) -> list[tuple[Role, str]]:
    ours = (
        (Role.BORROWER, settings.our_library(message.requester)),
        (Role.LENDER, settings.our_library(message.supplier)),
    )
    found = [(role, library) for role, library in ours if library]
    if found or not settings.library:
        return found
    unnamed = message.supplier is None and message.kind is Kind.REQUEST
    if settings.libraries and not unnamed:
        return []
    return [(Role.BORROWER if message.kind is Kind.SUPPLYING else Role.LENDER, settings.library)]


def changes_of(message: IsoMessage, side: Side, settings: Iso18626Settings, now: datetime) -> tuple[Change, ...]:
    """The changes a message carries for one side. Raises ``NotTaken`` for what cannot be taken, an unknown word among it."""
    if message.kind is Kind.REQUEST:
        return _asked(message, side, settings, now)
    if message.kind is Kind.REQUESTING:
        return (_acted(message, side, settings, now),)
    return _supplied(message, side, settings, now)


def _asked(message: IsoMessage, side: Side, settings: Iso18626Settings, now: datetime) -> tuple[Change, ...]:
    """A request: what is wanted, of the whole request; that it was sent to this supplier, of its leg; and that it retries another."""
    change = _change(message, side, settings, now, Meaning(phase=Phase.REQUESTED), word="request")
    wide = replace(change, leg="", edits=_wanted(message, side, settings))
    found = [wide]
    if side.leg:
        found.append(_as(change, "leg", edits=Edits(partner=side.partner)))
    service = message.body.one("serviceInfo")
    before = _printable(service.text("requestingAgencyPreviousRequestId"), LONGEST_NUMBER) if service else ""
    retries = bool(service) and service is not None and service.text("requestType").casefold() == "retry"
    if retries and before and before != side.key.number:
        key = replace(side.key, number=before)
        ended = replace(_as(change, "retried", edits=Edits()), request=key, leg="", word="Retry")
        found.append(replace(ended, phase=Phase.UNFILLED, closure=Closure.UNFILLED))
    return tuple(found)


def _wanted(message: IsoMessage, side: Side, settings: Iso18626Settings) -> Edits:
    body = message.body
    asked = SERVICE_TYPES.get(body.text("serviceInfo", "serviceType").casefold(), UNSET)
    told: dict[str, Any] = {
        "title": body.text("bibliographicInfo", "title") or body.text("bibliographicInfo", "titleOfComponent"),
        "author": body.text("bibliographicInfo", "author"),
        "isbn": _isbn(body),
        "partner": side.partner,
    }
    if side.key.role is Role.BORROWER:
        told["patron_id"] = _printable(body.text("patronInfo", "patronId"), LONGEST_SYMBOL)
        told["pickup_location"] = _pickup(body) if settings.pickup_by_address else ""
    said = {name: value[:LONGEST_TEXT] for name, value in told.items() if value}
    return Edits(service_type=asked, **said)


def _isbn(body: Branch) -> str:
    for each in body.every("bibliographicInfo", "bibliographicItemId"):
        if each.text("bibliographicItemIdentifierCode").casefold() in {"isbn", "issn"}:
            return each.text("bibliographicItemIdentifier")
    return ""


def _pickup(body: Branch) -> str:
    """The first line of the delivery address that is wanted most; ReShare writes the pickup location's name there."""
    places = [each for each in body.every("requestedDeliveryInfo") if each.text("address", "physicalAddress", "line1")]
    places.sort(key=lambda each: int(order) if (order := each.text("sortOrder")).isdecimal() and len(order) < 9 else 0)
    return places[0].text("address", "physicalAddress", "line1")[:LONGEST_NUMBER] if places else ""


def _acted(message: IsoMessage, side: Side, settings: Iso18626Settings, now: datetime) -> Change:
    """An action of the borrower; sent by us or to us."""
    meaning = settings.table.meaning(side.key.role, message.action)
    if meaning is None or not message.action:
        named = f"The action '{message.action}' of request {side.key.number} is not known"
        why = f"{named}; say what it means in the source's table of words, then replay the message."
        raise NotTaken(FaultType.ACTION, message.action, why, unknown_word=bool(message.action))
    edits = Edits(partner=side.partner or UNSET)
    return replace(_change(message, side, settings, now, meaning, word=message.action), edits=edits)


def _supplied(message: IsoMessage, side: Side, settings: Iso18626Settings, now: datetime) -> tuple[Change, ...]:
    reason = message.reason
    if reason and reason not in REASONS:
        named = f"The reason '{reason}' of request {side.key.number} is not known"
        raise NotTaken(FaultType.REASON, reason, f"{named}; it is kept, and means nothing.", unknown_word=True)
    if reason == "Notification":
        return (_change(message, side, settings, now, Meaning(notification=True), word=message.status),)
    meaning, edits = _answered(message, side, settings, now)
    change = replace(_change(message, side, settings, now, meaning, word=_word(message)), edits=edits)
    return (change, *_volumes(message, change))


def _word(message: IsoMessage) -> str:
    """The status as it came, and what it answers, where the answer decides."""
    answer = message.body.text("messageInfo", "answerYesNo")
    if message.reason in {"RenewResponse", "CancelResponse"}:
        return " ".join(part for part in (message.reason, answer) if part)
    return message.status


def _answered(message: IsoMessage, side: Side, settings: Iso18626Settings, now: datetime) -> tuple[Meaning, Edits]:
    """Status and answer together: ``answerYesNo`` decides renewals and cancellations, the status everything else."""
    meaning = settings.table.meaning(side.key.role, message.status)
    if meaning is None:
        named = f"The status '{message.status}' of request {side.key.number} is not known"
        why = f"{named}; say what it means in the source's table of words, then replay the message."
        raise NotTaken(FaultType.VALUE, message.status, why, unknown_word=True)
    answer = message.body.text("messageInfo", "answerYesNo").upper()[:1]
    status = message.status.casefold()
    edits = _edits(message, side, settings, now, status)
    if message.reason == "RenewResponse":
        return _renewal(meaning, answer, status), replace(edits, due=_due(message, settings, now, dated=answer == "Y"))
    if message.reason == "CancelResponse" and answer == "Y":
        return Meaning(phase=Phase.CANCELLED, closure=Closure.CANCELLED), edits
    if message.reason == "CancelResponse" and answer == "N" and meaning.phase is Phase.CANCELLED:
        return NOTHING, edits
    return meaning, edits


def _renewal(meaning: Meaning, answer: str, status: str) -> Meaning:
    """Granted, refused, or (without an answer) neither. The status beside it counts only while it says that the item is on loan."""
    stands = meaning if status in ON_LOAN else NOTHING
    if answer == "Y":
        over = (Condition.RENEWAL_REQUESTED, Condition.RENEWAL_REFUSED, Condition.OVERDUE, Condition.RECALLED)
        return Meaning(phase=stands.phase, cleared=over)
    if answer == "N":
        return Meaning(
            phase=stands.phase,
            raised=(*stands.raised, Condition.RENEWAL_REFUSED),
            cleared=(Condition.RENEWAL_REQUESTED,),
        )
    return Meaning(phase=stands.phase)


def _edits(message: IsoMessage, side: Side, settings: Iso18626Settings, now: datetime, status: str) -> Edits:
    if not status:
        return Edits()
    body, what = message.body, _sent(message)
    only = what.items[0] if len(what.items) == 1 else None
    copied = status == COPIED or what.by_address
    named = SERVICE_TYPES.get(body.text("deliveryInfo", "serviceType").casefold(), UNSET)
    return Edits(
        service_type=ServiceType.COPY if copied else named,
        partner=side.partner or UNSET,
        barcode=only.barcode if only else UNSET,
        call_number=only.call_number if only and only.call_number else UNSET,
        item_format=(body.text("deliveryInfo", "itemFormat") or body.text("deliveryInfo", "deliveredFormat"))[:200]
        or UNSET,
        due=_due(message, settings, now, dated=status in DATED),
        fee=_cost(body) if status in COSTED else UNSET,
    )


def _sent(message: IsoMessage) -> Sent:
    body = message.body
    ids = tuple(each.raw() for each in body.every("deliveryInfo", "itemId") if each.raw())
    means = (body.text("deliveryInfo", "sentVia"), body.text("deliveryInfo", "deliveryMethod"))
    return sent(tuple(" ".join(each.split()) for each in ids), message.note, means)


def _due(message: IsoMessage, settings: Iso18626Settings, now: datetime, *, dated: bool) -> date | Unset:
    """The supplier's calendar day (an instant is its midnight); a day before the loan, or years after it, was never meant."""
    said = day_or_moment(message.body.text("statusInfo", "dueDate")) if dated else None
    if said is None:
        return UNSET
    due = settings.day(said, settings.symbol(message.supplier))
    sent_at = moment(message.body.text("deliveryInfo", "dateSent"))
    began = (sent_at or _at(message, settings, now)).date() - timedelta(days=1)
    return due if began <= due <= began + LONGEST_LOAN else UNSET


def _cost(body: Branch) -> Money | Unset:
    """What the supplier asks: costs of delivery, else the costs offered (in ``messageInfo`` or, in 2021, ``retryInfo``)."""
    for path in (("deliveryInfo", "deliveryCosts"), ("messageInfo", "offeredCosts"), ("retryInfo", "offeredCosts")):
        found = body.one(*path)
        amount = found.text("monetaryValue") if found else ""
        if found and re.fullmatch(r"\d{1,7}(\.\d+)?", amount):
            value = Decimal(amount).quantize(Decimal("0.01"))
            currency = found.text("currencyCode").upper()
            return Money(value, currency if re.fullmatch("[A-Z]{3}", currency) else "")
    return UNSET


def _volumes(message: IsoMessage, change: Change) -> tuple[Change, ...]:
    """A change for each of several items; alone it only says that the volume is there, and its barcode."""
    items = _sent(message).items
    if len(items) < 2 or not message.status:
        return ()
    return tuple(
        replace(
            _as(change, name, edits=Edits(barcode=item.barcode, call_number=item.call_number or UNSET)),
            volume=name,
            word="",
            phase=None,
            closure=None,
            raised=(),
            cleared=(),
        )
        for name, item in zip(volume_names(items), items, strict=True)
    )


def _change(
    message: IsoMessage, side: Side, settings: Iso18626Settings, now: datetime, meaning: Meaning, *, word: str
) -> Change:
    key = f"{message.key}#{side.key.role.value}"
    told = {each.line().casefold() for each in message.body.every("deliveryInfo", "loanCondition")}
    use = (Condition.LIBRARY_USE_ONLY,) if "libraryuseonly" in told else ()
    return Change(
        key=key,
        request=side.key,
        stamp=Stamp(0, _at(message, settings, now), meaning.phase.rank if meaning.phase else 0, key),
        leg=side.leg,
        word=word[:LONGEST_NUMBER],
        phase=meaning.phase,
        closure=meaning.closure,
        raised=tuple(dict.fromkeys((*meaning.raised, *use))),
        cleared=meaning.cleared,
        notification=meaning.notification,
        one_way=True,
    )


def _as(change: Change, name: str, *, edits: Edits) -> Change:
    """A second change of the same message."""
    key = f"{change.key}#{name}"
    return replace(change, key=key, stamp=replace(change.stamp, key=key), edits=edits)


def _at(message: IsoMessage, settings: Iso18626Settings, now: datetime) -> datetime:
    """When it happened: ``lastChange``, else the header's time, else now; a time that was never meant, or lies ahead, is passed over."""
    for text in (message.body.text("statusInfo", "lastChange"), message.head("timestamp")):
        said = moment(text)
        if said is not None and (at := settings.instant(said)) <= now + AHEAD:
            return at
    return now.astimezone(UTC)


def _printable(text: str, most: int) -> str:
    """An identifier, or nothing where it is longer than any identifier."""
    return text if len(text) <= most else ""
