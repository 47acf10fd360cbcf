"""Our own message: one JSON object an event, the schema of webhooks, and what feeds are mapped onto."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.change import UNSET, Change, ChangeKind, Condition, Edits, Stamp, Unset
from bridge.domain.commands import Money
from bridge.domain.dates import possible
from bridge.domain.identity import RequestKey, Role, ServiceType
from bridge.domain.words import Meaning
from bridge.sources.base import SourceSettings

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
LONGEST_TEXT = 2000


def _printable(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must not hold control characters")
    return value.strip()


def _one_line(value: str) -> str:
    """Titles come with line ends and stray signs, which say nothing."""
    return _CONTROL.sub(" ", value).strip()


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]
Number = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
Barcode = Annotated[str, Field(max_length=80), AfterValidator(_printable)]
Line = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(_one_line)]


class Part(BaseModel):
    """A part of a message; keys we do not know are passed over, since services add some."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    def said(self, name: str) -> Any | Unset:  # noqa: ANN401 - a field of any type
        """The field's value, ``None`` where it is emptied, ``UNSET`` where nothing is said of it."""
        return getattr(self, name) if name in self.model_fields_set else UNSET


class RequestPart(Part):
    """Which request."""

    number: Number = Field(description="The request's number at the service.")
    requester: Annotated[str, Field(max_length=100), AfterValidator(_printable)] = Field(
        default="", description="Symbol of the requesting agency."
    )


class PatronPart(Part):
    """The patron, by any identifier the ILS knows."""

    id: Name


class ItemPart(Part):
    """The item at the supplier, and what it is."""

    title: Line | None = None
    author: Line | None = None
    isbn: Line | None = None
    barcode: Barcode | None = Field(default=None, description="The item's barcode at the supplier.")
    call_number: Line | None = None
    format: Line | None = None


class VolumePart(Part):
    """One volume of a request of several."""

    id: Name
    barcode: Barcode | None = None
    temporary_barcode: Barcode | None = None


class FeePart(Part):
    """A fee: what the lender bills for a lost or damaged item, or any other."""

    amount: Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=2)]
    currency: Annotated[str, Field(max_length=3)] = ""
    type: Annotated[str, Field(max_length=100)] = Field(
        default="",
        description="'replacement' or 'damage' for the lender's bill, where neither the status nor a condition says that the item is lost "
        "or damaged.",
    )


BILLS = frozenset({"replacement", "damage"})
"""Types of fees that are the lender's bill; ``damage`` says too that the item is damaged."""


class ConditionsPart(Part):
    """What is true beside the status: true where it holds, false where it no longer does, null or left out where nothing is said.

    A loss and a payment are not taken back by false: an item is found or sent back, a payment refunded.
    """

    renewal_requested: bool | None = None
    renewal_refused: bool | None = None
    recalled: bool | None = None
    overdue: bool | None = None
    lost: bool | None = None
    found: bool | None = None
    damaged: bool | None = None
    vanished: bool | None = None
    fee_communicated: bool | None = None
    fee_paid: bool | None = None
    library_use_only: bool | None = None

    def names(self, *, hold: bool) -> tuple[Condition, ...]:
        """The conditions that hold, or those that no longer do."""
        told = (name for name in Condition if getattr(self, name) is hold)
        return tuple(name for name in told if hold or name not in LATCHED)


LATCHED = frozenset({Condition.LOST, Condition.FEE_PAID})


