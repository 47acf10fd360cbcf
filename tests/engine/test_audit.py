"""The audit of one request: looked at under its lease, noted once, repaired by the same loop, never in the way of live work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from bridge.domain import commands as do
from bridge.domain.audit import KeptFinding
from bridge.domain.capabilities import InspectBy
from bridge.domain.change import Phase
from bridge.domain.identity import Mark, RequestKey, Role, mark_for
from bridge.domain.policy import AlignDueDate, Mode
from bridge.domain.privacy import patrons_of
from bridge.domain.record import HoldRecord, HoldState, Sighting
from bridge.engine.asked import Answer, Asked, Asking
from bridge.engine.audit import AS_IT_SHOULD_BE, NOT_SHOWN, UNSETTLED
from bridge.engine.marks import MarkReader
from bridge.engine.steering import Steering
from bridge.errors import Rejected, Retry, Unavailable
from bridge.jobs.retention import Retention
from bridge.ledger import LeaseLost, State
from bridge.ledger.audits import HISTORY, DueFor, NewFinding
from bridge.ledger.model import OPEN_STATES
from bridge.settings import PrivacySettings
from tests.engine.pretend import DUE, LATER, POLICY, Killed, Stage, Thing

MARK = mark_for("test", RequestKey("main", "svc", Role.BORROWER, "REQ", "1"), "", "")
SOONER = date(2027, 1, 5)
CLOSED_LOAN = (Phase.RETURNED, Phase.COMPLETED)


def ask(stage: Stage, request_id: int = 1, *, repair: bool = False) -> Answer | None:
    lanes = {"pretend": (stage.lane, stage.reconciler)}
    steering = Steering(stage.ledger, lanes, lease=timedelta(seconds=60))
    return steering.carry_out(Asked(Asking.AUDIT, request_id, by="the audit", dry_run=not repair))


def audited(stage: Stage, request_id: int = 1, *, repair: bool = False) -> Answer:
    answer = ask(stage, request_id, repair=repair)
    assert answer is not None
    return answer


def standing(stage: Stage) -> tuple[KeptFinding, ...]:
    return stage.ledger.audits.standing()


def kinds(stage: Stage) -> list[str]:
    return [each.kind for each in standing(stage)]


def told(stage: Stage, request_id: int = 1) -> list[str]:
    return [line.line for line in stage.lines(request_id) if line.kind == HISTORY]


def received(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED, due=DUE)
    stage.settle()


def shipped(stage: Stage, number: str = "1") -> None:
    stage.tell(Phase.SHIPPED, role=Role.LENDER, number=number, due=DUE)
    stage.settle()


def finished(stage: Stage) -> None:
    received(stage)
    for phase in CLOSED_LOAN:
        stage.tell(phase)
        stage.settle()
    assert stage.row().state is State.CLOSED


def over(stage: Stage, number: str = "1") -> None:
    stage.tell(Phase.COMPLETED, role=Role.LENDER, number=number)
    stage.settle()


def mine(stage: Stage) -> Thing:
    return next(thing for thing in stage.ils.items.values() if thing.mark.code)


def lists(stage: Stage, *objects: tuple[str, Mark]) -> None:
    """The ILS lists these bibs, and may be asked to."""
    stage.ils.capabilities = replace(stage.ils.capabilities, inspect_by=frozenset(InspectBy))
    stage.ils.listed = list(objects)


def put_back(stage: Stage) -> None:
    """The desk puts the deleted item back, mark and all."""
    stage.ils.items["again"] = Thing(MARK, "ILL-1", place=do.Place("RS", "TEMP"))


def test_a_request_in_step_has_no_finding_and_is_given_back_as_it_was(stage: Stage) -> None:
    received(stage)
    before, history = stage.row(), stage.history()
    stage.ils.asked.clear()
    assert audited(stage) == Answer((AS_IT_SHOULD_BE,))
    assert stage.ils.asked == ["inspect"]
    assert stage.row() == before
    assert stage.history() == history
    assert stage.ledger.work.claim_one(1, owner="x", lease=timedelta(seconds=1)) is not None


def test_a_finding_is_told_in_the_history_once_and_when_it_is_over(stage: Stage) -> None:
    received(stage)
    hold, mine(stage).hold = mine(stage).hold, None
    first = audited(stage)
    (found,) = standing(stage)
    assert (found.kind, found.request, found.number, found.barcode) == ("hold_gone", "R1", "1", "ILL-1")
    assert first.lines[0].startswith("The hold on item ILL-1 is gone")
    stage.clock.advance(days=7)
    audited(stage)
    (again,) = standing(stage)
    assert again.first_seen == found.first_seen
    assert again.last_seen > found.last_seen
    assert len(told(stage)) == 1
    assert told(stage)[0].startswith("Audit: The hold on item ILL-1 is gone")
    mine(stage).hold = hold
    audited(stage)
    assert standing(stage) == ()
    assert told(stage)[1].startswith("Audit, no longer so: The hold")
    mine(stage).hold = None
    audited(stage)
    assert len(standing(stage)) == 1
    assert len(told(stage)) == 3


def test_what_a_look_does_not_show_is_not_over(stage: Stage) -> None:
    received(stage)
    mine(stage).hold = None
    audited(stage)
    stage.ils.inspect = lambda *_: Sighting()  # type: ignore[method-assign]
    answer = audited(stage)
    assert answer.lines == (NOT_SHOWN,)
    assert answer.passed_by == NOT_SHOWN
    assert kinds(stage) == ["hold_gone"]
    assert len(told(stage)) == 1


def test_what_is_not_told_of_a_stuck_request_is_not_over(stage: Stage) -> None:
    received(stage)
    mine(stage).hold = None
    audited(stage)
    stage.ils.fails = [("relabel_item", Rejected("Not this one."))]
    stage.tell(None, temporary_barcode="NEW-1")
    stage.settle()
    assert stage.row().state is State.PARKED
    audited(stage)
    assert kinds(stage) == ["hold_gone"]
    assert len(told(stage)) == 1


def test_the_advice_names_the_request(stage: Stage) -> None:
    received(stage)
    mine(stage).barcode = "NEW-1"
    audited(stage)
    (found,) = standing(stage)
    assert "ill-bridge set R1 --barcode NEW-1" in found.advice


def test_what_is_still_to_be_done_is_left_for_later(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    for state in UNSETTLED:
        assert state in OPEN_STATES
    answer = audited(stage)
    assert answer.ok
    assert "still to be done" in answer.lines[0]
    assert stage.row().state is State.DUE
    assert stage.ils.asked == []
    stage.settle()


def test_a_step_that_was_cut_off_is_gone_on_with(stage: Stage) -> None:
    """However it came to stand so: an older release left a request in step with a step of unknown end."""
    received(stage)
    with stage.ledger.database.write() as connection:
        connection.exec_driver_sql("update request set state = 'due'")
    stage.tell(Phase.RETURNED)
    stage.ils.passing = _die
    with pytest.raises(Killed):
        stage.work()
    with stage.ledger.database.write() as connection:
        connection.exec_driver_sql("update request set state = 'in_step', due_at = null")
    stage.restart()
    stage.ils.passing = lambda _: None
    assert stage.row().pending is not None
    assert "still to be done" in audited(stage).lines[0]
    stage.settle()
    assert stage.row().pending is None
    assert stage.row().state is State.IN_STEP


def _die(_: str) -> None:
    raise Killed


def test_nothing_made_costs_no_call(stage: Stage) -> None:
    stage.tell(Phase.REQUESTED)
    stage.settle()
    stage.ils.asked.clear()
    assert audited(stage).lines == (AS_IT_SHOULD_BE,)
    assert stage.ils.asked == []


def test_a_volume_of_which_nothing_was_made_costs_no_call(stage: Stage) -> None:
    received(stage)
    stage.tell(None, volume="2")
    stage.ils.fails = [("create_temporary_item", Rejected("No."))]
    stage.settle()
    stage.ils.asked.clear()
    audited(stage)
    assert stage.ils.asked.count("inspect") <= 1


def test_what_was_forgotten_is_left_out(stage: Stage) -> None:
    received(stage)
    lanes = {"pretend": (stage.lane, stage.reconciler)}
    Steering(stage.ledger, lanes, lease=timedelta(seconds=60)).carry_out(Asked(Asking.FORGET, 1, note="by hand"))
    assert "forgotten" in audited(stage, repair=True).lines[0]
    assert stage.row().state is State.FORGOTTEN


def test_news_that_come_in_meanwhile_are_not_judged(stage: Stage) -> None:
    received(stage)
    mine(stage).hold = None
    look = stage.ils.inspect

    def inspect(*arguments: Any) -> Any:
        seen = look(*arguments)
        stage.tell(Phase.RETURNED)
        return seen

    stage.ils.inspect = inspect  # type: ignore[method-assign,assignment]
    assert "News came in" in audited(stage).lines[0]
    assert standing(stage) == ()
    assert stage.row().state is State.DUE
    assert stage.work() is State.IN_STEP


def test_a_request_that_somebody_works_on_is_asked_for_again(stage: Stage) -> None:
    received(stage)
    assert stage.ledger.work.claim_one(1, owner="x", lease=timedelta(seconds=60)) is not None
    assert ask(stage) is None


def test_a_look_that_took_too_long_notes_nothing(stage: Stage) -> None:
    received(stage)
    mine(stage).hold = None
    look = stage.ils.inspect

    def inspect(*arguments: Any) -> Any:
        stage.clock.advance(minutes=2)
        assert stage.ledger.work.claim_one(1, owner="x", lease=timedelta(seconds=60)) is not None
        return look(*arguments)

    stage.ils.inspect = inspect  # type: ignore[method-assign,assignment]
    with pytest.raises(LeaseLost):
        audited(stage)
    assert standing(stage) == ()


@pytest.mark.parametrize("problem", [Unavailable("It is down."), Retry("Not now.")])
def test_an_ils_that_cannot_be_asked_notes_nothing(stage: Stage, problem: Unavailable | Retry) -> None:
    received(stage)
    before = stage.row()
    stage.ils.down = problem
    assert not audited(stage).ok
    assert stage.row() == before
    (lane,) = stage.ledger.lanes.all()
    assert (lane.paused_until is not None) == isinstance(problem, Unavailable)
    assert stage.ledger.work.claim_one(1, owner="x", lease=timedelta(seconds=1)) is not None


def test_only_what_is_news_is_told_of_a_parked_request(stage: Stage) -> None:
    received(stage)
    stage.tell(Phase.RETURNED)
    stage.ils.fails = [("delete_temporary_item", Rejected("It does not bear our mark any more.", cause="not_ours"))]
    stage.settle()
    assert stage.row().state is State.PARKED
    audited(stage)
    assert kinds(stage) == []
    mine(stage).mark = Mark("", "")
    audited(stage)
    assert kinds(stage) == []


def audited_with_the_next_loan(stage: Stage) -> None:
    """A request is over and its item lent again, to the same partner: a repair finds nothing and leaves that loan alone."""
    shipped(stage)
    over(stage)
    shipped(stage, "2")
    audited(stage, repair=True)
    assert kinds(stage) == []
    assert stage.ils.items["OWN-1"].loan is not None


class TestRepair:
    def test_a_temporary_item_that_was_put_back_is_deleted(self, stage: Stage) -> None:
        finished(stage)
        put_back(stage)
        foreseen = audited(stage)
        assert foreseen.deletes == 1
        assert "Would delete temporary item ILL-1" in foreseen.lines[-1]
        assert kinds(stage) == ["item_left"]
        answer = audited(stage, repair=True)
        assert answer.ok
        assert answer.lines[-1] == "R1 is now: closed."
        assert "again" not in stage.ils.items
        assert standing(stage) == ()
        assert told(stage)[-1].startswith("Audit, repaired: Temporary item ILL-1 is still in the ILS")
        assert "Repaired after an audit by the audit." in stage.history()

    def test_an_own_item_that_is_still_charged_is_checked_in(self, stage: Stage) -> None:
        shipped(stage)
        loan = stage.ils.items["OWN-1"].loan
        over(stage)
        stage.ils.items["OWN-1"].loan = loan
        stage.ils.items["OWN-1"].place = do.Place("RS", "OUT")
        audited(stage)
        assert kinds(stage) == ["place_left", "still_charged"]
        audited(stage, repair=True)
        assert stage.ils.items["OWN-1"].loan is None
        assert stage.ils.items["OWN-1"].place is None
        assert standing(stage) == ()

    def test_a_loan_of_the_next_request_is_left_alone(self, stage: Stage) -> None:
        audited_with_the_next_loan(stage)

    def test_so_it_is_where_loans_have_no_numbers(self, stage: Stage) -> None:
        """NCIP and SIP2 name a loan by the account that has the item: the next loan to the same partner bears the name of the last."""
        stage.ils._made = lambda what: "PARTNER" if what == "loan" else what  # type: ignore[method-assign]
        audited_with_the_next_loan(stage)
        over(stage, "2")
        stage.ils.items["OWN-1"].loan = ("PARTNER", "PARTNER", DUE)
        audited(stage, 2, repair=True)
        assert stage.ils.items["OWN-1"].loan is None, "it is nobody else's"

    def test_a_due_date_is_set_again(self, stage: Stage) -> None:
        shipped(stage)
        thing = stage.ils.items["OWN-1"]
        assert thing.loan is not None
        thing.loan = (*thing.loan[:2], LATER)
        audited(stage, repair=True)
        assert thing.loan[2] == DUE
        assert standing(stage) == ()

    def test_what_has_no_repair_is_only_told(self, stage: Stage) -> None:
        received(stage)
        mine(stage).hold = None
        stage.ils.asked.clear()
        assert audited(stage, repair=True).creates == 0
        assert stage.ils.asked == ["inspect"]
        assert kinds(stage) == ["hold_gone"]
        hold = stage.row().record.items[0].hold
        assert hold is not None
        assert hold.state is HoldState.PLACED

    def test_a_library_that_only_observes_is_only_looked_at(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage()
        finished(stage)
        put_back(stage)
        stage.policy = replace(POLICY, mode=Mode.OBSERVE)
        answer = audited(stage, repair=True)
        assert "Observe mode: nothing is written in the ILS." in answer.lines
        assert (answer.creates, answer.deletes) == (0, 0)
        assert "again" in stage.ils.items
        assert kinds(stage) == ["item_left"]

    def test_a_stuck_request_is_not_repaired(self, stage: Stage) -> None:
        shipped(stage)
        stage.tell(Phase.CANCELLED, role=Role.LENDER)
        stage.settle()
        assert stage.row().state is State.STAFF
        stage.ils.items["OWN-1"].place = None
        answer = audited(stage, repair=True)
        assert answer.lines == (AS_IT_SHOULD_BE,) or "staff" in " ".join(answer.lines)
        assert stage.ils.items["OWN-1"].place is None

    def test_deletions_leave_live_work_half_of_the_quota(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage(policy=replace(POLICY, deletes_per_hour=3))
        finished(stage)
        put_back(stage)
        answer = audited(stage, repair=True)
        assert answer.lines[-1] == (
            "Not repaired now: an audit leaves live work half of the deletions an hour (deletes_per_hour). "
            "Would delete temporary item ILL-1 with its holding and bib."
        )
        assert "again" in stage.ils.items
        stage.clock.advance(hours=2)
        audited(stage, repair=True)
        assert "again" not in stage.ils.items

    def test_a_repair_that_fails_stands_and_is_parked(self, stage: Stage) -> None:
        finished(stage)
        put_back(stage)
        stage.ils.fails = [("delete_temporary_item", Rejected("Something else hangs on it."))]
        answer = audited(stage, repair=True)
        assert not answer.ok
        assert stage.row().state is State.PARKED
        assert kinds(stage) == ["item_left"]

    def test_a_repair_in_a_pause_waits_for_its_end(self, stage: Stage) -> None:
        finished(stage)
        put_back(stage)
        stage.ledger.libraries.hold("main", until=stage.clock() + timedelta(hours=1), why="Stocktaking.")
        assert "when the pause ends" in " ".join(audited(stage, repair=True).lines)
        assert stage.row().state is State.DUE
        stage.clock.advance(hours=2)
        stage.settle()
        assert "again" not in stage.ils.items

    def test_a_stray_hold_is_cancelled(self, make_stage: Callable[..., Stage]) -> None:
        kept = replace(POLICY, borrowing=replace(POLICY.borrowing, delete_on_return=False))
        stage = make_stage(policy=kept)
        finished(stage)
        mine(stage).hold = HoldRecord("hold-7", "id-p1", "MAIN")
        audited(stage, repair=True)
        assert mine(stage).hold is None

    def test_a_patron_who_was_erased_is_borrowed_for_the_repair_and_goes_again(
        self, make_stage: Callable[..., Stage]
    ) -> None:
        kept = replace(POLICY, borrowing=replace(POLICY.borrowing, delete_on_return=False))
        stage = make_stage(policy=kept)
        finished(stage)
        privacy = stage.ledger.privacy
        privacy.erase(privacy.one(1).found, "Erased.")
        assert patrons_of(stage.row().request, stage.row().record) == frozenset()
        mine(stage).hold = HoldRecord("hold-7", "id-p1", "MAIN")
        audited(stage)
        assert patrons_of(stage.row().request, stage.row().record) == frozenset(), "a look writes nothing"
        audited(stage, repair=True)
        assert mine(stage).hold is None
        Retention(PrivacySettings(), stage.ledger, rest=lambda _: None).run()
        assert patrons_of(stage.row().request, stage.row().record) == frozenset(), "in the very next night"

    @pytest.mark.parametrize("where", ["inspect", "passing", "settle", "begin"])
    def test_a_kill_in_the_middle_leaves_everything_right(self, stage: Stage, where: str) -> None:
        """Cut off anywhere, the next audit (or the next worker) brings it to the same end."""
        finished(stage)
        put_back(stage)

        def die(*_: Any) -> Any:
            raise Killed

        of = stage.ils if where in {"inspect", "passing"} else stage.ledger.work
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(of, where, die)
            with pytest.raises(Killed):
                audited(stage, repair=True)
        stage.restart()
        stage.settle()
        audited(stage, repair=True)
        audited(stage)
        assert "again" not in stage.ils.items
        assert standing(stage) == ()
        assert stage.row().state is State.CLOSED


class TestAlignment:
    """The desk's loan of which nobody told us is what the audit is for, too."""

    @pytest.fixture
    def aligned(self, make_stage: Callable[..., Stage]) -> Stage:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, align_due_date=AlignDueDate.WEBHOOK))
        stage = make_stage(policy=policy)
        received(stage)
        return stage

    def lend(self, stage: Stage, due: date) -> Thing:
        thing = mine(stage)
        thing.hold, thing.loan = None, ("desk-1", "id-p1", due)
        return thing

    @pytest.mark.parametrize("repair", [False, True])
    def test_a_shorter_loan_is_brought_to_the_date(self, aligned: Stage, repair: bool) -> None:
        thing = self.lend(aligned, SOONER)
        assert audited(aligned, repair=repair).lines == (AS_IT_SHOULD_BE,)
        aligned.settle()
        assert thing.loan == ("desk-1", "id-p1", DUE)
        assert standing(aligned) == ()
        aligned.ils.asked.clear()
        audited(aligned, repair=repair)
        aligned.settle()
        assert aligned.ils.asked == ["inspect"], "once"

    @pytest.mark.parametrize("repair", [False, True])
    def test_a_longer_loan_is_told_and_left(self, aligned: Stage, repair: bool) -> None:
        thing = self.lend(aligned, LATER)
        audited(aligned, repair=repair)
        aligned.settle()
        assert thing.loan == ("desk-1", "id-p1", LATER)
        assert kinds(aligned) == ["due_date"]
        assert any(line.startswith("Item ILL-1 should be back by 2027-01-15") for line in aligned.history())

    def test_without_alignment_a_shorter_loan_is_the_rules_of_the_ils(self, stage: Stage) -> None:
        received(stage)
        thing = self.lend(stage, SOONER)
        audited(stage, repair=True)
        stage.settle()
        assert thing.loan == ("desk-1", "id-p1", SOONER)
        assert standing(stage) == ()


