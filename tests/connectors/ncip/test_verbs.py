"""What is particular to NCIP: one step for item and hold, answers that cannot be trusted, ends that cannot be seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from bridge.connectors.base import Call
from bridge.connectors.ncip.connector import capabilities_of
from bridge.connectors.ncip.dialects import DIALECTS, WMS
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability
from bridge.domain.commands import Verb
from bridge.domain.record import Existence, HoldState, OutcomeKind
from bridge.domain.steps import instruction
from bridge.errors import CredentialsRejected, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.sandbox.faults import Fault
from tests.connectors.ncip.bench import FolioBench, HorizonBench, MillenniumBench, NcipBench, WmsBench
from tests.contract.bench import a_mark, creating, expected, own
from tests.contract.suite import CALL, DUE, LATER, made

AGAIN = Call(verify=True)


@contextmanager
def running(made_by: type[NcipBench], speaks: str = "", **settings: object) -> Iterator[NcipBench]:
    kind = type("Bench", (made_by,), {"speaks": speaks}) if speaks else made_by
    bench = kind(**settings)
    bench.start()
    try:
        yield bench
    finally:
        bench.stop()


@pytest.fixture
def koha() -> Iterator[NcipBench]:
    with running(NcipBench, "koha", dialect="koha") as bench:
        yield bench


class TestItemAndHold:
    """AcceptItem makes both, and is idempotent nowhere."""

    def test_both_are_learned_in_one_step(self, bench: NcipBench) -> None:
        _, outcome = made(bench, "1")
        hold = outcome.learned.hold
        assert hold is not None
        assert (hold.patron_id, hold.pickup_location, hold.state) == (bench.patron, bench.pickup, HoldState.PLACED)
        assert bench.sent() == ["LookupItem", "AcceptItem"]
        assert bench.holds_on("ILL-1") == 1

    def test_the_mark_is_the_requests_number_and_stands_before_the_call_number(self, bench: NcipBench) -> None:
        target, _ = made(bench, "1")
        (item,) = bench.stand_in.state.items_with_barcode("ILL-1")
        assert item.request == target.mark.code
        assert item.call_number == target.mark.code

    def test_the_barcode_the_ils_gave_is_the_one_that_counts(self) -> None:
        with running(NcipBench, looks="user") as bench:
            target, outcome = made(bench, "x")
            again = bench.connector.create_temporary_item(creating(bench, "y", target.barcode), CALL)
        assert outcome.learned.barcode == "ILL-x"
        assert again.learned.barcode not in {"ILL-x", None}
        assert "instead of ILL-x" in " ".join(again.notes)
        assert again.learned.ids == do.VendorIds(item=str(again.learned.barcode))

    def test_without_a_hold_no_item_is_made(self, bench: NcipBench) -> None:
        with pytest.raises(Rejected) as refused:
            bench.connector.create_temporary_item(replace(creating(bench, "1"), patron_id=""), CALL)
        assert refused.value.cause == "hold_needed"
        assert bench.sent() == []

    def test_an_item_that_stands_is_not_made_again(self, bench: NcipBench) -> None:
        target, _ = made(bench, "1")
        bench.stand_in.forget_calls()
        outcome = bench.connector.create_temporary_item(replace(creating(bench, "1"), target=target), CALL)
        assert outcome.kind is OutcomeKind.ALREADY
        assert bench.sent() == []

    def test_what_an_unknown_patron_leaves_behind_at_koha_is_deleted(self, koha: NcipBench) -> None:
        with pytest.raises(Rejected) as refused:
            koha.connector.create_temporary_item(replace(creating(koha, "1"), patron_id="nobody"), CALL)
        assert refused.value.cause == "unknown_patron"
        assert "by hand" not in refused.value.advice
        assert koha.sent() == ["LookupItem", "AcceptItem", "LookupItem", "DeleteItem"]
        assert koha.items_with_barcode("ILL-1") == 0

    def test_what_an_unknown_patron_leaves_behind_is_told_where_it_cannot_be_deleted(self) -> None:
        with running(NcipBench, "koha", dialect="koha", deletes="staff") as koha, pytest.raises(Rejected) as refused:
            koha.connector.create_temporary_item(replace(creating(koha, "1"), patron_id="nobody"), CALL)
        assert "ILL-1" in refused.value.advice
        assert "by hand" in refused.value.advice

    def test_at_koha_an_item_under_our_barcode_is_ours_by_its_title_after_an_unclear_end(self, koha: NcipBench) -> None:
        made(koha, "1")
        other = replace(creating(koha, "1"), description=do.Description(title="Another book"))
        for command, call in ((other, AGAIN), (creating(koha, "1"), CALL)):
            with pytest.raises(Rejected) as refused:
                koha.connector.create_temporary_item(command, call)
            assert refused.value.cause == "barcode_taken"
        assert koha.connector.create_temporary_item(creating(koha, "1"), AGAIN).kind is OutcomeKind.ALREADY

    def test_what_ended_unclearly_is_found_among_the_patrons_holds(self) -> None:
        with running(HorizonBench) as bench:
            bench.drop_after_next_write()
            with pytest.raises(OutcomeUnknown):
                bench.connector.create_temporary_item(creating(bench, "1"), CALL)
            outcome = bench.connector.create_temporary_item(creating(bench, "1"), AGAIN)
            hold = outcome.learned.hold
            assert outcome.kind is OutcomeKind.ALREADY
            assert hold is not None
            assert bench.connector.cancel_hold(
                do.CancelHold(creating(bench, "1").target, hold.patron_id, hold.hold_id), CALL
            )
            assert bench.holds_on("ILL-1") == 0

    def test_a_list_that_is_not_given_says_nothing(self) -> None:
        with running(HorizonBench) as bench:
            bench.stand_in.behave(lists=False)
            with pytest.raises(Rejected) as refused:
                bench.connector.create_temporary_item(creating(bench, "1"), AGAIN)
        assert refused.value.cause == "cannot_look"
        assert bench.items_with_barcode("ILL-1") == 0

    def test_where_barcodes_are_unique_it_is_sent_again_and_one_that_is_taken_then_is_left_to_staff(self) -> None:
        """Taken by us, or by an item of somebody else's: at FOLIO nobody can tell."""
        with running(FolioBench) as bench:
            bench.drop_before_next_write()
            with pytest.raises(OutcomeUnknown):
                bench.connector.create_temporary_item(creating(bench, "1"), CALL)
            assert bench.connector.create_temporary_item(creating(bench, "1"), AGAIN).kind is OutcomeKind.DONE
            for barcode in ("ILL-1", bench.foreign_barcode):
                with pytest.raises(Rejected) as refused:
                    bench.connector.create_temporary_item(creating(bench, "1", barcode), AGAIN)
                assert refused.value.cause == "cannot_look"
            assert bench.items_with_barcode("ILL-1") == 1

    def test_where_nothing_can_be_seen_it_is_left_to_staff(self) -> None:
        with running(WmsBench) as bench:
            bench.drop_after_next_write()
            with pytest.raises(OutcomeUnknown):
                bench.connector.create_temporary_item(creating(bench, "1"), CALL)
            with pytest.raises(Rejected) as refused:
                bench.connector.create_temporary_item(creating(bench, "1"), AGAIN)
            assert refused.value.cause == "cannot_look"
            assert bench.items_with_barcode("ILL-1") == 1

    def test_pickup_goes_where_the_dialect_has_it(self, bench: NcipBench, koha: NcipBench) -> None:
        for each in (bench, koha):
            made(each, "1")
            (hold,) = each.stand_in.state.holds
            assert hold.pickup == each.pickup


