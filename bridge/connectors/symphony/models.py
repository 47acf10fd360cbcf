"""What Symphony answers, as far as we read it, after ``wire.flat`` has laid both JSON forms side by side."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _text(value: Any) -> Any:  # noqa: ANN401 - JSON
    if value is None:
        return ""
    return str(value).strip() if isinstance(value, str | int | float) else value


def _key(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The key of a link; codes of policies are keys."""
    return _text(value.get("key") if isinstance(value, dict) else value)


def _list(value: Any) -> Any:  # noqa: ANN401 - JSON
    return [] if value is None else value


def _record(value: Any) -> Any:  # noqa: ANN401 - JSON
    return {} if value is None else value


Text = Annotated[str, BeforeValidator(_text)]
Key = Annotated[str, BeforeValidator(_key)]
Yes = Annotated[bool, BeforeValidator(bool)]


class Payload(BaseModel):
    """A part of an answer; what we do not read is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    key: Text = ""


class Money(Payload):
    """An amount; the number is a text."""

    currency: Text = Field(default="", alias="currencyCode")
    amount: Text = ""


class Borrower(Payload):
    """Who has something: the key, and the barcode where it was asked for."""

    barcode: Text = ""


class Charge(Payload):
    """A circRecord: one charge of an item. Its key is used again after a discharge, so that only key and time name it."""

    item: Key = ""
    patron: Annotated[Borrower, BeforeValidator(_record)] = Borrower()
    library: Key = ""
    out: Text = Field(default="", alias="checkOutDate")
    due: Text = Field(default="", alias="dueDate")
    status: Text = ""
    recall_due: Text = Field(default="", alias="recallDueDate")

    @property
    def name(self) -> str:
        """How we record it."""
        return f"{self.key}@{self.out}"

    @property
    def began(self) -> datetime | None:
        """When it was made; ``None`` where that cannot be read."""
        try:
            moment = datetime.fromisoformat(self.out)
        except ValueError:
            return None
        return moment if moment.tzinfo else None


class Charged(Payload):
    """What a check-out or a renewal answers."""

    charge: Charge = Field(alias="circRecord")


class Transit(Payload):
    """An item's way to a library."""

    destination: Key = Field(default="", alias="destinationLibrary")


class Hold(Payload):
    """A hold."""

    item: Key = ""
    patron: Key = ""
    pickup: Key = Field(default="", alias="pickupLibrary")
    status: Text = ""
    kind: Text = Field(default="", alias="holdType")
    comment: Text = ""
    inactive_reason: Key = Field(default="", alias="inactiveReason")

    @property
    def active(self) -> bool:
        """Whether it waits or is being held; a suspended one or one in transit waits too (symphony.md section 5.3)."""
        return self.status not in {"EXPIRED", "CANCELLED", "FILLED"}


class Placed(Payload):
    """What placing a hold answers."""

    hold: Hold = Field(alias="holdRecord")


class MarcPart(Payload):
    """A subfield."""

    code: Text = ""
    data: Text = ""


class MarcField(Payload):
    """A field of a MARC record."""

    tag: Text = ""
    parts: Annotated[tuple[MarcPart, ...], BeforeValidator(_list)] = Field(default=(), alias="subfields")


class Marc(Payload):
    """A MARC record in JSON."""

    fields_: Annotated[tuple[MarcField, ...], BeforeValidator(_list)] = Field(default=(), alias="fields")

    def texts(self, tag: str) -> tuple[str, ...]:
        """Everything that the fields of this tag say."""
        return tuple(part.data for each in self.fields_ if each.tag == tag for part in each.parts)


class Copy(Payload):
    """An item in a list of its bib."""

    barcode: Text = ""


class Call(Payload):
    """A call number, between bib and item."""

    number: Text = Field(default="", alias="callNumber")
    items: Annotated[tuple[Copy, ...], BeforeValidator(_list)] = Field(default=(), alias="itemList")


class Bib(Payload):
    """A title."""

    title: Text = ""
    shadowed: Yes = False
    marc: Annotated[Marc, BeforeValidator(_record)] = Field(default=Marc(), alias="bib")
    calls: Annotated[tuple[Call, ...], BeforeValidator(_list)] = Field(default=(), alias="callList")

    @property
    def items(self) -> tuple[Copy, ...]:
        """All that hang on it."""
        return tuple(item for call in self.calls for item in call.items)


class Entry(Payload):
    """An entry of an item's custom information."""

    code: Key = Field(default="", alias="itemExtendedInformation")
    data: Text = ""


