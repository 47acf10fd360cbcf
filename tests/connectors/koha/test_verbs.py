"""The Koha connector's verbs against the stand-in: what is Koha's own, beside the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from bridge.connectors.base import Call, Connector
from bridge.connectors.koha import CONNECTOR, KohaSettings
from bridge.connectors.sip2 import Sip2Client
from bridge.connectors.sip2.answers import Return
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability
from bridge.domain.commands import Verb
from bridge.domain.record import OutcomeKind
from bridge.errors import CredentialsRejected, OutcomeUnknown, Rejected, Retry, Unavailable
from tests.connectors.koha.bench import KohaBench
from tests.contract.bench import a_mark, creating, expected, own

CALL = Call()
DUE = date(2027, 1, 15)


def lent(bench: KohaBench, number: str = "1") -> tuple[do.Target, str]:
    outcome = bench.connector.check_out(do.CheckOut(own(bench, number), bench.account, DUE), CALL)
    assert outcome.learned.loan is not None
    assert outcome.notes == (
        "Koha's rule made it due 2026-12-08; the lender's date is 2027-01-15, which no call can set.",
    )
    return replace(own(bench, number), ids=outcome.learned.ids or do.VendorIds()), outcome.learned.loan.loan_id


def made(bench: KohaBench, number: str) -> do.Target:
    command = creating(bench, number)
    outcome = bench.connector.create_temporary_item(command, CALL)
    return replace(command.target, ids=outcome.learned.ids or do.VendorIds())


class TestMaking:
    def test_three_calls_make_it_and_it_is_hidden(self, bench: KohaBench) -> None:
        before = len(bench.paths())
        made(bench, "1")
        assert bench.paths()[before:] == ["POST /biblios", "POST /biblios/{id}/items"]
        bib = next(each for each in bench.objects()["bibs"] if each["created_by"] == "api")
        assert bib["suppressed"]

    def test_a_second_record_of_the_same_title_is_made_all_the_same(self, bench: KohaBench) -> None:
        """Koha would refuse it as a duplicate, if that were not confirmed."""
        first, second = made(bench, "1"), made(bench, "2")
        assert first.ids.bib != second.ids.bib

    def test_a_biblio_that_was_removed_meanwhile_is_made_anew(self, bench: KohaBench) -> None:
        command = creating(bench, "1")
        gone = replace(command, target=replace(command.target, ids=do.VendorIds(bib="999999")))
        outcome = bench.connector.create_temporary_item(gone, CALL)
        assert outcome.learned.ids is not None
        assert outcome.learned.ids.bib != "999999"

    @pytest.mark.parametrize(("lacking", "cause"), [("type", "item_type"), ("library", "location")])
    def test_what_koha_needs_is_asked_for_before_it_fails(self, bench: KohaBench, lacking: str, cause: str) -> None:
        command = creating(bench, "1")
        odd = (
            replace(command, item_type="")
            if lacking == "type"
            else replace(command, target=replace(command.target, place=do.Place()))
        )
        with pytest.raises(Rejected) as refused:
            bench.connector.create_temporary_item(
                replace(odd, target=replace(odd.target, ids=do.VendorIds(bib="1"))), CALL
            )
        assert refused.value.cause == cause

    def test_our_own_item_under_the_barcode_is_taken_for_what_it_is(self, bench: KohaBench) -> None:
        target = made(bench, "1")
        again = creating(bench, "1")
        half = replace(again, target=replace(again.target, ids=do.VendorIds(bib=target.ids.bib)))
        outcome = bench.connector.create_temporary_item(half, CALL)
        assert outcome.learned.ids == target.ids

    def test_without_a_list_of_biblios_a_lost_answer_leaves_one_behind(self, bench: KohaBench) -> None:
        """Koha 23.05; told in the known limits and by ``check``."""
        bench.stand_in.behave(lists_biblios=False)
        target = do.Target(a_mark("9"), do.Origin.CREATED, "ILL-9", place=bench.temporary_place)
        seen = bench.connector.inspect(do.Inspect(target), CALL)
        assert (seen.item_present, seen.ids) == (False, do.VendorIds())
        told = {each.subject: each for each in bench.connector.check(expected(bench))}
        assert "cannot list biblios" in told["Biblios"].text

    @pytest.mark.parametrize("unheard", [True, False])
    def test_without_a_list_what_a_lost_answer_left_is_found_by_its_number(
        self, bench: KohaBench, unheard: bool
    ) -> None:
        """The second try's biblio comes soon after the first one's; what bears another mark is left."""
        bench.stand_in.behave(lists_biblios=False)
        made(bench, "8")
        if unheard:
            bench.fault("drop_after", method="POST", path="/biblios$")
            with pytest.raises(OutcomeUnknown):
                bench.connector.create_temporary_item(creating(bench, "9"), CALL)
        made(bench, "10")
        outcome = bench.connector.create_temporary_item(creating(bench, "9"), Call(verify=True))
        assert outcome.kind is OutcomeKind.DONE
        marks = [creating(bench, number).target.mark for number in ("8", "9", "10")]
        assert [bench.bibs_with_mark(mark) for mark in marks] == [1, 1, 1]
        assert bench.orphans() == 0


class TestDeleting:
    def test_a_biblio_on_which_something_else_hangs_stays(self, bench: KohaBench) -> None:
        target = made(bench, "1")
        state = bench.stand_in.state
        foreign = state.barcoded(bench.foreign_barcode)
        assert foreign is not None
        foreign.bib = int(target.ids.bib)
        with pytest.raises(Rejected) as refused:
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert refused.value.cause == "bib_in_use"

    def test_a_hold_that_waits_on_the_shelf_is_not_deleted_over(self, bench: KohaBench) -> None:
        target = made(bench, "1")
        patron = bench.stand_in.state.named(bench.patron)
        assert patron is not None
        bench.connector.place_hold(do.PlaceHold(target, str(patron.id), "CPL"), CALL)
        bench.check_in(target.barcode)
        with pytest.raises(Rejected) as refused:
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert refused.value.cause == "item_in_use"

    def test_of_what_was_half_made_the_biblio_goes(self, bench: KohaBench) -> None:
        target = made(bench, "1")
        bench.stand_in.state.items.clear()
        half = replace(target, ids=do.VendorIds(bib=target.ids.bib))
        for listed in (False, True):
            bench.stand_in.behave(lists_biblios=listed)
            outcome = bench.connector.delete_temporary_item(do.DeleteTemporaryItem(half), CALL)
            assert outcome.kind is (OutcomeKind.ALREADY if listed else OutcomeKind.DONE)

    def test_another_biblio_under_a_recorded_number_is_left(self, bench: KohaBench) -> None:
        state = bench.stand_in.state
        foreign = next(iter(state.bibs))
        target = do.Target(a_mark("1"), do.Origin.CREATED, "ILL-1", do.VendorIds(bib=str(foreign)))
        bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert foreign in state.bibs


class TestLoans:
    def test_a_whole_lent_loan(self, bench: KohaBench) -> None:
        target, loan_id = lent(bench)
        renewed = bench.connector.set_due_date(do.SetDueDate(target, DUE, loan_id, bench.account), CALL)
        assert renewed.kind is OutcomeKind.DONE
        again = bench.connector.set_due_date(do.SetDueDate(target, DUE, loan_id, bench.account), Call(verify=True))
        assert again.kind is OutcomeKind.ALREADY
        assert bench.paths().count("POST /checkouts/{id}/renewals") == 1
        done = bench.connector.check_in(do.CheckIn(target, (loan_id,), bench.account), CALL)
        assert (done.kind, done.learned.nothing_waits) == (OutcomeKind.DONE, True)
        ended = bench.connector.set_due_date(do.SetDueDate(target, DUE, loan_id, bench.account), CALL)
        assert "has ended" in ended.notes[0]

    def test_a_renewal_that_is_refused_is_told_and_no_failure(self, bench: KohaBench) -> None:
        target, loan_id = lent(bench)
        bench.stand_in.behave(renewals=0)
        outcome = bench.connector.set_due_date(do.SetDueDate(target, DUE, loan_id, bench.account), CALL)
        assert outcome.kind is OutcomeKind.ALREADY
        assert "did not renew" in outcome.notes[0]

    def test_a_date_that_came_forward_renews_nothing(self, bench: KohaBench) -> None:
        """A renewal would only make the loan longer that the lender wants back sooner."""
        target, loan_id = lent(bench)
        earlier = do.SetDueDate(target, date(2026, 12, 1), loan_id, bench.account, may_shorten=True, before=DUE)
        told = bench.connector.set_due_date(earlier, CALL)
        assert (told.kind, told.learned.due) == (OutcomeKind.ALREADY, date(2026, 12, 1))
        assert "lender's date is 2026-12-01" in told.notes[0]
        assert "POST /checkouts/{id}/renewals" not in bench.paths()

    @pytest.mark.parametrize("said", ["", "Item not checked out", "Invalid Item"])
    def test_a_check_in_that_ended_nothing_is_never_taken_for_done(self, bench: KohaBench, said: str) -> None:
        """Whatever SIP2 says, and if it says nothing: the item is still on loan."""
        target, loan_id = lent(bench)
        bench.fault("vendor_error", method="SIP2", path="/09$", message=said)
        with pytest.raises(Rejected, match="does not check the item in") as refused:
            bench.connector.check_in(do.CheckIn(target, (loan_id,), bench.account), CALL)
        assert refused.value.cause == "still_on_loan"
        assert bench.loan_of(bench.own_barcode)

    @pytest.mark.parametrize("gone", [True, False])
    def test_an_item_that_came_back_meanwhile_is_checked_in(
        self, bench: KohaBench, monkeypatch: pytest.MonkeyPatch, gone: bool
    ) -> None:
        """Between the look and the check-in the desk scans the item, or deletes it."""
        target, loan_id = lent(bench)
        check_in = Sip2Client.check_in

        def beaten(sip: Sip2Client, barcode: str) -> Return:
            bench.check_in(barcode)
            if gone:
                bench.delete_by_hand(barcode)
            return check_in(sip, barcode)

        monkeypatch.setattr(Sip2Client, "check_in", beaten)
        home = bench.connector.check_in(do.CheckIn(target, (loan_id,), bench.account), CALL)
        assert (home.kind, home.learned.checked_in) == (OutcomeKind.ALREADY, True)

    @pytest.mark.parametrize("what", ["check in", "look", "check out again", "date", "lost"])
    def test_a_loan_that_koha_does_not_show_is_not_ended(self, bench: KohaBench, what: str) -> None:
        target, loan_id = lent(bench)
        bench.fault("garbage", method="GET", path="/checkouts$", body="[]")
        asked: dict[str, Callable[[Connector], object]] = {
            "check in": lambda koha: koha.check_in(do.CheckIn(target, (loan_id,), bench.account), CALL),
            "look": lambda koha: koha.inspect(do.Inspect(target, account=bench.account, loan_ids=(loan_id,)), CALL),
            "check out again": lambda koha: koha.check_out(do.CheckOut(target, bench.account, DUE), Call(verify=True)),
            "date": lambda koha: koha.set_due_date(do.SetDueDate(target, DUE), CALL),
            "lost": lambda koha: koha.mark_lost(do.MarkLost(target, loan_id), CALL),
        }
        with pytest.raises(Retry, match="shows no loan") as later:
            asked[what](bench.connector)
        assert later.value.cause == "on_loan"
        assert bench.loan_of(bench.own_barcode)

    def test_a_loan_of_the_account_that_stood_already_is_told(self, bench: KohaBench) -> None:
        bench.lend(bench.own_barcode, bench.account)
        outcome = bench.connector.check_out(do.CheckOut(own(bench, "1"), bench.account, None), CALL)
        assert "had the item already" in outcome.notes[0]

    @pytest.mark.parametrize(
        ("account", "barcode", "cause"),
        [
            ("NOBODY", "39000000000001", "unknown_account"),
            ("21000000001005", "39000000000001", "account_blocked"),
            ("ILL-XYZ", "NOWHERE", "unknown_item"),
            ("ILL-XYZ", "39000000000002", "on_loan"),
        ],
    )
    def test_why_a_check_out_is_refused(self, bench: KohaBench, account: str, barcode: str, cause: str) -> None:
        bench.lend("39000000000002", bench.other_patron)
        target = replace(own(bench, "1"), barcode=barcode)
        with pytest.raises(Rejected) as refused:
            bench.connector.check_out(do.CheckOut(target, account, DUE), CALL)
        assert refused.value.cause == cause
        assert refused.value.advice

    def test_a_loan_that_cannot_be_read_stands_all_the_same(self, bench: KohaBench) -> None:
        bench.fault("drop_before", method="GET", path="/items", times=9)
        outcome = bench.connector.check_out(do.CheckOut(own(bench, "1"), bench.account, None), CALL)
        assert outcome.learned.loan is not None
        assert outcome.learned.loan.due == date(2026, 12, 8)
        assert "could not be read" in outcome.notes[0]

    def test_a_hold_found_at_check_in_is_told_without_a_name(self, bench: KohaBench) -> None:
        target, loan_id = lent(bench)
        holder = bench.stand_in.state.named(bench.patron)
        assert holder is not None
        item = bench.stand_in.state.barcoded(bench.own_barcode)
        assert item is not None
        bench.stand_in.sip.desk.hold(holder.cardnumber, bench.own_barcode, "CPL", add=True)
        outcome = bench.connector.check_in(do.CheckIn(target, (loan_id,), bench.account), CALL)
        assert outcome.notes == ("Koha found a hold for the item when it was checked in.",)
        assert outcome.learned.nothing_waits is None

    def test_a_mended_password_or_a_missing_permission_are_told_apart_from_an_outage(self, bench: KohaBench) -> None:
        bench.fault("unauthorized", method="SIP2", path="/93$", times=9)
        bench.reconnected_without_log_in()
        with pytest.raises(CredentialsRejected, match="SIP2"):
            bench.connector.check_out(do.CheckOut(own(bench, "1"), bench.account, DUE), CALL)

    @pytest.mark.parametrize("lent_on", [True, False])
    def test_an_own_item_that_came_back_or_was_lent_on_is_not_declared_lost(
        self, bench: KohaBench, lent_on: bool
    ) -> None:
        target, loan_id = lent(bench)
        bench.check_in(bench.own_barcode)
        if lent_on:
            bench.lend(bench.own_barcode, bench.other_patron)
        told = bench.connector.mark_lost(do.MarkLost(target, loan_id), CALL)
        assert told.notes == ("The loan has ended, so the item is not declared lost.",)
        item = bench.stand_in.state.barcoded(bench.own_barcode)
        assert item is not None
        assert not item.fields["lost_status"]
        bench.check_in(bench.own_barcode)
        again, loan_id = lent(bench)
        assert bench.connector.mark_lost(do.MarkLost(again, loan_id), CALL).kind is OutcomeKind.DONE


class TestFees:
    def test_a_type_that_koha_does_not_know_is_refused(self, bench: KohaBench) -> None:
        patron = bench.stand_in.state.named(bench.patron)
        assert patron is not None
        fee = do.ChargeFee(own(bench, "1"), str(patron.id), "fee", do.Money(Decimal(2)), "NOSUCH")
        with pytest.raises(Rejected, match="type"):
            bench.connector.charge_fee(fee, CALL)
        seen = bench.connector.inspect(do.Inspect(own(bench, "1"), patron_id=str(patron.id), fee_keys=("fee",)), CALL)
        assert seen.fees == ()

    def test_a_fee_is_found_among_many(self, bench: KohaBench) -> None:
        patron = bench.stand_in.state.named(bench.patron)
        assert patron is not None
        for number in range(30):
            fee = do.ChargeFee(
                do.Target(a_mark(str(number)), do.Origin.CREATED), str(patron.id), "fee", do.Money(Decimal(2))
            )
            bench.connector.charge_fee(fee, CALL)
        assert bench.connector.charge_fee(fee, Call(verify=True)).kind is OutcomeKind.ALREADY


class TestWithoutSip:
    @pytest.fixture
    def alone(self) -> Iterator[KohaBench]:
        made = KohaBench(sip=False, auth="oauth2", lost_status=0, due_dates="staff", library="CPL")
        made.start()
        yield made
        made.stop()

    def test_what_rest_cannot_do_is_for_staff(self, alone: KohaBench) -> None:
        can = alone.connector.capabilities
        for verb in (Verb.CHECK_OUT, Verb.CHECK_IN, Verb.MARK_LOST, Verb.MARK_FOUND, Verb.SET_DUE_DATE):
            assert can.of(verb) is Ability.STAFF
            assert can.reasons[verb]
        assert "tasks for staff" in alone.connector.probe()[-1].text
        with pytest.raises(Rejected, match="SIP2 account"):
            alone.connector.check_out(do.CheckOut(own(alone, "1"), alone.account), CALL)

    def test_a_token_is_kept_and_renewed_when_it_is_refused(self, alone: KohaBench) -> None:
        made(alone, "1")
        tokens = [call for call in alone.stand_in.calls() if call.path.endswith("/token")]
        assert len(tokens) == 1
        alone.stand_in.state.tokens.clear()
        alone.stand_in.state.tokens["other"] = alone.clock
        alone.stand_in.state.behaviour = alone.stand_in.state.behaviour.model_copy(update={"token_seconds": 10})
        made(alone, "2")

    def test_a_wrong_secret_is_told(self, alone: KohaBench) -> None:
        alone.stand_in.state.users.clear()
        alone.reconnected_without_log_in()
        with pytest.raises(CredentialsRejected, match="API key"):
            alone.connector.probe()


def test_an_address_that_is_no_kohas_is_an_outage(bench: KohaBench) -> None:
    bench.settings = bench.settings.model_copy(update={"base_url": f"{bench.settings.base_url}/elsewhere"})
    bench.reconnected_without_log_in()
    with pytest.raises(Unavailable, match="no such call"):
        bench.connector.find_patron(do.FindPatron("x"), CALL)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"base_url": "koha"}, "https://"),
        ({"timezone": "Mars"}, "time zone"),
        ({"sip2": {"host": "h", "timezone": "UTC", "due_date": "no_block"}}, "no block"),
        ({"sip2": {"host": "h", "timezone": "UTC", "charset": "klingon"}}, "character set"),
        ({"sip2": {"host": "h", "timezone": "Mars"}}, "time zone"),
    ],
)
def test_settings_that_cannot_be(change: dict[str, object], told: str) -> None:
    known = {"base_url": "https://k.example/api/v1/", "user": "u", "secret": "s", "timezone": "UTC"}
    assert KohaSettings.model_validate(known).base_url == "https://k.example"
    with pytest.raises(ValidationError, match=told):
        KohaSettings.model_validate({**known, **change})


def test_two_names_of_one_koha_are_one_institution() -> None:
    known = {"user": "u", "secret": "s", "timezone": "UTC"}
    settings = [KohaSettings.model_validate({**known, "base_url": url}) for url in ("https://K.org/", "https://k.org")]
    assert CONNECTOR.institution is not None
    assert len({CONNECTOR.institution(each) for each in settings}) == 1
