"""What a responder does not show is not claimed: whose an item is, who waits for it, who has it, whether a hold is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.connectors.ncip.connector import capabilities_of
from bridge.connectors.ncip.dialects import DIALECTS
from bridge.connectors.ncip.reading import Named, SeenRequest, UserSeen
from bridge.connectors.ncip.sight import Sight
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability
from bridge.domain.learn import amend
from bridge.domain.record import Existence, HoldState, ItemRecord, LoanRecord, OutcomeKind
from bridge.errors import OutcomeUnknown, Rejected
from bridge.sandbox.faults import Fault
from tests.connectors.ncip.bench import HorizonBench, MillenniumBench, NcipBench
from tests.connectors.ncip.test_verbs import AGAIN, running
from tests.contract.bench import a_mark, creating, own
from tests.contract.suite import CALL, DUE, made

TITLE = "A title & <more>"
FRESH = ItemRecord(leg="", volume="")


@pytest.fixture
def koha() -> Iterator[NcipBench]:
    with running(NcipBench, "koha", dialect="koha") as bench:
        yield bench


@pytest.fixture
def horizon() -> Iterator[NcipBench]:
    with running(HorizonBench) as bench:
        yield bench


def renewing(bench: NcipBench, target: do.Target) -> do.SetDueDate:
    later = DUE + timedelta(days=14)
    return do.SetDueDate(target, later, bench.account, bench.account, before=DUE)


class TestLoans:
    """Koha's LookupItem says "On Loan", and names nobody (recorded exchange 14)."""

    def test_a_loan_of_nobody_knows_whom_is_not_taken_for_ended(self, koha: NcipBench) -> None:
        koha.connector.check_out(do.CheckOut(own(koha, "1"), koha.account, DUE), CALL)
        look = do.Inspect(own(koha, "1"), account=koha.account, loan_ids=(koha.account,))
        seen = koha.connector.inspect(look, CALL)
        assert (seen.loans, seen.loans_seen) == ((), False)
        lent = replace(FRESH, origin=do.Origin.OWN, loans=(LoanRecord(koha.account, koha.account, DUE),))
        assert amend(lent, seen).open_loan is not None
        koha.connector.check_in(do.CheckIn(own(koha, "1"), (koha.account,), koha.account), CALL)
        home = koha.connector.inspect(look, CALL)
        assert home.loans_seen
        assert amend(lent, home).open_loan is None

    def test_a_check_out_cut_off_is_left_to_staff_where_nobody_knows_who_has_the_item(self, koha: NcipBench) -> None:
        """Sent again it would be refused as if somebody else had the item; what was seen is told instead."""
        command = do.CheckOut(own(koha, "1"), koha.account, DUE)
        koha.connector.check_out(command, CALL)
        koha.stand_in.forget_calls()
        with pytest.raises(Rejected, match="does not say to whom") as refused:
            koha.connector.check_out(command, AGAIN)
        assert (refused.value.cause, koha.sent()) == ("cannot_look", ["LookupItem"])
        assert koha.loan_of(koha.own_barcode) == koha.account

    def test_a_check_out_that_never_came_is_made_where_the_item_is_there(self, koha: NcipBench) -> None:
        assert koha.connector.check_out(do.CheckOut(own(koha, "1"), koha.account, DUE), AGAIN).kind is OutcomeKind.DONE

    def test_what_staff_lent_by_hand_is_told_where_nobody_knows_to_whom(self, koha: NcipBench) -> None:
        koha.lend(koha.own_barcode, koha.account)
        with pytest.raises(Rejected) as refused:
            koha.connector.check_out(do.CheckOut(own(koha, "1"), koha.account, DUE), CALL)
        assert (refused.value.cause, "skip" in refused.value.advice) == ("not_loanable", True)

    @pytest.mark.parametrize("status", ["", "Recalled", "Circulation Status Undefined"])
    def test_without_a_status_that_says_so_no_loan_is_ended(self, bench: NcipBench, status: str) -> None:
        target = own(bench, "1")
        bench.connector.check_out(do.CheckOut(target, bench.account, DUE), CALL)
        bench.stand_in.behave(shows_people=False, status_told=status)
        look = do.Inspect(target, account=bench.account, loan_ids=(bench.account,))
        seen = bench.connector.inspect(look, CALL)
        assert (seen.loans, seen.loans_seen) == ((), False)
        with pytest.raises(Rejected) as lending:
            bench.connector.check_out(do.CheckOut(target, bench.account, DUE), AGAIN)
        with pytest.raises(Rejected) as longer:
            bench.connector.set_due_date(renewing(bench, target), AGAIN)
        assert (lending.value.cause, longer.value.cause) == ("cannot_look", "cannot_look")
        back = bench.connector.check_in(do.CheckIn(target, (bench.account,), bench.account), CALL)
        assert (back.kind, bench.loan_of(bench.own_barcode)) == (OutcomeKind.DONE, "")
        assert "could not be seen" in " ".join(back.notes)

    def test_a_loan_whose_date_is_not_told_is_not_renewed_twice(self, bench: NcipBench) -> None:
        target = own(bench, "1")
        bench.connector.check_out(do.CheckOut(target, bench.account, DUE), CALL)
        bench.stand_in.behave(shows_due=False)
        with pytest.raises(Rejected) as refused:
            bench.connector.set_due_date(renewing(bench, target), AGAIN)
        assert refused.value.cause == "cannot_look"

    def test_a_loan_is_known_by_the_name_its_check_out_was_answered_with(self, bench: NcipBench) -> None:
        """A responder may name borrowers by numbers of its own, whatever it was asked for."""
        bench.stand_in.behave(own_user_ids=True)
        target = own(bench, "1")
        loan = bench.connector.check_out(do.CheckOut(target, bench.account, DUE), CALL).learned.loan
        assert loan is not None
        assert (loan.loan_id, loan.account) == ("USRZYX-LLI", bench.account)
        look = do.Inspect(target, account=bench.account, loan_ids=(loan.loan_id,))
        lent = replace(FRESH, origin=do.Origin.OWN, loans=(loan,))
        assert amend(lent, bench.connector.inspect(look, CALL)).loans == (loan,)
        longer = replace(renewing(bench, target), loan_id=loan.loan_id)
        assert bench.connector.set_due_date(longer, AGAIN).kind is OutcomeKind.DONE
        back = bench.connector.check_in(do.CheckIn(target, (loan.loan_id,), bench.account), CALL)
        assert (back.kind, bench.loan_of(bench.own_barcode)) == (OutcomeKind.DONE, "")

    def test_a_loan_to_somebody_else_is_theirs_by_whatever_name(self, bench: NcipBench) -> None:
        bench.stand_in.behave(own_user_ids=True)
        target = own(bench, "1")
        loan = bench.connector.check_out(do.CheckOut(target, bench.account, DUE), CALL).learned.loan
        assert loan is not None
        bench.desk("check_in", barcode=bench.own_barcode)
        bench.lend(bench.own_barcode, bench.patron)
        home = bench.connector.check_in(do.CheckIn(target, (loan.loan_id,), bench.account), CALL)
        assert (home.kind, bench.loan_of(bench.own_barcode)) == (OutcomeKind.ALREADY, bench.patron)

    def test_only_what_is_known_to_name_borrowers_is_said_to_guard_own_loans(self) -> None:
        guarded = {name for name, dialect in DIALECTS.items() if capabilities_of(dialect).own_loans_guarded}
        assert guarded == {"generic", "wms"}
        for looks, shown in (("user", True), ("nothing", False)):
            with running(HorizonBench, looks=looks) as bench:
                assert bench.connector.capabilities.own_loans_guarded is shown


