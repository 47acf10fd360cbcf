"""What a SIP2 server answers, as values: which letters mean what (ncip-sip2.md section 2.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from bridge.connectors.sip2.message import Message, day_in

WIDTHS = {
    "10": 22,
    "12": 22,
    "16": 20,
    "18": 24,
    "20": 19,
    "24": 35,
    "26": 35,
    "30": 22,
    "36": 19,
    "38": 19,
    "64": 59,
    "66": 27,
    "94": 1,
    "96": 0,
    "98": 34,
}
"""Length of the fixed part of each answer there is."""


class Can(StrEnum):
    """What a server says it understands: places of the field BX, in their order."""

    PATRON_STATUS = "patron status"
    CHECK_OUT = "check out"
    CHECK_IN = "check in"
    BLOCK_PATRON = "block patron"
    STATUS = "status"
    RESEND = "resend"
    LOGIN = "login"
    PATRON = "patron information"
    END_SESSION = "end session"
    FEE_PAID = "fee paid"
    ITEM = "item information"
    ITEM_UPDATE = "item status update"
    PATRON_ENABLE = "patron enable"
    HOLD = "hold"
    RENEW = "renew"
    RENEW_ALL = "renew all"


@dataclass(frozen=True)
class Status:
    """The server as a whole. ``can`` is ``None`` where it does not say."""

    online: bool
    check_in_ok: bool
    check_out_ok: bool
    can: frozenset[Can] | None
    library: str = ""
    words: tuple[str, ...] = ()

    @classmethod
    def read(cls, message: Message) -> Status:
        """Message 98."""
        letters = message.first("BX")
        can = frozenset(each for each, letter in zip(Can, letters, strict=False) if letter == "Y")
        flags = message.fixed
        return cls(
            online=flags[0] == "Y",
            check_in_ok=flags[1] == "Y",
            check_out_ok=flags[2] == "Y",
            can=can if letters else None,
            library=message.first("AM") or message.first("AO"),
            words=words_in(message),
        )


BARS = (
    "charge privileges are denied",
    "",
    "",
    "hold privileges are denied",
    "the card is reported lost",
    "too many items are charged",
    "too many items are overdue",
    "",
    "",
    "too many items are lost",
    "too many fines",
    "too many fees",
    "a recalled item is overdue",
    "too many items are billed",
)
"""What each place of the patron status means for lending, where it means anything; whether holds alone are denied is asked apart."""


@dataclass(frozen=True)
class Patron:
    """A patron: whether they are known, and the marks of their status. ``valid`` is ``None`` where the server does not say.

    ``charged`` are the items that the server listed, ``charged_count`` how many it counts; ``None`` where it does not.
    ``named``: whether it gives them a name, which is not kept.
    """

    patron_id: str
    valid: bool | None
    marks: str
    charged: tuple[str, ...] = ()
    charged_count: int | None = None
    held: tuple[str, ...] = ()
    expires: date | None = None
    words: tuple[str, ...] = ()
    named: bool = True

    @property
    def charge_denied(self) -> bool:
        """Whether nothing may be lent to them."""
        return self.marks[:1] == "Y"

    @property
    def against(self) -> tuple[str, ...]:
        """What stands against lending to them, in words."""
        return tuple(bar for bar, mark in zip(BARS, self.marks, strict=False) if mark == "Y" and bar)

    def against_on(self, today: date) -> tuple[str, ...]:
        """What stands against lending to them that day, in words."""
        expired = self.expires is not None and self.expires < today
        return (*self.against, *((f"expired on {self.expires}",) if expired else ()))

    @property
    def charged_in_full(self) -> bool:
        """Whether everything that the server counts stands in the list; servers that count nothing are believed."""
        return self.charged_count is None or self.charged_count <= len(self.charged)

    @property
    def known(self) -> bool:
        """Whether there is such a patron: servers that leave it out are believed."""
        return self.valid is not False

    @classmethod
    def read(cls, message: Message, zone: ZoneInfo) -> Patron:
        """Messages 64 and 24. The status may be a letter short, as one recorded server sends it."""
        found = re.match(r"(.{13,14})\d{3}\d{8}.{10}.{8}(\d{4})?", message.fixed)
        told = message.first("BL")
        return cls(
            patron_id=message.first("AA"),
            valid=told == "Y" if told in {"Y", "N"} else None,
            marks=(found[1] if found else message.fixed[:14]).ljust(14),
            charged=message.all("AU"),
            charged_count=int(found[2]) if found and found[2] else None,
            held=(*message.all("AS"), *message.all("CD")),
            expires=_expiry(message, zone),
            words=words_in(message),
            named=bool(message.first("AE").strip(" ,")),
        )


def _expiry(message: Message, zone: ZoneInfo) -> date | None:
    """Evergreen and Koha tell it in PA, Polaris in PX (its PA is something else)."""
    polaris = message.has("PX")
    return day_in(message.first("PX" if polaris else "PA"), zone)


class Circulation(StrEnum):
    """Where an item stands in circulation; of other codes the text is kept."""

    OTHER = "01"
    ON_ORDER = "02"
    AVAILABLE = "03"
    CHARGED = "04"
    CHARGED_NO_RECALL = "05"
    IN_PROCESS = "06"
    RECALLED = "07"
    ON_SHELF = "08"
    TO_BE_RESHELVED = "09"
    IN_TRANSIT = "10"
    CLAIMED_RETURNED = "11"
    LOST = "12"
    MISSING = "13"


ON_LOAN = frozenset({Circulation.CHARGED, Circulation.CHARGED_NO_RECALL, Circulation.RECALLED})
HIDES_LOAN = frozenset({Circulation.CLAIMED_RETURNED, Circulation.LOST})


@dataclass(frozen=True)
class Item:
    """An item. An unknown one is told by an empty title and nothing else of it."""

    barcode: str
    circulation: Circulation
    title: str
    due: date | None = None
    permanent: str = ""
    current: str = ""
    queue: int | None = None
    words: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether there is such an item."""
        told = self.title.strip() or self.permanent or self.current or self.due
        return bool(told) or self.circulation is not Circulation.OTHER

    @property
    def on_loan(self) -> bool:
        """Whether somebody has it."""
        return self.circulation in ON_LOAN

    @property
    def untold(self) -> bool:
        """Whether nothing is told of a loan: a status that is "other", or none of the protocol's."""
        return self.known and self.circulation is Circulation.OTHER

    @property
    def may_be_on_loan(self) -> bool:
        """Whether somebody has it, or it is declared lost or claimed returned, which stands in the place of what is told of a loan, or
        nothing is told of one.
        """
        return self.on_loan or self.circulation in HIDES_LOAN or self.untold

    @classmethod
    def read(cls, message: Message, zone: ZoneInfo) -> Item:
        """Message 18."""
        code = message.fixed[:2]
        known = code in set(Circulation)
        queue = message.first("CF")
        return cls(
            barcode=message.first("AB"),
            circulation=Circulation(code) if known else Circulation.OTHER,
            title=message.first("AJ"),
            due=day_in(message.first("AH"), zone),
            permanent=message.first("AQ"),
            current=message.first("AP"),
            queue=int(queue) if queue.isdigit() else None,
            words=words_in(message),
        )