class Message(Part):
    """One event of a request. A field left out says nothing; a field that is null is emptied."""

    id: Annotated[str, Field(min_length=1, max_length=250), AfterValidator(_printable)] = Field(
        description="Unique in its source; repeats are recognised by it."
    )
    time: datetime = Field(description="When it happened, ISO 8601; without an offset it stands in the source's zone.")
    sequence: Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        default=None,
        description="The request's own numbering of events, where the service has one; it goes before the time.",
    )
    kind: Literal["snapshot", "news"] = "news"
    library: Annotated[str, Field(max_length=100)] = ""
    role: Role
    request: RequestPart
    service_type: ServiceType | None = None
    status: Annotated[str, Field(max_length=200), AfterValidator(_printable)] = Field(
        default="", description="The service's own word; the source's table says what it means."
    )
    notification: bool = Field(default=False, description="True where nothing is to change.")
    partner: Annotated[str, Field(max_length=100), AfterValidator(_printable)] | None = Field(
        default=None,
        description="Symbol of the other library: the supplier for a borrower, the requester for a lender.",
    )
    leg: Annotated[str, Field(max_length=100), AfterValidator(_printable)] = Field(
        default="", description="Which supplier this is about, where a request is tried at several."
    )
    volume: Annotated[str, Field(max_length=100), AfterValidator(_printable)] = Field(
        default="", description="Which volume this is about; empty for the whole request."
    )
    due_date: datetime | date | None = Field(
        default=None,
        description="YYYY-MM-DD, or an instant. Told with a recall it is the recall's date.",
        union_mode="left_to_right",
    )
    patron: PatronPart | None = None
    pickup_location: Annotated[str, Field(max_length=200), AfterValidator(_printable)] | None = None
    temporary_barcode: Barcode | None = Field(
        default=None, description="Barcode for the temporary item, as typed by staff."
    )
    item: ItemPart | None = None
    volumes: Annotated[tuple[VolumePart, ...], Field(max_length=100)] = ()
    fee: FeePart | None = None
    conditions: ConditionsPart | None = None
    note: Line | None = None


class NotUnderstood(ValueError):
    """A message that says something we cannot take; the text says what, in one sentence."""


def read(body: bytes, settings: SourceSettings, libraries: AbstractSet[str]) -> Arrival:
    """What a message says, in UTF-8, UTF-16 or UTF-32 (RFC 8259 asks for the first).

    Never raises: what cannot be understood is an arrival to be kept and shown.
    """
    text = body.decode(json.detect_encoding(body), errors="backslashreplace").replace("\x00", "\\x00")
    try:
        raw = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as wrong:
        return Arrival(
            _digest(body), text, state=ArrivalState.MALFORMED, problem=f"The body is not JSON: {wrong}"[:300]
        )
    return read_raw(raw, text, settings, libraries)


def read_raw(raw: object, text: str, settings: SourceSettings, libraries: AbstractSet[str]) -> Arrival:
    """The same for a message that was parsed already."""
    key = _key(raw, text)
    try:
        message = Message.model_validate(raw)
        return _understood(message, text, settings, libraries)
    except ValidationError as wrong:
        found = {_field(error["loc"]): error["msg"] for error in reversed(wrong.errors(include_url=False))}
        problem = "; ".join(_sentence(*each) for each in list(found.items())[:-6:-1])
    except NotUnderstood as wrong:
        problem = str(wrong)
    except OverflowError:
        problem = "time or due_date: it lies outside of what a calendar holds"
    except RecursionError:
        problem = "The message is nested too deeply."
    return Arrival(key, text, state=ArrivalState.MALFORMED, problem=problem)


