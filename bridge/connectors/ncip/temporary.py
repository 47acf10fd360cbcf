"""Temporary items: made together with their hold by AcceptItem, which is idempotent nowhere, and deleted (ncip-sip2.md section 1.6)."""

from __future__ import annotations

import unicodedata

from bridge.connectors.base import Call
from bridge.connectors.ncip import messages as say
from bridge.connectors.ncip.client import NcipClient
from bridge.connectors.ncip.dates import last_minute
from bridge.connectors.ncip.dialects import Deletes
from bridge.connectors.ncip.errors import Refused, for_good, not_ours, not_seen
from bridge.connectors.ncip.problems import Meaning
from bridge.connectors.ncip.reading import Node, named
from bridge.connectors.ncip.settings import NcipBase
from bridge.connectors.ncip.sight import Sight, handle
from bridge.domain import commands as do
from bridge.domain.record import Existence, HoldRecord, Learned, Outcome, OutcomeKind
from bridge.errors import Rejected

_CAUSES = {
    Meaning.UNKNOWN_USER: ("unknown_patron", "Correct the patron id in the request at the service."),
    Meaning.USER_BLOCKED: ("patron_not_entitled", "See to the patron's record in the ILS."),
    Meaning.PICKUP: ("pickup_location", "Correct the map of pickup locations."),
    Meaning.BARCODE_TAKEN: ("barcode_taken", "Give the request another temporary barcode at the service."),
}


