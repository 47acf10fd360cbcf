"""The Spydus connector's own ways, beside the contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from bridge.connectors.base import Call
from bridge.connectors.spydus import CONNECTOR, SpydusSettings
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability
from bridge.domain.commands import Verb
from bridge.domain.record import OutcomeKind, Sighting
from bridge.errors import Rejected
from tests.connectors.spydus.bench import SpydusBench
from tests.contract.bench import own
from tests.contract.suite import NAMING, PERSON

CALL = Call()
DUE = date(2027, 1, 15)


def test_a_lent_loan_takes_four_messages_and_two_a_renewal(bench: SpydusBench) -> None:
    before = bench.pace.cost
    target = own(bench, "1")
    lent = bench.connector.check_out(do.CheckOut(target, bench.account, DUE), CALL)
    assert lent.notes == ("Spydus made it due 2026-12-22; the lender's date is 2027-01-15, which SIP2 cannot set.",)
    assert bench.pace.cost - before == 1
    renewed = bench.connector.set_due_date(do.SetDueDate(target, DUE, bench.account, bench.account), CALL)
    assert renewed.kind is OutcomeKind.DONE
    assert bench.pace.cost - before == 3
    home = bench.connector.check_in(do.CheckIn(target, (bench.account,), bench.account), CALL)
    assert home.kind is OutcomeKind.DONE
    assert bench.pace.cost - before == 6


def test_a_renewal_is_not_repeated_and_a_refused_one_is_told(bench: SpydusBench) -> None:
    target = own(bench, "1")
    bench.connector.check_out(do.CheckOut(target, bench.account, DUE), CALL)
    command = do.SetDueDate(target, DUE, bench.account, bench.account)
    assert bench.connector.set_due_date(command, Call(verify=True)).kind is OutcomeKind.ALREADY
    assert bench.house.loans[bench.own_barcode].renewals == 0
    bench.house.renewals = 0
    refused = bench.connector.set_due_date(command, CALL)
    assert "did not renew" in refused.notes[0]


def test_a_date_that_came_forward_renews_nothing(bench: SpydusBench) -> None:
    target = own(bench, "1")
    bench.connector.check_out(do.CheckOut(target, bench.account, DUE), CALL)
    earlier = do.SetDueDate(target, date(2026, 12, 1), bench.account, bench.account, may_shorten=True, before=DUE)
    told = bench.connector.set_due_date(earlier, CALL)
    assert (told.kind, "2026-12-01" in told.notes[0]) == (OutcomeKind.ALREADY, True)
    assert bench.house.loans[bench.own_barcode].renewals == 0


def test_a_list_that_leaves_out_some_of_what_an_account_has_decides_nothing(bench: SpydusBench) -> None:
    """A loan of ours that is not listed is neither somebody else's nor gone, and is not lent (which renews) again."""
    target = own(bench, "1")
    bench.house.lend(bench.account, bench.foreign_barcode, by="desk")
    bench.connector.check_out(do.CheckOut(target, bench.account, DUE), CALL)
    bench.server.habits = bench.server.habits.model_copy(update={"lists_at_most": 1})
    bench.reconnect()
    acts: tuple[Callable[[], object], ...] = (
        lambda: bench.connector.check_in(do.CheckIn(target, (bench.account,), bench.account), CALL),
        lambda: bench.connector.inspect(do.Inspect(target, account=bench.account), CALL),
        lambda: bench.connector.check_out(do.CheckOut(target, bench.account, DUE), Call(verify=True)),
    )
    for act in acts:
        with pytest.raises(Rejected, match="lists 1 of the 2 items") as refused:
            act()
        assert refused.value.cause == "cannot_look"
    loan = bench.house.loans[bench.own_barcode]
    assert (loan.patron_id, loan.renewals) == (bench.account, 0)


@pytest.mark.parametrize(
    ("account", "barcode", "cause"),
    [
        ("NOBODY", "39000000000001", "unknown_account"),
        ("P1005", "39000000000001", "account_blocked"),
        ("ILL-XYZ", "NOWHERE", "unknown_item"),
        ("ILL-XYZ", "39000000000003", "on_loan"),
    ],
)
def test_why_a_check_out_is_refused(bench: SpydusBench, account: str, barcode: str, cause: str) -> None:
    bench.lend("39000000000003", bench.other_patron)
    with pytest.raises(Rejected) as refused:
        bench.connector.check_out(do.CheckOut(replace(own(bench, "1"), barcode=barcode), account, DUE), CALL)
    assert refused.value.cause == cause
    assert refused.value.advice


