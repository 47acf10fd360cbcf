"""All that the Symphony stand-in holds, behind one lock, with the look-ups that its routes share."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from flask import current_app

from bridge.sandbox.memory import Memory
from bridge.sandbox.symphony.model import (
    Behaviour,
    Bib,
    Bill,
    CallNumber,
    Charge,
    Client,
    Hold,
    Item,
    Patron,
    Policy,
    Session,
    Staff,
    Transit,
)


@dataclass
class State(Memory):
    """One Symphony, of several libraries. Hold `lock` while reading or changing it. Policies: type → code → policy."""

    behaviour: Behaviour = field(default_factory=Behaviour)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("America/New_York"))
    override_code: str = ""
    clients: dict[str, Client] = field(default_factory=dict)
    staff: dict[str, Staff] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    policies: dict[str, dict[str, Policy]] = field(default_factory=dict)
    bibs: dict[str, Bib] = field(default_factory=dict)
    call_numbers: dict[str, CallNumber] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    patrons: dict[str, Patron] = field(default_factory=dict)
    charges: list[Charge] = field(default_factory=list)
    holds: dict[str, Hold] = field(default_factory=dict)
    transits: dict[str, Transit] = field(default_factory=dict)
    bills: dict[str, Bill] = field(default_factory=dict)
    snapshot: dict[str, dict[str, object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._next = {"bib": 6_066_000, "patron": 521_180, "hold": 3_912_300, "charge": 0}

    def new_number(self, kind: str) -> int:
        """Keys rise, with gaps; those of charges, which are ours alone, without."""
        step = 1 if kind in {"charge", "barcode"} else self._random.randrange(1, 9)
        self._next[kind] = self._next.get(kind, 0) + step
        return self._next[kind]

    def new_session(self, login: str) -> str:
        """A token, a UUID."""
        token = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        self.sessions[token] = Session(login, self.clock())
        return token

    def session(self, token: str) -> Session | None:
        """A session that lives; being used keeps it alive."""
        found = self.sessions.get(token)
        now = self.clock()
        if found is None or now - found.last > timedelta(seconds=self.behaviour.session_seconds):
            return None
        found.last = now
        return found

    def policy(self, kind: str, code: str) -> Policy | None:
        """A code of a policy, if there is one."""
        return self.policies.get(kind, {}).get(code)

    def local(self, moment: datetime) -> datetime:
        """A moment in the site's zone, to the minute: Symphony knows no seconds."""
        return moment.astimezone(self.zone).replace(second=0, microsecond=0)

    def today(self) -> date:
        """The site's day."""
        return self.local(self.clock()).date()

    def items_with_barcode(self, barcode: str) -> list[Item]:
        """The item with a barcode, as a list: a barcode is unique in the whole system, whatever its case."""
        wanted = barcode.casefold()
        return [item for item in self.items.values() if wanted and item.barcode.casefold() == wanted]

    def items_of(self, bib_key: str) -> list[Item]:
        """The items of a bib."""
        return [item for item in self.items.values() if item.bib == bib_key]

    def calls_of(self, bib_key: str) -> list[CallNumber]:
        """The call numbers of a bib."""
        return [call for call in self.call_numbers.values() if call.bib == bib_key]

    def charges_of(self, item_key: str) -> list[Charge]:
        """The open charges of an item, the first made first: it may be charged to an ILL account and then to a patron."""
        return [charge for charge in self.charges if charge.item == item_key and charge.open]

    def open_loan(self, item_key: str) -> Charge | None:
        """The item's latest open charge."""
        return next(reversed(self.charges_of(item_key)), None)

    def charge_by_key(self, key: str) -> Charge | None:
        """The open charge with a key; once discharged, the key means nothing until it is used again."""
        return next((charge for charge in self.charges if charge.key == key and charge.open), None)

    def active_holds(self, item: Item) -> Iterator[Hold]:
        """The holds that this item could fill, in the order of the queue."""
        for hold in self.holds.values():
            of_title = hold.item is None or hold.kind == "TITLE"
            if hold.active and (hold.item == item.key or (of_title and hold.bib == item.bib)):
                yield hold

    def unpaid(self, item_key: str) -> list[Bill]:
        """The bills about an item that are not paid."""
        return [bill for bill in self.bills.values() if bill.item == item_key and bill.owed > 0]

    def patron_by(self, index: str, value: str) -> list[Patron]:
        """Patrons by ID (barcode), ALT_ID, webAuthID or EMAIL, whatever the case."""
        names = {"ID": "barcode", "ALT_ID": "alternate_id", "webAuthID": "web_auth_id", "EMAIL": "email"}
        wanted, name = value.casefold(), names[index]
        return [one for one in self.patrons.values() if wanted and getattr(one, name).casefold() == wanted]

    def find_patron(self, name: str) -> Patron | None:
        """A patron by barcode, alternate id or web-auth id, for the desk."""
        found = (one for index in ("ID", "ALT_ID", "webAuthID") for one in self.patron_by(index, name))
        return next(found, None)


def symphony() -> State:
    """The state of the app that answers the current request."""
    return cast("State", current_app.extensions["symphony"])
