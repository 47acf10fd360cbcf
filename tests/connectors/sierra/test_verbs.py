"""What each verb does in Sierra, beyond what every connector must."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from bridge.connectors.base import Call
from bridge.connectors.days import day_of
from bridge.connectors.sierra import CONNECTOR, SierraSettings
from bridge.connectors.sierra.client import SierraClient
from bridge.connectors.sierra.connector import build, institution
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability
from bridge.domain.commands import Verb
from bridge.domain.identity import Role
from bridge.domain.record import Learned, OutcomeKind, SeenLoan
from bridge.errors import CredentialsRejected, OutcomeUnknown, Rejected, Retry
from bridge.sandbox.sierra.model import ROLES, Key, VarField
from bridge.sandbox.sierra.seed import Seed, SeedItem, SeedPatron
from tests.connectors.sierra.bench import SierraBench
from tests.contract.bench import a_mark, creating, expected

CALL = Call()
DUE = date(2027, 1, 15)
Make = Callable[..., SierraBench]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[SierraBench] = []

    def start(**settings: object) -> SierraBench:
        made.append(SierraBench(**settings))
        made[-1].start()
        return made[-1]

    yield start
    for bench in made:
        bench.stop()


def temporary(bench: SierraBench, number: str = "1") -> do.Target:
    command = creating(bench, number)
    learned = bench.connector.create_temporary_item(command, CALL).learned
    assert learned.ids is not None
    return replace(command.target, ids=learned.ids)


def patron_of(bench: SierraBench, name: str = "") -> str:
    found = bench.connector.find_patron(do.FindPatron(name or bench.patron), CALL).learned.patron
    assert found is not None
    return found.patron_id


def seen_loans(bench: SierraBench, target: do.Target, loan_id: str) -> tuple[SeenLoan, ...]:
    return bench.connector.inspect(do.Inspect(target, account=bench.account, loan_ids=(loan_id,)), CALL).loans


def own(bench: SierraBench, barcode: str = "") -> do.Target:
    return do.Target(a_mark("1", Role.LENDER), do.Origin.OWN, barcode or bench.own_barcode)


class TestLoggingIn:
    def test_one_token_serves_many_calls(self, bench: SierraBench) -> None:
        for _ in range(3):
            patron_of(bench)
        tokens = [call for call in bench.stand_in.calls() if call.path.endswith("/token") and call.method == "POST"]
        assert len(tokens) == 1

    def test_a_token_that_is_refused_is_renewed_once(self, bench: SierraBench) -> None:
        patron_of(bench)
        bench.stand_in.forget_tokens()
        assert patron_of(bench)

    def test_a_token_is_renewed_before_it_ends(self, bench: SierraBench) -> None:
        patron_of(bench)
        bench.clock += timedelta(seconds=3570)
        bench.stand_in.forget_calls()
        patron_of(bench)
        assert [call.status for call in bench.stand_in.calls()] == [200, 200]

    def test_a_wrong_secret_is_told(self, make: Make) -> None:
        with pytest.raises(CredentialsRejected, match="does not accept the API key"):
            make(secret="wrong")

    def test_a_missing_role_is_told_and_found_by_the_probe(self, bench: SierraBench) -> None:
        lacking = tuple(role for role in ROLES if role != "Bibs Write")
        bench.stand_in.state.keys[bench.stand_in.key] = Key(bench.stand_in.secret, lacking)
        wrong = [finding for finding in bench.connector.probe() if not finding.ok]
        assert [finding.subject for finding in wrong] == ["API key: Bibs Write"]
        with pytest.raises(CredentialsRejected, match="may not do this"):
            bench.connector.create_temporary_item(creating(bench, "1"), CALL)


class TestPatrons:
    def test_the_tags_are_tried_in_turn(self, bench: SierraBench) -> None:
        assert patron_of(bench, "P1001") == patron_of(bench, "21000000001001")

    def test_two_patrons_under_one_barcode_are_told(self, bench: SierraBench) -> None:
        with pytest.raises(Rejected, match="Several patrons") as refused:
            bench.connector.find_patron(do.FindPatron("21000000001090"), CALL)
        assert refused.value.cause == "ambiguous_patron"
        (standing,) = bench.connector.accounts(("21000000001090",))
        assert standing.problem

    def test_a_block_by_the_system_and_an_expiry_are_named(self, bench: SierraBench) -> None:
        with pytest.raises(Rejected, match="blocked by Sierra"):
            bench.connector.find_patron(do.FindPatron("P1007"), CALL)
        with pytest.raises(Rejected, match="expired on 2020-01-01"):
            bench.connector.find_patron(do.FindPatron("P1006"), CALL)

    def test_a_deleted_patron_is_unknown(self, bench: SierraBench) -> None:
        found = bench.stand_in.state.find_patron("P1001")
        assert found is not None
        found.deleted = True
        with pytest.raises(Rejected, match="unknown"):
            bench.connector.find_patron(do.FindPatron("P1001"), CALL)


class TestHolds:
    def test_our_mark_is_in_the_note_and_the_number_is_found_by_it(self, bench: SierraBench) -> None:
        target = temporary(bench)
        who = patron_of(bench)
        bench.connector.place_hold(do.PlaceHold(target, who, "main", target.mark.text), CALL)
        (hold,) = [hold for hold in bench.stand_in.state.holds.values() if hold.active]
        assert target.mark.code in hold.note
        assert bench.connector.cancel_hold(do.CancelHold(target, who, ""), CALL).kind is OutcomeKind.DONE
        assert bench.connector.cancel_hold(do.CancelHold(target, who, ""), CALL).kind is OutcomeKind.ALREADY

    def test_one_that_the_item_has_and_the_patrons_list_does_not_show_is_not_gone(self, bench: SierraBench) -> None:
        target = temporary(bench)
        who = patron_of(bench)
        bench.connector.place_hold(do.PlaceHold(target, who, "main", target.mark.text), CALL)
        bench.show_less()
        with pytest.raises(Retry) as doubted:
            bench.connector.cancel_hold(do.CancelHold(target, who, ""), CALL)
        assert doubted.value.cause == "hold_not_shown"
        bench.fault("less", path="holds$")
        assert bench.connector.inspect(do.Inspect(target, who), CALL).hold_seen is False
        assert bench.connector.cancel_hold(do.CancelHold(target, who, ""), CALL).kind is OutcomeKind.DONE
        assert bench.connector.inspect(do.Inspect(target, who), CALL).hold_seen is True

    def test_an_item_that_is_gone_has_no_hold(self, bench: SierraBench) -> None:
        target = temporary(bench)
        bench.delete_by_hand(target.barcode)
        gone = do.CancelHold(target, patron_of(bench), "")
        assert bench.connector.cancel_hold(gone, CALL).kind is OutcomeKind.ALREADY

    def test_a_hold_sent_a_moment_ago_waits(self, bench: SierraBench) -> None:
        target = temporary(bench)
        who = patron_of(bench)
        bench.stand_in.behave(repeat_seconds=60, transient_requests=0)
        place = do.PlaceHold(target, who, "main")
        bench.connector.place_hold(place, CALL)
        assert bench.connector.place_hold(place, CALL).kind is OutcomeKind.ALREADY
        bench.stand_in.state.holds.clear()
        with pytest.raises(Retry) as later:
            bench.connector.place_hold(place, CALL)
        assert (later.value.cause, later.value.after) == ("sent_already", 10.0)

    def test_what_cannot_be_requested_is_told(self, bench: SierraBench) -> None:
        reference = own(bench, "39000000000103")
        with pytest.raises(Rejected, match="lets nobody place a hold") as refused:
            bench.connector.place_hold(do.PlaceHold(reference, bench.account, "main"), CALL)
        assert refused.value.cause == "not_requestable"

    def test_who_has_the_item_gets_no_hold(self, bench: SierraBench) -> None:
        target = temporary(bench)
        bench.stand_in.state.items_with_barcode(target.barcode)[0].unseen = 0
        bench.lend(target.barcode, bench.patron)
        with pytest.raises(Rejected, match="has the item already"):
            bench.connector.place_hold(do.PlaceHold(target, patron_of(bench), "main"), CALL)

    @pytest.mark.parametrize(("change", "said"), [("mblock", "blocked"), ("nothing", "does not say why")])
    def test_why_circulation_refuses_a_patron_is_looked_up(self, bench: SierraBench, change: str, said: str) -> None:
        target = temporary(bench)
        who = patron_of(bench)
        bench.stand_in.state.items_with_barcode(target.barcode)[0].unseen = 0
        if change == "mblock":
            bench.desk("block_patron", patron=bench.patron)
        else:
            text = "XCirc error : There is a problem with your library record."
            bench.fault("vendor_error", method="POST", path="holds/requests", code="132", status=500, message=text)
        with pytest.raises(Rejected, match=said) as refused:
            bench.connector.place_hold(do.PlaceHold(target, who, "main"), CALL)
        assert refused.value.cause == "patron_not_entitled"

    def test_an_item_that_is_never_seen_is_tried_later(self, bench: SierraBench) -> None:
        bench.stand_in.behave(transient_requests=50)
        target = temporary(bench)
        with pytest.raises(Retry, match="does not see item"):
            bench.connector.place_hold(do.PlaceHold(target, patron_of(bench), "main"), CALL)
        assert len(bench.waits) >= 5

    def test_a_hold_for_nobody(self, bench: SierraBench) -> None:
        with pytest.raises(Rejected, match="account is unknown"):
            bench.connector.place_hold(do.PlaceHold(own(bench), "ILL-NOBODY", "main"), CALL)
        with pytest.raises(Rejected, match="no item with barcode"):
            bench.connector.place_hold(do.PlaceHold(own(bench, "none"), bench.account, "main"), CALL)
        with pytest.raises(Rejected, match="record is gone"):
            bench.connector.place_hold(do.PlaceHold(temporary(bench), "999", "main"), CALL)


class TestLending:
    def lent(self, bench: SierraBench, barcode: str = "") -> tuple[do.Target, str]:
        target = own(bench, barcode)
        moved = bench.connector.move_item(do.MoveItem(target, bench.lending_place), CALL)
        target = replace(target, ids=moved.learned.ids or do.VendorIds(), place=moved.learned.before or do.Place())
        loan = bench.connector.check_out(do.CheckOut(target, bench.account, DUE), CALL).learned.loan
        assert loan is not None
        return target, loan.loan_id

    def test_the_rules_date_and_the_lenders_are_both_told(self, bench: SierraBench) -> None:
        outcome = bench.connector.check_out(do.CheckOut(own(bench), bench.account, DUE), CALL)
        assert outcome.learned.due == DUE, "nothing more is to be done about it"
        (note,) = outcome.notes
        assert "2026-12-21" in note or "2026-12-22" in note
        assert str(DUE) in note

    def test_staff_are_asked_for_the_date_where_policy_says_so(self, make: Make) -> None:
        bench = make(due_dates="staff")
        assert bench.connector.capabilities.of(Verb.SET_DUE_DATE) is Ability.STAFF
        outcome = bench.connector.check_out(do.CheckOut(own(bench), bench.account, DUE), CALL)
        assert outcome.learned.due != DUE

    def test_a_check_out_that_tells_the_whole_loan_saves_a_call(self, bench: SierraBench) -> None:
        bench.stand_in.behave(checkout_tells=True)
        bench.stand_in.forget_calls()
        bench.connector.check_out(do.CheckOut(own(bench), bench.account, DUE), CALL)
        assert len(bench.paths()) == 1

    def test_why_an_item_is_not_lent_is_told(self, bench: SierraBench) -> None:
        bench.lend(bench.own_barcode, bench.other_patron)
        with pytest.raises(Rejected, match="on loan to somebody else"):
            bench.connector.check_out(do.CheckOut(own(bench), bench.account, DUE), CALL)
        with pytest.raises(Rejected, match=r"'o' .library use only."):
            bench.connector.check_out(do.CheckOut(own(bench, "39000000000103"), bench.account, DUE), CALL)
        with pytest.raises(Rejected, match="account is unknown"):
            bench.connector.check_out(do.CheckOut(own(bench, "39000000000004"), "ILL-NOBODY", DUE), CALL)
        with pytest.raises(Rejected, match="no item with barcode"):
            bench.connector.check_out(do.CheckOut(own(bench, "none"), bench.account, DUE), CALL)
        bench.desk("block_patron", patron=bench.account)
        with pytest.raises(Rejected, match="account: blocked"):
            bench.connector.check_out(do.CheckOut(own(bench, "39000000000004"), bench.account, DUE), CALL)

    def test_a_pin_is_sent_where_accounts_have_one(self, make: Make) -> None:
        bench = make(account_pin="1234", statgroup=501)
        bench.stand_in.plant(Seed(patrons=[SeedPatron(barcode="ILL-PIN", pin="1234")]))
        bench.connector.check_out(do.CheckOut(own(bench), "ILL-PIN", DUE), CALL)
        assert bench.loan_of(bench.own_barcode) == "ILL-PIN"

    def test_location_and_status_are_kept_before_the_move_and_brought_back(self, make: Make) -> None:
        bench = make(lend_from_statuses=["o", "t"])
        target, loan_id = self.lent(bench, "39000000000103")
        item = bench.stand_in.state.items_with_barcode("39000000000103")[0]
        assert (item.fixed["79"], item.fixed["88"]) == ("illx", "-")
        bench.connector.check_in(do.CheckIn(target, (loan_id,), bench.account), CALL)
        before = do.Place(location="mref", desk="o")
        bench.connector.restore_item(do.RestoreItem(target, bench.lending_place, before), CALL)
        assert (item.fixed["79"], item.fixed["88"]) == ("mref", "o")
        assert not bench.stand_in.report()["foreign_touched"]

    @pytest.mark.parametrize(
        ("settings", "first"),
        [({}, False), ({"move_first": True}, True), ({"lend_from_statuses": ["o"]}, True)],
    )
    def test_an_item_is_moved_after_its_check_out_unless_rules_or_its_status_want_it_before(
        self, make: Make, settings: dict[str, object], first: bool
    ) -> None:
        assert make(**settings).connector.capabilities.move_before_check_out is first

    def test_an_item_said_to_be_in_transit_is_made_available_and_checked_out(self, bench: SierraBench) -> None:
        item = bench.stand_in.state.items_with_barcode(bench.own_barcode)[0]
        item.fixed["88"] = "t"
        outcome = bench.connector.check_out(do.CheckOut(own(bench), bench.account, DUE), CALL)
        assert outcome.learned.ids is not None
        assert outcome.learned.ids.item == str(item.id)
        assert bench.loan_of(bench.own_barcode) == bench.account

    def test_what_is_not_to_be_lent_stays_as_it_is(self, bench: SierraBench) -> None:
        item = bench.stand_in.state.items_with_barcode(bench.own_barcode)[0]
        item.fixed["88"] = "m"
        with pytest.raises(Rejected, match="its status is") as refused:
            bench.connector.check_out(do.CheckOut(own(bench), bench.account, DUE), CALL)
        assert (refused.value.cause, item.fixed["88"]) == ("not_loanable", "m")

    def test_notes_on_an_own_item_are_left_alone(self, bench: SierraBench) -> None:
        target, loan_id = self.lent(bench, "39000000000102")
        bench.connector.check_in(do.CheckIn(target, (loan_id,), bench.account), CALL)
        back = do.RestoreItem(target, bench.lending_place, do.Place(location="bran"))
        bench.connector.restore_item(back, CALL)
        assert not bench.stand_in.report()["foreign_touched"]

    def test_where_an_item_belongs_is_never_guessed(self, bench: SierraBench) -> None:
        target, _ = self.lent(bench)
        with pytest.raises(Rejected, match="is not known"):
            bench.connector.restore_item(do.RestoreItem(target, bench.lending_place, do.Place()), CALL)

    def test_a_renewal_is_made_once_and_told(self, bench: SierraBench) -> None:
        target, loan_id = self.lent(bench)
        later = do.SetDueDate(target, DUE, loan_id, bench.account)
        assert bench.connector.set_due_date(later, CALL).kind is OutcomeKind.DONE
        assert bench.connector.set_due_date(later, Call(verify=True)).kind is OutcomeKind.ALREADY
        assert [loan.renewals for loan in bench.stand_in.state.checkouts.values()] == [1]
        bench.stand_in.behave(renewals=1)
        refused = bench.connector.set_due_date(later, CALL)
        assert "did not renew" in refused.notes[0]

    @pytest.mark.parametrize("way", ["key", "returned", "garbage"])
    def test_a_check_out_whose_date_cannot_be_read_is_done_all_the_same(self, bench: SierraBench, way: str) -> None:
        """Found by a day of chaos: the key was refused between the check-out and the look, and the loan was taken for not made."""
        target = own(bench)
        keys, kept = bench.stand_in.state.keys, []

        def keep(learned: Learned) -> None:
            kept.append(learned)
            if way == "key":
                keys.clear()
            elif way == "returned":
                bench.check_in(bench.own_barcode)

        if way == "garbage":
            bench.fault("garbage", method="GET", path="checkouts/", times=5)
        lent = bench.connector.check_out(do.CheckOut(target, bench.account, DUE), Call(keep))
        assert lent.kind is OutcomeKind.DONE
        assert "could not be read" in lent.notes[0]
        assert lent.learned.loan is not None
        assert kept == [Learned()]
        if way != "garbage":
            return
        assert lent.learned.loan.loan_id in {
            loan.loan_id for loan in seen_loans(bench, target, lent.learned.loan.loan_id)
        }
        home = bench.connector.check_in(do.CheckIn(target, (lent.learned.loan.loan_id,), bench.account), CALL)
        assert home.kind is OutcomeKind.DONE

    def test_a_loan_that_ended_is_not_renewed(self, bench: SierraBench) -> None:
        target, loan_id = self.lent(bench)
        bench.check_in(bench.own_barcode)
        ended = bench.connector.set_due_date(do.SetDueDate(target, DUE, loan_id), CALL)
        assert "has ended" in ended.notes[0]

    def test_a_date_that_came_forward_renews_nothing(self, bench: SierraBench) -> None:
        """A renewal would only make the loan longer that the lender wants back sooner."""
        target, loan_id = self.lent(bench)
        stood = bench.due_of(bench.own_barcode)
        earlier = do.SetDueDate(target, date(2026, 12, 1), loan_id, bench.account, may_shorten=True, before=DUE)
        told = bench.connector.set_due_date(earlier, CALL)
        assert (told.kind, told.learned.due) == (OutcomeKind.ALREADY, date(2026, 12, 1))
        assert "2026-12-01" in told.notes[0]
        assert bench.due_of(bench.own_barcode) == stood
        assert not [call for call in bench.stand_in.calls() if call.path.endswith("/renewal")]

    def test_a_loan_that_sierra_does_not_list_is_not_ended(self, bench: SierraBench) -> None:
        target, loan_id = self.lent(bench)
        look = do.Inspect(target, account=bench.account, loan_ids=(loan_id,))
        for asked in (
            lambda: bench.connector.inspect(look, CALL),
            lambda: bench.connector.check_out(do.CheckOut(target, bench.account, DUE), Call(verify=True)),
        ):
            bench.fault("vendor_error", method="GET", path="/items/[0-9]+/checkouts", code="107", status=404)
            with pytest.raises(Retry, match="shows no loan"):
                asked()
        assert bench.loan_of(bench.own_barcode)

    def test_a_check_in_that_finds_no_loan_is_done_only_where_the_item_came_back(self, bench: SierraBench) -> None:
        target, loan_id = self.lent(bench)
        command = do.CheckIn(target, (loan_id,), bench.account)
        bench.fault("vendor_error", method="DELETE", path="checkouts/", code="107", status=404, message="Not found")
        with pytest.raises(Rejected, match="says that it is on loan") as refused:
            bench.connector.check_in(command, CALL)
        assert refused.value.cause == "still_on_loan"
        assert bench.connector.check_in(command, CALL).kind is OutcomeKind.DONE

    @pytest.mark.parametrize("gone", [True, False])
    def test_an_item_that_came_back_meanwhile_is_checked_in(
        self, bench: SierraBench, monkeypatch: pytest.MonkeyPatch, gone: bool
    ) -> None:
        """Between the look and the check-in the desk scans the item, or deletes it."""
        target, loan_id = self.lent(bench)
        check_in = SierraClient.check_in

        def beaten(client: SierraClient, barcode: str) -> None:
            bench.check_in(barcode)
            if gone:
                bench.delete_by_hand(barcode)
            check_in(client, barcode)

        monkeypatch.setattr(SierraClient, "check_in", beaten)
        home = bench.connector.check_in(do.CheckIn(target, (loan_id,), bench.account), CALL)
        assert (home.kind, home.learned.checked_in) == (OutcomeKind.ALREADY, True)

    @pytest.mark.parametrize("obeys", [True, False])
    def test_field_65_is_written_only_on_demand_and_the_history_says_what_came_of_it(
        self, make: Make, obeys: bool
    ) -> None:
        bench = make(write_due_date_field=True)
        bench.stand_in.behave(obeys_due_field=obeys)
        lent = bench.connector.check_out(do.CheckOut(own(bench), bench.account, DUE), CALL)
        loan = lent.learned.loan
        assert loan is not None
        later = do.SetDueDate(own(bench), date(2027, 3, 1), loan.loan_id, bench.account)
        renewed = bench.connector.set_due_date(later, CALL)
        stands = bench.due_of(bench.own_barcode)[:10]
        if obeys:
            assert (loan.due, stands) == (DUE, "2027-03-01")
            assert lent.notes == ("Field 65 was written: Sierra's loan is due 2027-01-15.",)
        else:
            assert str(loan.due) == stands == "2026-12-21"
            told = "Field 65 was written and Sierra did not obey: due 2026-12-21; the lender's date is {}."
            assert (*lent.notes, *renewed.notes) == (told.format("2027-01-15"), told.format("2027-03-01"))

    def test_without_the_demand_no_field_is_written(self, bench: SierraBench) -> None:
        _, loan_id = self.lent(bench)
        bench.connector.set_due_date(do.SetDueDate(own(bench), DUE, loan_id, bench.account), CALL)
        assert "PUT /items/{item_id}" not in {f"{call.method} {call.template}" for call in bench.stand_in.calls()}

    def test_a_field_65_that_cannot_be_written_undoes_no_check_out(self, make: Make) -> None:
        bench = make(write_due_date_field=True)
        bench.fault("vendor_error", method="PUT", path="/items/", code="108", status=400, message="no")
        lent = bench.connector.check_out(do.CheckOut(own(bench), bench.account, DUE), CALL)
        assert lent.kind is OutcomeKind.DONE
        assert "could not be written" in lent.notes[-1]

    def test_a_loan_is_ours_by_its_patron_even_where_the_item_does_not_say_whose_it_is(
        self, bench: SierraBench
    ) -> None:
        target, loan_id = self.lent(bench)
        bench.stand_in.state.items_with_barcode(bench.own_barcode)[0].fixed.pop("66")
        assert bench.connector.check_in(do.CheckIn(target, (loan_id,), bench.account), CALL).kind is OutcomeKind.DONE

    def test_a_loan_of_our_account_is_ours_without_its_id(self, bench: SierraBench) -> None:
        target, _ = self.lent(bench)
        assert bench.connector.check_in(do.CheckIn(target, (), bench.account), CALL).kind is OutcomeKind.DONE

    def test_what_waits_for_the_item_is_told(self, bench: SierraBench) -> None:
        target, loan_id = self.lent(bench)
        bench.desk("place_hold", barcode=bench.own_barcode, patron=bench.other_patron, pickup="bran")
        home = bench.connector.check_in(do.CheckIn(target, (loan_id,), bench.account), CALL)
        assert "'t' (in transit)" in home.notes[0]

    def test_what_was_lost_and_paid_is_left_to_staff(self, bench: SierraBench) -> None:
        target, loan_id = self.lent(bench)
        bench.stand_in.state.items_with_barcode(bench.own_barcode)[0].fixed["88"] = "$"
        with pytest.raises(Rejected) as refused:
            bench.connector.check_in(do.CheckIn(target, (loan_id,), bench.account), CALL)
        assert refused.value.cause == "lost_and_paid"


class TestTemporaryItems:
    def test_bib_and_item_look_as_configured(self, bench: SierraBench) -> None:
        target = temporary(bench)
        item = bench.stand_in.state.items_with_barcode(target.barcode)[0]
        bib = bench.stand_in.state.bibs[item.bib_ids[0]]
        assert (bib.title, bib.author, bib.fixed["31"]) == ("A title & <more>", "Writer, A.", "n")
        assert target.mark.code in [text for one in bib.var_fields for text in one.texts]
        assert (item.fixed["79"], item.fixed["61"], item.fixed["88"]) == ("illtm", "50", "-")

    def test_an_item_type_must_be_a_number(self, bench: SierraBench) -> None:
        with pytest.raises(Rejected, match="is not a number"):
            bench.connector.create_temporary_item(replace(creating(bench, "1"), item_type="ILL"), CALL)
        assert bench.orphans() == 0

    def test_what_is_on_loan_is_not_deleted_even_where_sierra_would(self, bench: SierraBench) -> None:
        bench.stand_in.behave(refuses_delete=False)
        target = temporary(bench)
        bench.stand_in.state.items_with_barcode(target.barcode)[0].unseen = 0
        bench.lend(target.barcode, bench.patron)
        with pytest.raises(Rejected, match="is on loan"):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)

    def test_a_bib_that_bears_more_than_ours_stays(self, bench: SierraBench) -> None:
        target = temporary(bench)
        mine = bench.stand_in.state.items_with_barcode(target.barcode)[0]
        bench.stand_in.plant(Seed(items=[SeedItem(barcode="OTHER", title="Added by staff")]))
        bench.stand_in.state.items_with_barcode("OTHER")[0].bib_ids = mine.bib_ids
        mine.deleted = bench.clock.date()
        with pytest.raises(Rejected, match="Something else hangs"):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)

    @pytest.mark.parametrize(("ids", "unseen"), [(do.VendorIds(), 1), (do.VendorIds(bib="1"), 0)])
    def test_what_was_half_made_is_removed_by_its_mark(
        self, bench: SierraBench, ids: do.VendorIds, unseen: int
    ) -> None:
        bench.stand_in.behave(unseen_bibs=unseen)
        bench.fault("drop_after", method="POST", path="/bibs$")
        with pytest.raises(OutcomeUnknown):
            bench.connector.create_temporary_item(creating(bench, "1"), CALL)
        target = replace(creating(bench, "1").target, ids=ids)
        bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert bench.bibs_with_mark(target.mark) == 0

    def test_a_recorded_bib_that_no_query_finds_yet_is_removed_all_the_same(self, bench: SierraBench) -> None:
        kept: list[Learned] = []
        bench.fault("vendor_error", method="POST", path="/items$", code="126", status=400, message="no")
        with pytest.raises(Rejected):
            bench.connector.create_temporary_item(creating(bench, "1"), Call(kept.append))
        (learned,) = kept
        assert learned.ids is not None
        bench.stand_in.state.bibs[int(learned.ids.bib)].unseen = 9
        half = replace(creating(bench, "1").target, ids=learned.ids)
        for kind in (OutcomeKind.DONE, OutcomeKind.ALREADY):
            assert bench.connector.delete_temporary_item(do.DeleteTemporaryItem(half), CALL).kind is kind
        assert bench.bibs_with_mark(half.mark) == 0

    def test_a_bib_left_by_half_a_deletion_is_seen_though_no_query_finds_it(self, bench: SierraBench) -> None:
        target = temporary(bench)
        bench.stand_in.state.items_with_barcode(target.barcode)[0].deleted = bench.clock.date()
        bench.stand_in.state.bibs[int(target.ids.bib)].unseen = 9
        seen = bench.connector.inspect(do.Inspect(target), CALL)
        assert (seen.item_present, seen.ids) == (False, do.VendorIds(bib=target.ids.bib))

    def test_another_bib_under_a_recorded_number_is_left(self, bench: SierraBench) -> None:
        foreign = next(iter(bench.stand_in.state.bibs))
        half = replace(creating(bench, "1").target, ids=do.VendorIds(bib=str(foreign)))
        outcome = bench.connector.delete_temporary_item(do.DeleteTemporaryItem(half), CALL)
        assert outcome.kind is OutcomeKind.ALREADY
        assert bench.stand_in.state.bibs[foreign].deleted is None

    def test_an_item_moved_by_staff_is_not_deleted(self, bench: SierraBench) -> None:
        target = temporary(bench)
        bench.desk("move", barcode=target.barcode, location="main")
        with pytest.raises(Rejected, match="is now at"):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)

    def test_an_item_that_lost_its_mark_is_left_alone(self, bench: SierraBench) -> None:
        target = temporary(bench)
        bench.stand_in.state.items_with_barcode(target.barcode)[0].var_fields = [VarField("b", target.barcode)]
        acts: tuple[Callable[[], object], ...] = (
            lambda: bench.connector.relabel_item(do.RelabelItem(target, "NEW"), CALL),
            lambda: bench.connector.note_item(do.NoteItem(target, "x"), CALL),
            lambda: bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL),
        )
        for act in acts:
            with pytest.raises(Rejected, match="no longer bears our mark"):
                act()

    def test_a_virtual_record_is_never_touched(self, bench: SierraBench) -> None:
        target = do.Target(a_mark("1"), do.Origin.CREATED, "X", do.VendorIds(bib="1", item="101339@illd"))
        with pytest.raises(Rejected, match="belongs to another system"):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)


def test_lost_and_found_where_a_status_is_configured(bench: SierraBench) -> None:
    target = temporary(bench)
    lost, found = do.MarkLost(target), do.MarkFound(target)
    kinds = [bench.connector.mark_lost(lost, CALL).kind, bench.connector.mark_lost(lost, CALL).kind]
    kinds += [bench.connector.mark_found(found, CALL).kind, bench.connector.mark_found(found, CALL).kind]
    assert kinds == [OutcomeKind.DONE, OutcomeKind.ALREADY] * 2
    bench.delete_by_hand(target.barcode)
    assert bench.connector.mark_lost(lost, CALL).notes
    assert bench.connector.mark_found(found, CALL).notes


@pytest.mark.parametrize("lent_on", [True, False])
def test_an_own_item_that_came_back_or_was_lent_on_is_not_declared_lost(bench: SierraBench, lent_on: bool) -> None:
    target, loan_id = TestLending().lent(bench)
    bench.check_in(bench.own_barcode)
    if lent_on:
        bench.lend(bench.own_barcode, bench.other_patron)
    told = bench.connector.mark_lost(do.MarkLost(target, loan_id), CALL)
    assert (told.kind, told.notes) == (OutcomeKind.ALREADY, ("The loan has ended, so the item is not declared lost.",))
    assert bench.stand_in.state.items_with_barcode(bench.own_barcode)[0].fixed["88"] == "-"
    bench.check_in(bench.own_barcode)
    again, loan_id = TestLending().lent(bench)
    assert bench.connector.mark_lost(do.MarkLost(again, loan_id), CALL).kind is OutcomeKind.DONE


def test_a_fee_is_charged_in_cents_under_our_mark(bench: SierraBench) -> None:
    target = temporary(bench)
    fee = do.ChargeFee(target, patron_of(bench), "fee", do.Money(Decimal("3.50"), "USD"))
    bench.connector.charge_fee(fee, CALL)
    (fine,) = bench.stand_in.state.fines.values()
    assert (fine.cents, fine.reason) == (350, f"{target.mark.code} fee")
    seen = bench.connector.inspect(do.Inspect(target, patron_of(bench), fee_keys=("fee",)), CALL)
    assert [found.fee.amount for found in seen.fees] == [Decimal("3.5")]
    assert bench.connector.inspect(do.Inspect(target, fee_keys=("fee",)), CALL).fees == ()
    with pytest.raises(Rejected, match=r"The fee of 3\.505 cannot be charged"):
        bench.connector.charge_fee(replace(fee, fee=do.Money(Decimal("3.505"), "USD")), CALL)


def test_what_sierra_cannot_do_is_declared(make: Make) -> None:
    old = make(api_version=5, charge_fees=False, lost_status="", statgroup=7)
    can = old.connector.capabilities
    staff = {verb for verb in Verb if can.of(verb) is Ability.STAFF}
    assert staff == {
        Verb.RECEIVE_TRANSIT,
        Verb.MARK_LOST,
        Verb.MARK_FOUND,
        Verb.CHARGE_FEE,
        Verb.CHECK_OUT,
        Verb.CHECK_IN,
    }
    assert all(can.reasons[verb] for verb in staff)
    assert [finding.level for finding in old.connector.check(expected(old)) if finding.subject == "API version"]
    with pytest.raises(Rejected):
        old.connector.receive_transit(do.ReceiveTransit(own(old)), CALL)


def test_a_check_says_where_the_list_of_pickup_locations_cannot_be_read(bench: SierraBench) -> None:
    bench.clock = datetime.now(UTC)
    bench.fault("vendor_error", path="pickupLocations", code="108", status=400, message="no")
    wrong = [finding for finding in bench.connector.check(expected(bench, material="BOOK")) if not finding.ok]
    assert [finding.subject for finding in wrong] == ["Pickup locations"]
    bench.fault("garbage", path="pickupLocations")
    assert any(not finding.ok for finding in bench.connector.check(expected(bench)))


def test_adopted_items_are_seen_by_barcode(bench: SierraBench) -> None:
    seen = bench.connector.inspect(do.Inspect(do.Target(a_mark("1"), do.Origin.ADOPTED, "TEMP-OTHER-1")), CALL)
    assert seen.item_present
    assert not seen.marked
    gone = bench.connector.inspect(do.Inspect(do.Target(a_mark("1"), do.Origin.OWN, "NO-SUCH")), CALL)
    assert gone.item_present is False
    bench.stand_in.plant(Seed(items=[SeedItem(barcode="TWICE", title="One"), SeedItem(barcode="TWICE", title="Two")]))
    with pytest.raises(Rejected, match="2 items bear"):
        bench.connector.inspect(do.Inspect(do.Target(a_mark("1"), do.Origin.OWN, "TWICE")), CALL)


def test_settings_are_checked_and_name_the_institution() -> None:
    raw = {
        "base_url": "https://Sierra.example/iii/sierra-api/",
        "key": "k",
        "secret": "s",
        "timezone": "America/Chicago",
    }
    known = SierraSettings.model_validate(raw)
    assert institution(known) == "https://sierra.example/iii/sierra-api"
    for wrong in ({"base_url": "sierra"}, {"timezone": "Mars/Olympus"}):
        with pytest.raises(ValueError, match=r"must be an address|no time zone"):
            SierraSettings.model_validate({**raw, **wrong})
    assert CONNECTOR.build is build


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2025-02-06T10:00:00Z", date(2025, 2, 6)),
        ("2025-02-06T02:00:00Z", date(2025, 2, 5)),
        ("2025-02-06", date(2025, 2, 6)),
        ("0001-01-01T00:00:00Z", None),
        ("soon", None),
        ("", None),
    ],
)
def test_days(moment: str, day: date | None) -> None:
    assert day_of(moment, "America/Chicago") == day
