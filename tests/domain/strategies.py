"""Arbitrary changes, policies and capabilities."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.change import Change, Closure, Condition, Phase
from bridge.domain.commands import Verb
from bridge.domain.identity import RequestKey, ServiceType
from bridge.domain.policy import (
    AlignDueDate,
    BarcodeFrom,
    BorrowingPolicy,
    CreateOn,
    LendingPolicy,
    NotReturned,
    OnRecall,
    Policy,
)
from tests.domain.build import BORROWER, LENDER, OUT, TEMP, change

DAYS = st.integers(0, 60).map(lambda days: date(2027, 1, 1) + timedelta(days=days))
EDITS = st.fixed_dictionaries(
    {},
    optional={
        "patron_id": st.sampled_from(["p1", "p2", "", None]),
        "pickup_location": st.sampled_from(["MAIN", "BRANCH", None]),
        "barcode": st.sampled_from(["OWN-1", "OWN-2", None]),
        "temporary_barcode": st.sampled_from(["T-1", "T-2", None]),
        "partner": st.sampled_from(["XYZ", "ABC", None]),
        "due": DAYS | st.none(),
        "fee": st.none() | st.just(do.Money(Decimal("3.50"), "EUR")),
        "bill": st.none() | st.just(do.Money(Decimal(80), "EUR")),
        "service_type": st.sampled_from([ServiceType.LOAN, ServiceType.LOAN, ServiceType.COPY]),
    },
)
KEYS = st.sampled_from([BORROWER, LENDER])


@st.composite
def changes_of(draw: st.DrawFn, key: RequestKey, most: int = 7) -> list[Change]:
    """Changes of one request, each with a stamp of its own or one it shares."""
    made = []
    for place in range(draw(st.integers(1, most))):
        conditions = st.lists(st.sampled_from(list(Condition)), max_size=2, unique=True).map(tuple)
        made.append(
            change(
                draw(st.integers(0, 12)) * 100 + place,
                draw(st.none() | st.sampled_from(list(Phase))),
                key=key,
                leg=draw(st.sampled_from(["", "", "", "A", "B"])),
                volume=draw(st.sampled_from(["", "", "", "1", "2"])),
                raised=draw(conditions),
                cleared=draw(conditions),
                closure=draw(st.none() | st.sampled_from(list(Closure))),
                notification=draw(st.sampled_from([False, False, False, True])),
                one_way=draw(st.sampled_from([False, False, True])),
                **draw(EDITS),
            )
        )
    return made


POLICIES = st.builds(
    Policy,
    borrowing=st.builds(
        BorrowingPolicy,
        existing_item=st.booleans(),
        verify_patron_on_request=st.booleans(),
        create_on=st.sampled_from(list(CreateOn)),
        barcode_from=st.sampled_from(list(BarcodeFrom)),
        place=st.just(TEMP),
        hold=st.booleans(),
        due_margin_days=st.integers(0, 3),
        update_due_date=st.booleans(),
        align_due_date=st.sampled_from(list(AlignDueDate)),
        check_in_on_return=st.booleans(),
        delete_on_return=st.booleans(),
        charge_fee=st.booleans(),
        charge_fee_on_copies=st.booleans(),
        charge_replacement_fee=st.booleans(),
        on_recall=st.sampled_from(list(OnRecall)),
        declare_lost=st.booleans(),
    ),
    lending=st.builds(
        LendingPolicy,
        hold_on_request=st.booleans(),
        check_out_on_shipped=st.booleans(),
        update_due_date=st.booleans(),
        temporary_place=st.none() | st.just(OUT),
        check_in_on_completed=st.booleans(),
        declare_lost=st.booleans(),
        not_returned=st.sampled_from(list(NotReturned)),
    ),
)
CAPABILITIES = st.builds(
    Capabilities,
    abilities=st.dictionaries(st.sampled_from(list(Verb)), st.sampled_from(list(Ability)), max_size=4),
    temporary_location=st.booleans(),
    move_before_check_out=st.booleans(),
    restore_before_check_in=st.booleans(),
)