class TestWhose:
    """A barcode alone says nothing: staff may have made the item, or it may be any item."""

    @pytest.mark.parametrize("speaks", ["generic", "koha"])
    def test_what_staff_made_bears_no_mark(self, speaks: str) -> None:
        with running(NcipBench, speaks, dialect=speaks) as bench:
            bench.stand_in.state.add_item("ILL-1", by="desk", title=TITLE)
            staffs = do.Target(a_mark("1"), do.Origin.ADOPTED, "ILL-1")
            seen = bench.connector.inspect(do.Inspect(staffs, patron_id=bench.patron), CALL)
            assert (seen.item_present, seen.marked, seen.ids.item) == (True, False, "ILL-1")

    @pytest.mark.parametrize("speaks", ["generic", "koha"])
    def test_a_foreign_item_under_our_barcode_is_not_taken_over_after_a_crash(self, speaks: str) -> None:
        with running(NcipBench, speaks, dialect=speaks) as bench:
            foreign = bench.stand_in.state.add_item("ILL-1", by="seed", title="Another book")
            bench.desk("place_hold", barcode="ILL-1", patron=bench.patron)
            command = creating(bench, "1")
            seen = bench.connector.inspect(do.Inspect(command.target, patron_id=bench.patron), CALL)
            assert amend(FRESH, seen, do.Verb.CREATE_TEMPORARY_ITEM) == FRESH
            with pytest.raises(Rejected) as refused:
                bench.connector.create_temporary_item(command, AGAIN)
            assert refused.value.cause == "barcode_taken"
            assert not foreign.deleted

    def test_what_is_recorded_is_ours_where_no_mark_is_shown(self, koha: NcipBench) -> None:
        target, _ = made(koha, "1")
        assert koha.connector.inspect(do.Inspect(target, patron_id=koha.patron), CALL).marked
        fresh = replace(target, ids=do.VendorIds())
        assert amend(FRESH, koha.connector.inspect(do.Inspect(fresh), CALL)) == FRESH
        again = koha.connector.create_temporary_item(creating(koha, "1"), AGAIN)
        assert (again.kind, again.learned.existence) == (OutcomeKind.ALREADY, Existence.PRESENT)

    def test_what_a_patron_waits_for_is_ours_once_it_is_recorded(self, horizon: NcipBench) -> None:
        target, _ = made(horizon, "1")
        seen = horizon.connector.inspect(do.Inspect(target, patron_id=horizon.patron), CALL)
        assert (seen.item_present, seen.marked) == (True, True)
        fresh = do.Inspect(replace(target, ids=do.VendorIds()), patron_id=horizon.patron)
        assert amend(FRESH, horizon.connector.inspect(fresh, CALL)) == FRESH
        staffs = replace(fresh, target=replace(fresh.target, origin=do.Origin.ADOPTED))
        seen = horizon.connector.inspect(staffs, CALL)
        assert (seen.item_present, seen.marked) == (True, False)

    def test_our_own_number_of_a_request_is_a_mark(self) -> None:
        with running(NcipBench, looks="user") as bench:
            target, _ = made(bench, "1")
            fresh = do.Inspect(replace(target, ids=do.VendorIds()), patron_id=bench.patron)
            assert bench.connector.inspect(fresh, CALL).marked

    def test_what_the_patron_has_already_is_ours_by_its_title(self, horizon: NcipBench) -> None:
        horizon.stand_in.state.add_item("ILL-1", by="seed", title="Another book")
        horizon.lend("ILL-1", horizon.patron)
        with pytest.raises(Rejected) as refused:
            horizon.connector.create_temporary_item(creating(horizon, "1"), AGAIN)
        assert refused.value.cause == "cannot_look"
        made(horizon, "2")
        horizon.lend("ILL-2", horizon.patron)
        hold = horizon.connector.create_temporary_item(creating(horizon, "2"), AGAIN).learned.hold
        assert hold is not None
        assert hold.state is HoldState.SATISFIED


