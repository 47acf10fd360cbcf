"""What is particular to Alma, beyond the contract of every connector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
import structlog

from bridge.connectors.alma import CONNECTOR, AlmaSettings
from bridge.connectors.alma.connector import build, capabilities_of
from bridge.connectors.base import Call, Surroundings
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability
from bridge.domain.commands import Verb
from bridge.domain.record import Existence, HoldState, Learned, OutcomeKind
from bridge.errors import OutcomeUnknown, Rejected, Retry, Unavailable
from tests.connectors.alma.bench import AlmaBench, without_ids
from tests.contract.bench import a_mark, creating, own
from tests.contract.suite import CALL, DUE, LATER, held, lent, made

VERIFY = Call(verify=True)


def made_with(bench: AlmaBench, number: str, **more: object) -> do.Target:
    command = replace(creating(bench, number), **more)  # type: ignore[arg-type]
    learned = bench.connector.create_temporary_item(command, CALL).learned
    assert learned.ids is not None
    return replace(command.target, ids=learned.ids)


class TestPatron:
    def test_every_reason_against_a_patron_is_named(self, bench: AlmaBench) -> None:
        bench.desk("block_patron", patron="P1006")
        with pytest.raises(Rejected) as refused:
            bench.connector.find_patron(do.FindPatron("P1006"), CALL)
        assert "Library privileges suspended" in refused.value.reason
        assert "expired on 2020-01-01" in refused.value.reason

    def test_a_user_without_patron_role_may_not_borrow(self, bench: AlmaBench) -> None:
        with pytest.raises(Rejected, match="no active patron role"):
            bench.connector.find_patron(do.FindPatron("P1007"), CALL)

    def test_an_inactive_patron_may_not_borrow(self, bench: AlmaBench) -> None:
        bench.desk("add_patron", primary_id="P2000", status="INACTIVE")
        with pytest.raises(Rejected, match="status inactive"):
            bench.connector.find_patron(do.FindPatron("P2000"), CALL)

    def test_a_block_that_ran_out_is_none(self, bench: AlmaBench) -> None:
        bench.desk("block_patron", patron="P1002", block={"expiry": "2026-01-01", "description": ""})
        outcome = bench.connector.find_patron(do.FindPatron("P1002"), CALL)
        assert outcome.learned.patron is not None

    def test_identifiers_with_odd_signs(self, bench: AlmaBench) -> None:
        outcome = bench.connector.find_patron(do.FindPatron("kim@uni.example/staff"), CALL)
        assert outcome.learned.patron is not None
        assert outcome.learned.patron.patron_id == "kim@uni.example/staff"
        assert outcome.learned.patron.expires == date(2099, 12, 31)


class TestItem:
    def test_an_own_item_is_found_by_barcode_at_the_cost_of_two_calls(self, bench: AlmaBench) -> None:
        learned = bench.connector.find_item(do.FindItem(own(bench, "1")), CALL).learned
        assert learned.place == do.Place("MAIN", "STACKS")
        assert learned.barcode == bench.own_barcode
        assert bench.pace.cost == 2
        assert len(bench.recording.asked) == 2

    def test_an_unknown_barcode_is_told(self, bench: AlmaBench) -> None:
        target = replace(own(bench, "1"), barcode="nowhere")
        asked: tuple[Callable[[], object], ...] = (
            lambda: bench.connector.find_item(do.FindItem(target), CALL),
            lambda: bench.connector.move_item(do.MoveItem(target, bench.lending_place), CALL),
            lambda: bench.connector.check_out(do.CheckOut(target, bench.account), CALL),
            lambda: bench.connector.place_hold(do.PlaceHold(target, bench.patron, bench.pickup), CALL),
        )
        for verb in asked:
            with pytest.raises(Rejected) as refused:
                verb()
            assert refused.value.cause == "unknown_item"
            assert "nowhere" in refused.value.reason

    def test_notes_type_material_and_suppression_arrive(self, bench: AlmaBench) -> None:
        bib = replace(creating(bench, "n").description, volume="Vol. 2")
        target = made_with(bench, "n", public_note="In library use only", staff_note="Fragile", description=bib)
        state = bench.stand_in.state
        item = state.items[target.ids.item]
        assert item.fields["public_note"] == "In library use only"
        assert item.fields["fulfillment_note"] == "Fragile"
        assert item.fields["description"] == "Vol. 2"
        assert (item.fields["policy"], item.fields["physical_material_type"]) == ("ILL", "BOOK")
        assert item.fields["internal_note_3"] == target.mark.text
        assert state.bibs[target.ids.bib].suppressed
        assert state.holdings[target.ids.holding].suppressed
        assert "A title &amp; &lt;more&gt; (Vol. 2)" in state.bibs[target.ids.bib].record

    def test_without_a_barcode_alma_gives_one(self, bench: AlmaBench) -> None:
        command = creating(bench, "b")
        blank = replace(command, target=replace(command.target, barcode=""), item_type="", material="")
        learned = bench.connector.create_temporary_item(blank, CALL).learned
        assert learned.barcode
        assert bench.items_with_barcode(learned.barcode) == 1

    def test_an_item_of_ours_under_the_barcode_is_taken_as_made(self, bench: AlmaBench) -> None:
        target = made_with(bench, "t")
        again = bench.connector.create_temporary_item(creating(bench, "t"), CALL)
        assert again.kind is OutcomeKind.ALREADY
        assert again.learned.ids == target.ids

    @pytest.mark.parametrize("write", [0, 1, 2])
    @pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
    def test_a_drop_at_any_write_leaves_one_set(self, bench: AlmaBench, write: int, kind: str) -> None:
        bench.fault(kind, method="POST", skip=write)
        kept = do.VendorIds()

        def keep(learned: Learned) -> None:
            nonlocal kept
            kept = kept.merged(learned.ids or do.VendorIds())

        command = creating(bench, "d")
        with pytest.raises((OutcomeUnknown, Unavailable)):
            bench.connector.create_temporary_item(command, Call(keep=keep))
        again = replace(command, target=replace(command.target, ids=kept))
        bench.connector.create_temporary_item(again, Call(keep=keep, verify=True))
        assert bench.items_with_barcode("ILL-d") == 1
        assert bench.bibs_with_mark(a_mark("d")) == 1
        assert bench.orphans() == 0

    def test_a_bib_not_yet_in_the_index_is_waited_for(self, bench: AlmaBench) -> None:
        bench.connector.create_temporary_item(creating(bench, "v"), VERIFY)
        assert bench.waits == [2.0] * 4

    def test_what_alma_refuses_says_what_to_correct(self, bench: AlmaBench) -> None:
        with pytest.raises(Rejected) as refused:
            made_with(bench, "x", material="PAPYRUS")
        assert refused.value.cause == "item_type"
        assert "policy" in refused.value.advice

    def test_a_new_barcode_loses_no_field(self, bench: AlmaBench) -> None:
        target = made_with(bench, "r", public_note="Mind the map")
        before = dict(bench.stand_in.state.items[target.ids.item].fields)
        outcome = bench.connector.relabel_item(do.RelabelItem(target, "ILL-new"), CALL)
        assert outcome.learned.barcode == "ILL-new"
        assert bench.stand_in.state.items[target.ids.item].fields == before
        again = bench.connector.relabel_item(do.RelabelItem(target, "ILL-new"), CALL)
        assert again.kind is OutcomeKind.ALREADY

    def test_a_new_barcode_that_is_taken_is_refused(self, bench: AlmaBench) -> None:
        target = made_with(bench, "r2")
        with pytest.raises(Rejected) as refused:
            bench.connector.relabel_item(do.RelabelItem(target, bench.foreign_barcode), CALL)
        assert refused.value.cause == "barcode_taken"

    def test_an_item_that_is_not_ours_is_not_relabelled(self, bench: AlmaBench) -> None:
        with pytest.raises(Rejected) as refused:
            bench.connector.relabel_item(do.RelabelItem(own(bench, "r3"), "ILL-x"), CALL)
        assert refused.value.cause == "not_ours"


class TestDelete:
    def test_an_item_without_our_mark_stays(self, bench: AlmaBench) -> None:
        target = made_with(bench, "1")
        bench.stand_in.state.items[target.ids.item].fields["internal_note_3"] = "catalogued for stock"
        with pytest.raises(Rejected, match="no longer bears our mark") as refused:
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert refused.value.cause == "not_ours"

    def test_an_item_that_was_moved_to_stock_stays(self, bench: AlmaBench) -> None:
        target = made_with(bench, "2")
        holding = bench.stand_in.state.holdings[target.ids.holding]
        holding.library, holding.location = "MAIN", "STACKS"
        with pytest.raises(Rejected, match="now belongs to MAIN/STACKS"):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)

    def test_an_item_on_loan_stays(self, bench: AlmaBench) -> None:
        target = made_with(bench, "3")
        bench.lend(target.barcode, bench.patron)
        with pytest.raises(Rejected) as refused:
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert refused.value.cause == "item_in_use"

    def test_the_scan_in_just_answered_is_look_enough_once(self, bench: AlmaBench) -> None:
        target = made_with(bench, "4")
        bench.connector.check_in(do.CheckIn(target), CALL)
        bench.recording.asked.clear()
        bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert [asked.method for asked in bench.recording.asked] == ["DELETE"]

    def test_bib_and_holding_of_a_half_made_item_go_too(self, bench: AlmaBench) -> None:
        bench.fault("vendor_error", method="POST", path="/items$", code="40166404")
        command = creating(bench, "5")
        with pytest.raises(Rejected):
            bench.connector.create_temporary_item(command, CALL)
        assert bench.orphans() == 2
        gone = bench.connector.delete_temporary_item(do.DeleteTemporaryItem(command.target), CALL)
        assert gone.kind is OutcomeKind.DONE
        assert bench.orphans() == 0

    def test_a_bib_alone_goes_too(self, bench: AlmaBench) -> None:
        bench.fault("vendor_error", method="POST", path="/holdings$", code="402209")
        command = creating(bench, "6")
        with pytest.raises(Rejected):
            bench.connector.create_temporary_item(command, CALL)
        bench.connector.delete_temporary_item(do.DeleteTemporaryItem(command.target), CALL)
        assert bench.bibs_with_mark(command.target.mark) == 0

    def test_a_bib_on_which_something_else_hangs_stays(self, bench: AlmaBench) -> None:
        target = made_with(bench, "7")
        with pytest.raises(Rejected, match="Something else hangs on the temporary bib"):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(without_ids(target)), CALL)

    def test_a_race_with_staff_is_no_error(self, bench: AlmaBench) -> None:
        bench.fault("vendor_error", method="POST", path="/holdings$", code="402209")
        command = creating(bench, "8")
        with pytest.raises(Rejected):
            bench.connector.create_temporary_item(command, CALL)
        bench.fault("vendor_error", method="DELETE", path="/bibs/", code="402203")
        gone = bench.connector.delete_temporary_item(do.DeleteTemporaryItem(command.target), CALL)
        assert gone.learned.existence is Existence.DELETED


class TestHold:
    def test_alma_is_given_time_to_see_the_item(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "1")
        bench.stand_in.state.items[target.ids.item].transient_left = 3
        assert held(bench, target).learned.hold is not None
        assert bench.waits == [2.0] * 3
        assert [each.transient for each in bench.told("/users/{user_id}/requests", "POST")] == [False, True, True, True]

    def test_when_it_never_sees_it_the_request_waits(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "2")
        bench.stand_in.state.items[target.ids.item].transient_left = 99
        with pytest.raises(Retry) as later:
            held(bench, target)
        assert later.value.cause == "not_fillable"
        assert target.barcode in later.value.reason

    def test_a_patron_who_has_the_item_already_needs_no_hold(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "2a")
        bench.lend(target.barcode, "P1001")
        outcome = bench.connector.place_hold(do.PlaceHold(target, "P1001", bench.pickup), CALL)
        assert outcome.kind is OutcomeKind.ALREADY
        assert outcome.learned.hold is not None
        assert outcome.learned.hold.state is HoldState.SATISFIED
        assert outcome.notes == ("The patron has the item already, so no hold is placed.",)

    def test_an_item_that_somebody_deleted_gets_no_hold(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "2b")
        bench.delete_by_hand(target.barcode)
        outcome = held(bench, target)
        assert outcome.learned.existence is Existence.DELETED
        assert outcome.learned.hold is None
        assert outcome.notes == ("The item is gone from Alma, so no hold is placed.",)

    def test_a_hold_that_staff_placed_is_withdrawn_by_its_patron(self, bench: AlmaBench) -> None:
        """Its step was skipped, or confirmed with 'resolve', so that its id is not known."""
        target, _ = made(bench, "2c")
        bench.desk("place_hold", barcode=target.barcode, patron="P1001", pickup="BRANCH")
        kinds = [bench.connector.cancel_hold(do.CancelHold(target, "P1001", ""), CALL).kind for _ in range(2)]
        assert kinds == [OutcomeKind.DONE, OutcomeKind.ALREADY]
        assert bench.holds_on(target.barcode) == 0

    def test_a_hold_of_the_same_patron_is_taken_as_ours(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "3")
        bench.desk("place_hold", barcode=target.barcode, patron="P1001", pickup="BRANCH")
        outcome = bench.connector.place_hold(do.PlaceHold(target, "P1001", bench.pickup), CALL)
        assert outcome.kind is OutcomeKind.ALREADY
        assert bench.holds_on(target.barcode) == 1

    def test_a_hold_that_alma_reports_and_does_not_show_is_told(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "4")
        bench.fault("vendor_error", method="POST", path="/requests$", code="401136")
        with pytest.raises(Rejected) as refused:
            bench.connector.place_hold(do.PlaceHold(target, "P1001", bench.pickup), CALL)
        assert refused.value.cause == "hold_elsewhere"

    def test_verifying_finds_nothing_and_places_it(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "5")
        outcome = bench.connector.place_hold(do.PlaceHold(target, "P1001", bench.pickup), VERIFY)
        assert outcome.kind is OutcomeKind.DONE

    def test_an_own_item_is_held_by_its_barcode(self, bench: AlmaBench) -> None:
        outcome = bench.connector.place_hold(do.PlaceHold(own(bench, "6"), bench.account, "RS"), CALL)
        assert outcome.learned.ids is not None
        assert outcome.learned.ids.item
        assert bench.holds_on(bench.own_barcode) == 1

    def test_a_desk_as_pickup_location(self, vendor_api: object) -> None:
        bench = AlmaBench(pickup_type="CIRCULATION_DESK")
        bench.start()
        try:
            target, _ = made(bench, "7")
            command = do.PlaceHold(target, bench.patron, "MAIN/DEFAULT_CIRC_DESK", note=target.mark.text)
            assert bench.connector.place_hold(command, CALL).learned.hold is not None
            seen = bench.connector.inspect(do.Inspect(target), CALL).hold
            assert seen is not None
            assert seen.pickup_location in {"", "MAIN/DEFAULT_CIRC_DESK"}
        finally:
            bench.stop()

    def test_an_unknown_pickup_location_says_what_to_correct(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "8")
        with pytest.raises(Rejected) as refused:
            bench.connector.place_hold(do.PlaceHold(target, bench.patron, "MOON"), CALL)
        assert refused.value.cause == "pickup_location"
        assert "pickup locations" in refused.value.advice


class TestLoan:
    def test_the_loan_is_kept_before_its_due_date_is_set(self, bench: AlmaBench) -> None:
        bench.fault("vendor_error", method="PUT", path="/loans/", code="401652", status=500)
        kept: list[Learned] = []
        target = own(bench, "1")
        with pytest.raises(Retry):
            bench.connector.check_out(do.CheckOut(target, bench.account, DUE), Call(keep=kept.append))
        assert kept[-1].loan is not None
        assert kept[-1].loan.loan_id
        again = bench.connector.check_out(do.CheckOut(target, bench.account, DUE), CALL)
        assert again.kind is OutcomeKind.ALREADY
        assert again.learned.due == DUE

    def test_an_account_that_may_not_borrow_says_so(self, bench: AlmaBench) -> None:
        bench.desk("block_patron", patron="ILL-XYZ")
        with pytest.raises(Rejected) as refused:
            lent(bench, "2")
        assert refused.value.cause == "account_blocked"
        assert "Library privileges suspended" in refused.value.reason

    def test_an_item_on_loan_to_somebody_else_is_not_lent(self, bench: AlmaBench) -> None:
        bench.lend(bench.own_barcode, bench.other_patron)
        with pytest.raises(Rejected) as refused:
            bench.connector.check_out(do.CheckOut(own(bench, "3"), bench.account, DUE), CALL)
        assert refused.value.cause == "not_loanable"

    def test_a_loan_that_alma_reports_and_does_not_show_is_told(self, bench: AlmaBench) -> None:
        bench.fault("vendor_error", method="POST", path="/loans$", code="400042")
        with pytest.raises(Rejected) as refused:
            bench.connector.check_out(do.CheckOut(own(bench, "4"), bench.account, DUE), CALL)
        assert refused.value.cause == "on_loan"

    def test_without_a_due_date_alma_decides(self, bench: AlmaBench) -> None:
        outcome = bench.connector.check_out(do.CheckOut(own(bench, "5"), bench.account), VERIFY)
        assert outcome.learned.due is not None
        assert not bench.told(".*loans/.*", "PUT")

    def test_a_renewal_of_a_loan_whose_id_changed_finds_it(self, bench: AlmaBench) -> None:
        target, _ = lent(bench, "6")
        outcome = bench.connector.set_due_date(do.SetDueDate(target, LATER, "0", bench.account), CALL)
        assert outcome.kind is OutcomeKind.DONE
        assert bench.due_of(bench.own_barcode).startswith(LATER.isoformat())

    def test_a_renewal_knows_its_loan_and_needs_one_call(self, bench: AlmaBench) -> None:
        target, outcome = lent(bench, "7")
        assert outcome.learned.loan is not None
        bench.recording.asked.clear()
        command = do.SetDueDate(target, LATER, outcome.learned.loan.loan_id, bench.account)
        bench.connector.set_due_date(command, CALL)
        assert [asked.method for asked in bench.recording.asked] == ["PUT"]

    def test_the_due_date_that_stands_needs_no_change(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "8")
        bench.lend(target.barcode, bench.patron)
        stands = date.fromisoformat(bench.due_of(target.barcode)[:10])
        assert bench.connector.set_due_date(do.SetDueDate(target, stands), CALL).kind is OutcomeKind.ALREADY

    def test_a_recall_may_shorten(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "9")
        bench.lend(target.barcode, bench.patron)
        sooner = date(2026, 12, 1)
        outcome = bench.connector.set_due_date(do.SetDueDate(target, sooner, may_shorten=True), CALL)
        assert outcome.kind is OutcomeKind.DONE
        assert bench.due_of(target.barcode).startswith("2026-12-01")

    def test_a_due_date_in_the_past_is_refused_by_alma_and_told(self, bench: AlmaBench) -> None:
        target, outcome = lent(bench, "10")
        assert outcome.learned.loan is not None
        command = do.SetDueDate(target, date(2020, 1, 1), outcome.learned.loan.loan_id, bench.account)
        with pytest.raises(Rejected) as refused:
            bench.connector.set_due_date(command, CALL)
        assert refused.value.cause == "due_date_past"

    def test_a_due_date_for_an_item_that_is_gone_is_no_error(self, bench: AlmaBench) -> None:
        target = do.Target(a_mark("11"), do.Origin.CREATED, "nowhere")
        assert bench.connector.set_due_date(do.SetDueDate(target, DUE), CALL).kind is OutcomeKind.ALREADY

    def test_a_date_that_alma_changes_is_told(self, bench: AlmaBench) -> None:
        target, outcome = lent(bench, "12")
        loan = outcome.learned.loan
        assert loan is not None
        body = f'{{"loan_id": "{loan.loan_id}", "due_date": "2027-03-01T22:59:00Z"}}'
        bench.fault("garbage", method="PUT", body=body)
        changed = bench.connector.set_due_date(do.SetDueDate(target, LATER, loan.loan_id, bench.account), CALL)
        assert changed.notes == ("Alma made the due date 2027-03-01 although 2027-02-15 was asked for.",)


class TestCheckIn:
    def test_a_hold_that_nobody_filled_still_waits(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "1")
        held(bench, target)
        outcome = bench.connector.check_in(do.CheckIn(target), CALL)
        assert outcome.learned.nothing_waits is None
        assert outcome.notes

    def test_a_hold_that_was_filled_waits_no_more(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "2")
        held(bench, target)
        bench.lend(target.barcode, bench.patron)
        assert bench.connector.check_in(do.CheckIn(target), CALL).learned.nothing_waits

    def test_an_own_item_ends_in_place_at_its_library(self, bench: AlmaBench) -> None:
        target, outcome = lent(bench, "3")
        moved_back = do.RestoreItem(target, bench.lending_place, do.Place("MAIN", "STACKS"))
        bench.connector.restore_item(moved_back, CALL)
        assert outcome.learned.loan is not None
        bench.connector.check_in(do.CheckIn(target, (outcome.learned.loan.loan_id,)), CALL)
        (item,) = bench.items(bench.own_barcode)
        assert (item["process"], item["in_house_uses"]) == ("", 0)

    def test_at_the_lending_desk_it_is_sent_on(self) -> None:
        bench = AlmaBench(check_in_at="lending")
        bench.start()
        try:
            bench.connector.check_out(do.CheckOut(own(bench, "4"), bench.account, DUE), CALL)
            outcome = bench.connector.check_in(do.CheckIn(own(bench, "4"), (), bench.account), CALL)
            assert outcome.notes == ("Alma sends the item on.",)
        finally:
            bench.stop()

    def test_an_own_item_already_checked_in_is_not_scanned_again(self, bench: AlmaBench) -> None:
        outcome = bench.connector.check_in(do.CheckIn(own(bench, "5"), (), bench.account), CALL)
        assert outcome.kind is OutcomeKind.ALREADY
        assert outcome.notes == ("The item was checked in already.",)
        assert not bench.told(".*item_pid.*", "POST")

    def test_the_desk_of_the_owning_library_is_a_setting(self) -> None:
        bench = AlmaBench(lending_library="", lending_desk="DEFAULT_CIRC_DESK", return_desks={"MAIN": "OTHER"})
        bench.start()
        try:
            bench.connector.check_out(do.CheckOut(own(bench, "6"), bench.account, DUE), CALL)
            with pytest.raises(Rejected):
                bench.connector.check_in(do.CheckIn(own(bench, "6"), (), bench.account), CALL)
        finally:
            bench.stop()

    def test_an_item_still_on_loan_after_the_scan_is_told(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "8")
        body = '{"item_data": {"pid": "1", "process_type": {"value": "CLAIM_RETURNED_LOAN"}}}'
        bench.fault("garbage", method="POST", body=body)
        with pytest.raises(Rejected) as refused:
            bench.connector.check_in(do.CheckIn(target), CALL)
        assert refused.value.cause == "still_on_loan"

    def test_a_transit_is_received(self, bench: AlmaBench) -> None:
        bench.desk("check_in", barcode=bench.own_barcode, library="BRANCH", desk="BRANCHDESK")
        assert bench.items(bench.own_barcode)[0]["process"] == "TRANSIT"
        target = replace(own(bench, "7"), place=do.Place("MAIN", "STACKS", "DEFAULT_CIRC_DESK"))
        assert bench.connector.receive_transit(do.ReceiveTransit(target), CALL).learned.transit_received
        assert bench.items(bench.own_barcode)[0]["process"] == ""


class TestMove:
    def test_moving_and_restoring_lose_no_field(self, bench: AlmaBench) -> None:
        before = bench.items(bench.own_barcode)
        target = own(bench, "1")
        learned = bench.connector.move_item(do.MoveItem(target, bench.lending_place, back_on=DUE), CALL).learned
        assert learned.before == do.Place("MAIN", "STACKS")
        temp = bench.items(bench.own_barcode)[0]["temp"]
        assert (temp["library"], temp["location"]) == ("RS", "ILLOUT")
        back = do.RestoreItem(replace(target, ids=learned.ids or do.VendorIds()), bench.lending_place, do.Place())
        bench.connector.restore_item(back, CALL)
        assert bench.items(bench.own_barcode) == before
        assert bench.stand_in.report()["foreign_touched"] == []

    def test_moving_again_is_no_error(self, bench: AlmaBench) -> None:
        bench.connector.move_item(do.MoveItem(own(bench, "2"), bench.lending_place), CALL)
        again = bench.connector.move_item(do.MoveItem(own(bench, "2"), bench.lending_place), CALL)
        assert again.kind is OutcomeKind.ALREADY
        assert again.learned.before == do.Place("MAIN", "STACKS")

    def test_an_item_in_another_temporary_location_stays_there(self, bench: AlmaBench) -> None:
        reserve = do.Place("RS", "ILLTEMP")
        bench.connector.move_item(do.MoveItem(own(bench, "3"), reserve), CALL)
        outcome = bench.connector.move_item(do.MoveItem(own(bench, "3"), bench.lending_place), CALL)
        assert outcome.kind is OutcomeKind.ALREADY
        assert "stays there" in outcome.notes[0]
        back = bench.connector.restore_item(do.RestoreItem(own(bench, "3"), bench.lending_place, do.Place()), CALL)
        assert back.kind is OutcomeKind.ALREADY
        assert bench.items(bench.own_barcode)[0]["temp"]["location"] == "ILLTEMP"

    def test_a_move_that_alma_ignores_is_noticed(self, bench: AlmaBench) -> None:
        bench.fault(
            "garbage", method="PUT", body='{"item_data": {"pid": "1"}, "holding_data": {"in_temp_location": false}}'
        )
        with pytest.raises(Retry, match="did not move"):
            bench.connector.move_item(do.MoveItem(own(bench, "4"), bench.lending_place), CALL)

    def test_a_restoration_that_alma_ignores_is_noticed(self, bench: AlmaBench) -> None:
        bench.connector.move_item(do.MoveItem(own(bench, "5"), bench.lending_place), CALL)
        bench.fault(
            "garbage", method="PUT", body='{"item_data": {"pid": "1"}, "holding_data": {"in_temp_location": true}}'
        )
        with pytest.raises(Retry, match="did not bring"):
            bench.connector.restore_item(do.RestoreItem(own(bench, "5"), bench.lending_place, do.Place()), CALL)

    def test_restoring_what_is_gone_is_no_error(self, bench: AlmaBench) -> None:
        target = replace(own(bench, "6"), barcode="nowhere")
        back = bench.connector.restore_item(do.RestoreItem(target, bench.lending_place, do.Place()), CALL)
        assert back.kind is OutcomeKind.ALREADY


class TestFee:
    FEE = do.Money(Decimal("3.50"), "EUR")

    def test_a_paid_fee_is_found_too(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "1")
        command = do.ChargeFee(target, "P1001", "fee", self.FEE)
        fee = bench.connector.charge_fee(command, CALL).learned.fee
        assert fee is not None
        bench.desk("pay_fee", fee=fee.fee_id)
        again = bench.connector.charge_fee(command, VERIFY)
        assert again.kind is OutcomeKind.ALREADY
        assert bench.fees_of("P1001") == 1

    def test_fees_of_one_request_are_told_apart(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "2")
        for key in ("fee", "lost"):
            bench.connector.charge_fee(do.ChargeFee(target, "P1001", key, self.FEE), VERIFY)
        assert bench.fees_of("P1001") == 2
        seen = bench.connector.inspect(do.Inspect(target, "P1001", fee_keys=("fee", "lost", "other")), CALL)
        assert [fee.fee_key for fee in seen.fees] == ["fee", "lost"]
        assert {fee.fee.amount for fee in seen.fees} == {Decimal("3.5")}

    def test_without_an_owner_fees_are_a_task_for_staff(self) -> None:
        can = capabilities_of(AlmaSettings(host="https://x", api_key="k", timezone="UTC"))
        assert can.of(Verb.CHARGE_FEE) is Ability.STAFF
        assert "fee_owner" in can.reasons[Verb.CHARGE_FEE]


class TestInspect:
    def test_everything_of_a_borrowed_item(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "1")
        held(bench, target)
        seen = bench.connector.inspect(do.Inspect(without_ids(target)), CALL)
        assert seen.ids == target.ids
        assert seen.hold is not None
        assert seen.hold.state is HoldState.PLACED
        assert seen.place == do.Place("RS", "ILLTEMP")
        assert (seen.marked, seen.barcode, seen.loans) == (True, target.barcode, ())

    def test_a_loan_of_ours_and_the_temporary_place(self, bench: AlmaBench) -> None:
        target, _ = lent(bench, "2")
        seen = bench.connector.inspect(do.Inspect(target, account=bench.account), CALL)
        assert [(loan.account, loan.ours, loan.due) for loan in seen.loans] == [("ILL-XYZ", True, DUE)]
        assert seen.temporary_place == do.Place("RS", "ILLOUT")

    def test_what_was_half_made_is_seen(self, bench: AlmaBench) -> None:
        bench.fault("vendor_error", method="POST", path="/items$", code="40166404")
        with pytest.raises(Rejected):
            bench.connector.create_temporary_item(creating(bench, "3"), CALL)
        seen = bench.connector.inspect(do.Inspect(creating(bench, "3").target), CALL)
        assert not seen.item_present
        assert seen.ids.bib
        assert seen.ids.holding

    def test_a_bib_alone_is_seen(self, bench: AlmaBench) -> None:
        bench.fault("vendor_error", method="POST", path="/holdings$", code="402209")
        with pytest.raises(Rejected):
            bench.connector.create_temporary_item(creating(bench, "4"), CALL)
        seen = bench.connector.inspect(do.Inspect(creating(bench, "4").target), CALL)
        assert seen.ids.bib
        assert not seen.ids.holding

    def test_an_own_item_that_is_gone(self, bench: AlmaBench) -> None:
        target = replace(own(bench, "5"), barcode="nowhere")
        seen = bench.connector.inspect(do.Inspect(target), CALL)
        assert seen.item_present is False
        assert seen.ids == do.VendorIds()


class TestUnpleasantness:
    """Each of Alma's shapes of nothing, and answers that make no sense."""

    @pytest.mark.parametrize("empties", ["null", "braces", "missing"])
    def test_a_whole_loan_with_every_shape_of_empty(self, bench: AlmaBench, empties: str) -> None:
        bench.stand_in.behave(empties=empties, single_lists=True, error_shape="single")
        target, _ = made(bench, "1")
        held(bench, target)
        bench.lend(target.barcode, bench.patron)
        bench.connector.set_due_date(do.SetDueDate(target, LATER), CALL)
        assert bench.connector.inspect(do.Inspect(target), CALL).loans
        bench.connector.check_in(do.CheckIn(target), CALL)
        bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert bench.orphans() == 0

    @pytest.mark.parametrize("body", ["[]", "{}", '{"item_data": {"pid": {"value": []', '{"item_loan": "three"}', "7"])
    def test_nonsense_is_tried_again_later(self, bench: AlmaBench, body: str) -> None:
        target, _ = made(bench, "2")
        bench.fault("garbage", method="GET", body=body, times=9)
        with pytest.raises(Retry) as later:
            bench.connector.set_due_date(do.SetDueDate(target, DUE), CALL)
        assert later.value.cause == "nonsense"

    def test_an_answer_without_an_id_is_unclear(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "4")
        bench.fault("garbage", method="POST", body="{}")
        with pytest.raises(OutcomeUnknown):
            bench.connector.charge_fee(do.ChargeFee(target, "P1001", "fee", TestFee.FEE), CALL)

    @pytest.mark.parametrize("body", ["", "<html/>", "{}"])
    def test_a_search_that_answers_nonsense_is_not_taken_for_nothing(self, bench: AlmaBench, body: str) -> None:
        made(bench, "5")
        bench.fault("garbage", method="GET", path="/bibs$", body=body or " ", times=9)
        with pytest.raises(Retry):
            bench.connector.create_temporary_item(creating(bench, "5", "ILL-6"), VERIFY)
        assert bench.bibs_with_mark(a_mark("5")) == 1

    def test_a_bib_without_id_is_unclear(self, bench: AlmaBench) -> None:
        for body in ("<bib/>", "no xml"):
            bench.fault("garbage", method="POST", path="/bibs$", body=body)
            with pytest.raises(OutcomeUnknown):
                bench.connector.create_temporary_item(creating(bench, "3"), CALL)

    def test_an_error_that_calls_itself_a_success_is_none(self, bench: AlmaBench) -> None:
        body = '{"errorsExist": true, "errorList": {"error": [{"errorCode": "401861", "errorMessage": "x"}]}}'
        bench.fault("garbage", body=body)
        with pytest.raises(Rejected):
            bench.connector.find_patron(do.FindPatron(bench.patron), CALL)

    def test_few_calls_left_are_warned_about_once(self, bench: AlmaBench) -> None:
        bench.stand_in.behave(remaining=4000)
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
        warnings = [line for line in logs if line["event"] == "alma.calls_remaining"]
        assert len(warnings) == 1
        assert warnings[0]["remaining"] < 4000 + 1

    def test_lost_is_a_task_for_staff(self, bench: AlmaBench) -> None:
        assert bench.connector.capabilities.of(Verb.MARK_LOST) is Ability.STAFF
        with pytest.raises(Rejected, match="cannot mark lost by machine"):
            bench.connector.mark_lost(do.MarkLost(own(bench, "1")), CALL)


