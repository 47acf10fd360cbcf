"""What a SIP2 server asks of the ILS behind it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class PatronSeen:
    """A patron: `denied` where nothing may be lent to them, with the words for it."""

    patron_id: str
    name: str
    denied: bool = False
    fines: bool = False
    words: str = ""
    charged: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    expires: str = ""


@dataclass(frozen=True)
class ItemSeen:
    """An item; `circulation` is the two-digit code, `due` where it is on loan."""

    barcode: str
    title: str
    circulation: str
    home: str
    due: datetime | None = None
    queue: int = 0


@dataclass(frozen=True)
class LoanMade:
    """What came of a check-out or renewal."""

    ok: bool
    renewed: bool = False
    due: datetime | None = None
    words: str = ""


@dataclass(frozen=True)
class TakenIn:
    """What came of a check-in; `had` is who had it."""

    ok: bool
    had: str = ""
    alert: str = ""
    held_for: str = ""
    held_for_name: str = ""
    destination: str = ""
    words: str = ""


class Desk(Protocol):
    """The ILS behind a SIP2 server; every method is called with its lock held."""

    def now(self) -> datetime:
        """The local time."""
        ...

    def patron(self, patron_id: str) -> PatronSeen | None:
        """A patron by card number."""
        ...

    def item(self, barcode: str) -> ItemSeen | None:
        """An item by barcode."""
        ...

    def check_out(self, patron_id: str, barcode: str, due: datetime | None, *, no_block: bool) -> LoanMade:
        """Lend; both are known."""
        ...

    def check_in(self, barcode: str, place: str) -> TakenIn:
        """Take in; the item is known."""
        ...

    def renew(self, patron_id: str, barcode: str) -> LoanMade:
        """Renew; both are known."""
        ...

    def hold(self, patron_id: str, barcode: str, pickup: str, *, add: bool) -> str:
        """Place or withdraw a hold; answers why not, or nothing."""
        ...

    def pay(self, patron_id: str, amount: str) -> None:
        """Note a payment."""
        ...
