"""In-system loans in Symphony: an item of NORTH, charged to SOUTH's ILL account and to its student (DESIGN rule 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from bridge.connectors.base import Call
from bridge.connectors.symphony import SymphonyConnector
from bridge.domain import commands as do
from bridge.domain.commands import Charge
from bridge.domain.identity import Role
from bridge.domain.record import Learned, LoanRecord, OutcomeKind
from bridge.errors import OutcomeUnknown, Rejected, Retry
from tests.connectors.symphony.bench import SymphonyBench
from tests.contract.bench import a_mark

CALL = Call()
DUE = date(2027, 1, 15)
LATER = date(2027, 2, 15)
ITEM = "39000000000201"
ACCOUNT = "DISTRICT-SOUTHILL"
STUDENT = "21000000001102"
OTHER = "21000000001001"
NORTH, SOUTH = do.Place("NORTH"), do.Place("SOUTH")
Make = Callable[..., SymphonyBench]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[SymphonyBench] = []

    def start(**settings: object) -> SymphonyBench:
        made.append(SymphonyBench(**settings))
        made[-1].start()
        return made[-1]

    yield start
    for bench in made:
        bench.stop()


def target(place: do.Place | None = None) -> do.Target:
    return do.Target(a_mark("1", Role.BORROWER), do.Origin.OWN, ITEM, place=place or do.Place())


def student(bench: SymphonyBench) -> str:
    found = bench.connector.find_patron(do.FindPatron(STUDENT), CALL).learned.patron
    assert found is not None
    return found.patron_id


def charges(bench: SymphonyBench) -> list[str]:
    state = bench.stand_in.state
    item = state.items_with_barcode(ITEM)[0]
    return [state.patrons[one.patron].called for one in state.charges_of(item.key)]


def going_to(bench: SymphonyBench) -> str:
    state = bench.stand_in.state
    transit = state.transits.get(state.items_with_barcode(ITEM)[0].key)
    return transit.destination if transit else ""


def later(bench: SymphonyBench, minutes: int = 10) -> None:
    """Time passes at the stand-in, so that charges have times of their own."""
    state = bench.stand_in.state
    now = state.clock() + timedelta(minutes=minutes)
    state.clock = lambda: now


def shipped(bench: SymphonyBench, *, sends: bool = True) -> LoanRecord:
    """NORTH charges its item to SOUTH's account, and Symphony sends it there, or not."""
    bench.stand_in.behave(account_transits=sends)
    loan = bench.connector.check_out(do.CheckOut(target(), ACCOUNT, LATER), CALL).learned.loan
    assert loan is not None
    later(bench)
    return loan


def over(bench: SymphonyBench) -> do.CheckOut:
    return do.CheckOut(target(), student(bench), DUE, over=ACCOUNT, at=SOUTH)


def received(bench: SymphonyBench) -> Learned:
    """SOUTH receives it and charges it to its student too."""
    shipped(bench)
    bench.connector.receive_transit(do.ReceiveTransit(target(SOUTH)), CALL)
    learned = bench.connector.check_out(over(bench), CALL).learned
    later(bench)
    return learned


def discharge(bench: SymphonyBench, charge: Charge, at: do.Place = SOUTH, **more: object) -> do.CheckIn:
    account = student(bench) if charge is Charge.PATRON else ACCOUNT
    command = do.CheckIn(target(), (), account, charge=charge, at=at)
    return replace(command, **more)  # type: ignore[arg-type]


def test_the_whole_way_there_and_back(bench: SymphonyBench) -> None:
    connector = bench.connector
    assert isinstance(connector, SymphonyConnector)
    shipped(bench)
    assert (charges(bench), going_to(bench)) == ([ACCOUNT], "SOUTH")
    assert connector.send_transit(do.SendTransit(target(), NORTH, SOUTH), CALL).kind is OutcomeKind.ALREADY
    assert connector.receive_transit(do.ReceiveTransit(target(SOUTH)), CALL).kind is OutcomeKind.DONE
    assert connector.receive_transit(do.ReceiveTransit(target(SOUTH)), CALL).kind is OutcomeKind.ALREADY
    assert charges(bench) == [ACCOUNT]
    learned = connector.check_out(over(bench), CALL).learned
    assert charges(bench) == [ACCOUNT, STUDENT]
    assert learned.loan is not None
    assert learned.beneath is not None
    assert (learned.loan.charge, learned.loan.due, learned.loan.account) == (Charge.PATRON, DUE, student(bench))
    assert (learned.beneath.charge, learned.beneath.due, learned.beneath.account) == (Charge.ACCOUNT, LATER, ACCOUNT)
    later(bench)
    first = connector.check_in(discharge(bench, Charge.PATRON, loan_ids=(learned.loan.loan_id,)), CALL)
    assert (charges(bench), first.learned.loan) == ([ACCOUNT], replace(learned.loan, ended=True))
    second = connector.check_in(discharge(bench, Charge.ACCOUNT), CALL)
    assert (charges(bench), second.learned.transit_sent, going_to(bench)) == ([], True, "NORTH")
    assert connector.send_transit(do.SendTransit(target(), SOUTH), CALL).kind is OutcomeKind.ALREADY
    assert connector.check_in(discharge(bench, Charge.ACCOUNT, NORTH), CALL).kind is OutcomeKind.ALREADY
    assert connector.receive_transit(do.ReceiveTransit(target(NORTH)), CALL).kind is OutcomeKind.DONE
    assert not bench.stand_in.report()["foreign_touched"]


