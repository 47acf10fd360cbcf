"""Symphony's endpoints, one method each (symphony.md, sections 1 to 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bridge.connectors.base import Surroundings
from bridge.connectors.symphony import models as symphony
from bridge.connectors.symphony.calls import Allowed, Calls, safe
from bridge.connectors.symphony.errors import Missing, nonsense
from bridge.connectors.symphony.settings import SymphonySettings
from bridge.connectors.symphony.wire import Resource, policy
from bridge.http import Answer, Sending

CHARGE = "*,patron{barcode}"
LOOK = f"*,circRecord{{{CHARGE}}},transit{{destinationLibrary}},fillableHoldList{{pickupLibrary}}"
"""What a look at an item asks for; ``*`` leaves out lists and these links (symphony.md section 5.2)."""
WHOLE_LOOK = f"{LOOK},bib{{title,bib,shadowed,callList{{itemList{{barcode}}}}}}"
"""The same with what the item hangs on, and all else that hangs there."""
MADE = "callList{itemList{barcode}}"
WHOLE_BIB = f"title,bib,shadowed,{MADE}"
NOTES = "barcode,library,bib{title,bib},customInformation{*}"
PATRON = "barcode,profile,library,standing,privilegeExpiresDate,checkoutLocation,patronStatusInfo{*}"


@dataclass(frozen=True)
class Wish:
    """A hold on one copy; patron by key, item by barcode."""

    barcode: str
    patron: str
    pickup: str
    comment: str
    fill_by: str = ""


class SymphonyClient:
    """One Symphony over its web services. ``station`` is the library that a write is made at (SD-Working-LibraryID)."""

    def __init__(
        self,
        settings: SymphonySettings,
        surroundings: Surroundings,
        sleep: Callable[[float], None],
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        always = frozenset(settings.overrides)
        self._twice = Allowed(always | frozenset(settings.second_charge_overrides), "second_charge_overrides")
        self._calls = Calls(settings, surroundings, sleep, now)

    def close(self) -> None:
        """Close connections."""
        self._calls.close()

    def session(self) -> tuple[symphony.LogIn, Answer]:
        """The session, after a cheap look whether it lives."""
        name = self._calls.session().staff
        sending = Sending("GET", f"/user/staff/key/{safe(name)}", "/user/staff/key/{key}", repeatable=True)
        answer = self._calls.sent("look at the session", sending)
        return self._calls.session(), answer

    def patron_by(self, lookup: str, identifier: str) -> tuple[symphony.Patron, ...]:
        """The patrons whom this look-up (a setting's word) finds."""
        if lookup.startswith("search:"):
            return self._patrons(lookup.removeprefix("search:"), identifier)
        path, template = f"/user/patron/{lookup}/{safe(identifier)}", f"/user/patron/{lookup}/{{id}}"
        try:
            return (self._calls.read("find the patron", path, template, symphony.Patron, PATRON),)
        except Missing:
            return ()

    def _patrons(self, index: str, identifier: str) -> tuple[symphony.Patron, ...]:
        params = {"q": f"{index}:{identifier}", "rw": "1", "ct": "2"}
        doing, path = "find the patron", "/user/patron/search"
        return self._calls.read(doing, path, path, symphony.Patrons, PATRON, params).found

    def patron_lists(self, key: str, lists: str) -> symphony.Patron:
        """A patron with these lists (``circRecordList``, ``holdRecordList``, ``blockList``). Raises ``Missing``."""
        path = f"/user/patron/key/{safe(key)}"
        return self._calls.read(
            "read the patron's list", path, "/user/patron/key/{key}", symphony.Patron, f"barcode,{lists}"
        )

    def item_by_barcode(self, barcode: str, look: str = LOOK) -> symphony.Item:
        """An item. Raises ``Missing``."""
        path, template = f"/catalog/item/barcode/{safe(barcode)}", "/catalog/item/barcode/{barcode}"
        return self._calls.read("find the item", path, template, symphony.Item, look)

    def item(self, key: str, look: str = LOOK) -> symphony.Item:
        """An item. Raises ``Missing``."""
        return self._calls.read(
            "read the item", f"/catalog/item/key/{safe(key)}", "/catalog/item/key/{key}", symphony.Item, look
        )

    def bib(self, key: str) -> symphony.Bib:
        """A bib with all that hangs on it. Raises ``Missing``."""
        return self._calls.read(
            "read the bib", f"/catalog/bib/key/{safe(key)}", "/catalog/bib/key/{key}", symphony.Bib, WHOLE_BIB
        )

    def search_bibs(self, index: str, words: str, row: int = 1, count: int = 10) -> symphony.Bibs:
        """Bibs by words; rows count from 1."""
        params = {"q": f"{index}:{words}", "rw": str(row), "ct": str(count)}
        doing, path, fields = "search the catalogue", "/catalog/bib/search", "title,bib,callList{itemList{barcode}}"
        return self._calls.read(doing, path, path, symphony.Bibs, fields, params)

    def create_bib(self, body: Resource, station: str) -> symphony.Bib:
        """Bib, call number and item in one call; answers the bib with what hangs on it, as far as the answer tells."""
        params = {"includeFields": MADE}
        sending = Sending("POST", "/catalog/bib", "/catalog/bib", params=params)
        answer = self._calls.write("create the bib", sending, body, station, form=self._settings.bib_form)
        made = self._calls.parsed("create the bib", answer, symphony.Bib, repeatable=False)
        if not made.key:
            raise nonsense("create the bib", answer, repeatable=False)
        return made

    def change_item(self, key: str, fields: Mapping[str, object], station: str) -> None:
        """Change these fields of an item, and no others. Raises ``Missing``."""
        body = Resource("/catalog/item", key, fields)
        sending = Sending("PUT", f"/catalog/item/key/{safe(key)}", "/catalog/item/key/{key}", repeatable=True)
        self._calls.write("change the item", sending, body, station)

    def shadow(self, kind: str, key: str, station: str) -> None:
        """Hide an item, call number or bib from the public. Raises ``Missing``."""
        body = Resource(f"/catalog/{kind}", key, {"shadowed": True})
        sending = Sending("PUT", f"/catalog/{kind}/key/{safe(key)}", f"/catalog/{kind}/key/{{key}}", repeatable=True)
        self._calls.write(f"shadow the {kind}", sending, body, station)

    def delete(self, kind: str, key: str, station: str) -> None:
        """Delete an item, call number or bib (unverified: symphony.md section 5.11). Raises ``Missing``."""
        sending = Sending("DELETE", f"/catalog/{kind}/key/{safe(key)}", f"/catalog/{kind}/key/{{key}}", repeatable=True)
        self._calls.write(f"delete the {kind}", sending, None, station)

    def place_hold(self, wish: Wish, station: str) -> symphony.Hold:
        """Place a hold on this copy. Raises ``AlreadyThere``, ``Missing``."""
        body: dict[str, object] = {
            "itemBarcode": wish.barcode,
            "patron": Resource("/user/patron", wish.patron),
            "holdType": "COPY",
            "holdRange": self._settings.hold_range,
            "recallStatus": "NO",
            "pickupLibrary": policy("library", wish.pickup),
            "comment": wish.comment,
        }
        if wish.fill_by:
            body["fillByDate"] = wish.fill_by
        path = "/circulation/holdRecord/placeHold"
        sending = Sending("POST", path, path, params={"includeFields": "holdRecord{*}"})
        answer = self._calls.write("place the hold", sending, body, station, role=self._settings.hold_role)
        return self._calls.parsed("place the hold", answer, symphony.Placed, repeatable=False).hold

    def hold(self, key: str) -> symphony.Hold:
        """A hold. Raises ``Missing``; filled ones are gone."""
        path, template = f"/circulation/holdRecord/key/{safe(key)}", "/circulation/holdRecord/key/{key}"
        return self._calls.read("read the hold", path, template, symphony.Hold, "*")

    def cancel_hold(self, key: str, station: str) -> None:
        """Cancel a hold. Raises ``Missing``."""
        path, template = f"/circulation/holdRecord/key/{safe(key)}", "/circulation/holdRecord/key/{key}"
        self._calls.write("cancel the hold", Sending("DELETE", path, template, repeatable=True), None, station)

    def charge(self, key: str) -> symphony.Charge:
        """A charge that stands. Raises ``Missing``."""
        path, template = f"/circulation/circRecord/key/{safe(key)}", "/circulation/circRecord/key/{key}"
        return self._calls.read("read the loan", path, template, symphony.Charge, CHARGE)

    def check_out(self, barcode: str, patron: str, due: str, station: str) -> symphony.Charge:
        """Charge an item (by barcode) to a patron (by key: by barcode it is missing from the statistics, symphony.md section 5.5)."""
        return self._checked_out(barcode, patron, due, station)

    def check_out_over(self, barcode: str, patron: str, due: str, station: str) -> symphony.Charge:
        """The same while the ILL account's charge stands, which a site may ask about (``second_charge_overrides``)."""
        return self._checked_out(barcode, patron, due, station, self._twice)

    def _checked_out(
        self, barcode: str, patron: str, due: str, station: str, allowed: Allowed | None = None
    ) -> symphony.Charge:
        body: dict[str, object] = {"itemBarcode": barcode, "patron": Resource("/user/patron", patron)}
        return self._charged("check out", "checkOut", {**body, "dueDate": due} if due else body, station, allowed)

    def renew(self, barcode: str, patron: str, due: str, station: str) -> symphony.Charge:
        """Renew a patron's loan of an item to a date; both by barcode. Raises ``NotRenewed``."""
        body: dict[str, object] = {"itemBarcode": barcode, "patronBarcode": patron, "dueDate": due}
        return self._charged("renew", "renew", body, station)

    def _charged(
        self, doing: str, action: str, body: Mapping[str, object], station: str, allowed: Allowed | None = None
    ) -> symphony.Charge:
        path = f"/circulation/circRecord/{action}"
        sending = Sending("POST", path, path, params={"includeFields": f"circRecord{{{CHARGE}}}"})
        answer = self._calls.write(doing, sending, body, station, allowed=allowed)
        return self._calls.parsed(doing, answer, symphony.Charged, repeatable=False).charge

    def check_in(self, barcode: str, station: str) -> None:
        """Discharge the charge that lies on top, and have Symphony say where the item goes; nobody has recorded its answer."""
        path = "/circulation/circRecord/checkIn"
        self._calls.write("check in", Sending("POST", path, path), {"itemBarcode": barcode}, station)

    def set_due_date(self, key: str, due: str, station: str) -> symphony.Charge:
        """Write the due date of a charge; whether it uses a renewal is not told (symphony.md section 5.8). Raises ``Missing``."""
        path, template = f"/circulation/circRecord/key/{safe(key)}", "/circulation/circRecord/key/{key}"
        sending = Sending("PUT", path, template, params={"includeFields": CHARGE}, repeatable=True)
        answer = self._calls.write(
            "set the due date", sending, Resource("/circulation/circRecord", key, {"dueDate": due}), station
        )
        return self._calls.parsed("set the due date", answer, symphony.Charge, repeatable=True)

    def mark_lost(self, action: str, barcode: str, station: str) -> None:
        """A site's own action (unverified: symphony.md section 5.9)."""
        path = f"/circulation/circRecord/{action}"
        self._calls.write("mark as lost", Sending("POST", path, path), {"itemBarcode": barcode}, station)

    def send(self, item: str, destination: str, station: str) -> None:
        """Put an item in transit to a library."""
        fields = {
            "destinationLibrary": policy("library", destination),
            "item": Resource("/catalog/item", item),
            "transitReason": "EXCHANGE",
        }
        path = "/circulation/transit"
        self._calls.write("send the item", Sending("POST", path, path), Resource(path, "", fields), station)

    def receive(self, barcode: str, station: str) -> None:
        """An item in transit has come to where it was sent."""
        path = self._settings.untransit_path
        self._calls.write("receive the item", Sending("POST", path, path), {"itemBarcode": barcode}, station)

    def bill(self, patron: str, fields: Mapping[str, object], station: str) -> symphony.Bill:
        """Bill a patron (unverified: symphony.md, table at the top)."""
        path = "/circulation/block"
        body = Resource(path, "", {"patron": Resource("/user/patron", patron), **fields})
        answer = self._calls.write("charge the fee", Sending("POST", path, path), body, station)
        made = self._calls.parsed("charge the fee", answer, symphony.Bill, repeatable=False)
        if not made.key:
            raise nonsense("charge the fee", answer, repeatable=False)
        return made

    def policy(self, kind: str, code: str) -> symphony.Policy:
        """A code of a policy. Raises ``Missing``."""
        path, template = f"/policy/{kind}/key/{safe(code)}", f"/policy/{kind}/key/{{code}}"
        return self._calls.read(f"look up {kind} {code}", path, template, symphony.Policy, "*")

    def describe(self, of: str) -> symphony.Described:
        """What the site says of a resource or an action. Raises ``Missing``."""
        path = f"{of}/describe"
        return self._calls.read(f"ask about {of}", path, path, symphony.Described, "")