class TemporaryItems:
    """Items the bridge makes in one ILS."""

    def __init__(self, client: NcipClient, settings: NcipBase, sight: Sight) -> None:
        self._client = client
        self._settings = settings
        self._dialect = client.dialect
        self._sight = sight

    def create(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        """Make item and hold, unless they are there; the item may come to bear another barcode than asked for."""
        if not command.patron_id:
            raise Rejected(
                "NCIP makes a temporary item only together with a hold for its patron, and no hold is wanted.",
                cause="hold_needed",
                advice="Set borrowing.hold = true in the library's policy.",
            )
        if command.target.ids.item:
            return self._standing(command, command.target.ids.item, "")
        found = self._looked_for(command, call)
        if found is not None:
            return found
        try:
            body = self._client.ask(self._accepting(command), to_agency=self._pickup_agency(command))
        except Refused as refused:
            return self._not_made(command, call, refused)
        return self._made(command, body)

    def _looked_for(self, command: do.CreateTemporaryItem, call: Call) -> Outcome | None:
        """Is the barcode free? And where this was begun before: did it happen? Looks that only serve speed are not made."""
        if self._dialect.barcode_unique:
            return None
        if self._sight.by_item:
            return self._by_barcode(command)
        if not call.verify:
            return None
        if self._sight.blind:
            raise not_seen(f"Making temporary item {command.target.barcode}")
        return self._by_patron(command)

    def _by_barcode(self, command: do.CreateTemporaryItem) -> Outcome | None:
        """Ours is known by its mark; where the responder shows none, by its title, since the barcode is of our own making."""
        seen = self._sight.item(command.target.barcode)
        if seen is None:
            return None
        if not self._sight.bears(seen, command.target) or (
            not seen.call_number and self._other_title(command, seen.title)
        ):
            raise self._taken(command)
        return self._standing(command, seen.item.value, "")

    def _other_title(self, command: do.CreateTemporaryItem, title: str) -> bool:
        return bool(title) and title.casefold() != self._plain(_title_of(command)).casefold()

    def _by_patron(self, command: do.CreateTemporaryItem) -> Outcome | None:
        user = self._sight.lists_of(self._client.names.user(command.patron_id))
        if user is None or user.requests is None:
            raise not_seen(f"Making temporary item {command.target.barcode}")
        hold = self._sight.hold_in(user, command.target)
        if hold is None and self._sight.loan_in(user, command.target, command.patron_id, own=False) is None:
            return None
        return self._standing(command, "", hold.request if hold else "")

    def _taken(self, command: do.CreateTemporaryItem) -> Rejected:
        return Rejected(
            f"Barcode {command.target.barcode} is taken by another item in the ILS.",
            cause="barcode_taken",
            advice="Give the request another temporary barcode at the service.",
        )

    def _accepting(self, command: do.CreateTemporaryItem) -> say.AcceptItem:
        names, target, dialect = self._client.names, command.target, self._dialect
        told = command.description
        number = f"{target.mark.code} {told.call_number}".strip() if dialect.mark_in_call_number else told.call_number
        due = last_minute(command.due, self._client.zone) if command.due else None
        return say.AcceptItem(
            request=names.request(target.mark.code),
            action=dialect.action,
            item=names.new_item(target.barcode),
            user=names.user(command.patron_id, self._settings.accept_user_prefix),
            work=say.Work(self._plain(_title_of(command)), self._plain(told.author), told.isbn, number),
            pickup="" if dialect.pickup_in_to_agency else command.pickup_location,
            due=due,
        )

    def _plain(self, text: str) -> str:
        """Without diacritics where the ILS cannot take them (Voyager)."""
        if not self._dialect.title_plain:
            return text
        return unicodedata.normalize("NFKD", text).encode("ascii", errors="ignore").decode()

    def _pickup_agency(self, command: do.CreateTemporaryItem) -> str:
        return command.pickup_location if self._dialect.pickup_in_to_agency else ""

    def _not_made(self, command: do.CreateTemporaryItem, call: Call, refused: Refused) -> Outcome:
        """A barcode that is taken after an unclear end was taken by us: barcodes are unique there, and this one is of our own making."""
        if refused.meaning is Meaning.BARCODE_TAKEN and call.verify and self._dialect.barcode_unique:
            return self._standing(command, "", "")
        cause, advice = _CAUSES.get(refused.meaning, ("refused", "See to it in the ILS; the text says why."))
        raise for_good(refused, cause, advice) from refused

    def _made(self, command: do.CreateTemporaryItem, body: Node) -> Outcome:
        item, request = named(body, "Item").value, named(body, "Request").value
        return self._outcome(OutcomeKind.DONE, command, item, request)

    def _standing(self, command: do.CreateTemporaryItem, item: str, request: str) -> Outcome:
        return self._outcome(OutcomeKind.ALREADY, command, item, request)

    def _outcome(self, kind: OutcomeKind, command: do.CreateTemporaryItem, item: str, request: str) -> Outcome:
        target = command.target
        given = item or target.barcode
        barcode = given if self._dialect.answers_barcodes else target.barcode
        hold = HoldRecord(request or target.mark.code, command.patron_id, command.pickup_location)
        notes = [f"Item and hold were made in one step; it waits at {command.pickup_location or 'the default place'}."]
        if barcode != target.barcode:
            notes.append(f"The ILS gave the item barcode {barcode} instead of {target.barcode}: label it so.")
        learned = Learned(
            ids=do.VendorIds(item=given),
            barcode=barcode,
            existence=Existence.PRESENT,
            origin=do.Origin.CREATED,
            hold=hold,
        )
        return Outcome(kind, learned, tuple(notes))

    def delete(self, command: do.DeleteTemporaryItem) -> Outcome:
        """Delete an item that was checked in, while it bears our mark and barcode, as far as the responder shows them."""
        target = command.target
        name = handle(target)
        if self._dialect.deletes is Deletes.CHECK_IN:
            return self._checked_in(target)
        if self._sight.by_item and not self._may_go(target):
            return _gone(OutcomeKind.ALREADY)
        try:
            self._client.ask(say.DeleteItem(self._client.names.item(name)))
        except Refused as refused:
            if refused.meaning is Meaning.UNKNOWN_ITEM:
                return _gone(OutcomeKind.ALREADY)
            if refused.meaning is Meaning.ON_LOAN:
                raise self._in_use(target) from refused
            raise for_good(refused, "refused", "Delete the item by hand in the ILS, then 'resolve'.") from refused
        return _gone(OutcomeKind.DONE)

    def _checked_in(self, target: do.Target) -> Outcome:
        """The ILS removes the item when it is checked in: one that was never lent, or whose check-in is not remembered, is so now."""
        if self._sight.kept(handle(target)) is not None:
            return _gone(OutcomeKind.ALREADY)
        by_request = say.Id(target.mark.code, kind="ILL Request Id") if self._dialect.check_in_by_request else None
        item = by_request or self._client.names.item(handle(target))
        happened = self._client.now() if self._dialect.check_out_mandated else None
        try:
            body = self._client.ask(say.CheckInItem(item, (), happened))
        except Refused as refused:
            if refused.meaning not in {Meaning.NOT_ON_LOAN, Meaning.UNKNOWN_ITEM}:
                raise for_good(refused, "refused", "Delete the item by hand in the ILS, then 'resolve'.") from refused
            return _gone(OutcomeKind.ALREADY)
        finished = by_request is not None and not named(body, "User").value
        return _gone(OutcomeKind.ALREADY if finished else OutcomeKind.DONE)

    def _may_go(self, target: do.Target) -> bool:
        """Whether it is there. What the check-in showed a moment ago spares a look."""
        name = handle(target)
        seen = self._sight.kept(name) or self._sight.item(name)
        if seen is None:
            return False
        if not self._sight.bears(seen, target):
            raise not_ours(f"Item {target.barcode} no longer bears our mark")
        if seen.on_loan:
            raise self._in_use(target)
        return True

    @staticmethod
    def _in_use(target: do.Target) -> Rejected:
        """A responder that is asked to delete an item on loan can never delete it after that (seen on a running Koha)."""
        return Rejected(
            f"Item {target.barcode} is on loan, so that it is not deleted.",
            cause="item_in_use",
            advice="Check it in at the desk.",
        )


def _title_of(command: do.CreateTemporaryItem) -> str:
    """AcceptItem without a title is refused in places, so that there is always one; volumes are told apart by it."""
    told = command.description
    return " ".join(filter(None, (told.title or "Interlibrary loan", told.volume)))


def _gone(kind: OutcomeKind) -> Outcome:
    return Outcome(kind, Learned(existence=Existence.DELETED))