def test_a_temporary_item_is_checked_in_from_whoever_has_it_and_an_own_one_is_not(bench: SpydusBench) -> None:
    bench.lend(bench.own_barcode, bench.other_patron)
    mine = own(bench, "1")
    stays = bench.connector.check_in(do.CheckIn(mine, (), bench.account), CALL)
    assert "stays" in stays.notes[0]
    borrowed = replace(mine, origin=do.Origin.ADOPTED)
    bench.house.copies[bench.own_barcode].held_for = ["P1001"]
    home = bench.connector.check_in(do.CheckIn(borrowed), CALL)
    assert home.notes == ("Spydus found a hold for the item when it was checked in.",)


def test_an_item_declared_lost_is_still_on_loan_and_comes_back(bench: SpydusBench) -> None:
    target, ours = own(bench, "1"), (bench.account,)
    bench.connector.check_out(do.CheckOut(target, bench.account, DUE), CALL)
    bench.house.copies[bench.own_barcode].lost = True
    (seen,) = bench.connector.inspect(do.Inspect(target, account=bench.account), CALL).loans
    assert seen.ours
    home = bench.connector.check_in(do.CheckIn(target, ours, bench.account), CALL)
    assert home.kind is OutcomeKind.DONE
    assert not bench.loan_of(bench.own_barcode)


@pytest.mark.parametrize("status", ["01", "99"])
def test_a_status_that_tells_nothing_of_a_loan_ends_none(bench: SpydusBench, status: str) -> None:
    target, ours = own(bench, "1"), (bench.account,)
    bench.connector.check_out(do.CheckOut(target, bench.account, DUE), CALL)
    bench.house.copies[bench.own_barcode].told = status
    (seen,) = bench.connector.inspect(do.Inspect(target, account=bench.account), CALL).loans
    assert seen.ours
    later = do.SetDueDate(target, DUE + timedelta(days=7), bench.account, bench.account, before=DUE)
    assert bench.connector.set_due_date(later, CALL).kind is OutcomeKind.DONE
    assert bench.connector.check_in(do.CheckIn(target, ours, bench.account), CALL).kind is OutcomeKind.DONE
    assert not bench.loan_of(bench.own_barcode)
    home = bench.connector.inspect(do.Inspect(target, account=bench.account), CALL)
    assert (home.loans, home.loans_seen) == ((), True)
    borrowed = bench.connector.inspect(do.Inspect(replace(target, origin=do.Origin.ADOPTED)), CALL)
    assert (borrowed.loans, borrowed.loans_seen) == ((), False)


def test_an_item_declared_lost_that_nobody_of_ours_has_is_left_alone(bench: SpydusBench) -> None:
    bench.lend(bench.own_barcode, bench.other_patron)
    bench.house.copies[bench.own_barcode].lost = True
    stays = bench.connector.check_in(do.CheckIn(own(bench, "1"), (), bench.account), CALL)
    assert (stays.kind, stays.notes) == (OutcomeKind.ALREADY, ())
    assert bench.loan_of(bench.own_barcode) == bench.other_patron


def test_what_staff_made_is_neither_seen_as_ours_nor_as_gone(bench: SpydusBench) -> None:
    target = do.Target(own(bench, "1").mark, do.Origin.CREATED, "NOWHERE")
    assert bench.connector.inspect(do.Inspect(target), CALL) == Sighting()
    found = bench.connector.find_item(do.FindItem(own(bench, "1")), CALL)
    assert found.learned.barcode == bench.own_barcode
    with pytest.raises(Rejected, match="knows no item"):
        bench.connector.find_item(do.FindItem(target), CALL)


@pytest.mark.parametrize("words", NAMING)
def test_no_name_passes_through_a_refusal(bench: SpydusBench, words: str) -> None:
    bench.fault("vendor_error", "/11$", message=words.replace("|", " "))
    with pytest.raises(Rejected) as refused:
        bench.connector.check_out(do.CheckOut(own(bench, "1"), bench.account, DUE), CALL)
    assert not [each for each in PERSON if each.casefold() in str(refused.value).casefold()]


def test_dates_may_be_left_to_staff() -> None:
    made = SpydusBench(due_dates="staff")
    can = made.connector.capabilities
    assert can.of(Verb.SET_DUE_DATE) is Ability.STAFF
    assert can.of(Verb.CREATE_TEMPORARY_ITEM) is Ability.STAFF
    assert can.reasons[Verb.CREATE_TEMPORARY_ITEM]
    made.start()
    outcome = made.connector.check_out(do.CheckOut(own(made, "1"), made.account, DUE), CALL)
    made.stop()
    assert outcome.learned.due == date(2026, 12, 22)


def test_one_server_and_institution_is_one_lane() -> None:
    known = {"timezone": "UTC", "institution": "A"}
    settings = [SpydusSettings.model_validate({**known, "host": host}) for host in ("SIP.org", "sip.org")]
    assert CONNECTOR.institution is not None
    assert len({CONNECTOR.institution(each) for each in settings}) == 1
