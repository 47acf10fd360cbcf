"""What a responder shows of items, loans and holds: by LookupItem, or by the lists of a user; and what it showed a moment ago."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from bridge.connectors.ncip import messages as say
from bridge.connectors.ncip.client import NcipClient
from bridge.connectors.ncip.dates import day_of
from bridge.connectors.ncip.dialects import Sees
from bridge.connectors.ncip.errors import Refused, for_good
from bridge.connectors.ncip.problems import Meaning
from bridge.connectors.ncip.reading import (
    ItemSeen,
    SeenFee,
    SeenLoanedItem,
    SeenRequest,
    UserSeen,
    item_seen,
    user_seen,
)
from bridge.connectors.recent import Recent
from bridge.domain import commands as do
from bridge.domain.identity import bears_another
from bridge.domain.record import FeeRecord, HoldRecord, SeenLoan, Sighting
from bridge.errors import Rejected

NOTHING = do.Money(Decimal(0))
"""The amount of a fee that is only known to be there."""


@dataclass(frozen=True)
class OnLoan:
    """An open loan, as far as the responder shows it: ``ours`` is ``None`` where it does not say who has the item."""

    ours: bool | None
    loan: SeenLoan


def handle(target: do.Target) -> str:
    """What an item is named by: the identifier the responder gave it, or its barcode."""
    return target.ids.item or target.barcode


def shows_mark(seen: ItemSeen, target: do.Target) -> bool:
    """Whether our mark is read in an item's call number."""
    return target.mark.code in seen.call_number


def _recorded(target: do.Target) -> bool:
    """Whether the record has the item by the identifier that the responder gave it when we made it."""
    return target.origin is do.Origin.CREATED and bool(target.ids.item)


def same(one: str, other: str) -> bool:
    """Whether two identifiers are one, whatever their case and padding."""
    return bool(one.strip()) and one.strip().casefold() == other.strip().casefold()