def test_charging_twice_again_charges_no_third_time(bench: SymphonyBench) -> None:
    learned = received(bench)
    again = bench.connector.check_out(over(bench), Call(verify=True))
    assert again.kind is OutcomeKind.ALREADY
    assert again.learned.loan == learned.loan
    assert len(charges(bench)) == 2


def test_a_second_charge_whose_answer_was_lost_is_found(bench: SymphonyBench) -> None:
    shipped(bench)
    bench.connector.receive_transit(do.ReceiveTransit(target(SOUTH)), CALL)
    command = over(bench)
    bench.drop_after_next_write()
    with pytest.raises(OutcomeUnknown):
        bench.connector.check_out(command, CALL)
    seen = bench.connector.inspect(do.Inspect(target(), command.account, account=ACCOUNT, double=True), CALL)
    assert [loan.charge for loan in seen.loans] == [Charge.PATRON, Charge.ACCOUNT]
    assert bench.connector.check_out(command, Call(verify=True)).kind is OutcomeKind.ALREADY
    assert len(charges(bench)) == 2


def test_the_owning_librarys_loan_is_seen_beneath_the_patrons(bench: SymphonyBench) -> None:
    """Its request asks about one loan, and must not take it for ended."""
    learned = received(bench)
    assert learned.loan is not None
    assert learned.beneath is not None
    look = do.Inspect(target(), account=ACCOUNT, loan_ids=(learned.beneath.loan_id,))
    seen = bench.connector.inspect(look, CALL).loans
    assert [(loan.loan_id, loan.ours) for loan in seen] == [
        (learned.loan.loan_id, False),
        (learned.beneath.loan_id, True),
    ]
    for _ in range(2):
        bench.check_in(ITEM)
    for who in (ACCOUNT, OTHER):
        bench.lend(ITEM, who)
        later(bench)
    (top,) = bench.connector.inspect(look, CALL).loans
    assert not top.ours, "numbers of charges are used again"


def test_only_what_is_charged_to_the_account_is_charged_to_the_patron(bench: SymphonyBench) -> None:
    with pytest.raises(Retry) as wait:
        bench.connector.check_out(over(bench), CALL)
    assert wait.value.cause == "not_charged"
    bench.lend(ITEM, STUDENT)
    with pytest.raises(Retry) as wait:
        bench.connector.check_out(over(bench), CALL)
    assert wait.value.cause == "not_charged"
    assert charges(bench) == [STUDENT]
    with pytest.raises(Rejected) as refused:
        bench.connector.check_out(replace(over(bench), target=replace(target(), barcode="none")), CALL)
    assert refused.value.cause == "unknown_item"


def test_the_charge_of_another_loan_to_the_same_library_does_not_count(bench: SymphonyBench) -> None:
    loan = shipped(bench)
    bench.connector.receive_transit(do.ReceiveTransit(target(SOUTH)), CALL)
    moment = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    for other in (replace(over(bench), over_loan_ids=("other",)), replace(over(bench), over_began_before=moment)):
        with pytest.raises(Retry) as wait:
            bench.connector.check_out(other, CALL)
        assert wait.value.cause == "not_charged"
    ours = replace(over(bench), over_loan_ids=(loan.loan_id,), over_began_before=moment)
    assert bench.connector.check_out(ours, CALL).kind is OutcomeKind.DONE


def test_what_somebody_else_has_too_is_not_charged(bench: SymphonyBench) -> None:
    shipped(bench)
    bench.lend(ITEM, OTHER)
    with pytest.raises(Rejected) as refused:
        bench.connector.check_out(over(bench), CALL)
    assert refused.value.cause == "on_loan"
    assert charges(bench) == [ACCOUNT, OTHER]