class TestDue:
    """Which requests are looked at."""

    def wanted(self, stage: Stage) -> DueFor:
        now = stage.clock()
        week, fortnight, hour = timedelta(days=7), timedelta(days=14), timedelta(hours=1)
        return DueFor("main", now - week, now - fortnight, now - hour)

    def due(self, stage: Stage, limit: int | None = None) -> tuple[int, ...]:
        return stage.ledger.audits.due(self.wanted(stage), limit=limit)

    def test_open_ones_once_in_so_many_days(self, stage: Stage) -> None:
        received(stage)
        stage.clock.advance(days=6)
        assert self.due(stage) == ()
        stage.clock.advance(days=1)
        assert self.due(stage) == (1,)
        audited(stage)
        assert self.due(stage) == ()
        stage.clock.advance(days=7)
        assert self.due(stage) == (1,)

    def test_finished_ones_once_after_they_were_closed(self, stage: Stage) -> None:
        finished(stage)
        assert self.due(stage) == ()
        stage.clock.advance(hours=2)
        assert self.due(stage) == (1,)
        audited(stage)
        assert self.due(stage) == ()
        stage.clock.advance(days=3)
        assert self.due(stage) == ()

    def test_a_repair_is_looked_at_once_more(self, stage: Stage) -> None:
        finished(stage)
        put_back(stage)
        stage.clock.advance(hours=2)
        step = stage.ils.delete_temporary_item

        def delete(*arguments: Any) -> Any:
            stage.clock.advance(seconds=1)
            return step(*arguments)

        stage.ils.delete_temporary_item = delete  # type: ignore[method-assign,assignment]
        audited(stage, repair=True)
        stage.clock.advance(hours=2)
        assert self.due(stage) == (1,)
        audited(stage)
        assert self.due(stage) == ()

    def test_finished_ones_of_which_something_stands_are_looked_at_again(self, stage: Stage) -> None:
        finished(stage)
        put_back(stage)
        audited(stage)
        stage.clock.advance(days=6)
        assert self.due(stage) == ()
        stage.clock.advance(days=100)
        assert self.due(stage) == (1,)
        del stage.ils.items["again"]
        audited(stage)
        assert standing(stage) == ()
        stage.clock.advance(days=100)
        assert self.due(stage) == ()

    def test_what_was_closed_long_ago_is_let_be(self, stage: Stage) -> None:
        finished(stage)
        stage.clock.advance(days=15)
        assert self.due(stage) == ()

    def test_work_to_be_done_and_leased_ones_are_left_out(self, stage: Stage) -> None:
        received(stage)
        stage.clock.advance(days=8)
        assert stage.ledger.work.claim_one(1, owner="x", lease=timedelta(minutes=5)) is not None
        assert self.due(stage) == ()
        stage.clock.advance(minutes=6)
        assert self.due(stage) == (1,)
        stage.tell(Phase.RETURNED)
        assert self.due(stage) == ()

    def test_those_not_seen_for_longest_come_first(self, stage: Stage) -> None:
        received(stage)
        stage.tell(Phase.RECEIVED, number="2")
        stage.settle()
        stage.clock.advance(days=8)
        audited(stage)
        stage.clock.advance(days=8)
        assert self.due(stage) == (2, 1)
        assert self.due(stage, limit=1) == (2,)


