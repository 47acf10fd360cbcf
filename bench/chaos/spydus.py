"""A stand-in Spydus for a day of chaos: SIP2 and LCF before the plainest ILS there is, and staff who do what neither can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

from bench.chaos.gated import GatedDesk
from bench.chaos.ils import OwnItem
from bench.chaos.sandboxed import BYSTANDERS, Sandboxed, Told, Words
from bench.chaos.stories import ACCOUNTS, PATRONS
from bench.chaos.tables import Table
from bridge.domain import commands as do
from bridge.sandbox.faults import Fault
from bridge.sandbox.lcf import BASE, RECORD, LcfDoor
from bridge.sandbox.sip2 import Habits, House, SipServer
from bridge.sandbox.sip2.desk import LoanMade
from bridge.sandbox.sip2.house import Copy, Person


class Counted(GatedDesk):
    """Counts the loans that were made of each item."""

    def __init__(self, desk: House, house: SpydusHouse) -> None:
        super().__init__(desk, house.gate)
        self.loans: Counter[str] = Counter()

    def check_out(self, patron_id: str, barcode: str, due: datetime | None, *, no_block: bool) -> LoanMade:
        """See ``Desk``."""
        made = super().check_out(patron_id, barcode, due, no_block=no_block)
        self.loans[barcode] += made.ok and not made.renewed
        return made


class SpydusHouse(Sandboxed):
    """Patrons, ILL accounts, own items for stories, and loans and holds that are nobody's business.

    An item's identifier is its barcode there: one that staff put another on by themselves is gone to the bridge.
    """

    name = "spydus"
    prefix = "/lcf"
    zone = "Australia/Melbourne"
    words = Words(bib="", fee_text="note")
    untold = frozenset({"relabelled_by_hand"})

    def __init__(self, own: Sequence[str]) -> None:
        self._ils = House(zone=ZoneInfo(self.zone), renewals=1000)
        self._ils.people = {name: Person(name, name) for name in (*PATRONS, *ACCOUNTS.values())}
        self._ils.copies = {barcode: Copy(barcode, f"Own title of {barcode}") for barcode in (*BYSTANDERS, *own)}
        self._sip = SipServer(self._ils, self._ils.lock, Habits())
        self._door = LcfDoor(self._ils, self._sip.faults)
        super().__init__(self._door.app, own)
        self._sip.desk = self._counted = Counted(self._ils, self)
        self._fees: list[dict[str, str]] = []

    def start(self) -> None:
        """See ``House``."""
        super().start()
        self._sip.start()

    def stop(self) -> None:
        """See ``House``."""
        super().stop()
        self._sip.stop()

    def settings(self) -> Table:
        """See ``Sandboxed``."""
        habits = self._sip.habits
        return {
            "host": "127.0.0.1",
            "port": self._sip.port,
            "login": habits.login,
            "password": habits.password,
            "location": habits.institution,
            "institution": habits.institution,
            "timezone": self.zone,
            "connections": 4,
            "read_timeout": 5,
            "lcf": {
                "url": f"{self._server.url}{BASE}",
                "user": self._door.user,
                "secret": "customer-key",
                "record": RECORD,
                "read_timeout": 5,
            },
        }

    def borrowing(self) -> Table:
        """See ``Sandboxed``."""
        return {"place": {"location": "ILL"}}

    def lending(self) -> Table:
        """See ``Sandboxed``."""
        return {"pickup_location": "MAIN"}

    def refuse_key(self, *, on: bool) -> None:
        """See ``Sandboxed``; LCF's."""
        with self._ils.lock:
            self._door.secret = "changed" if on else "customer-key"

    def fault(self, fields: Mapping[str, Any]) -> None:
        """See ``House``; SIP2 knows no methods, and what it words as a refusal of its own is none of a trouble."""
        if fields["kind"] == "vendor_error":
            super().fault({**fields, "message": "Something went wrong.", "status": 500})
            return
        method = {"POST": "POST|SIP2", "GET": "GET|SIP2"}.get(fields["method"], fields["method"])
        super().fault({**fields, "path": f"^({self.prefix}|/sip2)/", "method": method})

    def spell(self, kind: str, fields: Mapping[str, Any], *, on: bool) -> None:
        """See ``House``; neither counts calls, so that a throttle is a number of refusals."""
        if kind != "throttle":
            super().spell(kind, fields, on=on)
        elif on:
            self._sip.faults.add(Fault(kind="throttle", times=20, path=f"^({self.prefix}|/sip2)/", retry_after=0))

    def desk(self, act: str, barcode: str, more: Mapping[str, Any]) -> bool:
        """See ``House``."""
        acts: Mapping[str, Callable[[], bool]] = {
            "add_patron": lambda: self._join(str(more["patron"])),
            "lend": lambda: self._lend(barcode, str(more["patron"])),
            "check_in": lambda: bool(self._ils.check_in(barcode, "MAIN")),
            "renew": lambda: self._renew(barcode),
            "place_hold": lambda: not self._ils.hold(str(more["patron"]), barcode, "MAIN", add=True),
            "expire_hold": lambda: self._end_hold(barcode),
            "cancel_hold": lambda: self._end_hold(barcode),
            "delete": lambda: self._delete(barcode),
        }
        with self._ils.lock:
            return (not barcode or barcode in self._ils.copies) and acts[act]()

    def _join(self, patron: str) -> bool:
        self._ils.people[patron] = Person(patron, patron)
        return True

    def _lend(self, barcode: str, patron: str) -> bool:
        if barcode in self._ils.loans:
            return False
        self._ils.lend(patron, barcode, by="desk")
        return True

    def _renew(self, barcode: str) -> bool:
        loan = self._ils.loans.get(barcode)
        return loan is not None and self._ils.renew(loan.patron_id, barcode).ok

    def _end_hold(self, barcode: str) -> bool:
        copy = self._ils.copies[barcode]
        ended = bool(copy.held_for)
        copy.held_for, copy.trapped = copy.held_for[1:], False
        return ended

    def _delete(self, barcode: str) -> bool:
        self._ils.loans.pop(barcode, None)
        self._door.forget(barcode)
        return True

    def by_hand(self, command: do.Command) -> bool:
        """See ``House``: labels, notes, fees, lost items and transits."""
        with self._ils.lock:
            match command:
                case do.ChargeFee(target=target, patron_id=patron, fee_key=key):
                    note = f"{target.mark.code} {key}"
                    if all(fee["note"] != note for fee in self._fees):
                        number = str(len(self._fees))
                        self._fees.append({"id": number, "created_by": "api", "note": note, "who": patron})
                case do.RelabelItem(target=target, new_barcode=barcode):
                    self._relabel(target.barcode, barcode)
                case do.MarkLost(target=target) | do.MarkFound(target=target):
                    copy = self._ils.copies.get(target.barcode)
                    if copy is not None:
                        copy.lost = isinstance(command, do.MarkLost)
                case do.NoteItem() | do.ReceiveTransit():
                    pass
                case _:
                    return False
        return True

    def _relabel(self, old: str, new: str) -> None:
        copy = self._ils.copies.pop(old, None)
        if copy is None:
            return
        copy.barcode = new
        self._ils.copies[new] = copy
        for known in (self._ils.loans, self._door.texts):
            if old in known:
                known[new] = known.pop(old)  # type: ignore[assignment]
        for reserved in self._door.reserved.values():
            reserved.barcode = new if reserved.barcode == old else reserved.barcode

    def objects(self) -> dict[str, list[dict[str, Any]]]:
        """See ``Sandboxed``."""
        with self._ils.lock:
            return {
                "items": [self._item(copy) for copy in self._ils.copies.values()],
                "loans": [self._loan(barcode) for barcode in self._ils.loans],
                "holds": self._holds(),
                "fees": list(self._fees),
            }

    def _item(self, copy: Copy) -> dict[str, Any]:
        loan = self._ils.loans.get(copy.barcode)
        note = self._door.texts.get(copy.barcode, {}).get("note-text", "")
        told = {"id": copy.barcode, "barcode": copy.barcode, "title": copy.title, "home": copy.home, "texts": note}
        return {**told, "loan": loan.patron_id if loan else None, "created_by": copy.made_by}

    def _loan(self, barcode: str) -> dict[str, Any]:
        loan = self._ils.loans[barcode]
        due = format_datetime(loan.due.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC), usegmt=True)
        return {
            "id": barcode,
            "item": barcode,
            "open": True,
            "due": due,
            "who": loan.patron_id,
            "created_by": loan.made_by,
        }

    def _holds(self) -> list[dict[str, Any]]:
        """Reservations, and what else stands in an item's queue."""
        ours = [
            _hold(key, each.barcode, each.patron, active=self._door.waits(each), pickup=each.pickup, note=each.note)
            for key, each in self._door.reserved.items()
        ]
        queued = [
            _hold(f"{copy.barcode}/{patron}", copy.barcode, patron, active=True, by="desk")
            for copy in self._ils.copies.values()
            for patron in (Counter(copy.held_for) - Counter(_waiting(ours, copy.barcode))).elements()
        ]
        return [*ours, *queued]

    def _own_item(self, item: Told, loans: Sequence[Told], holds: Sequence[Told]) -> OwnItem:
        seen = super()._own_item(item, loans, holds)
        return replace(seen, loans_by_bridge=self._counted.loans[seen.barcode])

    def is_away(self, item: Told) -> bool:
        """See ``Sandboxed``: no place is set, so that it is away while an ILL account has it."""
        return item["loan"] in ACCOUNTS.values()

    def fixed(self, item: Told, *, in_use: bool) -> dict[str, Any]:  # noqa: ARG002 - of others
        """See ``Sandboxed``."""
        return {key: item[key] for key in ("title", "home")}


def _waiting(holds: Sequence[Told], barcode: str) -> list[str]:
    return [hold["who"] for hold in holds if hold["active"] and hold["item"] == barcode]


def _hold(
    key: str, barcode: str, patron: str, *, active: bool, by: str = "api", pickup: str = "", note: str = ""
) -> dict[str, Any]:
    why = "" if active else "over"
    told = {"id": key, "item": barcode, "who": patron, "pickup": pickup, "note": note}
    return {**told, "active": active, "closed_why": why, "created_by": by}
