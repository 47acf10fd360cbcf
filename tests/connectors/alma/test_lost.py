"""Lost, found and recalled in Alma: what a look tells, and what a scan-in must not do."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from bridge.domain import commands as do
from bridge.domain.capabilities import Ability
from bridge.domain.commands import Verb
from bridge.domain.record import OutcomeKind
from bridge.errors import Rejected
from tests.connectors.alma.bench import AlmaBench
from tests.contract.bench import own
from tests.contract.sandboxed import NOW
from tests.contract.suite import CALL, lent, made


def replacement(bench: AlmaBench) -> list[tuple[str, float]]:
    """Status and amount of every fee, oldest first."""
    return [(fee["status"], fee["original"]) for fee in bench.objects()["fees"]]


def pay(bench: AlmaBench) -> None:
    bench.desk("pay_fee", fee=bench.objects()["fees"][0]["id"])


class TestLooks:
    def test_a_lost_loan_is_seen_and_one_that_was_found_too(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "1")
        bench.lend(target.barcode, bench.patron)
        seen = [bench.connector.inspect(do.Inspect(target), CALL).lost]
        for what in ("lose", "found", "claim_returned"):
            bench.desk(what, barcode=target.barcode)
            seen.append(bench.connector.inspect(do.Inspect(target), CALL).lost)
        assert seen == [False, True, False, False]

    @pytest.mark.parametrize("verb", [Verb.MARK_LOST, Verb.MARK_FOUND])
    def test_declaring_and_taking_back_are_tasks_that_say_where_to_click(self, bench: AlmaBench, verb: Verb) -> None:
        can = bench.connector.capabilities
        assert can.of(verb) is Ability.STAFF
        assert "Manage Patron Services" in can.reasons[verb]

    def test_taking_back_is_never_asked_of_the_api(self, bench: AlmaBench) -> None:
        with pytest.raises(Rejected, match="cannot mark found by machine"):
            bench.connector.mark_found(do.MarkFound(own(bench, "1")), CALL)


class TestScanIn:
    def test_a_lost_item_that_came_back_is_scanned_in_and_its_fee_goes(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "2")
        bench.lend(target.barcode, bench.patron)
        bench.desk("lose", barcode=target.barcode)
        outcome = bench.connector.check_in(do.CheckIn(target, was_lost=True), CALL)
        assert outcome.kind is OutcomeKind.DONE
        assert bench.loan_of(target.barcode) == ""
        assert replacement(bench) == [("CLOSED", 80.0)]

    @pytest.mark.parametrize("closes", [True, False])
    def test_a_borrowed_item_that_was_paid_for_is_left_to_staff(self, bench: AlmaBench, *, closes: bool) -> None:
        bench.stand_in.state.behaviour = bench.stand_in.state.behaviour.model_copy(update={"closes_paid_loans": closes})
        target, _ = made(bench, "3")
        bench.lend(target.barcode, bench.patron)
        bench.desk("lose", barcode=target.barcode)
        pay(bench)
        with pytest.raises(Rejected) as refused:
            bench.connector.check_in(do.CheckIn(target, was_lost=True), CALL)
        assert refused.value.cause == "lost_and_paid"
        assert replacement(bench) == [("CLOSED", 80.0)], "nothing was paid back"

    def test_an_own_item_that_was_paid_for_is_left_to_staff_even_where_nobody_said_lost(self, bench: AlmaBench) -> None:
        bench.stand_in.state.behaviour = bench.stand_in.state.behaviour.model_copy(update={"closes_paid_loans": False})
        target, outcome = lent(bench, "4")
        loan = outcome.learned.loan
        assert loan is not None
        bench.desk("lose", barcode=bench.own_barcode)
        pay(bench)
        with pytest.raises(Rejected) as refused:
            bench.connector.check_in(do.CheckIn(target, (loan.loan_id,), bench.account), CALL)
        assert refused.value.cause == "lost_and_paid"
        assert bench.loan_of(bench.own_barcode) == bench.account

    def test_an_own_item_whose_paid_loan_alma_closed_is_not_scanned(self, bench: AlmaBench) -> None:
        target, _ = lent(bench, "5")
        bench.desk("lose", barcode=bench.own_barcode)
        pay(bench)
        outcome = bench.connector.check_in(do.CheckIn(target, (), bench.account, was_lost=True), CALL)
        assert outcome.kind is OutcomeKind.ALREADY
        assert replacement(bench) == [("CLOSED", 80.0)]

    def test_an_own_item_that_only_was_lost_is_scanned_in(self, bench: AlmaBench) -> None:
        target, _ = lent(bench, "6")
        bench.desk("lose", barcode=bench.own_barcode)
        outcome = bench.connector.check_in(do.CheckIn(target, (), bench.account), CALL)
        assert outcome.kind is OutcomeKind.DONE
        assert bench.loan_of(bench.own_barcode) == ""

    def test_where_nobody_said_lost_no_call_more_is_made(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "7")
        bench.lend(target.barcode, bench.patron)
        bench.recording.asked.clear()
        bench.connector.check_in(do.CheckIn(target), CALL)
        assert [asked.method for asked in bench.recording.asked] == ["POST"]


class TestRecalls:
    def test_a_loan_that_ends_before_the_days_left_is_left_alone(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "8")
        bench.lend(target.barcode, bench.patron)
        soon = NOW.date() + timedelta(days=3)
        bench.connector.set_due_date(do.SetDueDate(target, soon, may_shorten=True), CALL)
        recall = do.SetDueDate(target, NOW.date() + timedelta(days=1), may_shorten=True, leave_days=7)
        outcome = bench.connector.set_due_date(recall, CALL)
        assert outcome.kind is OutcomeKind.ALREADY
        assert outcome.notes == (f"The due date stays {soon}: a recall leaves the patron 7 days at least.",)

    def test_a_recall_long_ago_never_asks_for_a_day_in_the_past(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "9")
        bench.lend(target.barcode, bench.patron)
        recall = do.SetDueDate(target, date(2026, 10, 1), may_shorten=True, leave_days=7)
        outcome = bench.connector.set_due_date(recall, CALL)
        assert bench.due_of(target.barcode).startswith("2026-12-01")
        assert outcome.notes == (
            "The due date was made 2026-12-01, not 2026-10-01: a recall leaves the patron 7 days at least.",
        )

    def test_a_note_is_not_put_on_what_no_longer_bears_our_mark(self, bench: AlmaBench) -> None:
        target, _ = made(bench, "10")
        other = do.Target(own(bench, "11").mark, do.Origin.CREATED, target.barcode, target.ids)
        with pytest.raises(Rejected) as refused:
            bench.connector.note_item(do.NoteItem(other, "x"), CALL)
        assert refused.value.cause == "not_ours"