class TestHolds:
    """Those who wait may be named, counted, or not told at all."""

    def test_an_item_for_which_nobody_waits_has_no_hold_of_ours(self, bench: NcipBench) -> None:
        made(bench, "1")
        bench.cancel_hold("ILL-1")
        again = bench.connector.create_temporary_item(creating(bench, "1"), AGAIN)
        assert (again.learned.existence, again.learned.hold) == (Existence.PRESENT, None)
        assert "nobody waits" in " ".join(again.notes)

    def test_the_hold_of_an_item_that_somebody_has_is_filled(self, bench: NcipBench) -> None:
        made(bench, "1")
        bench.lend("ILL-1", bench.patron)
        hold = bench.connector.create_temporary_item(creating(bench, "1"), AGAIN).learned.hold
        assert hold is not None
        assert hold.state is HoldState.SATISFIED

    def test_where_nobody_is_named_those_who_wait_are_counted(self, koha: NcipBench) -> None:
        made(koha, "1")
        hold = koha.connector.create_temporary_item(creating(koha, "1"), AGAIN).learned.hold
        assert hold is not None
        assert (hold.state, hold.patron_id) == (HoldState.PLACED, koha.patron)

    def test_another_patrons_hold_is_not_taken_for_ours(self, bench: NcipBench) -> None:
        made(bench, "1")
        bench.cancel_hold("ILL-1")
        bench.desk("place_hold", barcode="ILL-1", patron=bench.account)
        again = bench.connector.create_temporary_item(creating(bench, "1"), AGAIN)
        assert (again.learned.existence, again.learned.hold) == (Existence.PRESENT, None)

    def test_where_nothing_is_told_of_holds_none_is_claimed(self, bench: NcipBench) -> None:
        made(bench, "1")
        bench.stand_in.behave(shows_people=False, shows_queue=False)
        with pytest.raises(Rejected) as refused:
            bench.connector.create_temporary_item(creating(bench, "1"), AGAIN)
        assert refused.value.cause == "cannot_look"

    def test_a_hold_of_unclear_end_is_not_placed_again_where_those_who_wait_are_only_counted(
        self, bench: NcipBench
    ) -> None:
        bench.stand_in.behave(shows_people=False)
        command = do.PlaceHold(own(bench, "1"), bench.account, bench.pickup)
        bench.drop_after_next_write()
        with pytest.raises(OutcomeUnknown):
            bench.connector.place_hold(command, CALL)
        with pytest.raises(Rejected) as refused:
            bench.connector.place_hold(command, AGAIN)
        assert refused.value.cause == "cannot_look"
        assert bench.holds_on(bench.own_barcode) == 1
        bench.cancel_hold(bench.own_barcode)
        assert bench.connector.place_hold(command, AGAIN).kind is OutcomeKind.DONE

    def test_a_temporary_item_for_which_somebody_waits_gets_no_second_hold(self, bench: NcipBench) -> None:
        target, _ = made(bench, "1")
        bench.stand_in.behave(shows_people=False)
        with pytest.raises(Rejected) as refused:
            bench.connector.place_hold(do.PlaceHold(target, bench.patron, bench.pickup), CALL)
        assert refused.value.cause == "cannot_look"
        assert bench.holds_on("ILL-1") == 1