class TestDeleting:
    """Check in before DeleteItem, always."""

    def test_an_item_on_loan_is_never_sent_to_delete(self, koha: NcipBench) -> None:
        """At Koha such an item could never be deleted after that."""
        target, _ = made(koha, "1")
        koha.lend(target.barcode, koha.patron)
        with pytest.raises(Rejected) as refused:
            koha.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert refused.value.cause == "item_in_use"
        koha.connector.check_in(do.CheckIn(target), CALL)
        koha.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert koha.items_with_barcode("ILL-1") == 0

    def test_what_a_check_in_showed_spares_a_look(self, bench: NcipBench) -> None:
        target, _ = made(bench, "1")
        bench.lend(target.barcode, bench.patron)
        bench.stand_in.forget_calls()
        bench.connector.check_in(do.CheckIn(target), CALL)
        bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert bench.sent() == ["CheckInItem", "DeleteItem"]

    def test_what_a_check_in_showed_long_ago_is_looked_at_again(self, bench: NcipBench) -> None:
        target, _ = made(bench, "1")
        bench.lend(target.barcode, bench.patron)
        bench.connector.check_in(do.CheckIn(target), CALL)
        bench.erase_mark(target.barcode)
        bench.clock += timedelta(minutes=2)
        with pytest.raises(Rejected) as refused:
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert refused.value.cause == "not_ours"

    def test_what_no_longer_bears_our_mark_stays(self, bench: NcipBench) -> None:
        target, _ = made(bench, "1")
        bench.erase_mark(target.barcode)
        with pytest.raises(Rejected) as refused:
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert refused.value.cause == "not_ours"

    def test_whether_the_check_in_removed_it_is_seen_by_another(self) -> None:
        """Innovative's virtual items are said to go so, and a site may have found it: it is set, and never taken for granted."""
        with running(MillenniumBench, deletes="check_in") as bench:
            bench.stand_in.behave(deletes_on_check_in=True)
            target, _ = made(bench, "1")
            bench.lend(target.barcode, bench.patron)
            bench.connector.check_in(do.CheckIn(target), CALL)
            gone = bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
            assert gone.learned.existence is Existence.DELETED
            assert bench.items_with_barcode("ILL-1") == 0

    @pytest.mark.parametrize("kind", [MillenniumBench, WmsBench])
    @pytest.mark.parametrize("lent", [True, False])
    @pytest.mark.parametrize("told", ["problem", "success"])
    def test_an_item_that_did_not_go_with_its_check_in_is_never_said_to_be_gone(
        self, kind: type[NcipBench], told: str, *, lent: bool
    ) -> None:
        with running(kind, deletes="check_in") as bench:
            bench.stand_in.behave(deletes_on_check_in=not lent, check_in_not_lent=told)
            target, _ = made(bench, "1")
            if lent:
                bench.lend(target.barcode, bench.patron)
                bench.connector.check_in(do.CheckIn(target), CALL)
            with pytest.raises(Rejected) as refused:
                bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
            assert "Delete the item by hand" in refused.value.advice
            assert bench.items_with_barcode("ILL-1") == 1

    @pytest.mark.parametrize("name", ["sierra", "millennium", "wms"])
    def test_what_nobody_knows_to_go_by_itself_staff_delete(self, name: str) -> None:
        can = capabilities_of({**DIALECTS, "wms": WMS}[name])
        assert can.of(Verb.DELETE_TEMPORARY_ITEM) is Ability.STAFF
        asked = instruction(do.DeleteTemporaryItem(do.Target(a_mark("1"), do.Origin.CREATED, "ILL-1")), can)
        assert asked.startswith("Delete temporary item ILL-1 with its holding and bib.")
        assert "staff client" in asked

    def test_what_staff_delete_is_sent_nowhere(self) -> None:
        with running(HorizonBench) as bench:
            target, _ = made(bench, "1")
            bench.stand_in.forget_calls()
            with pytest.raises(Rejected):
                bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
            assert bench.sent() == []

    def test_a_refusal_is_told_with_what_to_do(self, bench: NcipBench) -> None:
        target, _ = made(bench, "1")
        bench.stand_in.behave(delete_held="refused")
        with pytest.raises(Rejected) as refused:
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert "by hand" in refused.value.advice