class TestMarks:
    """What bears our mark and no request knows."""

    def read(self, stage: Stage) -> list[int]:
        reader = MarkReader(stage.ledger, "test", {"main"})
        finished: list[int] = []
        while True:
            page = reader.page("pretend", stage.ils)
            finished += [each.request_id for each in page.finished]
            if page.ended:
                return finished

    def test_what_a_request_knows_is_no_finding(self, stage: Stage) -> None:
        received(stage)
        lists(stage, ("bib-1", MARK))
        assert self.read(stage) == []
        assert standing(stage) == ()
        assert stage.ledger.audits.marked_list("pretend").listed == 1

    def test_an_orphan_is_told_and_never_deleted(self, stage: Stage) -> None:
        stranger = mark_for("test", RequestKey("main", "svc", Role.BORROWER, "REQ", "404"), "", "")
        lists(stage, ("bib-9", stranger))
        assert self.read(stage) == []
        (found,) = standing(stage)
        assert (found.kind, found.library, found.request) == ("orphan", "main", "")
        assert (
            found.sentence
            == "A temporary record (bib-9) bears our mark for request 404, which the bridge does not know."
        )
        assert "delete the record in the ILS by hand" in found.advice
        assert not found.repair
        stage.clock.advance(days=7)
        self.read(stage)
        assert standing(stage)[0].first_seen == found.first_seen
        stage.ils.listed = []
        stage.clock.advance(days=7)
        self.read(stage)
        assert standing(stage) == ()

    def test_two_daemons_that_see_it_at_the_same_time_tell_it_once(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = NewFinding("pretend:mark:1", "main", "pretend", "orphan", "A stranger.")
        stage.ledger.audits.seen([seen])
        monkeypatch.setattr("bridge.ledger.audits._standing", lambda *_: {})  # read before the other wrote
        stage.twin().ledger.audits.seen([seen])
        assert len(standing(stage)) == 1

    def test_marks_of_another_bridge_are_none_of_our_business(self, stage: Stage) -> None:
        other = mark_for("other", RequestKey("main", "svc", Role.BORROWER, "REQ", "404"), "", "")
        lists(stage, ("bib-9", other))
        self.read(stage)
        assert standing(stage) == ()

    def test_a_library_that_is_not_ours_is_told_without_its_name(self, stage: Stage) -> None:
        stranger = mark_for("test", RequestKey("gone", "svc", Role.BORROWER, "REQ", "404"), "", "")
        lists(stage, ("bib-9", stranger))
        self.read(stage)
        assert standing(stage)[0].library == ""

    def test_a_mark_whose_text_was_changed(self, stage: Stage) -> None:
        received(stage)
        lists(stage, ("bib-1", Mark(MARK.code, "")), ("bib-8", Mark("ILLB-0", "ILLB-0 x")), ("", Mark("ILLB-1", "")))
        self.read(stage)
        assert sorted(each.sentence.split(" bears")[0] for each in standing(stage)) == [
            "A temporary record (bib-8)",
            "A temporary record (id unknown)",
        ]

    def test_a_second_copy_of_an_open_request(self, stage: Stage) -> None:
        received(stage)
        lists(stage, ("bib-1", MARK), ("bib-99", MARK))
        self.read(stage)
        (found,) = standing(stage)
        assert (
            found.sentence
            == "A temporary record (bib-99) bears the mark of R1, but is not what the bridge made for it."
        )

    def test_while_work_is_under_way_nothing_is_judged(self, stage: Stage) -> None:
        received(stage)
        stage.tell(Phase.RETURNED)
        lists(stage, ("bib-99", MARK))
        self.read(stage)
        assert standing(stage) == ()

    def test_a_finished_request_of_which_something_is_left_is_to_be_looked_at(self, stage: Stage) -> None:
        finished(stage)
        lists(stage, ("bib-99", MARK))
        assert self.read(stage) == [1]
        assert standing(stage) == ()

    def test_pages_are_read_one_at_a_time_and_go_on_after_a_kill(self, stage: Stage) -> None:
        strangers = [
            mark_for("test", RequestKey("main", "svc", Role.BORROWER, "REQ", f"4{number}"), "", "")
            for number in range(5)
        ]
        lists(stage, *((f"bib-{place}", mark) for place, mark in enumerate(strangers)))
        page = MarkReader(stage.ledger, "test", {"main"}).page("pretend", stage.ils)
        assert (page.ended, page.now.listed, page.now.following) == (False, 2, "2")
        stage.restart()
        stage.ils.down = Unavailable("It is down.")
        with pytest.raises(Unavailable):
            MarkReader(stage.ledger, "test", {"main"}).page("pretend", stage.ils)
        (kept,) = stage.ledger.audits.lists()
        assert (kept.following, kept.problem) == ("2", "It is down.")
        stage.ils.down = None
        self.read(stage)
        (kept,) = stage.ledger.audits.lists()
        assert (kept.listed, kept.problem, kept.following) == (5, "", "")
        assert len(standing(stage)) == 5

    def test_an_ils_that_cannot_list_is_noted_with_the_reason(self, stage: Stage) -> None:
        stage.ils.capabilities = replace(stage.ils.capabilities, cannot_list="It has no search.")
        self.read(stage)
        (kept,) = stage.ledger.audits.lists()
        assert kept.problem == "It has no search."
        assert kept.ended_at == stage.clock()
        assert stage.ils.asked == []


def test_what_is_over_takes_no_room_for_ever(stage: Stage) -> None:
    received(stage)
    hold, mine(stage).hold = mine(stage).hold, None
    audited(stage)
    mine(stage).hold = hold
    audited(stage)
    stage.ledger.audits.forget(stage.clock())
    with stage.ledger.database.read() as connection:
        assert connection.exec_driver_sql("select count(*) from audit_finding").scalar() == 1
    stage.clock.advance(days=1)
    stage.ledger.audits.forget(stage.clock())
    with stage.ledger.database.read() as connection:
        assert connection.exec_driver_sql("select count(*) from audit_finding").scalar() == 0


def test_findings_are_grouped_by_library_and_kind(stage: Stage) -> None:
    received(stage)
    stage.tell(Phase.RECEIVED, number="2")
    stage.settle()
    for thing in stage.ils.items.values():
        thing.hold = None
    audited(stage)
    since = stage.clock()
    stage.clock.advance(days=1)
    audited(stage, 2)
    (group,) = stage.ledger.audits.groups(since, named=1)
    assert (group.library, group.kind, group.count, group.fresh) == ("main", "hold_gone", 2, 1)
    assert [each.request for each in group.newest] == ["R2"]
    assert len(group.subjects) == 2