def test_a_site_that_asks_before_it_charges_twice_needs_the_override(make: Make) -> None:
    for settings, both in (({}, False), ({"second_charge_overrides": ["CKOBLOCKS"]}, True)):
        bench = make(**settings)
        bench.stand_in.behave(second_charge="prompts")
        shipped(bench)
        bench.connector.receive_transit(do.ReceiveTransit(target(SOUTH)), CALL)
        if both:
            bench.connector.check_out(over(bench), CALL)
        else:
            with pytest.raises(Rejected) as refused:
                bench.connector.check_out(over(bench), CALL)
            assert "CKOBLOCKS in 'second_charge_overrides'" in refused.value.advice
        assert charges(bench) == ([ACCOUNT, STUDENT] if both else [ACCOUNT])


def test_what_a_second_charge_may_override_no_other_charge_may(make: Make) -> None:
    """The same question is asked for a barred patron, and for an item that somebody else has."""
    bench = make(second_charge_overrides=["CKOBLOCKS"])
    bench.desk("block_patron", patron=ACCOUNT)
    with pytest.raises(Rejected, match="standing BLOCKED") as refused:
        shipped(bench)
    assert refused.value.cause == "account_blocked"
    assert charges(bench) == []


def test_a_second_charge_may_override_what_every_call_may(make: Make) -> None:
    bench = make(overrides=["CKOBLOCKS"])
    bench.stand_in.behave(second_charge="prompts")
    received(bench)
    assert charges(bench) == [ACCOUNT, STUDENT]


def test_a_site_that_clears_the_first_charge_is_found_out(bench: SymphonyBench) -> None:
    bench.stand_in.behave(second_charge="clears")
    shipped(bench)
    bench.connector.receive_transit(do.ReceiveTransit(target(SOUTH)), CALL)
    outcome = bench.connector.check_out(over(bench), CALL)
    assert "cleared the charge of DISTRICT-SOUTHILL" in outcome.notes[0]
    assert outcome.learned.beneath is not None
    assert outcome.learned.beneath.ended


def test_a_charge_beneath_another_is_not_scanned(bench: SymphonyBench) -> None:
    received(bench)
    bench.stand_in.forget_calls()
    with pytest.raises(Retry) as wait:
        bench.connector.check_in(discharge(bench, Charge.ACCOUNT), CALL)
    assert wait.value.cause == "charged_over"
    assert [path for path in bench.paths("POST") if "checkIn" in path] == []
    assert len(charges(bench)) == 2


def test_what_is_left_to_staff_is_looked_at(bench: SymphonyBench) -> None:
    received(bench)
    only_look = discharge(bench, Charge.PATRON, only_look=True)
    with pytest.raises(Retry) as wait:
        bench.connector.check_in(only_look, CALL)
    assert wait.value.cause == "left_to_staff"
    bench.desk("scan_once", barcode=ITEM)
    done = bench.connector.check_in(only_look, CALL)
    assert (done.kind, charges(bench)) == (OutcomeKind.ALREADY, [ACCOUNT])
    assert "charged to somebody else" in done.notes[0]


def test_another_loans_charge_is_never_discharged(bench: SymphonyBench) -> None:
    learned = received(bench)
    assert learned.loan is not None
    for more in (
        {"loan_ids": ("6066:1:1:9@2026-01-01T00:00:00-05:00",)},
        {"began_before": datetime(2026, 11, 24, 8, 0, tzinfo=UTC)},
        {"loan_ids": (learned.loan.loan_id,), "account": "1"},
    ):
        outcome = bench.connector.check_in(discharge(bench, Charge.PATRON, **more), CALL)
        assert outcome.kind is OutcomeKind.ALREADY
        assert outcome.notes
    assert len(charges(bench)) == 2


def test_staff_who_scanned_once_leave_the_accounts_charge(bench: SymphonyBench) -> None:
    """The item would bounce between the two libraries for ever; the account's charge is discharged where it stands for."""
    received(bench)
    bench.desk("scan_once", barcode=ITEM, library="SOUTH")
    bench.desk("send", barcode=ITEM)
    bench.desk("scan_once", barcode=ITEM, library="NORTH")
    assert (charges(bench), going_to(bench)) == ([ACCOUNT], "SOUTH")
    outcome = bench.connector.check_in(discharge(bench, Charge.ACCOUNT, NORTH), CALL)
    assert (charges(bench), going_to(bench)) == ([], "")
    assert outcome.learned.loan is not None
    assert outcome.learned.loan.ended
    item = bench.stand_in.state.items_with_barcode(ITEM)[0]
    assert item.current == item.home