def too_deep(raw: object) -> Arrival:
    """A message that is nested more deeply than can be written down again; of what it says only the beginning is kept."""
    parts = raw.items() if isinstance(raw, dict) else enumerate(raw if isinstance(raw, list) else ())
    text = "; ".join(f"{name}: {value}"[:200] for name, value in parts if isinstance(value, str | int | float))
    problem = "The message is nested too deeply."
    return Arrival(_digest(text.encode("utf-8", errors="backslashreplace")), text, (), ArrivalState.MALFORMED, problem)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _digest(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


def _key(raw: object, text: str) -> str:
    """A malformed message is kept under a key of its own, so that a corrected one with the same id is not taken for a repeat."""
    return _digest(text.encode("utf-8", errors="backslashreplace")) if raw is not None else _digest(b"")


def _field(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Where it stands, without the name of the type by which a due date was tried."""
    return location[:1] if location[:1] == ("due_date",) else location


def _sentence(location: tuple[int | str, ...], said: str) -> str:
    return f"{'.'.join(str(part) for part in location) or 'the message'}: {said[:1].lower()}{said[1:]}"


_NOT_KNOWN = "The word '{word}' of request {number} is not known; say what it means"
_WHERE = " in the source's table of words, then replay the message."
_TOLD_UNKNOWN = re.compile(r"The (?:word|status|action|reason) '(?P<word>.*)' of request (?P<number>.*) is not known; ")


def unknown_word(problem: str) -> tuple[str, str]:
    """The word that is not known, and the number of its request, as the problem of an arrival names them; empty for another problem."""
    found = _TOLD_UNKNOWN.search(problem)
    return (found["word"], found["number"]) if found else ("", "")


def _understood(message: Message, text: str, settings: SourceSettings, libraries: AbstractSet[str]) -> Arrival:
    key = _request_key(message, settings, libraries)
    meaning = settings.table.meaning(message.role, message.status)
    if meaning is None:
        problem = _NOT_KNOWN.format(word=message.status, number=key.number) + _WHERE
        return Arrival(message.id, text, state=ArrivalState.UNKNOWN_WORD, problem=problem)
    stamp = _stamp(message, meaning, settings)
    changes = (_change(message, key, stamp, meaning, settings), *_volume_changes(message, key, stamp))
    return Arrival(message.id, text, changes=changes)


def _request_key(message: Message, settings: SourceSettings, libraries: AbstractSet[str]) -> RequestKey:
    named = message.library
    library = (
        settings.libraries.get(named) or (named if named in libraries else "") or ("" if named else settings.library)
    )
    if library not in libraries:
        raise NotUnderstood(
            f"library: '{named}' is not one of ours ({', '.join(sorted(libraries)) or 'there are none'})"
        )
    requester = message.request.requester or settings.requester
    return RequestKey(library, settings.service, message.role, requester, message.request.number)


def _stamp(message: Message, meaning: Meaning, settings: SourceSettings) -> Stamp:
    rank = meaning.phase.rank if meaning.phase else 0
    at = settings.instant(message.time)
    _possible("time", at.date())
    return Stamp(message.sequence or 0, at, rank, message.id)


def _possible(name: str, day: date) -> date:
    """An event of a year that was never meant would overtake all that follows."""
    if not possible(day):
        raise NotUnderstood(f"{name}: {day} is no day that a loan can have")
    return day


def _change(message: Message, key: RequestKey, stamp: Stamp, meaning: Meaning, settings: SourceSettings) -> Change:
    told = message.conditions or ConditionsPart()
    ended = told.names(hold=False)
    raised = (*(each for each in meaning.raised if each not in ended), *told.names(hold=True), *_damage(message))
    return Change(
        key=message.id,
        request=key,
        stamp=stamp,
        kind=ChangeKind(message.kind),
        leg=message.leg,
        volume=message.volume,
        word=message.status,
        phase=meaning.phase,
        closure=meaning.closure,
        raised=tuple(dict.fromkeys(raised)),
        cleared=tuple(dict.fromkeys((*meaning.cleared, *ended))),
        edits=_edits(message, settings),
        notification=message.notification or meaning.notification,
    )


def _damage(message: Message) -> tuple[Condition, ...]:
    """What a bill for damage says of the item."""
    kind = message.fee.type.strip().casefold() if message.fee else ""
    return (Condition.DAMAGED,) if kind == "damage" else ()


def _edits(message: Message, settings: SourceSettings) -> Edits:
    item = message.item or ItemPart()
    patron, fee, due = message.said("patron"), message.said("fee"), message.said("due_date")
    money = Money(fee.amount, fee.currency) if isinstance(fee, FeePart) else fee
    billed = isinstance(fee, FeePart) and fee.type.strip().casefold() in BILLS
    return Edits(
        service_type=message.service_type or UNSET,
        partner=message.said("partner"),
        patron_id=patron.id if isinstance(patron, PatronPart) else patron,
        pickup_location=message.said("pickup_location"),
        barcode=item.said("barcode"),
        temporary_barcode=message.said("temporary_barcode"),
        title=item.said("title"),
        author=item.said("author"),
        isbn=item.said("isbn"),
        call_number=item.said("call_number"),
        item_format=item.said("format"),
        due=_possible("due_date", settings.day(due, message.partner or "")) if isinstance(due, date) else due,
        fee=UNSET if billed else money,
        bill=money if billed else UNSET,
    )


def _volume_changes(message: Message, key: RequestKey, stamp: Stamp) -> tuple[Change, ...]:
    """A change for each volume named; alone it only says that the volume is there, and its barcodes."""
    if message.notification:
        return ()
    return tuple(
        Change(
            key=f"{message.id}#{volume.id}",
            request=key,
            stamp=Stamp(stamp.sequence, stamp.at, stamp.rank, f"{message.id}#{volume.id}"),
            leg=message.leg,
            volume=volume.id,
            edits=Edits(barcode=volume.said("barcode"), temporary_barcode=volume.said("temporary_barcode")),
        )
        for volume in message.volumes
    )