class TestLeavings:
    """What a refused AcceptItem left behind, where the refusal is for an unknown patron (recorded exchanges 10 and 11)."""

    def refused(self, koha: NcipBench) -> str:
        with pytest.raises(Rejected) as refused:
            koha.connector.create_temporary_item(replace(creating(koha, "1"), patron_id="nobody"), CALL)
        assert refused.value.cause == "unknown_patron"
        return refused.value.advice

    def test_nothing_left_is_nothing_told(self, koha: NcipBench) -> None:
        koha.stand_in.behave(unknown_user_leaves_item=False)
        assert "by hand" not in self.refused(koha)
        assert koha.sent() == ["LookupItem", "AcceptItem", "LookupItem"]

    def test_where_no_item_is_looked_up_nothing_is_said_of_one(self, horizon: NcipBench) -> None:
        assert "by hand" not in self.refused(horizon)

    @pytest.mark.parametrize(("kind", "told"), [("Unknown Item", False), ("Cannot Delete Item", True)])
    def test_a_deletion_that_is_refused_is_told(self, koha: NcipBench, kind: str, *, told: bool) -> None:
        body = f"<NCIPMessage><DeleteItemResponse><Problem><ProblemType>{kind}</ProblemType></Problem></DeleteItemResponse></NCIPMessage>"
        koha.stand_in.faults.add(Fault(kind="garbage", path="^/ncip/DeleteItem", body=body))
        assert ("by hand" in self.refused(koha)) is told

    @pytest.mark.parametrize("kind", ["5000", ""])
    def test_an_answer_that_says_nothing_of_the_item_shows_it_gone_nowhere(self, kind: str) -> None:
        """A site whose ILS is to remove it at check-in; the desk had lent it again meanwhile, or the responder fails."""
        with running(MillenniumBench, deletes="check_in") as bench:
            target, _ = made(bench, "1")
            bench.lend("ILL-1", bench.patron)
            problem = f"<Problem><ProblemType>{kind}</ProblemType></Problem>"
            body = f"<NCIPMessage><CheckInItemResponse>{problem}</CheckInItemResponse></NCIPMessage>"
            if kind:
                bench.stand_in.faults.add(Fault(kind="garbage", path="^/ncip/CheckInItem", body=body))
            with pytest.raises(Rejected) as refused:
                bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
            assert refused.value.cause == "by_hand"
            assert bench.items_with_barcode("ILL-1") == 1