class Item(Payload):
    """A copy. It has no status: where it is now says how it is (symphony.md section 5.2)."""

    barcode: Text = ""
    item_type: Key = Field(default="", alias="itemType")
    library: Key = ""
    now_library: Key = Field(default="", alias="currentLibrary")
    home: Key = Field(default="", alias="homeLocation")
    current: Key = Field(default="", alias="currentLocation")
    shadowed: Yes = False
    call: Annotated[Call, BeforeValidator(_record)] = Call()
    bib: Annotated[Bib, BeforeValidator(_record)] = Bib()
    charge: Charge | None = Field(default=None, alias="circRecord")
    transit: Transit | None = None
    holds: Annotated[tuple[Hold, ...], BeforeValidator(_list)] = Field(default=(), alias="fillableHoldList")
    entries: Annotated[tuple[Entry, ...], BeforeValidator(_list)] = Field(default=(), alias="customInformation")


class Bill(Payload):
    """A bill (block)."""

    item: Key = ""
    reason: Key = Field(default="", alias="block")
    amount: Annotated[Money, BeforeValidator(_record)] = Money()
    owed: Annotated[Money, BeforeValidator(_record)] = Money()
    comment: Text = ""


class StatusInfo(Payload):
    """What is against a patron, as Symphony reckons it."""

    expired: Yes = False
    fines: Yes = Field(default=False, alias="hasMaxFines")
    days_with_fines: Yes = Field(default=False, alias="hasMaxDaysWithFines")
    lost: Yes = Field(default=False, alias="hasMaxLostItem")
    overdue_days: Yes = Field(default=False, alias="hasMaxOverdueDays")
    overdue: Yes = Field(default=False, alias="hasMaxOverdueItem")
    charges: Yes = Field(default=False, alias="hasMaxItemsCheckedOut")


class Patron(Payload):
    """A patron, an ILL account, or a pseudo-user."""

    barcode: Text = ""
    profile: Key = ""
    library: Key = ""
    standing: Key = ""
    expires: Text = Field(default="", alias="privilegeExpiresDate")
    checkout_location: Key = Field(default="", alias="checkoutLocation")
    status: Annotated[StatusInfo, BeforeValidator(_record)] = Field(default=StatusInfo(), alias="patronStatusInfo")
    charges: Annotated[tuple[Charge, ...], BeforeValidator(_list)] = Field(default=(), alias="circRecordList")
    holds: Annotated[tuple[Hold, ...], BeforeValidator(_list)] = Field(default=(), alias="holdRecordList")
    bills: Annotated[tuple[Bill, ...], BeforeValidator(_list)] = Field(default=(), alias="blockList")


class Patrons(Payload):
    """What a search for patrons found."""

    total: int = Field(alias="totalResults")
    found: Annotated[tuple[Patron, ...], BeforeValidator(_list)] = Field(default=(), alias="result")


class Bibs(Payload):
    """What a search for bibs found, a page of it."""

    total: int = Field(alias="totalResults")
    found: Annotated[tuple[Bib, ...], BeforeValidator(_list)] = Field(default=(), alias="result")


class Policy(Payload):
    """A code of a policy; of a location also whether it takes holds and is hidden from the public."""

    display: Text = Field(default="", alias="displayName")
    description: Text = ""
    holdable: bool | None = None
    shadowed: bool | None = None


class Named(Payload):
    """Something that is named."""

    name: Text = ""


def _named(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Only the name of ``searchIndexList[].name`` is known; anything else is no name, and nobody is told that a field is lacking."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


class Described(Payload):
    """What a site says of a resource or an action: indexes (symphony.md section 2.6), and fields, whose form we take to be the same."""

    fields_: Annotated[tuple[Named, ...], BeforeValidator(_named)] = Field(default=(), alias="fields")
    indexes: Annotated[tuple[Named, ...], BeforeValidator(_named)] = Field(default=(), alias="searchIndexList")

    @property
    def names(self) -> frozenset[str]:
        """The fields' names."""
        return frozenset(each.name for each in self.fields_ if each.name)


class LogIn(Payload):
    """A session; without its token it is none."""

    token: Text = Field(default="", alias="sessionToken")
    staff: Key = Field(default="", alias="staffKey")
    ends: Text = Field(default="", alias="pinExpirationDate")


class Message(Payload):
    """One message of an error."""

    code: Text = ""
    text: Text = Field(default="", alias="message")


class Asked(Payload):
    """What an error asks for."""

    prompt: Text = Field(default="", alias="promptType")
    wants_data: Yes = Field(default=False, alias="promptRequiresData")


class Problem(Payload):
    """The envelope of every error."""

    messages: Annotated[tuple[Message, ...], BeforeValidator(_list)] = Field(default=(), alias="messageList")
    asked: Annotated[Asked, BeforeValidator(_record)] = Field(default=Asked(), alias="dataMap")

    @property
    def first(self) -> Message:
        """The message that decides."""
        return self.messages[0] if self.messages else Message()
