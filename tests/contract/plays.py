"""Plays: what the service and the desk do with one request, so that every verb of a connector is called for. An ILS plays what it can."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from bridge.connectors.base import Connector
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability
from bridge.domain.change import Condition, Edits, Phase
from bridge.domain.commands import Money, Verb
from bridge.domain.identity import Role
from bridge.domain.policy import (
    BorrowingPolicy,
    CreateOn,
    DoneBy,
    InSystemBorrowing,
    InSystemLending,
    LendingPolicy,
    OnRecall,
    Policy,
)
from tests.contract.bench import ContractBench, Sisters
from tests.contract.lives import Bridge

DUE = date(2027, 1, 15)
LATER = date(2027, 2, 15)
SOONER = date(2026, 12, 10)
FEE = Money(Decimal("3.50"), "EUR")
PARTNER = "PARTNER"
SISTER = "SISTER"
"""Another library on the same ILS."""
CAN = frozenset({Ability.YES, Ability.ADVISORY})


def barcode_of(number: str) -> str:
    """The barcode of a request's temporary item, until it gets another."""
    return f"ILL-{number}"


def new_barcode_of(number: str) -> str:
    """The barcode staff give it later."""
    return f"NEW-{number}"


Told = Callable[[ContractBench, str], Edits]
Desk = Callable[[ContractBench, str], None]


def _nothing(_bench: ContractBench, _number: str) -> Edits:
    return Edits()


def no_desk(_bench: ContractBench, _number: str) -> None:
    """Nobody does anything."""


@dataclass(frozen=True)
class Act:
    """One piece of news, after what the desk did before it. ``cut``: lives end here; other acts only lead there or clean up."""

    name: str
    phase: Phase | None = None
    told: Told = _nothing
    raised: tuple[Condition, ...] = ()
    desk: Desk = no_desk
    cut: bool = True


@dataclass(frozen=True)
class Play:
    """One request from its beginning to its end; ``needs`` are the verbs without which there is nothing to play."""

    role: Role
    needs: tuple[Verb, ...]
    acts: tuple[Act, ...]
    policy: Callable[[Policy], Policy] = lambda policy: policy


def _asked(bench: ContractBench, number: str) -> Edits:
    return Edits(patron_id=bench.patron, pickup_location=bench.pickup, due=DUE, title="A title", fee=FEE)


def _another_patron(bench: ContractBench, number: str) -> Edits:
    return Edits(patron_id=bench.other_patron, pickup_location=bench.other_pickup)


def _another_barcode(bench: ContractBench, number: str) -> Edits:
    return Edits(temporary_barcode=new_barcode_of(number))


def _own(bench: ContractBench, number: str) -> Edits:
    return Edits(partner=PARTNER, barcode=bench.own_barcode, due=DUE)


def _own_for_patron(bench: ContractBench, number: str) -> Edits:
    return replace(_own(bench, number), patron_id=bench.patron, pickup_location=bench.pickup)


def _later(bench: ContractBench, number: str) -> Edits:
    return Edits(due=LATER)


def _sooner(bench: ContractBench, number: str) -> Edits:
    return Edits(due=SOONER)


def _lent_to_the_patron(bench: ContractBench, number: str) -> None:
    bench.lend(barcode_of(number), bench.patron)


def _made_when_requested(policy: Policy) -> Policy:
    return replace(policy, borrowing=replace(policy.borrowing, create_on=CreateOn.REQUESTED, charge_fee=False))


def _without_fee(policy: Policy) -> Policy:
    return replace(policy, borrowing=replace(policy.borrowing, charge_fee=False))


def _recalls_shorten(policy: Policy) -> Policy:
    borrowing = replace(policy.borrowing, charge_fee=False, on_recall=OnRecall.SHORTEN)
    return replace(policy, borrowing=borrowing)


def _in_system(policy: Policy) -> Policy:
    borrowing = replace(policy.borrowing, existing_item=True, in_system=InSystemBorrowing())
    return replace(policy, borrowing=borrowing)


def _own_for_sister(bench: ContractBench, number: str) -> Edits:
    return replace(_own(bench, number), partner=SISTER)


def _from_sister(bench: ContractBench, number: str) -> Edits:
    return replace(_own_for_patron(bench, number), partner=SISTER)


def _charged_by_the_owner(bench: ContractBench, number: str) -> None:
    """The owning library charges its item to the borrowing library's account, and sends it there."""
    bench.lend(bench.own_barcode, sister_of(bench)[0])


def _received_by_the_owner(bench: ContractBench, number: str) -> None:
    bench.check_in(bench.own_barcode)


def _charged_twice(policy: Policy) -> Policy:
    place = do.Place(library=policy.lending.in_system.partners[SISTER])
    return replace(policy, borrowing=replace(policy.borrowing, existing_item=True, place=place))


def _sent_to_sister(policy: Policy) -> Policy:
    """No temporary place: the account has one of its own."""
    return replace(policy, lending=replace(policy.lending, temporary_place=None))


def _held_when_requested(policy: Policy) -> Policy:
    return replace(policy, lending=replace(policy.lending, hold_on_request=True, temporary_place=None))