class TestLoans:
    """A loan is named by the account that has it."""

    def test_the_date_asked_for_is_held_against_the_one_given(self, bench: NcipBench) -> None:
        assert bench.connector.check_out(do.CheckOut(own(bench, "1"), bench.account, DUE), CALL).notes == ()
        assert bench.due_of(bench.own_barcode).startswith(DUE.isoformat())

    def test_another_date_than_asked_for_is_told(self) -> None:
        with running(HorizonBench) as bench:
            outcome = bench.connector.check_out(do.CheckOut(own(bench, "1"), bench.account, DUE), CALL)
            assert str(DUE) in " ".join(outcome.notes)
            assert outcome.learned.loan is not None
            assert outcome.learned.loan.due != DUE

    def test_wms_takes_the_date_of_what_has_happened(self) -> None:
        with running(WmsBench) as bench:
            outcome = bench.connector.check_out(do.CheckOut(own(bench, "1"), bench.account, DUE), CALL)
            assert outcome.notes == ()

    def test_a_check_out_refused_with_the_loan_standing_is_done(self, bench: NcipBench) -> None:
        for _ in range(2):
            outcome = bench.connector.check_out(do.CheckOut(own(bench, "1"), bench.account, DUE), CALL)
        assert outcome.kind is OutcomeKind.ALREADY

    def test_what_somebody_else_has_is_not_lent(self, bench: NcipBench) -> None:
        bench.lend(bench.own_barcode, bench.patron)
        with pytest.raises(Rejected) as refused:
            bench.connector.check_out(do.CheckOut(own(bench, "1"), bench.account, DUE), CALL)
        assert refused.value.cause == "not_loanable"

    @pytest.mark.parametrize(
        ("account", "barcode", "cause"),
        [("nobody", "", "unknown_account"), ("", "NONE", "unknown_item"), ("21000000001005", "", "account_blocked")],
    )
    def test_refusals_of_a_check_out(self, bench: NcipBench, account: str, barcode: str, cause: str) -> None:
        target = replace(own(bench, "1"), barcode=barcode or bench.own_barcode)
        with pytest.raises(Rejected) as refused:
            bench.connector.check_out(do.CheckOut(target, account or bench.account, DUE), CALL)
        assert refused.value.cause == cause

    def test_a_renewal_granted_takes_one_call(self, bench: NcipBench) -> None:
        target, _ = made(bench, "1")
        bench.lend(target.barcode, bench.patron)
        bench.stand_in.forget_calls()
        command = do.SetDueDate(target, LATER, patron_id=bench.patron, before=DUE)
        outcome = bench.connector.set_due_date(command, CALL)
        assert bench.sent() == ["RenewItem"]
        assert str(LATER) in " ".join(outcome.notes)

    def test_a_renewal_of_unclear_end_is_not_made_twice(self, bench: NcipBench) -> None:
        bench.connector.check_out(do.CheckOut(own(bench, "1"), bench.account, DUE), CALL)
        command = do.SetDueDate(own(bench, "1"), LATER, bench.account, bench.account, before=DUE)
        bench.drop_after_next_write()
        with pytest.raises(OutcomeUnknown):
            bench.connector.set_due_date(command, CALL)
        after = bench.due_of(bench.own_barcode)
        assert bench.connector.set_due_date(command, AGAIN).kind is OutcomeKind.ALREADY
        assert bench.due_of(bench.own_barcode) == after

    def test_where_the_date_is_taken_a_loan_is_looked_at_first(self) -> None:
        with running(NcipBench, renews="exact") as bench:
            bench.stand_in.behave(renews="exact")
            target, _ = made(bench, "1")
            bench.lend(target.barcode, bench.patron)
            sooner = do.SetDueDate(target, date(2026, 12, 1), patron_id=bench.patron, before=date(2026, 11, 30))
            assert bench.connector.set_due_date(sooner, CALL).kind is OutcomeKind.ALREADY
            bench.connector.set_due_date(do.SetDueDate(target, LATER, patron_id=bench.patron, before=DUE), CALL)
            assert bench.due_of(target.barcode).startswith(LATER.isoformat())

    def test_a_responder_may_lie(self, bench: NcipBench) -> None:
        target, _ = made(bench, "1")
        bench.lend(target.barcode, bench.patron)
        bench.stand_in.behave(renews="lies")
        command = do.SetDueDate(target, LATER, patron_id=bench.patron, before=DUE)
        told = " ".join(bench.connector.set_due_date(command, CALL).notes)
        assert f"still due on {bench.due_of(target.barcode)[:10]}" in told
        longer = replace(command, before=date(2026, 11, 25))
        assert "is due on" in " ".join(bench.connector.set_due_date(longer, CALL).notes)
        bench.fault("status", path="LookupItem", status=503, times=9)
        assert "does not say until when" in " ".join(bench.connector.set_due_date(command, CALL).notes)

    def test_a_renewal_refused_holds_nothing_up(self, bench: NcipBench) -> None:
        target, _ = made(bench, "1")
        bench.lend(target.barcode, bench.other_patron)
        outcome = bench.connector.set_due_date(do.SetDueDate(target, LATER, patron_id=bench.patron, before=DUE), CALL)
        assert "not renewed" in " ".join(outcome.notes)

    def test_a_loan_is_renewed_only_for_somebody(self, bench: NcipBench) -> None:
        target, _ = made(bench, "1")
        with pytest.raises(Rejected) as refused:
            bench.connector.set_due_date(do.SetDueDate(target, LATER, before=DUE), CALL)
        assert refused.value.cause == "patron_needed"

    def test_koha_does_not_say_who_has_an_item(self, koha: NcipBench) -> None:
        koha.connector.check_out(do.CheckOut(own(koha, "1"), koha.account, DUE), CALL)
        home = koha.connector.check_in(do.CheckIn(own(koha, "1"), (koha.account,), koha.account), CALL)
        assert home.learned.checked_in
        assert "could not be seen" in " ".join(home.notes)

    def test_an_own_item_that_is_gone_needs_no_check_in(self, bench: NcipBench) -> None:
        bench.delete_by_hand(bench.own_barcode)
        home = bench.connector.check_in(do.CheckIn(own(bench, "1"), (), bench.account), CALL)
        assert home.kind is OutcomeKind.ALREADY

    def test_an_unclear_check_out_that_cannot_be_looked_up_is_left_to_staff(self) -> None:
        """mod-ncip checks an item in where its check-out fails: sent again, the message would end whatever loan there is."""
        for kind in (FolioBench, WmsBench):
            with running(kind) as bench:
                command = do.CheckOut(own(bench, "1"), bench.account, DUE)
                bench.drop_before_next_write()
                with pytest.raises((OutcomeUnknown, Unavailable)):
                    bench.connector.check_out(command, CALL)
                bench.lend(bench.own_barcode, bench.patron)
                with pytest.raises(Rejected) as refused:
                    bench.connector.check_out(command, AGAIN)
                assert refused.value.cause == "cannot_look"
                assert bench.loan_of(bench.own_barcode) == bench.patron

    def test_a_refused_check_out_is_told_in_its_own_words_where_no_list_comes(self) -> None:
        with running(HorizonBench) as bench:
            bench.stand_in.behave(lists=False)
            bench.lend(bench.own_barcode, bench.patron)
            with pytest.raises(Rejected) as refused:
                bench.connector.check_out(do.CheckOut(own(bench, "1"), bench.account, DUE), CALL)
        assert refused.value.cause == "not_loanable"
        assert "already checked out" in refused.value.reason.casefold()

    def test_wms_is_asked_by_barcode_for_what_no_message_told_it_of(self) -> None:
        """A request that it does not know it answers as finished (koha-wms-spydus.md section B.3), and the loan would stand."""
        with running(WmsBench) as bench:
            bench.lend(bench.own_barcode, bench.account)
            home = bench.connector.check_in(do.CheckIn(own(bench, "1"), (), bench.account), CALL)
            assert bench.loan_of(bench.own_barcode) == ""
            assert "could not be seen" in " ".join(home.notes)
            bench.stand_in.state.add_item("ILL-9", by="desk")
            bench.lend("ILL-9", bench.patron)
            for origin in (do.Origin.CREATED, do.Origin.ADOPTED):
                bench.connector.check_in(do.CheckIn(do.Target(own(bench, "9").mark, origin, "ILL-9")), CALL)
                assert bench.loan_of("ILL-9") == ""
                bench.lend("ILL-9", bench.patron)

    @pytest.mark.parametrize("how", ["nothing", "user"])
    def test_a_renewal_whose_end_cannot_be_seen_is_not_made_twice(self, how: str) -> None:
        with running(NcipBench, looks=how) as bench:
            bench.stand_in.behave(lists=False)
            bench.lend(bench.own_barcode, bench.account)
            command = do.SetDueDate(own(bench, "1"), LATER, bench.account, bench.account, before=DUE)
            bench.drop_after_next_write()
            with pytest.raises(OutcomeUnknown):
                bench.connector.set_due_date(command, CALL)
            after = bench.due_of(bench.own_barcode)
            with pytest.raises(Rejected) as refused:
                bench.connector.set_due_date(command, AGAIN)
            assert refused.value.cause == "cannot_look"
            assert bench.due_of(bench.own_barcode) == after

    def test_a_loan_that_cannot_be_seen_is_renewed_unless_it_should_be_shorter(self) -> None:
        with running(NcipBench, looks="nothing") as bench:
            target, _ = made(bench, "1")
            bench.lend(target.barcode, bench.patron)
            bench.stand_in.forget_calls()
            shorter = do.SetDueDate(target, DUE, patron_id=bench.patron, before=LATER)
            assert "left as it is" in " ".join(bench.connector.set_due_date(shorter, CALL).notes)
            assert bench.sent() == []
            bench.connector.set_due_date(do.SetDueDate(target, LATER, patron_id=bench.patron), CALL)
            assert bench.sent() == ["RenewItem"]

    def test_an_item_is_found(self, bench: NcipBench) -> None:
        assert bench.connector.find_item(do.FindItem(own(bench, "1")), CALL).learned.barcode == bench.own_barcode
        with pytest.raises(Rejected):
            bench.connector.find_item(do.FindItem(replace(own(bench, "1"), barcode="NONE")), CALL)