def test_a_discharge_that_changes_nothing_is_told_and_not_repeated(bench: SymphonyBench) -> None:
    """As where the ILL account's home library is not the one it stands for."""
    patron = bench.stand_in.state.find_patron(ACCOUNT)
    assert patron is not None
    patron.library = "NORTH"
    bench.reconnect()
    shipped(bench)
    bench.stand_in.forget_calls()
    with pytest.raises(Rejected) as refused:
        bench.connector.check_in(discharge(bench, Charge.ACCOUNT, NORTH), CALL)
    assert refused.value.cause == "still_on_loan"
    assert [path for path in bench.paths("POST") if "checkIn" in path] == ["/circulation/circRecord/checkIn"]


def test_only_the_patrons_own_charge_gets_another_date(bench: SymphonyBench) -> None:
    learned = received(bench)
    assert learned.loan is not None
    who = student(bench)
    redate = do.SetDueDate(target(), LATER, learned.loan.loan_id, who, charge=Charge.PATRON)
    assert bench.connector.set_due_date(redate, CALL).kind is OutcomeKind.DONE
    assert (
        bench.connector.set_due_date(replace(redate, loan_id="", due=DUE, may_shorten=True), CALL).kind
        is OutcomeKind.DONE
    )
    assert bench.connector.set_due_date(replace(redate, loan_id="", account="1"), CALL).notes
    assert bench.connector.set_due_date(replace(redate, loan_id="other"), CALL).notes
    bench.connector.check_in(discharge(bench, Charge.PATRON), CALL)
    assert bench.connector.set_due_date(replace(redate, loan_id=""), CALL).kind is OutcomeKind.ALREADY


def dues(bench: SymphonyBench) -> list[date]:
    """The days that the charges are due, the first charge first."""
    state = bench.stand_in.state
    return [state.local(one.due).date() for one in state.charges_of(state.items_with_barcode(ITEM)[0].key)]


@pytest.mark.parametrize(("settings", "call"), [({}, CALL), ({"renew_loans": False}, CALL), ({}, Call(verify=True))])
def test_the_owning_librarys_loan_gets_its_date_beneath_the_patrons(
    make: Make, settings: dict[str, object], call: Call
) -> None:
    """Where Symphony refuses to renew it, is not asked to, or it is not known whether it was."""
    bench = make(**settings)
    learned = received(bench)
    assert learned.beneath is not None
    bench.stand_in.state.charges[0].renewals = 2
    until = date(2027, 3, 15)
    command = do.SetDueDate(target(), until, learned.beneath.loan_id, ACCOUNT)
    for kind in (OutcomeKind.DONE, OutcomeKind.ALREADY):
        outcome = bench.connector.set_due_date(command, Call(verify=call.verify or kind is OutcomeKind.ALREADY))
        refused = kind is OutcomeKind.DONE and not settings and not call.verify
        assert outcome.kind is kind
        assert ["only the date was written" in note for note in outcome.notes] == ([True] if refused else [])
        assert dues(bench) == [until, DUE]


def test_an_accounts_charge_without_a_name_gets_its_date_beneath_the_patrons(bench: SymphonyBench) -> None:
    received(bench)
    command = do.SetDueDate(target(), date(2027, 3, 15), "", ACCOUNT)
    assert bench.connector.set_due_date(command, CALL).kind is OutcomeKind.DONE
    assert dues(bench) == [date(2027, 3, 15), DUE]


def test_the_loss_of_a_loan_beneath_anothers_is_left_to_staff(bench: SymphonyBench) -> None:
    """The site's action names an item: what it would declare lost is the patron's charge."""
    learned = received(bench)
    assert learned.beneath is not None
    command = do.MarkLost(target(), learned.beneath.loan_id)
    with pytest.raises(Rejected) as refused:
        bench.connector.mark_lost(command, CALL)
    assert refused.value.cause == "charged_over"
    assert not any(one.lost for one in bench.stand_in.state.charges)
    for _ in range(2):
        bench.check_in(ITEM)
    bench.lend(ITEM, OTHER)
    assert "has ended" in bench.connector.mark_lost(command, CALL).notes[0]


def test_a_late_shipment_takes_the_accounts_charge_over_beneath_the_patrons(bench: SymphonyBench) -> None:
    """Staff of the owning library charged the account, and the borrowing library's request its patron, before it is told."""
    bench.lend(ITEM, ACCOUNT)
    later(bench)
    bench.connector.receive_transit(do.ReceiveTransit(target(SOUTH)), CALL)
    bench.connector.check_out(over(bench), CALL)
    outcome = bench.connector.check_out(do.CheckOut(target(), ACCOUNT, LATER), CALL)
    assert outcome.kind is OutcomeKind.ALREADY
    assert outcome.learned.loan is not None
    assert (outcome.learned.loan.account, outcome.learned.due) == (ACCOUNT, LATER)
    assert (charges(bench), dues(bench)) == ([ACCOUNT, STUDENT], [LATER, DUE])