CREATE = Verb.CREATE_TEMPORARY_ITEM
PLAYS: Mapping[str, Play] = {
    "borrowed": Play(
        Role.BORROWER,
        (CREATE,),
        (
            Act("received", Phase.RECEIVED, _asked),
            Act("renewed", None, _later, desk=_lent_to_the_patron),
            Act("returned", Phase.RETURNED),
            Act("completed", Phase.COMPLETED),
        ),
    ),
    "edited": Play(
        Role.BORROWER,
        (CREATE,),
        (
            Act("received", Phase.RECEIVED, _asked, cut=False),
            Act("another patron", None, _another_patron),
            Act("another barcode", None, _another_barcode),
            Act("returned", Phase.RETURNED, cut=False),
        ),
        _without_fee,
    ),
    "cancelled": Play(
        Role.BORROWER,
        (CREATE,),
        (Act("requested", Phase.REQUESTED, _asked, cut=False), Act("cancelled", Phase.CANCELLED)),
        _made_when_requested,
    ),
    "recalled": Play(
        Role.BORROWER,
        (CREATE,),
        (
            Act("received", Phase.RECEIVED, _asked, cut=False),
            Act("recalled", None, _sooner, (Condition.RECALLED,), desk=_lent_to_the_patron),
            Act("returned", Phase.RETURNED, cut=False),
        ),
        _recalls_shorten,
    ),
    "found": Play(
        Role.BORROWER,
        (CREATE, Verb.MARK_LOST, Verb.MARK_FOUND),
        (
            Act("received", Phase.RECEIVED, _asked, cut=False),
            Act("lost", None, raised=(Condition.LOST,), desk=_lent_to_the_patron, cut=False),
            Act("found", None, raised=(Condition.FOUND,)),
            Act("returned", Phase.RETURNED, cut=False),
        ),
        _without_fee,
    ),
    "lost": Play(
        Role.BORROWER,
        (CREATE, Verb.MARK_LOST),
        (
            Act("received", Phase.RECEIVED, _asked, cut=False),
            Act("lost", None, raised=(Condition.LOST,), desk=_lent_to_the_patron),
        ),
        _without_fee,
    ),
    "in-system": Play(
        Role.BORROWER, (Verb.RECEIVE_TRANSIT,), (Act("received", Phase.RECEIVED, _own_for_patron),), _in_system
    ),
    "charged twice": Play(
        Role.BORROWER,
        (Verb.SEND_TRANSIT,),
        (
            Act("received", Phase.RECEIVED, _from_sister, desk=_charged_by_the_owner),
            Act("renewed", None, _later),
            Act("returned", Phase.RETURNED),
            Act("completed", Phase.COMPLETED, desk=_received_by_the_owner),
        ),
        _charged_twice,
    ),
    "sent within": Play(
        Role.LENDER,
        (Verb.SEND_TRANSIT,),
        (
            Act("shipped", Phase.SHIPPED, _own_for_sister),
            Act("renewed", None, _later),
            Act("completed", Phase.COMPLETED),
        ),
        _sent_to_sister,
    ),
    "lent": Play(
        Role.LENDER,
        (Verb.CHECK_OUT,),
        (
            Act("shipped", Phase.SHIPPED, _own),
            Act("renewed", None, _later),
            Act("completed", Phase.COMPLETED),
        ),
    ),
    "asked for": Play(
        Role.LENDER,
        (Verb.PLACE_HOLD, Verb.CANCEL_HOLD),
        (Act("requested", Phase.REQUESTED, _own), Act("cancelled", Phase.CANCELLED)),
        _held_when_requested,
    ),
    "not returned": Play(
        Role.LENDER,
        (Verb.CHECK_OUT, Verb.MARK_LOST),
        (
            Act("shipped", Phase.SHIPPED, _own, cut=False),
            Act("lost", None, raised=(Condition.LOST,)),
            Act("found", None, raised=(Condition.FOUND,)),
            Act("completed", Phase.COMPLETED, cut=False),
        ),
    ),
}


def sister_of(bench: ContractBench) -> tuple[str, str]:
    """ILL account and code of another library on the same ILS; empty where nothing is charged twice."""
    return (bench.sister_account, bench.sister_library) if isinstance(bench, Sisters) else ("", "")


def can(connector: Connector, *verbs: Verb) -> bool:
    """Whether this ILS does all of these itself."""
    return all(connector.capabilities.of(verb) in CAN for verb in verbs)


def policy_of(bench: ContractBench, play: Play) -> Policy:
    """The policy of a library that has everything switched on that this ILS can do."""
    account, library = sister_of(bench)
    borrowing = BorrowingPolicy(
        barcode_prefix="ILL-",
        item_type=bench.item_type,
        material=bench.material,
        place=bench.temporary_place,
        in_system=InSystemBorrowing(ill_account=account),
        charge_fee=can(bench.connector, Verb.CHARGE_FEE),
    )
    within = InSystemLending({SISTER: library}, bench.temporary_place, send_transit=DoneBy.BRIDGE)
    lending = LendingPolicy(
        in_system=within,
        accounts={PARTNER: bench.account, SISTER: account},
        temporary_place=bench.lending_place,
        pickup_location=bench.pickup,
    )
    return play.policy(Policy(bridge="test", borrowing=borrowing, lending=lending, deletes_per_hour=10**6))


def perform(act: Act, bridge: Bridge, role: Role, number: str) -> int:
    """The desk acts and the service tells; answers the request's id."""
    act.desk(bridge.bench, number)
    return bridge.tell(role, number, act.phase, act.raised, act.told(bridge.bench, number))