class TestProbe:
    def test_a_desk_that_is_not_there_is_found_out(self) -> None:
        bench = AlmaBench(lending_desk="NO_DESK")
        bench.start()
        try:
            (wrong,) = [finding for finding in bench.connector.probe() if not finding.ok]
            assert "NO_DESK" in wrong.subject
            assert wrong.advice
        finally:
            bench.stop()

    def test_without_a_lending_library_only_the_key_is_looked_at(self) -> None:
        bench = AlmaBench(lending_library="")
        bench.start()
        try:
            assert [finding.subject for finding in bench.connector.probe()] == [
                "API key: Bibs",
                "API key: Users",
                "API key: Configuration",
            ]
        finally:
            bench.stop()


def test_the_kind_builds_a_connector() -> None:
    bench = AlmaBench()
    built = CONNECTOR.build(bench.settings, Surroundings("alma", bench.pace, bench.heard.tell))
    assert built.capabilities.due_date_at_check_out is False
    built.close()
    assert CONNECTOR.build is build
    bench.stop()


def test_an_item_whose_place_was_never_learned_is_scanned_where_it_belongs(bench: AlmaBench) -> None:
    target, _ = made(bench, "p")
    bench.stand_in.state.holdings[target.ids.holding].library = "MAIN"
    bench.stand_in.state.holdings[target.ids.holding].location = "STACKS"
    outcome = bench.connector.check_in(do.CheckIn(replace(target, place=do.Place())), CALL)
    assert outcome.learned.checked_in
    assert outcome.notes == ()
    bench.delete_by_hand(target.barcode)
    again = bench.connector.check_in(do.CheckIn(replace(target, place=do.Place())), CALL)
    assert again.kind is OutcomeKind.ALREADY


def test_calls_of_the_day_that_are_used_up_close_the_lane_at_once(bench: AlmaBench) -> None:
    """A 429 that no wait of seconds helps: no repeats, and no tries of the request are burnt."""
    bench.fault("vendor_error", code="DAILY_THRESHOLD", message="Daily API request threshold reached", status=429)
    with pytest.raises(Unavailable, match="calls of the day are used up") as refused:
        bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
    assert (refused.value.cause, refused.value.code) == ("daily_threshold", "DAILY_THRESHOLD")
    assert len(bench.stand_in.calls()) == 1
