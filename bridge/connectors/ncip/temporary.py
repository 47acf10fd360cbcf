"""Temporary items: made together with their hold by AcceptItem, which is idempotent nowhere, and deleted (ncip-sip2.md section 1.6)."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from bridge.connectors.base import Call
from bridge.connectors.ncip import messages as say
from bridge.connectors.ncip.client import NcipClient
from bridge.connectors.ncip.dates import last_minute
from bridge.connectors.ncip.dialects import Deletes
from bridge.connectors.ncip.errors import Refused, for_good, not_ours, not_seen, on_loan
from bridge.connectors.ncip.problems import Meaning
from bridge.connectors.ncip.reading import ItemSeen, Node, named
from bridge.connectors.ncip.settings import NcipBase
from bridge.connectors.ncip.sight import Sight, handle, same, shows_mark
from bridge.domain import commands as do
from bridge.domain.record import Existence, HoldRecord, HoldState, Learned, Outcome, OutcomeKind
from bridge.errors import Rejected

_CAUSES = {
    Meaning.UNKNOWN_USER: ("unknown_patron", "Correct the patron id in the request at the service."),
    Meaning.USER_BLOCKED: ("patron_not_entitled", "See to the patron's record in the ILS."),
    Meaning.PICKUP: ("pickup_location", "Correct the map of pickup locations and restart."),
    Meaning.BARCODE_TAKEN: ("barcode_taken", "Give the request another temporary barcode at the service."),
}
_BY_HAND = "Delete the item by hand in the ILS."


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
                advice="Set borrowing.hold = true in the library's policy and restart.",
            )
        if command.target.ids.item:
            return self._standing(command, command.target.ids.item, _placed(command))
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
            return self._by_barcode(command, call)
        if not call.verify:
            return None
        if self._sight.blind:
            raise not_seen(f"Making temporary item {command.target.barcode}")
        return self._by_patron(command)

    def _by_barcode(self, command: do.CreateTemporaryItem, call: Call) -> Outcome | None:
        """Ours is known by its mark. Where the responder shows none, it is so only where the making was begun, and by its title."""
        seen = self._sight.item(command.target.barcode)
        if seen is None:
            return None
        begun = call.verify and self._titled_so(command, seen.title)
        if not shows_mark(seen, command.target) and not (begun and self._sight.bears(seen, command.target)):
            raise self._taken(command)
        return self._standing(command, seen.item.value, self._hold_on(command, seen))

    def _hold_on(self, command: do.CreateTemporaryItem, seen: ItemSeen) -> HoldRecord | None:
        """The hold made with the item, as far as it is seen: one that was is filled where somebody has the item."""
        hold, sure = self._sight.hold_on(seen, command.patron_id)
        if hold is not None or (seen.queue and not sure):
            return _placed(command)
        if seen.on_loan:
            return replace(_placed(command), state=HoldState.SATISFIED)
        if not sure:
            raise not_seen(f"Making the hold on temporary item {command.target.barcode}")
        return None

    def _titled_so(self, command: do.CreateTemporaryItem, title: str) -> bool:
        return same(title, self._plain(_title_of(command)))

    def _by_patron(self, command: do.CreateTemporaryItem) -> Outcome | None:
        """What the patron waits for under our barcode is ours unless its title says otherwise; what they have, only by its title."""
        user = self._sight.lists_of(self._client.names.user(command.patron_id))
        if user is None or user.requests is None:
            raise not_seen(f"Making temporary item {command.target.barcode}")
        hold, loan = self._sight.hold_in(user, command.target), self._sight.lent_in(user, command.target)
        if hold is None and loan is None:
            return None
        title = hold.title if hold is not None else loan.title if loan is not None else ""
        ours = hold is not None and (not title or same(hold.request, command.target.mark.code))
        if not ours and not self._titled_so(command, title):
            raise not_seen(f"Making temporary item {command.target.barcode}")
        if hold is not None:
            return self._standing(command, "", replace(_placed(command), hold_id=hold.request or _number(command)))
        return self._standing(command, "", replace(_placed(command), state=HoldState.SATISFIED))

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
        """A barcode that is taken after an unclear end was taken by us, or by somebody else: nobody can tell where nothing is shown."""
        if refused.meaning is Meaning.BARCODE_TAKEN and call.verify and self._dialect.barcode_unique:
            raise not_seen(f"Making temporary item {command.target.barcode}") from refused
        cause, advice = _CAUSES.get(refused.meaning, ("refused", "See to it in the ILS; the text says why."))
        if refused.meaning is Meaning.UNKNOWN_USER and not self._left_nothing(command):
            advice = f"{advice} See whether item {command.target.barcode} was made all the same, and delete it by hand."
        raise for_good(refused, cause, advice) from refused

    def _left_nothing(self, command: do.CreateTemporaryItem) -> bool:
        """A Koha refuses an unknown patron after it has made bib and item (seen on a running one): what was not there before goes again."""
        if not self._sight.by_item or self._dialect.barcode_unique:
            return True
        seen = self._sight.item(command.target.barcode)
        if seen is None:
            return True
        mine = shows_mark(seen, command.target) or self._titled_so(command, seen.title)
        if not mine or seen.on_loan or seen.queue or self._dialect.deletes is not Deletes.MESSAGE:
            return False
        try:
            self._client.ask(say.DeleteItem(self._client.names.item(seen.item.value or command.target.barcode)))
        except Refused as kept:
            return kept.meaning is Meaning.UNKNOWN_ITEM
        return True

    def _made(self, command: do.CreateTemporaryItem, body: Node) -> Outcome:
        item, request = named(body, "Item").value, named(body, "Request").value
        hold = replace(_placed(command), hold_id=request or _number(command))
        return self._outcome(OutcomeKind.DONE, command, item, hold)

    def _standing(self, command: do.CreateTemporaryItem, item: str, hold: HoldRecord | None) -> Outcome:
        return self._outcome(OutcomeKind.ALREADY, command, item, hold)

    def _outcome(
        self, kind: OutcomeKind, command: do.CreateTemporaryItem, item: str, hold: HoldRecord | None
    ) -> Outcome:
        target = command.target
        given = item or target.barcode
        barcode = given if self._dialect.answers_barcodes else target.barcode
        notes = [_told_of(hold)]
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
        if self._dialect.deletes is Deletes.STAFF:
            raise Rejected(f"Item {target.barcode} is not deleted over NCIP here.", cause="staff", advice=_BY_HAND)
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
            raise for_good(refused, "by_hand", _BY_HAND) from refused
        return _gone(OutcomeKind.DONE)

    def _checked_in(self, target: do.Target) -> Outcome:
        """The ILS is said to remove the item when it is checked in: that it did, it shows by not knowing the item any more."""
        name = self._client.names.item(handle(target))
        happened = self._client.now() if self._dialect.check_out_mandated else None
        try:
            self._client.ask(say.CheckInItem(name, (), happened))
        except Refused as refused:
            if refused.meaning is Meaning.UNKNOWN_ITEM:
                return _gone(OutcomeKind.ALREADY)
            if refused.meaning is not Meaning.NOT_ON_LOAN:
                raise for_good(refused, "by_hand", _BY_HAND) from refused
        raise _still_there(target)

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
        return on_loan(target.barcode)


def _still_there(target: do.Target) -> Rejected:
    return Rejected(
        f"The ILS did not remove item {target.barcode} when it was checked in, as far as can be seen.",
        cause="by_hand",
        advice=_BY_HAND,
    )


def _number(command: do.CreateTemporaryItem) -> str:
    """What our request is called at the ILS until it says otherwise."""
    return command.target.mark.code


def _placed(command: do.CreateTemporaryItem) -> HoldRecord:
    return HoldRecord(_number(command), command.patron_id, command.pickup_location)


def _told_of(hold: HoldRecord | None) -> str:
    if hold is None:
        return "The item is there, but nobody waits for it."
    if hold.state is not HoldState.PLACED:
        return "Item and hold were made in one step; somebody has the item already."
    return f"Item and hold were made in one step; it waits at {hold.pickup_location or 'the default place'}."


def _title_of(command: do.CreateTemporaryItem) -> str:
    """AcceptItem without a title is refused in places, so that there is always one; volumes are told apart by it."""
    told = command.description
    return " ".join(filter(None, (told.title or "Interlibrary loan", told.volume)))


def _gone(kind: OutcomeKind) -> Outcome:
    return Outcome(kind, Learned(existence=Existence.DELETED))