class TestHolds:
    """Later ones, and on own items."""

    def test_a_hold_on_an_own_item_is_placed_once_and_withdrawn(self, bench: NcipBench) -> None:
        command = do.PlaceHold(own(bench, "1"), bench.account, bench.pickup)
        hold = bench.connector.place_hold(command, CALL).learned.hold
        assert hold is not None
        assert bench.connector.place_hold(command, CALL).kind is OutcomeKind.ALREADY
        bench.connector.cancel_hold(do.CancelHold(own(bench, "1"), bench.account, hold.hold_id), CALL)
        assert bench.holds_on(bench.own_barcode) == 0

    def test_folio_is_asked_by_what_stands_for_the_record(self) -> None:
        with running(FolioBench) as bench:
            command = do.PlaceHold(own(bench, "1"), bench.account, bench.pickup)
            assert bench.connector.place_hold(command, CALL).kind is OutcomeKind.DONE
            with pytest.raises(Rejected) as refused:
                bench.connector.place_hold(command, AGAIN)
            assert refused.value.cause == "cannot_look"

    def test_a_users_lists_show_a_hold(self) -> None:
        with running(NcipBench, looks="user") as bench:
            command = do.PlaceHold(own(bench, "1"), bench.account, bench.pickup)
            bench.connector.place_hold(command, CALL)
            assert bench.connector.place_hold(command, AGAIN).kind is OutcomeKind.ALREADY

    def test_refusals_of_a_hold(self, bench: NcipBench) -> None:
        with pytest.raises(Rejected) as refused:
            bench.connector.place_hold(do.PlaceHold(own(bench, "1"), "nobody", bench.pickup), CALL)
        assert refused.value.cause == "unknown_patron"


