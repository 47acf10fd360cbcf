"""Policies of in-system loans that cannot work, or would end the loans of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.checks.in_system import accounts_shared, borrowed_within, lent_within
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.commands import Place, Verb
from bridge.domain.policy import (
    BorrowingPolicy,
    CreateOn,
    DoneBy,
    InSystemBorrowing,
    InSystemLending,
    LendingPolicy,
)
from tests.checks.build import bad, known, library

ALL = Capabilities(abilities={Verb.SEND_TRANSIT: Ability.YES}, double_charge=True)
NO_TRANSIT = replace(ALL, abilities={})
WELL = BorrowingPolicy(
    existing_item=True, place=Place("B", "", "DESK"), in_system=InSystemBorrowing(ill_account="DISTRICT-BILL")
)
LENDS = LendingPolicy(
    default_account="DISTRICT-{partner}ILL",
    in_system=InSystemLending({"B": "BLIB", "C": "CLIB"}, Place("A", "", "DESK")),
)


def within(**changes: Any) -> BorrowingPolicy:
    return replace(WELL, in_system=replace(WELL.in_system, **changes))


def lending(**changes: Any) -> LendingPolicy:
    return replace(LENDS, in_system=replace(LENDS.in_system, **changes))


@pytest.mark.parametrize(
    ("policy", "can", "levels"),
    [
        (WELL, ALL, []),
        (BorrowingPolicy(), ALL, []),
        (replace(WELL, existing_item=False), ALL, ["warning"]),
        (replace(WELL, place=Place()), ALL, ["failed"]),
        (within(suppliers=("A",)), ALL, []),
        (replace(within(suppliers=("A",)), create_on=CreateOn.REQUESTED), ALL, ["failed"]),
        (within(ill_account=""), ALL, ["warning"]),
        (within(ill_account=""), Capabilities(), []),
        (WELL, Capabilities(), ["warning"]),
        (WELL, NO_TRANSIT, ["warning"]),
    ],
)
def test_the_borrowing_side(policy: BorrowingPolicy, can: Capabilities, levels: list[str]) -> None:
    assert [level for _, level in bad(tuple(borrowed_within(policy, can)))] == levels


@pytest.mark.parametrize(
    ("policy", "can", "levels"),
    [
        (LENDS, ALL, []),
        (LendingPolicy(), ALL, []),
        (lending(partners={}), ALL, ["warning"]),
        (lending(home=Place()), ALL, ["failed"]),
        (lending(home=Place(), receive_transit=DoneBy.STAFF, discharge_account=DoneBy.STAFF), ALL, []),
        (lending(partners={"B": ""}), ALL, []),
        (lending(partners={"B": ""}, send_transit=DoneBy.BRIDGE), ALL, ["failed"]),
        (lending(send_transit=DoneBy.BRIDGE), NO_TRANSIT, ["warning"]),
        (replace(LENDS, default_account="ILL"), ALL, ["failed"]),
    ],
)
def test_the_lending_side(policy: LendingPolicy, can: Capabilities, levels: list[str]) -> None:
    assert [level for _, level in bad(tuple(lent_within(policy, can)))] == levels


def test_two_libraries_of_one_ils_never_share_an_ill_account() -> None:
    def school(account: str) -> dict[str, Any]:
        made = library()
        made["borrowing"] |= {"existing_item": True, "in_system": {"ill_account": account}}
        return made

    for accounts, found in ((("X", "x"), 1), (("X", "Y"), 0), (("", ""), 0)):
        settings = known(libraries__north=school(accounts[0]), libraries__south=school(accounts[1])).settings
        assert len(bad(tuple(accounts_shared(settings)))) == found