class TestCancelling:
    """A number of ours that a responder does not know says nothing of the hold (recorded exchange 37)."""

    def test_koha_knows_its_own_numbers_only_and_staff_cancel_there(self, koha: NcipBench) -> None:
        assert koha.connector.capabilities.of(do.Verb.CANCEL_HOLD) is Ability.STAFF
        target, outcome = made(koha, "1")
        hold = outcome.learned.hold
        assert hold is not None
        with pytest.raises(Rejected) as refused:
            koha.connector.cancel_hold(do.CancelHold(target, koha.patron, hold.hold_id), CALL)
        assert "by hand" in refused.value.advice
        assert koha.holds_on("ILL-1") == 1

    @pytest.mark.parametrize("looks", ["item", "user", "nothing"])
    def test_a_hold_whose_number_is_not_known_is_gone_only_where_that_is_seen(self, looks: str) -> None:
        with running(NcipBench, looks=looks) as bench:
            target, _ = made(bench, "1")
            command = do.CancelHold(target, bench.patron, target.mark.code)
            bench.stand_in.behave(own_numbers_only=True)
            with pytest.raises(Rejected):
                bench.connector.cancel_hold(command, CALL)
            bench.cancel_hold("ILL-1")
            if looks == "nothing":
                with pytest.raises(Rejected):
                    bench.connector.cancel_hold(command, CALL)
            else:
                assert bench.connector.cancel_hold(command, CALL).kind is OutcomeKind.ALREADY

    def test_the_responders_own_number_that_it_knows_no_more_is_gone(self, horizon: NcipBench) -> None:
        target, outcome = made(horizon, "1")
        hold = outcome.learned.hold
        assert hold is not None
        horizon.cancel_hold("ILL-1")
        gone = horizon.connector.cancel_hold(do.CancelHold(target, horizon.patron, hold.hold_id), CALL)
        assert gone.kind is OutcomeKind.ALREADY


def test_of_two_holds_on_one_item_each_request_sees_its_own() -> None:
    first, second = own_target("1"), own_target("2")
    waits = SeenRequest(first.mark.code, first.barcode, "MAIN", "")
    nameless = SeenRequest("4711", first.barcode, "MAIN", "")
    user = UserSeen(Named("P1"), "", (), (), (waits,), (), ())
    assert Sight.hold_in(user, first) is waits
    assert Sight.hold_in(user, second) is None
    assert Sight.hold_in(replace(user, requests=(waits, nameless)), second) is nameless, "one the responder numbered"


def own_target(number: str) -> do.Target:
    return do.Target(a_mark(number), do.Origin.OWN, "3900")