@dataclass(frozen=True)
class Loan:
    """The answer to a check-out or a renewal. ``renewed``: the loan was there before. ``due`` is ``None`` where no date can be read."""

    ok: bool
    renewed: bool
    patron_id: str
    barcode: str
    title: str = ""
    due: date | None = None
    words: tuple[str, ...] = ()

    @classmethod
    def read(cls, message: Message, zone: ZoneInfo) -> Loan:
        """Messages 12 and 30."""
        return cls(
            ok=message.fixed[0] in {"1", "Y"},
            renewed=message.fixed[1] == "Y",
            patron_id=message.first("AA"),
            barcode=message.first("AB"),
            title=message.first("AJ"),
            due=day_in(message.first("AH"), zone),
            words=words_in(message),
        )


HOLD_ALERTS = frozenset({"01", "02", "03"})


@dataclass(frozen=True)
class Return:
    """The answer to a check-in. ``patron_id``: who had it, empty where nobody had. The waiting patron's name is not kept."""

    ok: bool
    alert: bool
    patron_id: str
    barcode: str
    title: str = ""
    alert_type: str = ""
    destination: str = ""
    held_for: str = ""
    words: tuple[str, ...] = ()

    @property
    def traps_hold(self) -> bool:
        """Whether a hold was found for the item."""
        return self.alert and (self.alert_type in HOLD_ALERTS or bool(self.held_for))

    @classmethod
    def read(cls, message: Message, _zone: ZoneInfo) -> Return:
        """Message 10."""
        return cls(
            ok=message.fixed[0] in {"1", "Y"},
            alert=message.fixed[3] == "Y",
            patron_id=message.first("AA"),
            barcode=message.first("AB"),
            title=message.first("AJ"),
            alert_type=message.first("CV"),
            destination=message.first("CT"),
            held_for=message.first("CY"),
            words=words_in(message),
        )


@dataclass(frozen=True)
class Done:
    """The answer to a hold or a payment: taken or not."""

    ok: bool
    words: tuple[str, ...] = ()

    @classmethod
    def read(cls, message: Message, _zone: ZoneInfo) -> Done:
        """Messages 16 and 38."""
        return cls(message.fixed[0] in {"1", "Y"}, words_in(message))


def words_in(message: Message) -> tuple[str, ...]:
    """What the server would show on a screen or print; repeated fields are all kept."""
    return tuple(dict.fromkeys((*message.all("AF"), *message.all("AG"))))