class TestAnswers:
    """What cannot be trusted is not."""

    def test_a_message_that_is_not_known_gets_text_and_no_success(self, bench: NcipBench) -> None:
        bench.stand_in.behave(messages=("LookupItem",))
        with pytest.raises(Retry):
            bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
        with pytest.raises(OutcomeUnknown):
            bench.connector.check_in(do.CheckIn(creating(bench, "1").target), CALL)

    @pytest.mark.parametrize(
        ("words", "error"),
        [
            ("Agency Authentication Failed", CredentialsRejected),
            ("Temporary Processing Failure", Retry),
            ("Unsupported Service", Rejected),
        ],
    )
    def test_problems_of_the_whole_message(self, bench: NcipBench, words: str, error: type[Exception]) -> None:
        body = f"<NCIPMessage><Problem><ProblemType>{words}</ProblemType></Problem></NCIPMessage>"
        bench.stand_in.faults.add(Fault(kind="garbage", path="^/ncip", body=body))
        with pytest.raises(error):
            bench.connector.find_patron(do.FindPatron(bench.patron), CALL)

    @pytest.mark.parametrize(("status", "error"), [(404, Unavailable), (418, Rejected), (403, CredentialsRejected)])
    def test_statuses(self, bench: NcipBench, status: int, error: type[Exception]) -> None:
        bench.fault("status", status=status)
        with pytest.raises(error):
            bench.connector.find_patron(do.FindPatron(bench.patron), CALL)

    def test_a_fee_that_cannot_be_looked_up_is_left_to_staff(self) -> None:
        with running(FolioBench, charge_fees=True) as bench:
            target = creating(bench, "1").target
            fee = do.ChargeFee(target, bench.patron, "fee", do.Money(Decimal("3.50")))
            bench.connector.charge_fee(fee, CALL)
            with pytest.raises(Rejected) as refused:
                bench.connector.charge_fee(fee, AGAIN)
            assert refused.value.cause == "cannot_look"
            assert bench.fees_of(bench.patron) == 1
            (charged,) = bench.stand_in.state.fees
            assert (charged.minor, charged.currency) == (350, "USD")

    @pytest.mark.parametrize(
        ("amount", "currency", "minor"),
        [("3.50", "EUR", 350), ("500", "JPY", 500), ("1.234", "KWD", 1234), ("2", "", 200)],
    )
    def test_a_fee_is_charged_in_its_currencys_smallest_unit(
        self, bench: NcipBench, amount: str, currency: str, minor: int
    ) -> None:
        fee = do.ChargeFee(creating(bench, "1").target, bench.patron, "fee", do.Money(Decimal(amount), currency))
        bench.connector.charge_fee(fee, CALL)
        (charged,) = bench.stand_in.state.fees
        assert (charged.minor, charged.currency) == (minor, currency or "USD")

    @pytest.mark.parametrize(("amount", "currency"), [("3.505", "EUR"), ("0.50", "JPY")])
    def test_a_part_of_the_smallest_unit_is_not_charged(self, bench: NcipBench, amount: str, currency: str) -> None:
        fee = do.ChargeFee(creating(bench, "1").target, bench.patron, "fee", do.Money(Decimal(amount), currency))
        with pytest.raises(Rejected, match="smallest unit"):
            bench.connector.charge_fee(fee, CALL)
        assert bench.stand_in.state.fees == []

    def test_the_key_behind_the_address_is_told_nowhere(self, bench: NcipBench) -> None:
        bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
        assert "sesame" not in repr(bench.heard.exchanges) + repr(bench.settings)
        with running(NcipBench, api_key="wrong") as other, pytest.raises(CredentialsRejected) as refused:
            other.connector.find_patron(do.FindPatron(other.patron), CALL)
        assert "wrong" not in str(refused.value)

    def test_codes_that_have_no_effect_are_told(self, bench: NcipBench) -> None:
        odd = expected(bench, item_type="BK", place=do.Place(location="ILL"))
        found = {finding.subject: finding for finding in bench.connector.check(odd)}
        assert "has no effect" in found["Item type BK"].text
        assert "libraries.main.borrowing.item_type" in found["Item type BK"].advice

    def test_what_ncip_has_no_message_for_is_declared(self, bench: NcipBench) -> None:
        target = own(bench, "1")
        can = bench.connector.capabilities
        for command, verb in (
            (do.RelabelItem(target, "X"), Verb.RELABEL_ITEM),
            (do.MoveItem(target, do.Place()), Verb.MOVE_ITEM),
            (do.RestoreItem(target, do.Place(), do.Place()), Verb.RESTORE_ITEM),
            (do.ReceiveTransit(target), Verb.RECEIVE_TRANSIT),
            (do.MarkLost(target), Verb.MARK_LOST),
            (do.MarkFound(target), Verb.MARK_FOUND),
            (do.NoteItem(target, "x"), Verb.NOTE_ITEM),
        ):
            assert can.of(verb) in {Ability.STAFF, Ability.NO}
            assert can.reasons[verb]
            with pytest.raises(Rejected):
                getattr(bench.connector, verb.value)(command, CALL)
        with pytest.raises(Rejected):
            bench.connector.marked(do.ListMarked(), CALL)


def test_every_dialect_declares_what_it_cannot() -> None:
    for dialect in DIALECTS.values():
        can = capabilities_of(dialect)
        unable = {verb for verb in Verb if can.of(verb) in {Ability.STAFF, Ability.NO}} & set(can.abilities)
        assert unable <= set(can.reasons), dialect.name
        assert can.by_patron