class Sight:
    """Looks at one responder."""

    def __init__(self, client: NcipClient) -> None:
        self._client = client
        self._dialect = client.dialect
        self._kept: Recent[ItemSeen] = Recent(client.now)

    @property
    def by_item(self) -> bool:
        """Whether LookupItem answers."""
        return self._dialect.sees is Sees.ITEM

    @property
    def blind(self) -> bool:
        """Whether nothing can be asked afterwards."""
        return self._dialect.sees is Sees.NOTHING

    def item(self, name: str) -> ItemSeen | None:
        """The item with this identifier; ``None`` where there is none."""
        message = say.LookupItem(self._client.names.item(name), self._dialect.item_elements, people=True)
        try:
            seen = item_seen(self._client.ask(message))
        except Refused as refused:
            if refused.meaning is Meaning.UNKNOWN_ITEM:
                return None
            raise _not_shown(refused) from refused
        return seen

    def lists_of(self, user: say.Id, *, account: bool = False) -> UserSeen | None:
        """A user with loans and requests; ``None`` where there is no such user."""
        message = say.LookupUser(user, self._dialect.user_elements, lists=True, account=account)
        try:
            return user_seen(self._client.ask(message))
        except Refused as refused:
            if refused.meaning is Meaning.UNKNOWN_USER:
                return None
            raise _not_shown(refused) from refused

    def keep(self, name: str, seen: ItemSeen) -> None:
        """For the step that follows: what a check-in showed of the item."""
        self._kept.keep(name, seen)

    def kept(self, name: str) -> ItemSeen | None:
        """What was kept of the item a moment ago; once."""
        return self._kept.take(name)

    def bears(self, seen: ItemSeen, target: do.Target) -> bool:
        """Whether nothing speaks against an item's being ours: our mark stands in its call number, or none is shown."""
        return not self._dialect.mark_in_call_number or not seen.call_number or shows_mark(seen, target)

    def _ours(self, seen: ItemSeen, target: do.Target) -> bool:
        """Whether an item is one of ours: our mark is read, or it was recorded by the identifier the responder gave it when it was made.

        Its barcode alone says nothing: staff may have made it, or it may be any item.
        """
        if shows_mark(seen, target):
            return target.origin is not do.Origin.OWN
        return _recorded(target) and self.bears(seen, target)

    def loan_of(self, seen: ItemSeen, target: do.Target, accounts: tuple[str, ...]) -> OnLoan | None:
        """The loan of an item, as far as one may stand. It is named by the account that has it, a patron's by the item."""
        if seen.lent is False:
            return None
        due = day_of(seen.due, self._client.zone)
        ours = next((account for account in accounts if same(account, seen.borrower)), "")
        if ours:
            return OnLoan(ours=True, loan=SeenLoan(ours, ours, due, ours=True))
        known = None if not seen.borrower else False
        return OnLoan(ours=known, loan=SeenLoan(handle(target), seen.borrower, due, ours=False))

    def inspect(self, asked: do.Inspect) -> Sighting:
        """What the responder shows for one mark."""
        if self.by_item:
            seen = self._by_item(asked)
        elif self.blind:
            return Sighting(notes=("This NCIP responder cannot be asked what is there.",))
        else:
            seen = self._by_users(asked)
        return replace(seen, fees=self._fees(asked)) if asked.fee_keys and asked.patron_id else seen

    def _by_item(self, asked: do.Inspect) -> Sighting:
        target = asked.target
        name = handle(target)
        seen = self.item(name) if name else None
        if seen is None:
            return Sighting(item_present=False, hold_seen=True, loans_seen=True)
        ours = self._ours(seen, target)
        known = ours or target.origin is not do.Origin.CREATED or _recorded(target)
        loans = self._loans_of(seen, asked)
        hold, sure = self.hold_on(seen, asked.patron_id, asked.hold_id)
        filled = seen.on_loan and seen.queue is None and target.origin is not do.Origin.OWN
        return Sighting(
            item_present=True,
            ids=do.VendorIds(item=target.ids.item or seen.item.value) if known else do.VendorIds(),
            barcode=target.barcode,
            marked=ours,
            hold=hold if known else None,
            hold_seen=known and (sure or filled),
            loans=loans or (),
            loans_seen=loans is not None,
            lost=seen.lost if seen.status else None,
        )

    def _loans_of(self, seen: ItemSeen, asked: do.Inspect) -> tuple[SeenLoan, ...] | None:
        """The open loan; ``None`` where none is told, and of an own item that is lent to nobody knows whom: it may be ours still."""
        if seen.lent is None:
            return None
        own = asked.target.origin is do.Origin.OWN
        accounts = tuple(dict.fromkeys(filter(None, (*asked.loan_ids, asked.account))))
        found = self.loan_of(seen, asked.target, accounts if own else ())
        if found is None:
            return ()
        return None if own and found.ours is None else (found.loan,)

    @staticmethod
    def hold_on(seen: ItemSeen, patron_id: str, hold_id: str = "") -> tuple[HoldRecord | None, bool]:
        """A patron's hold on an item, and whether it is sure that there is one or none: those who wait may be named, or only counted."""
        if patron_id and any(same(patron_id, each) for each in seen.requesters):
            return HoldRecord(hold_id, patron_id, ""), True
        return None, bool(seen.requesters) or seen.queue == 0

    def _by_users(self, asked: do.Inspect) -> Sighting:
        """The patron of a temporary item, or the account an own one is lent to; what neither list says is not known."""
        own = asked.target.origin is do.Origin.OWN
        name = (asked.account or asked.patron_id) if own else asked.patron_id
        if not name:
            return Sighting()
        user = self.lists_of(self._client.names.account(name) if own else self._client.names.user(name))
        if user is None:
            return Sighting()
        hold = self.hold_in(user, asked.target, asked.hold_id)
        loan = self.loan_in(user, asked.target, name, own=own)
        ours = _recorded(asked.target) or (hold is not None and same(hold.request, asked.target.mark.code))
        if asked.target.origin is do.Origin.CREATED and not ours:
            return Sighting()
        there = True if hold or loan else None
        held = HoldRecord(asked.hold_id or hold.request, asked.patron_id, hold.pickup) if hold else None
        return Sighting(
            item_present=there,
            ids=do.VendorIds(item=asked.target.ids.item) if there else do.VendorIds(),
            barcode=asked.target.barcode if there else "",
            marked=bool(there) and ours and not own,
            hold=held,
            hold_seen=user.requests is not None,
            loans=(loan,) if loan else (),
            loans_seen=user.loans is not None,
        )

    @staticmethod
    def hold_in(user: UserSeen, target: do.Target, hold_id: str = "") -> SeenRequest | None:
        """Our hold among a user's: by its number, our mark, or its item where it bears no other request's mark."""
        numbers = {each.casefold() for each in (hold_id, target.mark.code) if each}
        items = {each.casefold() for each in (target.barcode, target.ids.item) if each}
        listed = user.requests or ()
        return next(
            (each for each in listed if each.request.casefold() in numbers),
            next(
                (
                    each
                    for each in listed
                    if each.item.casefold() in items and not bears_another(each.request, target.mark)
                ),
                None,
            ),
        )

    def loan_in(self, user: UserSeen, target: do.Target, name: str, *, own: bool) -> SeenLoan | None:
        """The item's loan among a user's."""
        found = self.lent_in(user, target)
        if found is None:
            return None
        due = day_of(found.due, self._client.zone)
        return SeenLoan(name if own else handle(target), name, due, ours=own)

    @staticmethod
    def lent_in(user: UserSeen, target: do.Target) -> SeenLoanedItem | None:
        """The item among what a user has, as the list names it."""
        names = {each.casefold() for each in (target.barcode, target.ids.item) if each}
        return next((each for each in user.loans or () if each.item.casefold() in names), None)

    def _fees(self, asked: do.Inspect) -> tuple[FeeRecord, ...]:
        listed = self.fees_of(asked.patron_id) or ()
        found = ((key, fee_in(listed, asked.target, key)) for key in asked.fee_keys)
        return tuple(FeeRecord(key, fee.number, NOTHING) for key, fee in found if fee is not None)

    def fees_of(self, patron_id: str) -> tuple[SeenFee, ...] | None:
        """A patron's fees; ``None`` where the responder lists none at all, so that nothing can be said of them."""
        user = self.lists_of(self._client.names.user(patron_id), account=True)
        return user.fees if user is not None else None


def fee_in(listed: tuple[SeenFee, ...], target: do.Target, fee_key: str) -> SeenFee | None:
    """Our fee among those of a patron."""
    reason = reason_of(target, fee_key)
    return next((each for each in listed if each.description.startswith(reason)), None)


def reason_of(target: do.Target, fee_key: str) -> str:
    """What a fee of ours says, by which it is found again."""
    return f"{target.mark.code} {fee_key}"


def _not_shown(refused: Refused) -> Rejected:
    return for_good(refused, "refused", "See whether the responder knows this message; else set looks accordingly.")
