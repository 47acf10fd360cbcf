"""What each verb does in Symphony, beyond what every connector must."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import cast

import pytest
from flask import Flask
from pydantic import ValidationError

from bridge.connectors.base import Call, Connector, SendsTransits, Surroundings
from bridge.connectors.symphony import CONNECTOR, SymphonySettings
from bridge.connectors.symphony import models as symphony
from bridge.connectors.symphony.calls import MOST_PROMPTS
from bridge.connectors.symphony.client import SymphonyClient
from bridge.connectors.symphony.connector import build, institution
from bridge.connectors.symphony.dates import end_of_day
from bridge.connectors.symphony.wire import Resource
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability
from bridge.domain.commands import Verb
from bridge.domain.identity import Role
from bridge.domain.record import Existence, HoldState, Learned, LoanRecord, OutcomeKind
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.sandbox.server import Server
from bridge.sandbox.symphony.model import Item
from bridge.sandbox.symphony.seed import Seed, SeedItem, SeedPatron
from tests.connectors.symphony.bench import LOST, SymphonyBench
from tests.contract.bench import a_mark, creating

CALL = Call()
DUE = date(2027, 1, 15)
LATER = date(2027, 2, 15)
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


def temporary(bench: SymphonyBench, number: str = "1") -> do.Target:
    command = creating(bench, number)
    learned = bench.connector.create_temporary_item(command, CALL).learned
    assert learned.ids is not None
    item = item_of(bench, command.target.barcode)
    item.busy = 0
    return replace(command.target, ids=learned.ids)


def item_of(bench: SymphonyBench, barcode: str) -> Item:
    return bench.stand_in.state.items_with_barcode(barcode)[0]


def patron_of(bench: SymphonyBench, name: str = "") -> str:
    found = bench.connector.find_patron(do.FindPatron(name or bench.patron), CALL).learned.patron
    assert found is not None
    return found.patron_id


def own(bench: SymphonyBench, barcode: str = "", *, ids: do.VendorIds | None = None) -> do.Target:
    return do.Target(a_mark("1", Role.LENDER), do.Origin.OWN, barcode or bench.own_barcode, ids or do.VendorIds())


def lent(bench: SymphonyBench, account: str = "ILL-XYZ", barcode: str = "") -> LoanRecord:
    command = do.CheckOut(own(bench, barcode), account, DUE)
    loan = bench.connector.check_out(command, CALL).learned.loan
    assert loan is not None
    return loan


def log_ins(bench: SymphonyBench) -> int:
    return sum(call.path.endswith("/staff/login") for call in bench.stand_in.calls())


@contextmanager
def answering_log_ins(status: int, body: dict[str, object]) -> Iterator[tuple[SymphonyBench, list[str]]]:
    """A server that answers every log-in so, and the log-ins it was asked for."""
    app, tried = Flask("log-in"), list[str]()

    def log_in() -> tuple[dict[str, object], int]:
        tried.append("log in")
        return body, status

    app.add_url_rule("/symws/user/staff/login", "login", log_in, methods=["POST"])
    with Server(app) as server:
        bench = SymphonyBench(base_url=f"{server.url}/symws", busy_tries=1, first_wait=0)
        bench.serve()
        try:
            yield bench, tried
        finally:
            bench.stop()


class TestLoggingIn:
    def test_one_session_serves_many_calls_and_threads(self, bench: SymphonyBench) -> None:
        bench.stand_in.forget_sessions()
        bench.stand_in.forget_calls()
        threads = [threading.Thread(target=patron_of, args=(bench,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert log_ins(bench) == 1

    def test_a_session_that_timed_out_is_renewed_once(self, bench: SymphonyBench) -> None:
        patron_of(bench)
        bench.stand_in.forget_sessions()
        bench.stand_in.forget_calls()
        assert patron_of(bench)
        assert [call.status for call in bench.stand_in.calls()] == [401, 200, 200]

    def test_sessions_that_end_at_once_are_no_endless_loop(self, bench: SymphonyBench) -> None:
        bench.stand_in.forget_calls()
        bench.unauthorized(times=9)
        with pytest.raises(CredentialsRejected, match="ends each session at once"):
            patron_of(bench)
        assert log_ins(bench) == 1

    def test_a_wrong_password_is_tried_once_an_hour_and_then_more_seldom(self, bench: SymphonyBench) -> None:
        bench.settings = SymphonySettings.model_validate({**bench.settings.model_dump(), "password": "wrong"})
        bench.connector = bench.connect()
        bench.stand_in.forget_calls()
        for after, tried in ((0, 1), (1, 1), (59, 1), (61, 2), (150, 2), (200, 3)):
            bench.clock = datetime(2026, 11, 24, 9, 0, tzinfo=UTC) + timedelta(minutes=after)
            with pytest.raises(CredentialsRejected, match="does not let the bridge do this"):
                bench.connector.probe()
            assert log_ins(bench) == tried, after

    def test_a_log_in_that_is_let_in_again_forgets_the_pause(self, bench: SymphonyBench) -> None:
        bench.stand_in.forget_sessions()
        bench.fault("vendor_error", method="POST", path="staff/login", code="unableToLogin", status=401)
        with pytest.raises(CredentialsRejected):
            patron_of(bench)
        bench.clock += timedelta(hours=2)
        assert patron_of(bench)
        bench.stand_in.forget_sessions()
        assert patron_of(bench)

    @pytest.mark.parametrize("code", ["sessionTimedOut", "clientIDNotKnown"])
    def test_a_log_in_that_is_refused_is_told_whatever_it_is_called(self, bench: SymphonyBench, code: str) -> None:
        bench.stand_in.forget_sessions()
        bench.fault("vendor_error", method="POST", path="staff/login", code=code, status=401)
        with pytest.raises(CredentialsRejected):
            patron_of(bench)

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, {"messageList": [{"code": "unableToLogin", "message": "No"}]}),
            (200, {"errorMessage": "The password must be changed."}),
            (400, {"messageList": [{"code": "unableToParse", "message": "No"}]}),
            (404, {"messageList": [{"code": "recordNotFound", "message": "No"}]}),
            (500, {"messageList": [{"code": "unableToLogin", "message": "No"}]}),
            (500, {"messageList": [{"code": "hatErrorResponse.722", "message": "No"}]}),
            (500, {"messageList": [{"code": "x", "message": "No"}], "dataMap": {"promptType": "CKOBLOCKS"}}),
        ],
    )
    def test_a_refused_log_in_is_not_tried_by_the_next_request_whatever_its_status(
        self, status: int, body: dict[str, object]
    ) -> None:
        with answering_log_ins(status, body) as (bench, tried):
            for _ in range(3):
                with pytest.raises(CredentialsRejected) as refused:
                    patron_of(bench)
                assert refused.value.advice
            assert len(tried) == 1

    @pytest.mark.parametrize(
        ("status", "body", "kind"),
        [
            (500, {"messageList": [{"code": "unhandledException", "message": "Oops"}]}, Retry),
            (503, {"messageList": [{"code": "down", "message": "Later"}]}, Unavailable),
            (500, {"messageList": [{"code": "hatErrorResponse.116", "message": "In use"}]}, Retry),
        ],
    )
    def test_a_log_in_that_fails_for_a_while_is_tried_again(
        self, status: int, body: dict[str, object], kind: type[IlsError]
    ) -> None:
        with answering_log_ins(status, body) as (bench, tried):
            for _ in range(2):
                with pytest.raises(kind):
                    patron_of(bench)
            assert len(tried) > 1

    def test_every_call_says_who_it_is(self, bench: SymphonyBench) -> None:
        """The stand-in refuses what lacks client id, application, agent, role or working library."""
        patron_of(bench)
        temporary(bench)
        assert all(call.status < 400 or call.code.endswith("116") for call in bench.stand_in.calls())


class TestForms:
    @pytest.mark.parametrize("form", ["v1", "v2"])
    def test_a_whole_loan_in_one_form(self, make: Make, form: str) -> None:
        bench = make(form=form, bib_form=form, trap_holds=True)
        bench.stand_in.behave(forms=form)
        target = temporary(bench)
        who = patron_of(bench)
        placed = bench.connector.place_hold(do.PlaceHold(target, who, "MAIN"), CALL)
        assert "so that the hold is filled" in placed.notes[0]
        assert item_of(bench, target.barcode).current == "HOLDS"
        bench.lend(target.barcode, bench.patron)
        bench.connector.set_due_date(do.SetDueDate(target, LATER), CALL)
        bench.connector.note_item(do.NoteItem(target, "Handle with care"), CALL)
        bench.connector.check_in(do.CheckIn(target), CALL)
        assert bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL).kind is OutcomeKind.DONE
        lent(bench)
        assert bench.stand_in.report()["leftovers"][0]["kind"] == "loan"


class TestPatrons:
    def test_look_ups_are_tried_in_turn(self, make: Make) -> None:
        bench = make(patron_lookups=["barcode", "alternateID", "search:EMAIL"])
        names = ("21000000001001", "P1001", "p1001@example.org")
        assert len({patron_of(bench, name) for name in names}) == 1

    def test_two_patrons_under_one_identifier_are_told(self, make: Make) -> None:
        bench = make(patron_lookups=["search:ALT_ID"])
        with pytest.raises(Rejected, match="Several patrons") as refused:
            patron_of(bench, "P1090")
        assert refused.value.cause == "ambiguous_patron"

    def test_what_is_against_a_patron_is_named(self, make: Make) -> None:
        bench = make(refused_standings=["DELINQUENT"])
        with pytest.raises(Rejected, match="standing DELINQUENT"):
            patron_of(bench, "P1007")
        with pytest.raises(Rejected, match="expired on 2020-01-01"):
            patron_of(bench, "P1006")
        assert patron_of(bench, "P1005"), "a standing that is not named does not forbid"

    def test_an_account_that_cannot_be_asked_about_is_told(self, bench: SymphonyBench) -> None:
        bench.fault("vendor_error", method="GET", path="patron/barcode", code="oddError", status=400)
        (standing,) = bench.connector.accounts(("ILL-XYZ",))
        assert "oddError" in standing.problem

    def test_where_an_account_puts_what_is_charged_to_it_is_told(self, bench: SymphonyBench) -> None:
        xyz, abc = bench.connector.accounts(("ILL-XYZ", "ILL-ABC"))
        assert (xyz.place, abc.place, xyz.group) == ("ILL-LENT", "CHECKEDOUT", "ILL")


class TestMaking:
    def test_all_three_are_made_in_one_call(self, bench: SymphonyBench) -> None:
        bench.stand_in.forget_calls()
        target = temporary(bench)
        assert bench.paths() == ["/catalog/bib"]
        assert target.ids == do.VendorIds(target.ids.bib, f"{target.ids.bib}:1", f"{target.ids.bib}:1:1")

    @pytest.mark.parametrize(("by", "hidden"), [("location", False), ("record", True)])
    def test_it_is_hidden_by_its_location_or_its_record(self, make: Make, by: str, hidden: bool) -> None:
        bench = make(suppress_by=by)
        target = temporary(bench)
        assert bench.stand_in.state.bibs[target.ids.bib].shadowed is hidden

    def test_notes_go_where_they_belong(self, bench: SymphonyBench) -> None:
        command = replace(creating(bench, "1"), staff_note="For the desk", public_note="For all")
        bench.connector.create_temporary_item(command, CALL)
        notes = {(one.code, one.data) for one in item_of(bench, command.target.barcode).custom}
        assert notes == {("CIRCNOTE", "For the desk"), ("PUBLIC", "For all")}

    def test_without_a_barcode_symphony_makes_one_up(self, bench: SymphonyBench) -> None:
        command = creating(bench, "1")
        command = replace(command, target=replace(command.target, barcode=""), description=do.Description())
        made = bench.connector.create_temporary_item(command, CALL).learned
        assert made.barcode
        bench.drop_after_next_write()
        second = replace(command, target=replace(command.target, mark=a_mark("2")))
        with pytest.raises(OutcomeUnknown):
            bench.connector.create_temporary_item(second, CALL)
        found = bench.connector.create_temporary_item(second, Call(verify=True))
        assert found.kind is OutcomeKind.ALREADY
        assert bench.waits, "the index was waited for"
        never = replace(command, target=replace(command.target, mark=a_mark("3")))
        assert bench.connector.create_temporary_item(never, Call(verify=True)).kind is OutcomeKind.DONE

    def test_where_the_answer_does_not_tell_what_was_made_it_is_read(
        self, bench: SymphonyBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bridge.connectors.symphony.client.MADE", "title")
        bench.stand_in.forget_calls()
        assert temporary(bench).ids.item
        assert bench.paths() == ["/catalog/bib", "/catalog/{kind}/key/{key}"]

    @pytest.mark.parametrize("how", ["no items", "no bib"])
    def test_a_bib_that_tells_no_item_is_an_unclear_end(
        self, bench: SymphonyBench, monkeypatch: pytest.MonkeyPatch, how: str
    ) -> None:
        command, kept = creating(bench, "1"), list[Learned]()
        with monkeypatch.context() as silent:
            silent.setattr("bridge.connectors.symphony.client.MADE", "title")
            if how == "no items":
                silent.setattr("bridge.connectors.symphony.client.WHOLE_BIB", "title,bib,callList")
            else:
                bench.fault("vendor_error", method="GET", path="catalog/bib/key", code="recordNotFound", status=404)
            with pytest.raises(OutcomeUnknown, match="names no item"):
                bench.connector.create_temporary_item(command, Call(keep=kept.append))
        ids = kept[0].ids
        assert ids is not None
        again = replace(command, target=replace(command.target, ids=ids))
        assert bench.connector.create_temporary_item(again, Call(verify=True)).kind is OutcomeKind.ALREADY
        assert bench.items_with_barcode(command.target.barcode) == 1

    def test_the_call_number_is_the_one_that_has_the_item(
        self, bench: SymphonyBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A loading rule of the site may add a call number of its own."""
        bare = symphony.Call(key="1:9")
        made = SymphonyClient.create_bib

        def with_another(self: SymphonyClient, body: Resource, station: str) -> symphony.Bib:
            bib = made(self, body, station)
            return bib.model_copy(update={"calls": (bare, *bib.calls)})

        monkeypatch.setattr(SymphonyClient, "create_bib", with_another)
        assert temporary(bench).ids.holding.endswith(":1")

    def test_a_code_that_is_not_known_is_told(self, bench: SymphonyBench) -> None:
        command = creating(bench, "1")
        with pytest.raises(Rejected, match="knows one of the codes") as refused:
            bench.connector.create_temporary_item(replace(command, item_type="NONE"), CALL)
        assert refused.value.cause == "location"
        assert bench.orphans() == 0

    def test_a_refusal_for_any_other_reason_is_told_as_it_is(self, bench: SymphonyBench) -> None:
        bench.fault("vendor_error", method="POST", path="catalog/bib$", code="hatErrorResponse.1", status=500)
        with pytest.raises(Rejected) as refused:
            bench.connector.create_temporary_item(creating(bench, "1"), CALL)
        assert refused.value.cause == "refused"

    def test_what_a_refused_call_left_behind_is_taken_away(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        state = bench.stand_in.state
        del state.items[target.ids.item]
        command = creating(bench, "1")
        again = replace(command, target=replace(command.target, ids=do.VendorIds(target.ids.bib)))
        made = bench.connector.create_temporary_item(again, CALL)
        assert made.kind is OutcomeKind.DONE
        assert made.learned.ids is not None
        assert made.learned.ids.bib != target.ids.bib
        assert bench.bibs_with_mark(target.mark) == 1

    def test_a_new_barcode_must_be_free(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        with pytest.raises(Rejected) as refused:
            bench.connector.relabel_item(do.RelabelItem(target, bench.foreign_barcode), CALL)
        assert refused.value.cause == "barcode_taken"
        assert bench.connector.relabel_item(do.RelabelItem(target, target.barcode), CALL).kind is OutcomeKind.ALREADY
        bench.fault("vendor_error", method="PUT", code="hatErrorResponse.1", status=500)
        with pytest.raises(Rejected) as refused:
            bench.connector.relabel_item(do.RelabelItem(target, "NEW-1"), CALL)
        assert refused.value.cause == "refused"

    def test_a_record_in_use_is_waited_for_within_the_call(self, make: Make) -> None:
        bench = make(busy_tries=3)
        target = temporary(bench)
        item_of(bench, target.barcode).busy = 2
        assert bench.connector.relabel_item(do.RelabelItem(target, "NEW-1"), CALL).kind is OutcomeKind.DONE
        assert bench.waits == [0.5, 1.0]
        assert [exchange.transient for exchange in bench.heard.exchanges[-3:]] == [False, True, True]
        item_of(bench, "NEW-1").busy = 9
        with pytest.raises(Retry) as later:
            bench.connector.relabel_item(do.RelabelItem(target, "NEW-2"), CALL)
        assert later.value.cause == "record_in_use"


class TestHolds:
    def test_the_comment_holds_our_mark_shortened_to_fifty_signs(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        bench.connector.place_hold(do.PlaceHold(target, patron_of(bench), "MAIN", "A long note " * 9), CALL)
        (hold,) = bench.stand_in.state.holds.values()
        assert hold.comment.startswith(f"{target.mark.code} A long note")
        assert len(hold.comment) <= 50
        assert (hold.kind, hold.range, hold.recall) == ("COPY", "SYSTEM", "NO")
        assert hold.fill_by == date(2027, 2, 22)

    def test_without_days_a_hold_does_not_end(self, make: Make) -> None:
        bench = make(hold_days=0, hold_role="PATRON")
        target = temporary(bench)
        bench.connector.place_hold(do.PlaceHold(target, patron_of(bench), "MAIN"), CALL)
        (hold,) = bench.stand_in.state.holds.values()
        assert hold.fill_by is None

    def test_a_hold_that_is_there_is_found(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        who = patron_of(bench)
        bench.desk("place_hold", barcode=target.barcode, patron=bench.patron, pickup="BRANCH")
        again = bench.connector.place_hold(do.PlaceHold(replace(target, ids=do.VendorIds()), who, "MAIN"), CALL)
        assert again.kind is OutcomeKind.ALREADY
        assert again.learned.hold is not None
        assert again.learned.hold.pickup_location == "BRANCH"

    def test_a_hold_that_is_said_to_be_there_and_is_not_seen(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        bench.fault("vendor_error", method="POST", path="placeHold", code="hatErrorResponse.722", status=500)
        with pytest.raises(Rejected) as refused:
            bench.connector.place_hold(do.PlaceHold(target, patron_of(bench), "MAIN"), CALL)
        assert refused.value.cause == "hold_elsewhere"

    def test_a_location_without_holds_needs_the_override(self, make: Make) -> None:
        for settings, said in (({}, "'overrides'"), ({"overrides": ["HOLD_NO_HOLDS_OVRCD"]}, "override_code")):
            bench = make(**settings)
            target = self.at_nohold(bench)
            with pytest.raises(Rejected) as refused:
                bench.connector.place_hold(do.PlaceHold(target, patron_of(bench), "MAIN"), CALL)
            assert refused.value.cause == "not_requestable"
            assert said in refused.value.advice

    def test_an_override_that_is_allowed_is_given(self, make: Make) -> None:
        bench = make(overrides=["HOLD_NO_HOLDS_OVRCD", "GROUP_PROMPT"], override_code="OVERRIDE")
        patron = bench.stand_in.state.find_patron(bench.patron)
        assert patron is not None
        patron.group = "FAMILY"
        bench.connector.place_hold(do.PlaceHold(self.at_nohold(bench), patron_of(bench), "MAIN"), CALL)
        (hold,) = bench.stand_in.state.holds.values()
        assert hold.overridden

    def test_an_override_that_is_not_taken_is_given_once(self, make: Make) -> None:
        bench = make(overrides=["HOLD_NO_HOLDS_OVRCD"], override_code="WRONG")
        target = self.at_nohold(bench)
        who = patron_of(bench)
        bench.stand_in.forget_calls()
        with pytest.raises(Rejected, match="allow no hold") as refused:
            bench.connector.place_hold(do.PlaceHold(target, who, "MAIN"), CALL)
        assert bench.paths("POST").count("/circulation/holdRecord/placeHold") == 2
        assert "override_code" in refused.value.advice

    def test_a_run_of_prompts_is_not_followed_for_ever(self, make: Make) -> None:
        prompts = [f"SITE_RULE_{number}" for number in range(MOST_PROMPTS + 2)]
        bench = make(overrides=prompts)
        hold = do.PlaceHold(temporary(bench), patron_of(bench), "MAIN")
        for prompt in prompts:
            asked = {"promptType": prompt, "promptRequiresData": False}
            message = {"code": "hatErrorResponse.9099", "message": "A rule of this site."}
            body = json.dumps({"messageList": [message], "promptRequired": True, "dataMap": asked})
            json_type = "application/json"
            bench.fault("status", method="POST", path="placeHold", status=500, body=body, content_type=json_type)
        bench.stand_in.forget_calls()
        with pytest.raises(Rejected, match=f"one override after the other.*prompt SITE_RULE_{MOST_PROMPTS}"):
            bench.connector.place_hold(hold, CALL)
        assert bench.paths("POST") == ["/circulation/holdRecord/placeHold"] * (MOST_PROMPTS + 1)
        assert not bench.stand_in.state.holds

    @staticmethod
    def at_nohold(bench: SymphonyBench) -> do.Target:
        target = temporary(bench)
        bench.desk("move", barcode=target.barcode, location="ILL-NOHOLD")
        return target

    def test_who_has_the_item_gets_no_hold(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        bench.lend(target.barcode, bench.patron)
        outcome = bench.connector.place_hold(do.PlaceHold(target, patron_of(bench), "MAIN"), CALL)
        assert outcome.learned.hold is not None
        assert outcome.learned.hold.state is HoldState.SATISFIED

    def test_a_hold_for_nobody_on_nothing_at_no_place(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        with pytest.raises(Rejected, match="account is unknown"):
            bench.connector.place_hold(do.PlaceHold(own(bench), "ILL-NOBODY", "MAIN"), CALL)
        with pytest.raises(Rejected, match="no item with barcode"):
            bench.connector.place_hold(do.PlaceHold(own(bench, "none"), bench.account, "MAIN"), CALL)
        with pytest.raises(Rejected, match="no item with barcode"):
            bench.connector.place_hold(do.PlaceHold(own(bench, "none"), bench.account, "MAIN"), Call(verify=True))
        with pytest.raises(Rejected, match="pickup library") as refused:
            bench.connector.place_hold(do.PlaceHold(target, "999", "MAIN"), CALL)
        assert refused.value.cause == "pickup_location"

    def test_a_trap_that_fails_undoes_no_hold(self, make: Make) -> None:
        bench = make(trap_holds=True)
        target = temporary(bench)
        bench.fault("vendor_error", method="POST", path="checkIn", code="hatErrorResponse.1", status=500)
        outcome = bench.connector.place_hold(do.PlaceHold(target, patron_of(bench), "MAIN"), CALL)
        assert outcome.learned.hold is not None
        assert "could not be checked in at MAIN" in outcome.notes[0]

    def test_a_hold_is_cancelled_without_its_key(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        who = patron_of(bench)
        bench.connector.place_hold(do.PlaceHold(target, who, "MAIN"), CALL)
        cancel = do.CancelHold(replace(target, ids=do.VendorIds()), who, "")
        assert bench.connector.cancel_hold(cancel, CALL).kind is OutcomeKind.DONE
        assert bench.connector.cancel_hold(cancel, CALL).kind is OutcomeKind.ALREADY
        gone = do.CancelHold(own(bench, "none"), bench.account, "")
        assert bench.connector.cancel_hold(gone, CALL).kind is OutcomeKind.ALREADY

    def test_what_became_of_a_hold_is_seen(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        who = patron_of(bench)
        hold = bench.connector.place_hold(do.PlaceHold(target, who, "MAIN"), CALL).learned.hold
        assert hold is not None
        look = do.Inspect(target, patron_id=who, hold_id=hold.hold_id)
        bench.desk("expire_hold", barcode=target.barcode)
        seen = bench.connector.inspect(look, CALL).hold
        assert seen is not None
        assert seen.state is HoldState.EXPIRED
        assert bench.connector.inspect(replace(look, patron_id=""), CALL).hold == replace(seen, patron_id=who)
        assert bench.connector.inspect(replace(look, hold_id="1"), CALL).hold is None
        assert bench.connector.inspect(do.Inspect(target), CALL).hold is None
        assert bench.connector.inspect(do.Inspect(target, patron_id="999"), CALL).hold is None


class TestLending:
    def test_the_accounts_own_location_needs_no_move(self, bench: SymphonyBench) -> None:
        loan = lent(bench)
        item = item_of(bench, bench.own_barcode)
        assert (item.home, item.current) == ("STACKS", "ILL-LENT")
        home = bench.connector.check_in(do.CheckIn(own(bench), (loan.loan_id,), "ILL-XYZ"), CALL)
        assert home.notes == ()
        assert item.current == "STACKS"
        assert not bench.stand_in.report()["foreign_touched"]

    def test_a_date_that_symphony_does_not_take_is_written_afterwards(self, bench: SymphonyBench) -> None:
        bench.stand_in.behave(honours_due_date=False)
        assert lent(bench).due == DUE
        assert bench.due_of(bench.own_barcode).startswith(DUE.isoformat())

    def test_a_date_that_cannot_be_written_undoes_no_loan(self, bench: SymphonyBench) -> None:
        bench.stand_in.behave(honours_due_date=False, due_by_put=False)
        outcome = bench.connector.check_out(do.CheckOut(own(bench), "ILL-XYZ", DUE), CALL)
        assert outcome.learned.loan is not None
        assert "could not be written" in outcome.notes[0]

    def test_without_a_date_symphony_gives_one(self, bench: SymphonyBench) -> None:
        outcome = bench.connector.check_out(do.CheckOut(own(bench), "ILL-XYZ"), CALL)
        assert outcome.learned.due == date(2026, 12, 22)

    def test_why_an_item_is_not_lent_is_told(self, bench: SymphonyBench) -> None:
        bench.lend(bench.own_barcode, bench.other_patron)
        for barcode, account, cause in (
            ("", "ILL-XYZ", "on_loan"),
            ("39000000000103", "ILL-XYZ", "not_loanable"),
            ("39000000000004", "ILL-NOBODY", "unknown_account"),
            ("none", "ILL-XYZ", "unknown_item"),
        ):
            with pytest.raises(Rejected) as refused:
                lent(bench, account, barcode)
            assert refused.value.cause == cause
        bench.desk("block_patron", patron="ILL-DEFAULT")
        with pytest.raises(Rejected, match="account: standing BLOCKED") as refused:
            lent(bench, "ILL-DEFAULT", "39000000000004")
        assert refused.value.cause == "account_blocked"

    def test_an_account_that_was_made_anew_is_looked_up_again(self, bench: SymphonyBench) -> None:
        lent(bench)
        state = bench.stand_in.state
        old = state.find_patron("ILL-XYZ")
        assert old is not None
        del state.patrons[old.key]
        state.charges.clear()
        with pytest.raises(Rejected) as refused:
            lent(bench, barcode="39000000000002")
        assert refused.value.cause == "unknown_account"
        bench.stand_in.plant(Seed(patrons=[SeedPatron(barcode="ILL-XYZ")]))
        bench.fault("vendor_error", method="POST", path="checkOut", code="recordNotFound", status=404)
        with pytest.raises(Rejected, match="no item"):
            lent(bench, barcode="39000000000002")
        assert lent(bench, barcode="39000000000002")

    def test_a_renewal_is_symphonys_own_and_costs_one_call(self, bench: SymphonyBench) -> None:
        loan = lent(bench)
        bench.stand_in.forget_calls()
        bench.connector.set_due_date(do.SetDueDate(own(bench), LATER, loan.loan_id, "ILL-XYZ"), CALL)
        assert bench.paths() == ["/circulation/circRecord/renew"]
        (charge,) = bench.stand_in.state.charges
        assert charge.renewals == 1

    def test_where_renewing_is_refused_or_switched_off_the_date_is_written(self, make: Make) -> None:
        for settings, used in (({}, 2), ({"renew_loans": False}, 0)):
            bench = make(**settings)
            loan = lent(bench)
            charge = bench.stand_in.state.charges[0]
            charge.renewals = used
            command = do.SetDueDate(own(bench), LATER, loan.loan_id, "ILL-XYZ")
            outcome = bench.connector.set_due_date(command, CALL)
            assert bench.due_of(bench.own_barcode).startswith(LATER.isoformat())
            assert charge.renewals == used
            refused = ["only the date was written" in note and "hatErrorResponse.141" in note for note in outcome.notes]
            assert refused == ([True] if used else [])
            assert bench.connector.set_due_date(command, CALL).notes == ()

    def test_a_renewal_that_may_have_been_made_is_not_made_again(self, bench: SymphonyBench) -> None:
        loan = lent(bench)
        bench.drop_after_next_write()
        command = do.SetDueDate(own(bench), LATER, loan.loan_id, "ILL-XYZ")
        with pytest.raises(OutcomeUnknown):
            bench.connector.set_due_date(command, CALL)
        assert bench.connector.set_due_date(command, Call(verify=True)).kind is OutcomeKind.ALREADY
        assert bench.stand_in.state.charges[0].renewals == 1

    def test_a_later_loan_to_the_same_account_is_not_ours(self, bench: SymphonyBench) -> None:
        loan = lent(bench)
        bench.check_in(bench.own_barcode)
        bench.lend(bench.own_barcode, "ILL-XYZ")
        bench.stand_in.state.charges[-1].out += timedelta(minutes=5)
        assert bench.stand_in.state.charges[-1].key == loan.loan_id.partition("@")[0], "keys are used again"
        home = bench.connector.check_in(do.CheckIn(own(bench), (loan.loan_id,), "ILL-XYZ"), CALL)
        assert (home.kind, bool(home.notes)) == (OutcomeKind.ALREADY, True)
        assert bench.loan_of(bench.own_barcode) == "ILL-XYZ"
        kept: list[Learned] = []
        redate = do.SetDueDate(own(bench), LATER, loan.loan_id, "ILL-XYZ")
        with pytest.raises(Rejected, match="renewed that later loan, which is due 2027-02-15 now") as refused:
            bench.connector.set_due_date(redate, Call(keep=kept.append))
        assert refused.value.cause == "another_renewed"
        assert [each.loan and each.loan.ended for each in kept] == [True], "it is not renewed once more"
        assert "has ended" in bench.connector.set_due_date(redate, Call(verify=True)).notes[0]

    def test_a_renewal_that_does_not_take_the_date_gets_it_afterwards(self, bench: SymphonyBench) -> None:
        loan = lent(bench)
        redate = do.SetDueDate(own(bench), LATER, loan.loan_id, "ILL-XYZ")
        bench.stand_in.behave(honours_due_date=False)
        assert bench.connector.set_due_date(redate, CALL).kind is OutcomeKind.DONE
        assert bench.due_of(bench.own_barcode).startswith(LATER.isoformat())
        bench.fault("vendor_error", method="PUT", path="circRecord", code="recordNotFound", status=404)
        again = bench.connector.set_due_date(replace(redate, due=date(2027, 3, 1)), CALL)
        assert (again.kind, "has ended" in again.notes[0]) == (OutcomeKind.ALREADY, True)

    def test_what_waits_for_the_item_is_told(self, bench: SymphonyBench) -> None:
        loan = lent(bench)
        bench.desk("place_hold", barcode=bench.own_barcode, patron=bench.patron, pickup="BRANCH")
        home = bench.connector.check_in(do.CheckIn(own(bench), (loan.loan_id,), "ILL-XYZ"), CALL)
        assert home.notes == ("Symphony sends the item to BRANCH.",)
        loan = lent(bench, barcode="39000000000002")
        bench.desk("place_hold", barcode="39000000000002", patron=bench.patron, pickup="MAIN")
        home = bench.connector.check_in(do.CheckIn(own(bench, "39000000000002"), (loan.loan_id,), "ILL-XYZ"), CALL)
        assert home.notes == ("The item is now at HOLDS.",)
        assert home.learned.nothing_waits is None

    def test_a_check_in_that_changes_nothing_is_told(self, bench: SymphonyBench) -> None:
        """As where a school's ILL account is discharged at another library: the item is sent there again."""
        loan = lent(bench, "DISTRICT-NORTHILL")
        with pytest.raises(Rejected) as refused:
            bench.connector.check_in(do.CheckIn(own(bench), (loan.loan_id,), "DISTRICT-NORTHILL"), CALL)
        assert refused.value.cause == "still_on_loan"

    def test_what_was_lost_and_may_have_been_paid_is_left_to_staff(self, bench: SymphonyBench) -> None:
        loan = lent(bench)
        command = do.CheckIn(own(bench), (loan.loan_id,), "ILL-XYZ", was_lost=True)
        bench.desk("lose", barcode=bench.own_barcode)
        (bill,) = bench.stand_in.state.bills
        bench.desk("pay_fee", fee=bill)
        with pytest.raises(Rejected) as refused:
            bench.connector.check_in(command, CALL)
        assert refused.value.cause == "lost_and_paid"
        bench.stand_in.state.bills[bill].owed = Decimal(25)
        assert bench.connector.check_in(command, CALL).kind is OutcomeKind.DONE

    def test_places_that_are_not_known_or_not_ours(self, bench: SymphonyBench) -> None:
        with pytest.raises(Rejected, match="no item"):
            bench.connector.move_item(do.MoveItem(own(bench, "none"), bench.lending_place), CALL)
        with pytest.raises(Rejected, match="does not know location"):
            bench.connector.move_item(do.MoveItem(own(bench), do.Place("MAIN", "NOWHERE")), CALL)
        moved = bench.connector.move_item(do.MoveItem(own(bench), bench.lending_place), CALL)
        assert bench.connector.move_item(do.MoveItem(own(bench), bench.lending_place), CALL).kind is OutcomeKind.ALREADY
        assert moved.learned.before == do.Place("MAIN", "STACKS")
        with pytest.raises(Rejected, match="belongs is not known"):
            bench.connector.restore_item(do.RestoreItem(own(bench), bench.lending_place, do.Place()), CALL)
        gone = do.RestoreItem(own(bench, "none"), bench.lending_place, do.Place("MAIN", "STACKS"))
        assert bench.connector.restore_item(gone, CALL).notes == ("The item is gone from Symphony.",)
        seen = bench.connector.inspect(do.Inspect(replace(own(bench), place=do.Place("MAIN", "STACKS"))), CALL)
        assert seen.temporary_place == bench.lending_place

    @pytest.mark.parametrize(
        "what", ["check in", "discharge", "look", "look at both", "check out again", "date", "any date", "lost", "home"]
    )
    def test_a_charge_that_symphony_does_not_show_has_not_ended(self, bench: SymphonyBench, what: str) -> None:
        loan, target = lent(bench, "ILL-ABC"), own(bench)
        look = do.Inspect(target, account="ILL-ABC", loan_ids=(loan.loan_id,))
        discharge = do.CheckIn(target, (loan.loan_id,), "ILL-ABC", charge=do.Charge.ACCOUNT)
        asked: dict[str, Callable[[Connector], object]] = {
            "check in": lambda symphony: symphony.check_in(do.CheckIn(target, (loan.loan_id,), "ILL-ABC"), CALL),
            "discharge": lambda symphony: symphony.check_in(discharge, CALL),
            "look": lambda symphony: symphony.inspect(look, CALL),
            "look at both": lambda symphony: symphony.inspect(replace(look, double=True), CALL),
            "check out again": lambda symphony: symphony.check_out(do.CheckOut(target, "ILL-ABC", DUE), CALL),
            "date": lambda symphony: symphony.set_due_date(do.SetDueDate(target, LATER, loan.loan_id), CALL),
            "any date": lambda symphony: symphony.set_due_date(do.SetDueDate(target, LATER), CALL),
            "lost": lambda symphony: symphony.mark_lost(do.MarkLost(target, loan.loan_id), CALL),
            "home": lambda symphony: cast("SendsTransits", symphony).send_transit(do.SendTransit(target), CALL),
        }
        bench.stand_in.behave(shows_charges=False)
        with pytest.raises(Retry, match="shows no loan") as later:
            asked[what](bench.connector)
        assert later.value.cause == "on_loan"
        assert bench.loan_of(bench.own_barcode)

    def test_a_check_in_after_which_only_the_location_tells_is_looked_at_again(
        self, bench: SymphonyBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loan, command = lent(bench, "ILL-ABC"), do.CheckIn(own(bench), (), "ILL-ABC")
        with monkeypatch.context() as slow:
            slow.setattr(SymphonyClient, "check_in", lambda *_: bench.stand_in.behave(shows_charges=False))
            with pytest.raises(Retry, match="shows no loan"):
                bench.connector.check_in(replace(command, loan_ids=(loan.loan_id,)), CALL)
        bench.stand_in.behave(shows_charges=True)
        assert bench.connector.check_in(command, CALL).kind is OutcomeKind.DONE

    def test_what_somebody_seems_to_have_is_not_deleted(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        bench.lend(target.barcode, bench.patron)
        bench.stand_in.behave(shows_charges=False)
        with pytest.raises(Retry, match="shows no loan"):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)

    def test_a_place_that_says_nothing_of_loans_is_no_loan(self, make: Make) -> None:
        bench = make(charged_locations=[])
        lent(bench, "ILL-ABC")
        bench.stand_in.behave(shows_charges=False)
        assert bench.connector.inspect(do.Inspect(own(bench)), CALL).loans == ()


class TestDeleting:
    def test_what_cannot_be_deleted_is_hidden_and_told(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        bench.stand_in.behave(deletes="missing")
        with pytest.raises(Rejected, match="could not be deleted, and was hidden") as refused:
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert refused.value.cause == "item_in_use"
        assert item_of(bench, target.barcode).shadowed
        assert bench.stand_in.state.bibs[target.ids.bib].shadowed

    def test_a_bib_that_cannot_be_deleted_is_hidden_and_told(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        bench.fault("vendor_error", method="DELETE", path="catalog/bib", code="hatErrorResponse.1", status=500)
        with pytest.raises(Rejected, match="Bib of item") as refused:
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert refused.value.cause == "bib_in_use"
        assert bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL).kind is OutcomeKind.DONE
        assert bench.orphans() == 0

    @pytest.mark.parametrize(("status", "code"), [(403, "operationNotAllowed"), (404, "recordNotFound"), (405, "x")])
    def test_it_is_hidden_and_told_however_the_deletion_is_refused(
        self, bench: SymphonyBench, status: int, code: str
    ) -> None:
        target = temporary(bench)
        bench.fault("vendor_error", method="DELETE", code=code, status=status)
        with pytest.raises(Rejected, match="could not be deleted, and was hidden") as refused:
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert refused.value.cause == "item_in_use"
        assert item_of(bench, target.barcode).shadowed
        bench.fault("vendor_error", method="DELETE", path="catalog/bib", code="x", status=403)
        with pytest.raises(Rejected, match="Bib of item"):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert bench.stand_in.state.bibs[target.ids.bib].shadowed

    def test_what_the_desk_deletes_between_check_in_and_deletion_is_gone(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        bench.connector.check_in(do.CheckIn(target), CALL)
        bench.delete_by_hand(target.barcode)
        gone = bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert gone.learned.existence is Existence.DELETED
        assert bench.bibs_with_mark(target.mark) == 0

    def test_that_it_could_not_be_hidden_either_is_told(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        bench.fault("vendor_error", method="DELETE|PUT", code="hatErrorResponse.1", status=500, times=9)
        with pytest.raises(Rejected, match="nor hidden from the public"):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)

    def test_a_bib_left_without_items_is_hidden_where_it_cannot_be_deleted(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        del bench.stand_in.state.items[target.ids.item]
        bench.fault("vendor_error", method="DELETE", path="catalog/bib", code="x", status=403)
        with pytest.raises(Rejected, match="stays and is hidden from the public") as refused:
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert refused.value.cause == "bib_in_use"
        assert bench.stand_in.state.bibs[target.ids.bib].shadowed

    @pytest.mark.parametrize(
        "settings", [{"deleting": "discard", "discard_account": "DISCARD-USER"}, {"deleting": "staff"}]
    )
    def test_nothing_is_deleted_where_the_bridge_may_not(self, make: Make, settings: dict[str, object]) -> None:
        bench = make(**settings)
        target = temporary(bench)
        state = bench.stand_in.state
        del state.items[target.ids.item]
        gone = bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert gone.learned.existence is Existence.DELETED
        assert f"Bib {target.ids.bib} without items stays and is hidden from the public." in gone.notes
        command = creating(bench, "1")
        again = replace(command, target=replace(command.target, ids=do.VendorIds(target.ids.bib)))
        made = bench.connector.create_temporary_item(again, CALL)
        assert made.kind is OutcomeKind.DONE
        assert made.notes == gone.notes
        assert bench.paths("DELETE") == []
        assert state.bibs[target.ids.bib].shadowed
        for bib in state.bibs.values():
            bib.unseen = 0
        nameless = replace(target, ids=do.VendorIds(), barcode="")
        assert bench.connector.inspect(do.Inspect(nameless), CALL).ids == made.learned.ids

    def test_a_barcode_in_use_says_what_stays_of_a_half_made_bib(self, make: Make) -> None:
        bench = make(deleting="staff")
        target = temporary(bench)
        del bench.stand_in.state.items[target.ids.item]
        taken = replace(
            creating(bench, "1"),
            target=replace(target, ids=do.VendorIds(target.ids.bib), barcode=bench.foreign_barcode),
        )
        with pytest.raises(Rejected, match=r"is taken.* stays and is hidden") as refused:
            bench.connector.create_temporary_item(taken, CALL)
        assert refused.value.cause == "barcode_taken"

    @pytest.mark.parametrize("how", ["delete_cascades", "last_item_takes_title"])
    def test_whatever_goes_along_with_the_item(self, bench: SymphonyBench, how: str) -> None:
        bench.stand_in.behave(**{how: True})
        target = temporary(bench)
        assert bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL).kind is OutcomeKind.DONE
        assert bench.bibs_with_mark(target.mark) == 0

    def test_discarded_items_count_as_gone(self, make: Make) -> None:
        bench = make(deleting="discard", discard_account="DISCARD-USER")
        target = temporary(bench)
        gone = bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert gone.learned.existence is Existence.DELETED
        assert "report of discarded items" in gone.notes[0]
        assert item_of(bench, target.barcode).current == "DISCARD"
        assert bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL).kind is OutcomeKind.ALREADY
        assert bench.connector.inspect(do.Inspect(target), CALL).item_present is False

    def test_a_title_that_bears_more_than_ours_stays(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        state = bench.stand_in.state
        ours = state.items[target.ids.item]
        other = replace(ours, key=f"{target.ids.holding}:2", barcode="OTHER-1", custom=[])
        state.items[other.key] = other
        with pytest.raises(Rejected, match="Something else hangs"):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        del state.items[ours.key]
        with pytest.raises(Rejected, match="Something else hangs"):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)

    def test_an_item_without_its_ids_is_found_by_barcode_or_mark(self, bench: SymphonyBench) -> None:
        target = replace(temporary(bench), ids=do.VendorIds())
        for bib in bench.stand_in.state.bibs.values():
            bib.unseen = 0
        bench.relabel(target.barcode, "NEW-1")
        with pytest.raises(Rejected, match="now has barcode"):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        seen = bench.connector.inspect(do.Inspect(target), CALL)
        assert (seen.barcode, seen.marked) == ("NEW-1", True)
        found = replace(target, barcode="NEW-1")
        assert bench.connector.delete_temporary_item(do.DeleteTemporaryItem(found), CALL).kind is OutcomeKind.DONE

    def test_an_item_under_our_barcode_that_is_not_ours_is_left_alone(self, bench: SymphonyBench) -> None:
        bench.stand_in.plant(Seed(items=[SeedItem(barcode="ILL-7", title="Stock")]))
        target = creating(bench, "7").target
        assert bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL).kind is OutcomeKind.ALREADY
        assert bench.items_with_barcode("ILL-7") == 1
        assert bench.connector.inspect(do.Inspect(target), CALL).item_present is False

    def test_an_item_moved_or_without_its_mark_is_left_alone(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        bench.move(target.barcode, do.Place("BRANCH", "STACKS"), for_good=True)
        with pytest.raises(Rejected, match="now belongs to BRANCH/STACKS"):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        bench.erase_mark(target.barcode)
        with pytest.raises(Rejected, match="no longer bears our mark"):
            bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        with pytest.raises(Rejected, match="no longer bears our mark"):
            bench.connector.relabel_item(do.RelabelItem(target, "NEW-1"), CALL)
        with pytest.raises(Rejected, match="no longer bears our mark"):
            bench.connector.note_item(do.NoteItem(target, "x"), CALL)

    def test_a_bib_of_ours_that_staff_cleaned_up_is_theirs(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        bench.erase_mark(target.barcode)
        del bench.stand_in.state.items[target.ids.item]
        assert bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL).kind is OutcomeKind.ALREADY

    def test_a_temporary_item_on_its_way_is_received_first(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        bench.desk("send", barcode=target.barcode, library="BRANCH")
        outcome = bench.connector.check_in(do.CheckIn(target), CALL)
        assert outcome.kind is OutcomeKind.ALREADY
        assert target.ids.item not in bench.stand_in.state.transits
        assert bench.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL).kind is OutcomeKind.DONE

    def test_something_that_waits_for_a_temporary_item_is_told(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        bench.lend(target.barcode, bench.patron)
        bench.desk("place_hold", barcode=target.barcode, patron=bench.other_patron, pickup="MAIN")
        outcome = bench.connector.check_in(do.CheckIn(target), CALL)
        assert outcome.notes == ("Something waits for the item.",)


class TestAtTheBorder:
    """The desk may be quicker than our next call, and a site may lack a call: it is told as the engine knows it."""

    @pytest.mark.parametrize(
        ("path", "verb"),
        [
            ("checkIn", lambda c, loan, own: c.check_in(do.CheckIn(own, (loan.loan_id,), "ILL-XYZ"), CALL)),
            ("transit", lambda c, _, own: c.send_transit(do.SendTransit(own, to=do.Place("BRANCH")), CALL)),
            (LOST, lambda c, loan, own: c.mark_lost(do.MarkLost(own, loan.loan_id), CALL)),
        ],
    )
    def test_what_goes_missing_between_look_and_call_is_tried_again(
        self, bench: SymphonyBench, path: str, verb: Callable[..., object]
    ) -> None:
        loan = lent(bench)
        bench.fault("vendor_error", method="POST", path=path, code="recordNotFound", status=404)
        with pytest.raises(Retry) as later:
            verb(bench.connector, loan, own(bench))
        assert later.value.advice
        verb(bench.connector, loan, own(bench))

    def test_a_transit_that_goes_missing_is_looked_at_again(self, bench: SymphonyBench) -> None:
        bench.desk("send", barcode=bench.own_barcode, library="BRANCH")
        target = replace(own(bench), place=do.Place("BRANCH"))
        bench.fault("vendor_error", method="POST", path="untransit", code="recordNotFound", status=404)
        with pytest.raises(Retry):
            bench.connector.receive_transit(do.ReceiveTransit(target), CALL)
        assert bench.connector.receive_transit(do.ReceiveTransit(target), CALL).kind is OutcomeKind.DONE

    def test_a_date_that_a_rule_of_renewals_forbids_is_refused(self, make: Make) -> None:
        bench = make(renew_loans=False)
        loan = lent(bench)
        bench.fault("vendor_error", method="PUT", path="circRecord", code="hatErrorResponse.46", status=500)
        with pytest.raises(Rejected) as refused:
            bench.connector.set_due_date(do.SetDueDate(own(bench), LATER, loan.loan_id, "ILL-XYZ"), CALL)
        assert refused.value.cause == "refused"


class TestMoney:
    def test_a_bill_bears_our_mark_and_the_policys_reason(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        fee = do.ChargeFee(target, patron_of(bench), "fee", do.Money(Decimal("3.5")), "PROCESSFEE")
        bench.connector.charge_fee(fee, CALL)
        (bill,) = bench.stand_in.state.bills.values()
        assert (bill.reason, str(bill.amount), bill.comment) == ("PROCESSFEE", "3.50", f"{target.mark.code} fee")
        look = do.Inspect(target, patron_id=fee.patron_id, fee_keys=("fee", "other"))
        (seen,) = bench.connector.inspect(look, CALL).fees
        assert (seen.fee_key, seen.fee) == ("fee", do.Money(Decimal("3.50"), "USD"))
        assert bench.connector.inspect(replace(look, patron_id=""), CALL).fees == ()
        assert bench.connector.inspect(replace(look, patron_id="999"), CALL).fees == ()

    def test_a_bill_that_is_not_taken_is_told(self, bench: SymphonyBench) -> None:
        target = temporary(bench)
        fee = do.ChargeFee(target, patron_of(bench), "fee", do.Money(Decimal(1)), "NO-SUCH")
        with pytest.raises(Rejected, match="does not take the bill"):
            bench.connector.charge_fee(fee, CALL)


class TestLosses:
    def test_a_loan_is_declared_lost_by_the_sites_own_action(self, bench: SymphonyBench) -> None:
        loan = lent(bench)
        command = do.MarkLost(own(bench), loan.loan_id)
        assert bench.connector.mark_lost(replace(command, loan_id="other"), CALL).notes
        assert bench.connector.mark_lost(command, CALL).kind is OutcomeKind.DONE
        assert bench.connector.inspect(do.Inspect(own(bench)), CALL).lost
        assert bench.connector.mark_lost(command, CALL).kind is OutcomeKind.ALREADY
        assert bench.connector.mark_lost(do.MarkLost(own(bench, "none")), CALL).notes == (
            "The item is gone from Symphony.",
        )
        with pytest.raises(Rejected):
            bench.connector.mark_found(do.MarkFound(own(bench), loan.loan_id), CALL)


def test_what_symphony_cannot_do_is_declared(make: Make) -> None:
    plain = make(
        lost_action="", charge_fees=False, deleting="staff", note_code="", search_index=""
    ).connector.capabilities
    for verb, ability in (
        (Verb.MARK_LOST, Ability.STAFF),
        (Verb.MARK_FOUND, Ability.STAFF),
        (Verb.CHARGE_FEE, Ability.STAFF),
        (Verb.DELETE_TEMPORARY_ITEM, Ability.STAFF),
        (Verb.NOTE_ITEM, Ability.NO),
    ):
        assert plain.of(verb) is ability
        assert plain.reasons[verb]
    assert plain.of(Verb.SEND_TRANSIT) is Ability.YES
    assert plain.double_charge
    assert "search_index" in plain.cannot_list


def test_without_an_index_nothing_is_searched_for(make: Make) -> None:
    bench = make(search_index="")
    target = do.Target(a_mark("1"), do.Origin.CREATED, "", place=bench.temporary_place)
    assert bench.connector.inspect(do.Inspect(target), CALL).item_present is False
    assert not any("search" in path for path in bench.paths())


def test_the_list_of_what_is_marked_has_pages(bench: SymphonyBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.connectors.symphony.listing.PAGE", 2)
    for number in ("1", "2", "3"):
        bench.put_back(f"BACK-{number}", a_mark(number))
    first = bench.connector.marked(do.ListMarked(), CALL)
    second = bench.connector.marked(do.ListMarked(first.following), CALL)
    assert [each.barcode for each in (*first.objects, *second.objects)] == ["BACK-1", "BACK-2", "BACK-3"]
    assert (first.following, second.following) == ("3", "")
    bench.desk("delete", barcode="BACK-1")
    bib = next(bib for bib in bench.stand_in.state.bibs.values() if "Put back" in str(bib.marc))
    bench.stand_in.state.items = {key: one for key, one in bench.stand_in.state.items.items() if one.bib != bib.key}
    bench.stand_in.state.call_numbers = {
        key: one for key, one in bench.stand_in.state.call_numbers.items() if one.bib != bib.key
    }
    (bare, _) = bench.connector.marked(do.ListMarked(), CALL).objects
    assert (bare.barcode, bare.ids) == ("", do.VendorIds(bib.key))


def test_an_answer_without_its_main_part_is_no_success() -> None:
    """A server that answers everything with an empty object but the log-in."""
    app = Flask("empty")
    app.add_url_rule("/symws/<path:path>", "any", lambda path: {}, methods=["GET", "POST", "PUT", "DELETE"])
    app.add_url_rule("/symws/user/staff/login", "login", lambda: {"sessionToken": "t"}, methods=["POST"])
    with Server(app) as server:
        bench = SymphonyBench(base_url=f"{server.url}/symws")
        bench.start()
        target = replace(creating(bench, "1").target, ids=do.VendorIds("1", "1:1", "1:1:1"))
        with pytest.raises(OutcomeUnknown):
            bench.connector.create_temporary_item(creating(bench, "1"), CALL)
        with pytest.raises(OutcomeUnknown):
            bench.connector.place_hold(do.PlaceHold(target, "1", "MAIN"), CALL)
        with pytest.raises(OutcomeUnknown):
            bench.connector.charge_fee(do.ChargeFee(target, "1", "fee", do.Money(Decimal(1))), CALL)
        bench.stop()


def test_settings_are_checked_and_name_the_institution(bench: SymphonyBench) -> None:
    good = {
        "base_url": "https://Symphony.example.org/symws/",
        "client_id": "C",
        "login": "L",
        "password": "P",
        "library": "MAIN",
        "timezone": "America/New_York",
    }
    settings = SymphonySettings.model_validate(good)
    assert institution(settings) == "https://symphony.example.org/symws"
    built = build(settings, Surroundings("symphony", bench.pace, bench.heard.tell))
    built.close()
    assert CONNECTOR.name == "symphony"
    assert "P" not in repr(settings.password)
    for key, value in (
        ("base_url", "ftp://x"),
        ("timezone", "Mars"),
        ("patron_lookups", ["name"]),
        ("deleting", "discard"),
    ):
        with pytest.raises(ValidationError):
            SymphonySettings.model_validate({**good, key: value})


def test_a_due_date_bears_its_offset() -> None:
    assert end_of_day(date(2027, 1, 15), "America/New_York") == "2027-01-15T23:59:00-05:00"
    assert end_of_day(date(2027, 7, 15), "America/New_York") == "2027-07-15T23:59:00-04:00"
