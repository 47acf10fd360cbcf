"""Alma's payloads, as far as we read them; every shape of "empty" that Alma sends reads as empty (alma.md section 1, Nulls)."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _text(value: object) -> object:
    """Plain text of a field that comes as text, number, code table value, or one of many shapes of nothing."""
    if isinstance(value, dict):
        value = value.get("value")
    return "" if value is None else str(value)


def _words(value: object) -> object:
    """A code table value in words, for people to read."""
    if isinstance(value, dict):
        value = value.get("desc") or value.get("value")
    return "" if value is None else str(value)


def _rows(value: object) -> object:
    """A list that may be missing, null, or a single object."""
    if value in (None, "", {}):
        return []
    return value if isinstance(value, list) else [value]


def _object(value: object) -> object:
    return {} if value in (None, "") else value


def _flag(value: object) -> object:
    """A yes or no that may be null, empty or text."""
    return None if value in ("", {}) else value


Flag = Annotated[bool | None, BeforeValidator(_flag)]
Text = Annotated[str, BeforeValidator(_text)]
Words = Annotated[str, BeforeValidator(_words)]
T = TypeVar("T")
Rows = Annotated[list[T], BeforeValidator(_rows)]


class Payload(BaseModel):
    """A part of an answer; what we do not read is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    def makes_sense(self) -> bool:
        """Whether this is the answer it should be: anything that is an object reads as some payload, with nothing in it."""
        return True


class Listed(Payload):
    """A list; an empty one still says how many there are (php_item_no_loan_response.json)."""

    total_record_count: int | None = None

    def makes_sense(self) -> bool:
        """A count, or rows."""
        return self.total_record_count is not None or any(getattr(self, name) for name in type(self).model_fields)


class ItemData(Payload):
    """``item_data`` of an item."""

    pid: Text = ""
    barcode: Text = ""
    library: Text = ""
    location: Text = ""
    policy: Text = ""
    process_type: Text = ""
    base_status: Text = ""
    requested: Flag = None
    internal_note_1: Text = ""
    internal_note_2: Text = ""
    internal_note_3: Text = ""
    due_date: Text = ""


class HoldingData(Payload):
    """``holding_data`` of an item, with its temporary location."""

    holding_id: Text = ""
    in_temp_location: Flag = None
    temp_library: Text = ""
    temp_location: Text = ""


class BibData(Payload):
    """``bib_data`` of an item."""

    mms_id: Text = ""
    title: Text = ""


class Item(Payload):
    """An item; ``additional_info`` is the scan-in's prose."""

    bib_data: Annotated[BibData, BeforeValidator(_object)] = BibData()
    holding_data: Annotated[HoldingData, BeforeValidator(_object)] = HoldingData()
    item_data: Annotated[ItemData, BeforeValidator(_object)] = ItemData()
    additional_info: Text = ""

    def makes_sense(self) -> bool:
        """An item has its id."""
        return bool(self.item_data.pid)


class ItemList(Listed):
    """Items of a holding (or of all holdings)."""

    item: Rows[Item] = Field(default_factory=list)


class Holding(Payload):
    """A holding of a list."""

    holding_id: Text = ""


class HoldingList(Listed):
    """Holdings of a bib."""

    holding: Rows[Holding] = Field(default_factory=list)


class Block(Payload):
    """A block on a user."""

    block_description: Words = ""
    block_status: Text = ""
    block_type: Words = ""
    expiry_date: Text = ""


class Role(Payload):
    """A role of a user; 200 is the patron role."""

    role_type: Text = ""
    status: Text = ""
    expiry_date: Text = ""


class User(Payload):
    """A user."""

    primary_id: Text = ""
    status: Text = ""
    expiry_date: Text = ""
    user_group: Text = ""
    user_block: Rows[Block] = Field(default_factory=list)
    user_role: Rows[Role] = Field(default_factory=list)

    def makes_sense(self) -> bool:
        """A user has a primary id."""
        return bool(self.primary_id)


class UserRequest(Payload):
    """A hold."""

    request_id: Text = ""
    request_status: Text = ""
    request_type: Text = ""
    user_primary_id: Text = ""
    pickup_location_library: Text = ""
    pickup_location_circulation_desk: Text = ""
    comment: Text = ""
    item_id: Text = ""

    def makes_sense(self) -> bool:
        """A hold has its id."""
        return bool(self.request_id)


class UserRequestList(Listed):
    """Holds of a user or item."""

    user_request: Rows[UserRequest] = Field(default_factory=list)


class Loan(Payload):
    """A loan."""

    loan_id: Text = ""
    user_id: Text = ""
    due_date: Text = ""
    loan_date: Text = ""
    loan_status: Text = ""
    process_status: Text = ""
    item_barcode: Text = ""

    def makes_sense(self) -> bool:
        """A loan has its id."""
        return bool(self.loan_id)


class LoanList(Listed):
    """Loans of an item or user."""

    item_loan: Rows[Loan] = Field(default_factory=list)


class Fee(Payload):
    """A fee."""

    id: Text = ""
    comment: Text = ""
    original_amount: Text = ""

    def makes_sense(self) -> bool:
        """A fee has its id."""
        return bool(self.id)


class FeeList(Listed):
    """Fees of a user."""

    fee: Rows[Fee] = Field(default_factory=list)


def folded(code: str) -> str:
    """A status as it can be compared: Alma answers ``ON_HOLD_SHELF`` and ``On Hold Shelf`` alike (alma.md section 5)."""
    return code.strip().replace(" ", "_").upper()


def parts_of(raw: dict[str, Any], name: str) -> dict[str, Any]:
    """A part of a raw answer as a dictionary of its own."""
    part = raw.get(name)
    return dict(part) if isinstance(part, dict) else {}


class Library(Payload):
    """A library of the institution; ``path`` is INSTITUTION_GROUP.INSTITUTION.LIBRARY (php_library_response.json)."""

    code: Text = ""
    path: Text = ""


class LibraryList(Listed):
    """All libraries."""

    library: Rows[Library] = Field(default_factory=list)


class Location(Payload):
    """A location of a library."""

    code: Text = ""
    suppress_from_publishing: Text = ""


class LocationList(Listed):
    """The locations of a library."""

    location: Rows[Location] = Field(default_factory=list)


class Served(Payload):
    """A location that a desk serves, and what may be done there with its items."""

    location_code: Text = ""
    check_in: Flag = None
    check_out: Flag = None


class Desk(Payload):
    """A circulation desk."""

    code: Text = ""
    has_hold_shelf: Flag = None
    location: Rows[Served] = Field(default_factory=list)

    def makes_sense(self) -> bool:
        """A desk has a code."""
        return bool(self.code)


class DeskList(Listed):
    """The circulation desks of a library."""

    circ_desk: Rows[Desk] = Field(default_factory=list)


class CodeRow(Payload):
    """A row of a code table; rows that are not enabled cannot be used."""

    code: Text = ""
    enabled: Text = ""


class CodeTable(Payload):
    """A code table."""

    name: Text = ""
    row: Rows[CodeRow] = Field(default_factory=list)

    def makes_sense(self) -> bool:
        """A table has a name or rows."""
        return bool(self.name or self.row)


class Member(Payload):
    """A member of a set; the id of a title is its MMS id."""

    id: Text = ""


class MemberList(Listed):
    """Members of a set (conf.json, rest_members)."""

    member: Rows[Member] = Field(default_factory=list)
