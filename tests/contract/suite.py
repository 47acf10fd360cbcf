"""The contract: the same scenarios for every connector against its stand-in, over real HTTP.

A connector's tests subclass ``ConnectorContract`` and give a fixture ``bench``; what its ILS cannot do is skipped by its capabilities.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from weakref import WeakKeyDictionary

import pytest

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, InspectBy
from bridge.domain.commands import Verb
from bridge.domain.identity import Mark, Role
from bridge.domain.record import Existence, HoldState, Learned, MarkedObject, Outcome, OutcomeKind
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Retry, Unavailable
from tests.contract.bench import ContractBench, a_mark, creating, expected, own
from tests.contract.crash import CrashContract

DUE = date(2027, 1, 15)
LATER = date(2027, 2, 15)
CALL = Call()
PERSON = ("Lovelace", "Ada", "ada.l@example.org", "29876543210", "4711-0815")
NAMING = (
    "Patron Lovelace, Ada (ada.l@example.org), barcode 29876543210 may not borrow.",
    "Cannot read user 'ada lovelace': PIN=4711-0815, https://ils.example.org/users/29876543210?pin=4711-0815",
    '{"names": ["Lovelace, Ada"], "barcodes": ["29876543210"], "emails": ["ada.l@example.org"]}',
)
"""Errors in which an ILS names a patron."""


def needs(bench: ContractBench, *verbs: Verb) -> None:
    for verb in verbs:
        if bench.connector.capabilities.of(verb) in {Ability.NO, Ability.STAFF}:
            pytest.skip(f"this ILS cannot {verb.value}: {bench.connector.capabilities.reasons.get(verb, '')}")


def made(bench: ContractBench, number: str) -> tuple[do.Target, Outcome]:
    needs(bench, Verb.CREATE_TEMPORARY_ITEM)
    command = creating(bench, number)
    outcome = bench.connector.create_temporary_item(command, CALL)
    learned = outcome.learned
    assert learned.ids is not None
    MADE.setdefault(bench, {})[command.target.mark] = outcome
    return replace(command.target, ids=learned.ids, barcode=learned.barcode or command.target.barcode), outcome


def known(bench: ContractBench) -> str:
    """The patron as the ILS itself names them."""
    patron = bench.connector.find_patron(do.FindPatron(bench.patron), CALL).learned.patron
    assert patron is not None
    return patron.patron_id


def held(bench: ContractBench, target: do.Target) -> Outcome:
    """The hold on a temporary item: placed, or made together with it."""
    if bench.connector.capabilities.by_patron:
        return MADE[bench][target.mark]
    needs(bench, Verb.PLACE_HOLD)
    return bench.connector.place_hold(do.PlaceHold(target, known(bench), bench.pickup, note=target.mark.text), CALL)


def lent(bench: ContractBench, number: str) -> tuple[do.Target, Outcome]:
    needs(bench, Verb.CHECK_OUT)
    target = own(bench, number)
    if bench.connector.capabilities.move_before_check_out:
        moved = bench.connector.move_item(do.MoveItem(target, bench.lending_place), CALL)
        ids = target.ids.merged(moved.learned.ids or do.VendorIds())
        target = replace(target, ids=ids, place=moved.learned.place or do.Place())
    outcome = bench.connector.check_out(do.CheckOut(target, bench.account, DUE), CALL)
    return target, outcome


MADE: WeakKeyDictionary[ContractBench, dict[Mark, Outcome]] = WeakKeyDictionary()
"""What was learned when temporary items were made."""


def sees(bench: ContractBench, *by: InspectBy) -> None:
    """What the ILS can be asked about by one of these, by anything at all where none is named."""
    can = bench.connector.capabilities.inspect_by
    if not (can & set(by) if by else can):
        pytest.skip("this ILS does not show it")


def sees_items(bench: ContractBench) -> None:
    """An item can be looked at by itself."""
    sees(bench, InspectBy.IDS, InspectBy.BARCODE)


def sees_makings(bench: ContractBench) -> None:
    """An item that was made is seen; where nothing is, even a barcode that is taken then may be anybody's."""
    if not bench.connector.capabilities.inspect_by:
        pytest.skip("this ILS cannot be asked whether an item was made: that is left to staff")


def repeats(bench: ContractBench) -> None:
    """An item is not made twice, be it that it is seen, be it that the ILS takes no barcode twice."""
    if not bench.connector.capabilities.barcode_unique_enforced:
        sees_makings(bench)


def dating(bench: ContractBench, target: do.Target, due: date) -> do.SetDueDate:
    """A due date for whoever has a temporary item, as the plan asks for it."""
    needs(bench, Verb.SET_DUE_DATE)
    command = do.SetDueDate(target, due)
    return replace(command, patron_id=bench.patron) if bench.connector.capabilities.by_patron else command