def test_a_charge_that_no_list_tells_is_found_by_its_number(bench: SymphonyBench) -> None:
    shipped(bench)
    bench.lend(ITEM, OTHER)
    bench.lend(ITEM, STUDENT)
    state = bench.stand_in.state
    third = state.charges_of(state.items_with_barcode(ITEM)[0].key)
    look = do.Inspect(target(), student(bench), account=ACCOUNT, double=True)
    seen = bench.connector.inspect(look, CALL).loans
    assert len(seen) == len(third)
    assert [loan.charge for loan in seen].count(Charge.ANY) == len(third) - 2


@pytest.mark.parametrize("charge", [Charge.PATRON, Charge.ACCOUNT])
def test_what_was_lost_and_may_have_been_paid_is_discharged_by_staff(bench: SymphonyBench, charge: Charge) -> None:
    if charge is Charge.PATRON:
        received(bench)
    else:
        shipped(bench)
    standing = charges(bench)
    bench.desk("lose", barcode=ITEM)
    (bill,) = bench.stand_in.state.bills
    bench.desk("pay_fee", fee=bill)
    command = discharge(bench, charge)
    with pytest.raises(Rejected) as refused:
        bench.connector.check_in(command, CALL)
    assert (refused.value.cause, charges(bench)) == ("lost_and_paid", standing)
    bench.stand_in.state.bills[bill].owed = Decimal(25)
    assert bench.connector.check_in(command, CALL).kind is OutcomeKind.DONE
    assert charges(bench) == standing[:-1]


def test_nothing_is_charged_of_what_is_gone(bench: SymphonyBench) -> None:
    none = replace(target(), barcode="none")
    gone = bench.connector.check_in(do.CheckIn(none, (), ACCOUNT, charge=Charge.ACCOUNT), CALL)
    assert (gone.kind, "gone" in gone.notes[0]) == (OutcomeKind.ALREADY, True)
    with pytest.raises(Rejected) as refused:
        bench.connector.receive_transit(do.ReceiveTransit(none), CALL)
    assert refused.value.cause == "unknown_item"


class TestTransits:
    def test_an_item_is_sent_to_a_library_and_home(self, bench: SymphonyBench) -> None:
        connector = bench.connector
        assert isinstance(connector, SymphonyConnector)
        shipped(bench, sends=False)
        to_south = do.SendTransit(target(), NORTH, SOUTH)
        with pytest.raises(Retry) as wait:
            connector.send_transit(replace(to_south, only_look=True), CALL)
        assert wait.value.cause == "left_to_staff"
        assert connector.send_transit(to_south, CALL).kind is OutcomeKind.DONE
        assert going_to(bench) == "SOUTH"
        bench.connector.receive_transit(do.ReceiveTransit(target(NORTH)), CALL)
        assert going_to(bench) == "SOUTH", "it is on its way elsewhere"
        with pytest.raises(Rejected, match="Item is in transit"):
            connector.send_transit(do.SendTransit(target(), SOUTH), CALL)

    def test_where_nothing_tells_whether_an_item_is_home_that_is_told(self, bench: SymphonyBench) -> None:
        """As with versions that do not know an item's current library."""
        bench.stand_in.behave(hidden=("/catalog/item.currentLibrary",))
        connector = bench.connector
        assert isinstance(connector, SymphonyConnector)
        away = connector.send_transit(do.SendTransit(target(), SOUTH), CALL)
        assert (away.kind, "does not tell where item" in away.notes[0]) == (OutcomeKind.ALREADY, True)
        assert connector.send_transit(do.SendTransit(target(), NORTH), CALL).notes == ()
        assert connector.send_transit(do.SendTransit(target(), NORTH, SOUTH), CALL).kind is OutcomeKind.DONE

    def test_what_is_home_or_lent_on_is_not_sent(self, bench: SymphonyBench) -> None:
        connector = bench.connector
        assert isinstance(connector, SymphonyConnector)
        home = do.SendTransit(target(), SOUTH)
        assert connector.send_transit(home, CALL).notes == ()
        bench.lend(ITEM, OTHER)
        assert "charged to somebody" in connector.send_transit(home, CALL).notes[0]
        assert going_to(bench) == ""
