"""What Sierra answers, as far as we read it. Ids inside objects are addresses: the last piece is the id (sierra.md section 4)."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bridge.values import AccessToken

M = TypeVar("M")


def _text(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Numbers are ids and codes here; codes come padded with blanks."""
    if value is None:
        return ""
    return str(value).strip() if isinstance(value, str | int | float) else value


def _last(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The id in an address; a plain id stays as it is."""
    found = _text(value)
    return found.rstrip("/").rsplit("/", 1)[-1] if isinstance(found, str) else found


def _list(value: Any) -> Any:  # noqa: ANN401 - JSON
    return [] if value is None else value


def _details(value: Any) -> Any:  # noqa: ANN401 - JSON
    """What is none of the shape we know says nothing; the error around it still does."""
    try:
        return Details.model_validate(value or {})
    except ValidationError:
        return Details()


Text = Annotated[str, BeforeValidator(_text)]
Id = Annotated[str, BeforeValidator(_last)]


class Payload(BaseModel):
    """A part of an answer; what we do not read is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Code(Payload):
    """A code with its name; of an item's status also the due date of its loan."""

    code: Text = ""
    name: Text = ""
    display: Text = ""
    duedate: Text = ""


class FixedField(Payload):
    """A fixed field."""

    label: Text = ""
    value: Text = ""


class Subfield(Payload):
    """A subfield of a MARC field."""

    tag: Text = ""
    content: Text = ""


class VarField(Payload):
    """A variable field."""

    tag: Text = Field(default="", alias="fieldTag")
    content: Text = ""
    subfields: Annotated[tuple[Subfield, ...], BeforeValidator(_list)] = ()

    @property
    def text(self) -> str:
        """Everything it says."""
        return " ".join(filter(None, (self.content, *(part.content for part in self.subfields))))


class Made(Payload):
    """The address of what was made."""

    link: Id


class Links(Payload):
    """What a query found."""

    entries: Annotated[tuple[Made, ...], BeforeValidator(_list)] = ()


class Item(Payload):
    """An item; of a deleted one Sierra only says that it is."""

    id: Id
    deleted: bool = False
    bib_ids: Annotated[tuple[Id, ...], BeforeValidator(_list)] = Field(default=(), alias="bibIds")
    location: Code = Code()
    status: Code = Code()
    barcode: Text = ""
    hold_count: int = Field(default=0, alias="holdCount")
    fixed: dict[str, FixedField] = Field(default_factory=dict, alias="fixedFields")
    fields: Annotated[tuple[VarField, ...], BeforeValidator(_list)] = Field(default=(), alias="varFields")

    @property
    def on_loan(self) -> bool:
        """Checked out is status ``-`` with a due date (sierra.md section 10)."""
        return bool(self.status.duedate)

    def fixed_value(self, number: str) -> str:
        """A fixed field's value, or the empty text."""
        found = self.fixed.get(number)
        return found.value if found else ""

    def texts(self, tag: str) -> tuple[str, ...]:
        """All fields of a tag, in text."""
        return tuple(field.text for field in self.fields if field.tag == tag)


class Bib(Payload):
    """A bib, as far as it tells whose it is."""

    id: Id
    deleted: bool = False
    fields: Annotated[tuple[VarField, ...], BeforeValidator(_list)] = Field(default=(), alias="varFields")


class Items(Payload):
    """A list of items."""

    entries: Annotated[tuple[Item, ...], BeforeValidator(_list)] = ()


class Block(Payload):
    """A block; none where the code is empty or ``-``."""

    code: Text = ""
    until: Text = ""

    @property
    def stands(self) -> bool:
        """Whether something is against the patron."""
        return self.code not in {"", "-"}


class Patron(Payload):
    """A patron."""

    id: Id
    deleted: bool = False
    suppressed: bool = False
    barcodes: Annotated[tuple[Text, ...], BeforeValidator(_list)] = ()
    patron_type: Text = Field(default="", alias="patronType")
    expires: Text = Field(default="", alias="expirationDate")
    block: Block = Field(default=Block(), alias="blockInfo")
    auto_block: Block = Field(default=Block(), alias="autoBlockInfo")
    owed: float = Field(default=0.0, alias="moneyOwed")


class Hold(Payload):
    """A hold."""

    id: Id
    record: Id = ""
    record_type: Text = Field(default="", alias="recordType")
    pickup: Code = Field(default=Code(), alias="pickupLocation")
    status: Code = Code()
    note: Text = ""


class Holds(Payload):
    """A patron's holds."""

    entries: Annotated[tuple[Hold, ...], BeforeValidator(_list)] = ()


class Checkout(Payload):
    """A loan."""

    id: Id
    patron: Id = ""
    item: Id = ""
    barcode: Text = ""
    due: Text = Field(default="", alias="dueDate")
    renewals: int = Field(default=0, alias="numberOfRenewals")


class Checkouts(Payload):
    """Loans of an item or a patron."""

    entries: Annotated[tuple[Checkout, ...], BeforeValidator(_list)] = ()


class CheckedOut(Payload):
    """What a check-out answers: the loan's address, or the loan itself (which of them is unverified)."""

    link: Id = ""
    id: Id = ""
    patron: Id = ""
    due: Text = Field(default="", alias="dueDate")

    @property
    def number(self) -> str:
        """The loan's record number."""
        return self.link or self.id


class Fine(Payload):
    """A charge; ``description`` is the reason given for one made by hand."""

    id: Id
    description: Text = ""
    amount: float = Field(default=0.0, alias="itemCharge")


class Fines(Payload):
    """A patron's charges."""

    entries: Annotated[tuple[Fine, ...], BeforeValidator(_list)] = ()


class Role(Payload):
    """A role of the key."""

    name: Text = ""


class TokenInfo(Payload):
    """What the key may do."""

    roles: Annotated[tuple[Role, ...], BeforeValidator(_list)] = ()


class Token(Payload):
    """A token and its life in seconds."""

    access_token: AccessToken
    expires_in: float = 3600


class Volume(Payload):
    """An item that a hold may choose as a volume (code 156)."""

    id: Id = ""
    location: Code = Code()
    call_number: Text = Field(default="", alias="callNumber")
    status: Code = Code()


class Details(Payload):
    """What some errors say beside their text."""

    volumes: Annotated[tuple[Volume, ...], BeforeValidator(_list)] = Field(default=(), alias="itemsAsVolumes")


class Problem(Payload):
    """The envelope of every error."""

    code: int = 0
    specific: int = Field(default=0, alias="specificCode")
    name: Text = ""
    description: Text = ""
    details: Annotated[Details, BeforeValidator(_details)] = Details()