def dated(bench: ContractBench, lending: tuple[do.Target, Outcome], due: date, *, before: date | None) -> do.SetDueDate:
    """A due date for a loan of ours, as the plan asks for it."""
    target, outcome = lending
    loan = outcome.learned.loan
    assert loan is not None
    return do.SetDueDate(target, due, loan.loan_id, loan.account, may_shorten=True, before=before)


def lists(bench: ContractBench) -> None:
    if InspectBy.ALL_MARKS not in bench.connector.capabilities.inspect_by:
        pytest.skip(bench.connector.capabilities.cannot_list)


def listed(bench: ContractBench) -> list[MarkedObject]:
    """Every page of what bears a mark."""
    found: list[MarkedObject] = []
    after = ""
    while True:
        page = bench.connector.marked(do.ListMarked(after), CALL)
        found += page.objects
        after = page.following
        if not after:
            return found


def until_clear(bench: ContractBench, attempt: object) -> Outcome:
    """Ask as the engine does after an unclear end: the same command again, with ``verify``."""
    assert callable(attempt)
    with pytest.raises(OutcomeUnknown):
        attempt(CALL)
    outcome = attempt(Call(verify=True))
    assert isinstance(outcome, Outcome)
    return outcome


class ConnectorContract(CrashContract):
    """Every connector keeps it."""

    def test_a_patron_is_found_by_any_identifier(self, bench: ContractBench) -> None:
        outcome = bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
        assert outcome.learned.patron is not None
        assert outcome.learned.patron.asked == bench.patron

    def test_an_unknown_patron_is_refused_for_good(self, bench: ContractBench) -> None:
        with pytest.raises(Rejected) as refused:
            bench.connector.find_patron(do.FindPatron(bench.unknown_patron), CALL)
        assert refused.value.cause == "unknown_patron"
        assert refused.value.advice
        assert bench.unknown_patron not in refused.value.reason

    def test_a_blocked_patron_is_refused_with_the_reason(self, bench: ContractBench) -> None:
        with pytest.raises(Rejected) as refused:
            bench.connector.find_patron(do.FindPatron(bench.blocked_patron), CALL)
        assert refused.value.cause == "patron_not_entitled"

    def test_a_temporary_item_is_made_marked_and_found_again(self, bench: ContractBench) -> None:
        target, outcome = made(bench, "c1")
        assert outcome.learned.existence is Existence.PRESENT
        assert bench.items_with_barcode("ILL-c1") == 1
        sees_items(bench)
        seen = bench.connector.inspect(do.Inspect(target), CALL)
        assert seen.item_present
        assert seen.marked

    def test_creating_again_makes_no_second_item(self, bench: ContractBench) -> None:
        sees_makings(bench)
        made(bench, "c2")
        outcome = bench.connector.create_temporary_item(creating(bench, "c2"), Call(verify=True))
        assert outcome.learned.ids is not None
        assert outcome.learned.ids.item
        assert bench.items_with_barcode("ILL-c2") == 1
        assert bench.bibs_with_mark(a_mark("c2")) == 1

    def test_a_barcode_in_use_is_refused_and_nothing_is_made(self, bench: ContractBench) -> None:
        needs(bench, Verb.CREATE_TEMPORARY_ITEM)
        with pytest.raises(Rejected) as refused:
            bench.connector.create_temporary_item(creating(bench, "c3", bench.foreign_barcode), CALL)
        assert refused.value.cause == "barcode_taken"
        assert bench.bibs_with_mark(a_mark("c3")) == 0
        assert bench.orphans() == 0

    def test_ids_are_kept_as_soon_as_they_are_known(self, bench: ContractBench) -> None:
        needs(bench, Verb.CREATE_TEMPORARY_ITEM)
        kept: list[Learned] = []
        outcome = bench.connector.create_temporary_item(creating(bench, "c4"), Call(keep=kept.append))
        ids = do.VendorIds()
        for learned in kept:
            ids = ids.merged(learned.ids or do.VendorIds())
        assert outcome.learned.ids is not None
        assert ids.merged(outcome.learned.ids) == outcome.learned.ids

    def test_creating_goes_on_from_what_is_there(self, bench: ContractBench) -> None:
        """The connection drops after each write in turn: what was made is found, and made once."""
        needs(bench, Verb.CREATE_TEMPORARY_ITEM)
        sees_makings(bench)
        bench.drop_after_next_write()
        kept = do.VendorIds()

        def keep(learned: Learned) -> None:
            nonlocal kept
            kept = kept.merged(learned.ids or do.VendorIds())

        command = creating(bench, "c5")
        with pytest.raises(OutcomeUnknown):
            bench.connector.create_temporary_item(command, Call(keep=keep))
        seen = bench.connector.inspect(do.Inspect(command.target), CALL)
        again = replace(command, target=replace(command.target, ids=kept.merged(seen.ids)))
        outcome = bench.connector.create_temporary_item(again, Call(keep=keep, verify=True))
        assert outcome.learned.existence is Existence.PRESENT
        assert bench.items_with_barcode("ILL-c5") == 1
        assert bench.bibs_with_mark(a_mark("c5")) == 1
        assert bench.orphans() == 0

    def test_a_hold_is_placed_once(self, bench: ContractBench) -> None:
        target, _ = made(bench, "h1")
        first = held(bench, target)
        assert first.learned.hold is not None
        assert first.learned.hold.state is HoldState.PLACED
        assert bench.holds_on(target.barcode) == 1
        needs(bench, Verb.PLACE_HOLD)
        sees(bench)
        again = bench.connector.place_hold(
            do.PlaceHold(target, known(bench), bench.pickup, note=target.mark.text), Call(verify=True)
        )
        assert again.kind is OutcomeKind.ALREADY
        assert bench.holds_on(target.barcode) == 1

    def test_a_hold_whose_answer_was_lost_is_found(self, bench: ContractBench) -> None:
        target, _ = made(bench, "h2")
        needs(bench, Verb.PLACE_HOLD)
        sees(bench)
        warm_up = do.PlaceHold(target, known(bench), bench.pickup, note=target.mark.text)
        bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
        bench.drop_after_next_write()
        try:
            outcome = bench.connector.place_hold(warm_up, CALL)
        except OutcomeUnknown:
            outcome = bench.connector.place_hold(warm_up, Call(verify=True))
        assert outcome.learned.hold is not None
        assert bench.holds_on(target.barcode) == 1

    def test_a_hold_is_cancelled_and_cancelled_again(self, bench: ContractBench) -> None:
        needs(bench, Verb.CANCEL_HOLD)
        target, _ = made(bench, "h3")
        hold = held(bench, target).learned.hold
        assert hold is not None
        command = do.CancelHold(target, hold.patron_id, hold.hold_id)
        assert bench.connector.cancel_hold(command, CALL).kind is OutcomeKind.DONE
        assert bench.holds_on(target.barcode) == 0
        assert bench.connector.cancel_hold(command, CALL).kind is OutcomeKind.ALREADY

    def test_another_requests_hold_on_the_same_item_is_not_ours(self, bench: ContractBench) -> None:
        """One ILL account may wait for an own item for two requests: the second one neither adopts nor cancels the first one's hold."""
        needs(bench, Verb.PLACE_HOLD, Verb.CANCEL_HOLD)
        sees(bench, InspectBy.IDS)
        first, second = own(bench, "h4"), own(bench, "h5")
        bench.connector.place_hold(do.PlaceHold(first, bench.account, bench.pickup, note=first.mark.text), CALL)
        wish = do.PlaceHold(second, bench.account, bench.pickup, note=second.mark.text)
        for call in (CALL, Call(verify=True)):
            with suppress(Rejected, Retry):
                assert bench.connector.place_hold(wish, call).kind is OutcomeKind.DONE
        assert bench.connector.inspect(do.Inspect(second, patron_id=bench.account), CALL).hold is None
        cancel = do.CancelHold(second, bench.account, "")
        assert bench.connector.cancel_hold(cancel, CALL).kind is OutcomeKind.ALREADY
        assert bench.connector.inspect(do.Inspect(first, patron_id=bench.account), CALL).hold is not None
        assert bench.connector.cancel_hold(replace(cancel, target=first), CALL).kind is OutcomeKind.DONE
        assert bench.holds_on(bench.own_barcode) == 0

    def test_a_whole_borrowed_loan_leaves_nothing(self, bench: ContractBench) -> None:
        target, _ = made(bench, "w1")
        held(bench, target)
        bench.lend(target.barcode, bench.patron)
        ability = bench.connector.capabilities.of(Verb.SET_DUE_DATE)
        if ability in {Ability.YES, Ability.ADVISORY}:
            bench.connector.set_due_date(dating(bench, target, LATER), CALL)
        if ability is Ability.YES:
            assert bench.due_of(target.barcode).startswith(LATER.isoformat())
        checked_in = bench.connector.check_in(do.CheckIn(target), CALL)
        assert checked_in.learned.checked_in
        assert not (bench.items_with_barcode(target.barcode) and bench.loan_of(target.barcode))
        needs(bench, Verb.DELETE_TEMPORARY_ITEM)
        gone = bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert gone.learned.existence is Existence.DELETED
        assert bench.items_with_barcode(target.barcode) == 0
        assert bench.bibs_with_mark(target.mark) == 0
        assert bench.orphans() == 0

    def test_a_patrons_due_date_is_never_shortened(self, bench: ContractBench) -> None:
        target, _ = made(bench, "d1")
        bench.lend(target.barcode, bench.patron)
        before = bench.due_of(target.barcode)
        outcome = bench.connector.set_due_date(dating(bench, target, date(2026, 12, 1)), CALL)
        assert outcome.kind is OutcomeKind.ALREADY
        assert outcome.notes
        assert bench.due_of(target.barcode) == before

    def test_a_recall_makes_no_loan_of_ours_longer(self, bench: ContractBench) -> None:
        """Where all that an ILS can do is renew, a loan that should end sooner stays as it is."""
        needs(bench, Verb.SET_DUE_DATE)
        recall = dated(bench, lent(bench, "d3"), DUE - timedelta(days=21), before=DUE)
        stood = bench.due_of(bench.own_barcode)[:10]
        outcome = bench.connector.set_due_date(recall, CALL)
        stands = bench.due_of(bench.own_barcode)[:10]
        assert stands <= stood
        assert outcome.kind is OutcomeKind.ALREADY or str(outcome.learned.stands or recall.due) == stands

    @pytest.mark.parametrize("own_item", [True, False])
    def test_the_date_told_is_the_date_that_stands(self, bench: ContractBench, *, own_item: bool) -> None:
        needs(bench, Verb.SET_DUE_DATE)
        if own_item:
            command = dated(bench, lent(bench, "d4"), LATER, before=DUE)
        else:
            target, _ = made(bench, "d5")
            bench.lend(target.barcode, bench.patron)
            command = replace(dating(bench, target, LATER), before=DUE)
        outcome = bench.connector.set_due_date(command, CALL)
        stands = bench.due_of(command.target.barcode or bench.own_barcode)[:10]
        assert outcome.kind is OutcomeKind.ALREADY or str(outcome.learned.stands or command.due) == stands

    def test_a_recall_leaves_the_patron_some_days(self, bench: ContractBench) -> None:
        needs(bench, Verb.SET_DUE_DATE)
        if bench.connector.capabilities.of(Verb.SET_DUE_DATE) is Ability.ADVISORY:
            pytest.skip(f"this ILS sets no due date: {bench.connector.capabilities.reasons.get(Verb.SET_DUE_DATE, '')}")
        target, _ = made(bench, "34")
        bench.lend(target.barcode, bench.patron)
        recall = do.SetDueDate(target, bench.clock.date(), may_shorten=True, leave_days=7)
        outcome = bench.connector.set_due_date(recall, CALL)
        assert outcome.learned.due == recall.due
        assert "7 days at least" in " ".join(outcome.notes)
        stands = bench.due_of(target.barcode)
        assert stands.startswith((bench.clock.date() + timedelta(days=7)).isoformat())
        again = bench.connector.set_due_date(recall, Call(verify=True))
        assert again.kind is OutcomeKind.ALREADY
        assert bench.due_of(target.barcode) == stands

    def test_a_note_stands_beside_what_staff_wrote(self, bench: ContractBench) -> None:
        needs(bench, Verb.NOTE_ITEM)
        target, _ = made(bench, "35")
        bench.write_note(target.barcode, "Spine torn")
        note = do.NoteItem(target, "Recalled by the lender")
        assert bench.connector.note_item(note, CALL).kind is OutcomeKind.DONE
        assert bench.connector.note_item(note, Call(verify=True)).kind is OutcomeKind.ALREADY
        assert bench.note_of(target.barcode) == "Spine torn; Recalled by the lender"
        bench.connector.note_item(do.NoteItem(target, "", "Recalled by the lender"), CALL)
        assert bench.note_of(target.barcode) == "Spine torn"

    def test_a_note_for_what_is_gone_is_no_error(self, bench: ContractBench) -> None:
        needs(bench, Verb.NOTE_ITEM)
        target, _ = made(bench, "36")
        bench.delete_by_hand(target.barcode)
        assert bench.connector.note_item(do.NoteItem(target, "x"), CALL).kind is OutcomeKind.ALREADY

    def test_an_item_on_loan_is_not_deleted(self, bench: ContractBench) -> None:
        needs(bench, Verb.DELETE_TEMPORARY_ITEM)
        if bench.connector.capabilities.of(Verb.DELETE_TEMPORARY_ITEM) is Ability.ADVISORY:
            pytest.skip("this ILS removes an item when it is checked in, and not otherwise")
        target, _ = made(bench, "37")
        bench.lend(target.barcode, bench.patron)
        with pytest.raises((Rejected, Retry)):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert bench.loan_of(target.barcode)

    def test_a_due_date_for_what_is_not_on_loan_is_no_error(self, bench: ContractBench) -> None:
        target, _ = made(bench, "d2")
        assert bench.connector.set_due_date(dating(bench, target, DUE), CALL).kind is OutcomeKind.ALREADY

    def test_checking_in_twice_is_no_error(self, bench: ContractBench) -> None:
        target, _ = made(bench, "i1")
        bench.connector.check_in(do.CheckIn(target), CALL)
        assert bench.connector.check_in(do.CheckIn(target), CALL).learned.checked_in

    def test_what_is_gone_is_deleted_without_error(self, bench: ContractBench) -> None:
        needs(bench, Verb.DELETE_TEMPORARY_ITEM)
        target, _ = made(bench, "g1")
        bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        again = bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert again.kind is OutcomeKind.ALREADY
        assert again.learned.existence is Existence.DELETED

    def test_what_the_desk_deleted_is_deleted_without_error(self, bench: ContractBench) -> None:
        target, _ = made(bench, "g2")
        bench.delete_by_hand(target.barcode)
        assert bench.connector.check_in(do.CheckIn(target), CALL).learned.checked_in
        needs(bench, Verb.DELETE_TEMPORARY_ITEM)
        gone = bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert gone.learned.existence is Existence.DELETED

    def test_a_relabelled_item_is_not_deleted(self, bench: ContractBench) -> None:
        needs(bench, Verb.DELETE_TEMPORARY_ITEM)
        sees(bench, InspectBy.IDS)
        target, _ = made(bench, "g3")
        bench.relabel(target.barcode, "STOCK-1")
        with pytest.raises(Rejected) as refused:
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert refused.value.cause == "not_ours"
        assert bench.items_with_barcode("STOCK-1") == 1

    def test_an_own_item_goes_out_and_comes_home(self, bench: ContractBench) -> None:
        target, outcome = lent(bench, "l1")
        loan = outcome.learned.loan
        assert loan is not None
        assert bench.loan_of(bench.own_barcode) == bench.account
        if bench.connector.capabilities.of(Verb.SET_DUE_DATE) is Ability.YES:
            assert bench.due_of(bench.own_barcode).startswith(DUE.isoformat())
        home = bench.connector.check_in(do.CheckIn(target, (loan.loan_id,), bench.account), CALL)
        assert home.learned.checked_in
        assert bench.loan_of(bench.own_barcode) == ""

    def test_checking_out_again_makes_no_second_loan(self, bench: ContractBench) -> None:
        sees(bench)
        target, first = lent(bench, "l2")
        again = bench.connector.check_out(do.CheckOut(target, bench.account, DUE), Call(verify=True))
        assert again.learned.loan is not None
        assert first.learned.loan is not None
        assert again.learned.loan.loan_id == first.learned.loan.loan_id

    def test_a_check_out_whose_answer_was_lost_is_found(self, bench: ContractBench) -> None:
        sees(bench)
        needs(bench, Verb.CHECK_OUT)
        target = own(bench, "l3")
        if bench.connector.capabilities.move_before_check_out:
            moved = bench.connector.move_item(do.MoveItem(target, bench.lending_place), CALL)
            target = replace(target, ids=target.ids.merged(moved.learned.ids or do.VendorIds()))
        bench.drop_after_next_write()
        outcome = until_clear(
            bench, lambda call: bench.connector.check_out(do.CheckOut(target, bench.account, DUE), call)
        )
        assert outcome.learned.loan is not None
        assert bench.loan_of(bench.own_barcode) == bench.account

    def test_somebody_elses_loan_of_our_item_stays(self, bench: ContractBench) -> None:
        if not bench.connector.capabilities.own_loans_guarded:
            pytest.skip("this ILS does not show who has an item")
        target, outcome = lent(bench, "l4")
        loan = outcome.learned.loan
        assert loan is not None
        bench.check_in(bench.own_barcode)
        bench.lend(bench.own_barcode, bench.other_patron)
        home = bench.connector.check_in(do.CheckIn(target, (loan.loan_id,), bench.account), CALL)
        assert bench.loan_of(bench.own_barcode)
        sees(bench)
        assert home.kind is OutcomeKind.ALREADY
        assert home.notes

    def test_a_moved_item_is_restored_once(self, bench: ContractBench) -> None:
        needs(bench, Verb.MOVE_ITEM, Verb.RESTORE_ITEM)
        target = own(bench, "m1")
        moved = bench.connector.move_item(do.MoveItem(target, bench.lending_place), CALL)
        before = moved.learned.before
        assert before is not None
        target = replace(target, ids=moved.learned.ids or do.VendorIds())
        back = do.RestoreItem(target, bench.lending_place, before)
        assert bench.connector.restore_item(back, CALL).kind is OutcomeKind.DONE
        assert bench.connector.restore_item(back, CALL).kind is OutcomeKind.ALREADY

    def test_a_fee_is_charged_once(self, bench: ContractBench) -> None:
        needs(bench, Verb.CHARGE_FEE)
        target, _ = made(bench, "f1")
        fee = do.ChargeFee(target, known(bench), "fee", do.Money(Decimal("3.50"), "EUR"), "", target.mark.code)
        bench.drop_after_next_write()
        outcome = until_clear(bench, lambda call: bench.connector.charge_fee(fee, call))
        assert outcome.learned.fee is not None
        bench.connector.charge_fee(fee, Call(verify=True))
        assert bench.fees_of(bench.patron) == 1

    def test_an_outage_is_unavailable_or_unclear(self, bench: ContractBench) -> None:
        bench.outage(on=True)
        with pytest.raises(Unavailable):
            bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
        with pytest.raises(Unavailable):
            bench.connector.probe()
        bench.outage(on=False)
        bench.connector.find_patron(do.FindPatron(bench.patron), CALL)

    def test_a_connection_dropped_before_the_work_does_no_harm(self, bench: ContractBench) -> None:
        needs(bench, Verb.CREATE_TEMPORARY_ITEM)
        repeats(bench)
        bench.drop_before_next_write()
        with pytest.raises(IlsError) as failed:
            bench.connector.create_temporary_item(creating(bench, "o1"), CALL)
        assert isinstance(failed.value, Unavailable | OutcomeUnknown)
        bench.connector.create_temporary_item(creating(bench, "o1"), Call(verify=True))
        assert bench.items_with_barcode("ILL-o1") == 1

    def test_refused_credentials_are_told_apart(self, bench: ContractBench) -> None:
        bench.unauthorized(times=9)
        with pytest.raises(CredentialsRejected):
            bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
        with pytest.raises(CredentialsRejected):
            bench.connector.probe()

    def test_too_fast_is_waited_for(self, bench: ContractBench) -> None:
        bench.throttle(times=1, retry_after=0.01)
        bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
        assert bench.pace.throttlings

    def test_too_fast_to_the_end_is_tried_later(self, bench: ContractBench) -> None:
        bench.throttle(times=99, retry_after=0.01)
        with pytest.raises(Retry):
            bench.connector.find_patron(do.FindPatron(bench.patron), CALL)

    def test_garbage_is_never_a_success(self, bench: ContractBench) -> None:
        bench.garbage(times=9)
        with pytest.raises(IlsError):
            bench.connector.find_patron(do.FindPatron(bench.patron), CALL)

    def test_garbage_after_a_write_is_an_unknown_outcome(self, bench: ContractBench) -> None:
        target, _ = made(bench, "z1")
        needs(bench, Verb.CHARGE_FEE)
        fee = do.ChargeFee(target, known(bench), "fee", do.Money(Decimal(1), "EUR"), "", target.mark.code)
        bench.garbage(times=1)
        with pytest.raises(OutcomeUnknown):
            bench.connector.charge_fee(fee, CALL)

    def test_a_proxys_page_is_an_outage(self, bench: ContractBench) -> None:
        bench.proxy_page(times=9)
        with pytest.raises(Unavailable):
            bench.connector.find_patron(do.FindPatron(bench.patron), CALL)

    def test_a_server_error_is_told_in_the_words_of_the_ils(self, bench: ContractBench) -> None:
        """Whether the ILS is down or fails on this request alone, the engine finds out with the probe."""
        bench.server_error("No such thing", times=9)
        with pytest.raises((Unavailable, Retry)) as failed:
            bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
        assert "No such thing" in failed.value.reason
        assert "<" not in failed.value.reason

    def test_a_server_error_after_a_write_says_whose_fault_it_is(self, bench: ContractBench) -> None:
        target, _ = made(bench, "e1")
        needs(bench, Verb.CHARGE_FEE)
        fee = do.ChargeFee(target, known(bench), "fee", do.Money(Decimal(1), "EUR"), "", target.mark.code)
        bench.server_error("No such thing", times=1)
        with pytest.raises(OutcomeUnknown) as failed:
            bench.connector.charge_fee(fee, CALL)
        assert failed.value.cause == "server_error"
        assert "No such thing" in failed.value.reason

    @pytest.mark.parametrize("how", ["refusal", "server error", "page"])
    @pytest.mark.parametrize("words", NAMING)
    def test_nobodys_name_passes_through_an_error(self, bench: ContractBench, how: str, words: str) -> None:
        """Whatever an ILS says in an error may name a patron: it goes through ``bridge.domain.masking.vendor_words``."""
        if how == "page":
            bench.server_error(words, times=9)
        else:
            bench.refusal(words, status=400 if how == "refusal" else 500, times=9)
        item = own(bench, "n1")
        asks: list[Callable[[], object]] = [
            lambda: bench.connector.find_patron(do.FindPatron(bench.patron), CALL),
            lambda: bench.connector.check_in(do.CheckIn(item, ("loan-1",), bench.account), CALL),
        ]
        if bench.connector.capabilities.inspect_by:
            look = do.Inspect(item, patron_id=bench.patron, account=bench.account)
            asks.append(lambda: bench.connector.inspect(look, CALL))
        for ask in asks:
            with pytest.raises(IlsError) as failed:
                ask()
            said = f"{failed.value} {failed.value.reason} {failed.value.advice} {failed.value.code}"
            assert not [each for each in PERSON if each.casefold() in said.casefold()], said

    def test_a_probe_reads_only_and_finds_all_well(self, bench: ContractBench) -> None:
        findings = bench.connector.probe()
        assert findings
        assert all(finding.ok for finding in findings), [finding for finding in findings if not finding.ok]

    def test_a_check_finds_all_that_is_expected(self, bench: ContractBench) -> None:
        bench.clock = datetime.now(UTC)
        findings = bench.connector.check(expected(bench))
        assert findings
        assert all(finding.ok for finding in findings), [finding for finding in findings if not finding.ok]

    def test_a_check_names_the_setting_of_what_is_not_there(self, bench: ContractBench) -> None:
        bench.clock = datetime.now(UTC)
        nowhere = replace(bench.temporary_place, location="NO-SUCH-PLACE")
        odd = expected(bench, item_type="NO-SUCH-TYPE", default_pickup_location="NO-SUCH-PICKUP", place=nowhere)
        wrong = [finding for finding in bench.connector.check(odd) if not finding.ok]
        said = " ".join(f"{finding.subject} {finding.text} {finding.advice}" for finding in wrong)
        for code, key in (("TYPE", "item_type"), ("PICKUP", "default_pickup_location"), ("PLACE", "place")):
            if code in bench.unseen_codes:
                continue
            assert f"NO-SUCH-{code}" in said
            assert f"libraries.main.borrowing.{key}" in said

    def test_a_check_only_reads(self, bench: ContractBench) -> None:
        bench.connector.check(expected(bench))
        bench.connector.accounts((bench.account,))
        assert bench.orphans() == 0
        assert bench.loan_of(bench.own_barcode) == ""

    def test_an_ils_that_cannot_be_asked_is_no_finding(self, bench: ContractBench) -> None:
        asks_accounts = not bench.connector.accounts((bench.account,))[0].unseen
        bench.outage(on=True)
        with pytest.raises(Unavailable):
            bench.connector.check(expected(bench))
        if asks_accounts:
            with pytest.raises(Unavailable):
                bench.connector.accounts((bench.account,))
        bench.outage(on=False)
        bench.unauthorized(times=99)
        with pytest.raises(CredentialsRejected):
            bench.connector.check(expected(bench))

    def test_accounts_are_told_in_the_order_asked(self, bench: ContractBench) -> None:
        names = (bench.account, bench.unknown_patron, bench.blocked_patron)
        good, unknown, blocked = bench.connector.accounts(names)
        assert (good.account, unknown.account, blocked.account) == names
        if good.unseen:
            pytest.skip(good.unseen)
        assert good.known
        assert not good.against
        assert not unknown.known
        assert blocked.against

    def test_no_patron_stands_in_what_is_told_of_an_exchange(self, bench: ContractBench) -> None:
        bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
        made(bench, "s1")
        assert bench.heard.exchanges
        assert bench.patron not in repr(bench.heard.exchanges)

    def test_nothing_is_seen_of_what_was_never_made(self, bench: ContractBench) -> None:
        target = do.Target(a_mark("n1"), do.Origin.CREATED, "ILL-n1", place=bench.temporary_place)
        seen = bench.connector.inspect(do.Inspect(target), CALL)
        assert not seen.item_present
        assert seen.ids == do.VendorIds()

    def test_a_loan_made_by_the_desk_is_seen_and_not_ours(self, bench: ContractBench) -> None:
        sees_items(bench)
        bench.lend(bench.own_barcode, bench.other_patron)
        seen = bench.connector.inspect(do.Inspect(own(bench, "n2"), account=bench.account), CALL)
        assert seen.loans_seen
        assert [loan.ours for loan in seen.loans] == [False]

    def test_a_loan_of_the_temporary_item_is_seen_with_its_date(self, bench: ContractBench) -> None:
        sees(bench)
        target, _ = made(bench, "n3")
        held(bench, target)
        bench.lend(target.barcode, bench.patron)
        seen = bench.connector.inspect(do.Inspect(target, patron_id=bench.patron), CALL)
        assert seen.hold is None
        (loan,) = seen.loans
        assert not loan.ours
        assert loan.due is not None
        assert bench.due_of(target.barcode).startswith(loan.due.isoformat())

    def test_what_the_desk_did_to_a_temporary_item_is_seen(self, bench: ContractBench) -> None:
        sees(bench, InspectBy.IDS)
        target, _ = made(bench, "n4")
        hold = held(bench, target).learned.hold
        assert hold is not None
        look = do.Inspect(target, patron_id=hold.patron_id, hold_id=hold.hold_id)
        before = bench.connector.inspect(look, CALL)
        assert before.hold is not None
        assert before.hold.pickup_location in {"", bench.pickup}
        bench.cancel_hold(target.barcode)
        bench.move(target.barcode, bench.lending_place, for_good=False)
        bench.relabel(target.barcode, "NEW-LABEL")
        seen = bench.connector.inspect(look, CALL)
        assert (seen.hold, seen.hold_seen) == (None, True)
        assert seen.barcode == "NEW-LABEL"
        assert seen.marked
        if bench.connector.capabilities.temporary_location:
            assert (seen.temporary_place or seen.place) == bench.lending_place
        bench.erase_mark("NEW-LABEL")
        assert not bench.connector.inspect(look, CALL).marked

    def test_an_item_that_was_moved_for_good_is_found_where_it_is(self, bench: ContractBench) -> None:
        if not bench.connector.capabilities.places_exist:
            pytest.skip("this ILS does not show where an item is")
        target, _ = made(bench, "n5")
        bench.move(target.barcode, bench.lending_place, for_good=True)
        seen = bench.connector.inspect(do.Inspect(target), CALL)
        assert seen.item_present
        assert seen.marked
        assert seen.place == bench.lending_place

    def test_an_item_the_desk_deleted_is_seen_as_gone(self, bench: ContractBench) -> None:
        sees_items(bench)
        target, _ = made(bench, "n6")
        bench.delete_by_hand(target.barcode)
        seen = bench.connector.inspect(do.Inspect(target), CALL)
        assert seen.item_present is False
        assert seen.ids == do.VendorIds()

    def test_where_an_own_item_is_and_who_has_it_is_seen(self, bench: ContractBench) -> None:
        sees(bench)
        target, outcome = lent(bench, "n7")
        loan = outcome.learned.loan
        assert loan is not None
        seen = bench.connector.inspect(do.Inspect(target, account=bench.account, loan_ids=(loan.loan_id,)), CALL)
        assert [(each.loan_id, each.ours, each.due) for each in seen.loans] == [(loan.loan_id, True, loan.due)]
        if bench.connector.capabilities.move_before_check_out:
            assert seen.temporary_place == bench.lending_place

    def test_what_bears_a_mark_is_listed_whoever_put_it_there(self, bench: ContractBench) -> None:
        lists(bench)
        target, _ = made(bench, "o1")
        bench.put_back("STRAY-1", a_mark("o2"))
        found = {each.mark.code: each for each in listed(bench)}
        assert set(found) == {a_mark("o1").code, a_mark("o2").code}
        assert found[a_mark("o2").code].mark == a_mark("o2")
        assert found[a_mark("o1").code].ids.bib == target.ids.bib
        bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert {each.mark for each in listed(bench)} == {a_mark("o2")}

    def test_a_list_that_cannot_be_read_is_told_so(self, bench: ContractBench) -> None:
        lists(bench)
        bench.outage(on=True)
        with pytest.raises(Unavailable):
            bench.connector.marked(do.ListMarked(), CALL)

    def test_an_ils_that_cannot_list_says_why(self, bench: ContractBench) -> None:
        can = bench.connector.capabilities
        assert (InspectBy.ALL_MARKS in can.inspect_by) == (not can.cannot_list)

    def test_a_look_at_the_loans_sees_what_the_desk_lent(self, bench: ContractBench) -> None:
        """As due-date alignment looks: an item nobody has, one that the desk has lent, one that is gone."""
        needs(bench, Verb.CREATE_TEMPORARY_ITEM, Verb.PLACE_HOLD, Verb.SET_DUE_DATE)
        sees_items(bench)
        patron = bench.connector.find_patron(do.FindPatron(bench.patron), CALL).learned.patron
        target, _ = made(bench, "n3")
        held(bench, target)
        look = do.Inspect(target, loans_only=True)
        seen = bench.connector.inspect(look, CALL)
        assert seen.loans_seen
        assert seen.loans == ()
        bench.lend(target.barcode, bench.patron)
        (loan,) = bench.connector.inspect(look, CALL).loans
        assert not loan.ours
        assert loan.due is not None
        assert patron is not None
        assert loan.account.casefold() in {"", patron.patron_id.casefold()}
        bench.connector.set_due_date(dating(bench, target, LATER), CALL)
        (loan,) = bench.connector.inspect(look, CALL).loans
        if bench.connector.capabilities.of(Verb.SET_DUE_DATE) is Ability.YES:
            assert loan.due == LATER
        bench.delete_by_hand(target.barcode)
        gone = bench.connector.inspect(look, CALL)
        assert gone.item_present is False
        assert gone.loans == ()

    def test_marks_of_both_roles_differ(self, bench: ContractBench) -> None:
        assert a_mark("x") != a_mark("x", Role.LENDER)
