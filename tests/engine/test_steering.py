"""What staff and admins ask: resync looks first, then the same loop; dry runs change nothing; every word of theirs is in the history."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog

from bridge.domain import preview as module
from bridge.domain.capabilities import Ability
from bridge.domain.change import Phase
from bridge.domain.commands import Verb
from bridge.domain.identity import Mark, Role
from bridge.domain.learn import confirm
from bridge.domain.plan import StaffTask, Step, next_step
from bridge.domain.policy import Mode
from bridge.domain.record import Existence
from bridge.engine.asked import Answer, Asked, Asking
from bridge.engine.leases import kept
from bridge.engine.steering import Steering
from bridge.errors import OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.ledger import LedgerBusy, State
from tests.engine.pretend import DUE, POLICY, Killed, PretendIls, Stage, Thing, staffed
from tests.patience import PATIENCE


def until(holds: Callable[[], bool]) -> None:
    """Wait for a thread's work, with an end."""
    ticks = threading.Event()
    for _ in range(int(PATIENCE / 0.01)):
        if holds():
            return
        ticks.wait(0.01)
    raise AssertionError("it did not happen")


def ask(stage: Stage, kind: Asking, **more: Any) -> Answer | None:
    lanes = {"pretend": (stage.lane, stage.reconciler)}
    steering = Steering(stage.ledger, lanes, lease=timedelta(seconds=60))
    return steering.carry_out(Asked(kind, 1, by="ada", **more))


def asked(stage: Stage, kind: Asking, **more: Any) -> Answer:
    answer = ask(stage, kind, **more)
    assert answer is not None
    return answer


def resync(stage: Stage, *, dry_run: bool = False) -> Answer | None:
    return ask(stage, Asking.RESYNC, dry_run=dry_run)


def test_a_parked_request_is_brought_in_step(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.ils.fails = [("place_hold", Rejected("No such pickup."))]
    stage.settle()
    answer = resync(stage)
    assert answer is not None
    assert answer.ok
    assert answer.lines[-1] == "R1 is now: in_step."
    assert any("hold" in line for line in answer.lines)


def test_a_dry_run_says_the_plan_and_changes_nothing(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED, due=DUE)
    before, history = stage.row(), stage.history()
    answer = resync(stage, dry_run=True)
    assert answer == Answer(
        (
            "Would look the patron up.",
            "Would make temporary item ILL-1.",
            "Would place a hold on item ILL-1, pickup at MAIN.",
        ),
        creates=2,
    )
    assert stage.ils.asked == ["inspect"]
    assert stage.history() == history
    assert stage.row().state is before.state


def test_a_plan_without_end_is_cut(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STEPS", 1)
    stage.tell(Phase.RECEIVED)
    assert resync(stage, dry_run=True) == Answer(("Would look the patron up.",))


def test_a_dry_run_with_nothing_to_do(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.settle()
    assert resync(stage, dry_run=True) == Answer(("Nothing is left to do.",))
    assert stage.row().state is State.IN_STEP


def test_a_dry_run_names_what_staff_would_be_asked(stage: Stage) -> None:
    stage.ils = staffed(Verb.PLACE_HOLD, ability=Ability.STAFF)
    stage.restart()
    stage.tell(Phase.RECEIVED)
    answer = resync(stage, dry_run=True)
    assert answer is not None
    assert answer.lines[-1].startswith("Staff would be asked: Place a hold")


def test_a_dry_run_against_an_ils_that_is_down(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.ils.down = Unavailable("Nobody there.")
    answer = resync(stage, dry_run=True)
    assert answer == Answer(("Nobody there.",), ok=False)
    assert stage.row().state is State.DUE


def test_a_request_in_work_is_left_for_later(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    assert stage.ledger.work.claim_one(1, owner="other", lease=timedelta(seconds=60))
    assert resync(stage) is None


def test_one_that_parks_again_is_not_well(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.ils.fails = [("find_patron", Rejected("Unknown."))]
    answer = resync(stage)
    assert answer is not None
    assert not answer.ok
    assert answer.lines[-1] == "R1 is now: parked."


def resolve(stage: Stage) -> Answer | None:
    return ask(stage, Asking.RESOLVE)


def test_what_staff_did_counts_as_done_and_work_goes_on(stage: Stage) -> None:
    stage.ils = staffed(Verb.PLACE_HOLD, ability=Ability.STAFF)
    stage.restart()
    stage.tell(Phase.RECEIVED)
    stage.settle()
    assert stage.row().state is State.STAFF
    answer = resolve(stage)
    assert answer is not None
    assert answer.ok
    assert answer.lines[-1] == "R1 is now: in_step."
    assert stage.row().record.item("", "").hold is not None
    assert stage.history()[-2].startswith("Settled by ada: Place a hold on item ILL-1")


def test_a_decision_of_staff_is_kept(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.settle()
    stage.tell(Phase.CANCELLED)
    stage.settle()
    assert stage.row().state is State.STAFF
    assert "resolve R1" in stage.row().parked.advice
    answer = resolve(stage)
    assert stage.row().state is State.CLOSED
    assert answer is not None
    assert answer.lines[-2:] == ("Temporary item ILL-1 stays (bib-1, item-2).", "The hold on item ILL-1 stays.")
    assert stage.history()[-1] == " ".join(answer.lines[-2:])
    stage.tell(None)
    stage.settle()
    assert stage.row().state is State.CLOSED


def test_there_may_be_nothing_to_settle(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.settle()
    assert resolve(stage) == Answer(("Nothing waits for staff.",), ok=False)
    assert stage.row().state is State.IN_STEP
    assert stage.ledger.work.claim_one(1, owner="other", lease=timedelta(seconds=60))
    assert resolve(stage) is None


@pytest.mark.parametrize("cause", ["cannot_look", "by_hand"])
def test_staffs_word_is_taken_for_a_step_that_the_ils_does_not_show_or_refuses(stage: Stage, cause: str) -> None:
    stage.tell(Phase.RECEIVED)
    stage.ils.fails = [("place_hold", Rejected("Nobody can tell.", cause=cause))]
    stage.settle()
    assert stage.row().parked.advice.endswith("then: ill-bridge resolve R1.")
    answer = asked(stage, Asking.RESOLVE)
    assert (answer.ok, answer.lines[-1]) == (True, "R1 is now: in_step.")
    assert stage.row().record.item("", "").hold is not None
    assert stage.history()[-2].startswith("Settled by ada: Place a hold")


def made_by_staff(stage: Stage) -> None:
    """An item whose making the ILS did not show, and that staff confirmed."""
    stage.ils = PretendIls(by_patron=True)
    stage.restart()
    stage.tell(Phase.RECEIVED)
    stage.ils.fails = [("create_temporary_item", Rejected("Nobody can tell.", cause="cannot_look"))]
    stage.settle()
    asked(stage, Asking.RESOLVE)


def test_it_is_taken_for_an_item_too_with_the_hold_that_comes_with_it(stage: Stage) -> None:
    made_by_staff(stage)
    item = stage.row().record.item("", "")
    assert (item.existence, item.origin, item.hold and item.hold.state) == ("present", "created", "placed")
    assert "place_hold" not in stage.ils.asked


def test_what_staff_made_for_us_is_cleaned_up_as_what_we_made_is(stage: Stage) -> None:
    """Whether it may be deleted its mark says, in the connector: what bears none is left to staff, and its end is seen by a resync."""
    made_by_staff(stage)
    stage.ils.fails = [("delete_temporary_item", Rejected("It does not bear our mark.", cause="not_ours"))]
    stage.tell(Phase.RETURNED)
    stage.settle()
    assert (stage.row().parked.cause, stage.ils.asked.count("delete_temporary_item")) == ("not_ours", 1)
    assert stage.row().parked.advice.endswith("then: ill-bridge resync R1.")
    assert asked(stage, Asking.RESYNC).lines[-1] == "R1 is now: in_step."
    assert stage.row().record.item("", "").existence is Existence.DELETED
    assert stage.ils.asked.count("delete_temporary_item") == 1


@pytest.mark.parametrize("verb", ["place_hold", "create_temporary_item"])
def test_it_is_taken_for_a_step_of_unknown_end_that_no_look_can_tell_of(stage: Stage, verb: str) -> None:
    stage.ils = PretendIls(by_patron=verb == "create_temporary_item")
    stage.restart()
    stage.tell(Phase.RECEIVED)
    cannot = ("inspect", Rejected("Nobody can tell.", cause="cannot_look"))
    stage.ils.fails = [(verb, OutcomeUnknown("No answer.")), *[cannot] * 9]
    stage.settle()
    assert stage.row().pending is not None
    answer = asked(stage, Asking.RESOLVE, note="it is there")
    assert (answer.ok, answer.lines[-1], stage.row().pending) == (True, "R1 is now: in_step.", None)
    item = stage.row().record.item("", "")
    assert (item.existence, item.hold and item.hold.state) == ("present", "placed")
    assert stage.ils.asked.count(verb) == 1
    assert "Note: it is there" in stage.history()[-2]


@pytest.mark.parametrize("kind", [Asking.RESOLVE, Asking.SKIP])
def test_nothing_is_settled_that_staff_did_not_see(stage: Stage, kind: Asking) -> None:
    """They placed a hold for one patron, and before they said so the service named another."""
    stage.ils = staffed(Verb.PLACE_HOLD)
    stage.restart()
    stage.tell(Phase.RECEIVED)
    stage.settle()
    seen = stage.row().parked.goal
    stage.tell(None, patron_id="p2")
    answer = asked(stage, kind, note="done", goal=seen)
    assert (answer.ok, answer.lines[0].startswith("News came in meanwhile")) == (False, True)
    stage.settle()
    assert (stage.row().state, stage.row().record.item("", "").hold) == (State.STAFF, None)
    assert asked(stage, kind, note="done", goal=stage.row().parked.goal).ok
    hold = stage.row().record.item("", "").hold
    assert hold is not None
    assert hold.patron_id == "id-p2"


def test_nobodys_word_is_taken_for_what_was_refused_otherwise(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.ils.fails = [("place_hold", Rejected("No such pickup."))]
    stage.settle()
    said = "Nothing waits for staff. R1 is parked. Find out why, then: ill-bridge resync R1."
    assert resolve(stage) == Answer((said,), ok=False)


def test_trying_again_goes_on_at_once_and_says_who_and_why(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.ils.fails = [("place_hold", Rejected("No such pickup."))]
    stage.settle()
    answer = asked(stage, Asking.RETRY, note="pickup was added")
    assert answer.ok
    assert stage.row().state is State.IN_STEP
    assert "Tried again by ada. Note: pickup was added" in stage.history()
    assert "inspect" not in stage.ils.asked


def test_a_step_is_left_out_as_if_done(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.ils.fails = [("place_hold", Rejected("No such pickup."))]
    stage.settle()
    answer = asked(stage, Asking.SKIP, note="hold placed by hand")
    assert answer.ok
    assert (
        "Skipped by ada: Place a hold on item ILL-1 for the patron, pickup at MAIN. Note: hold placed by hand"
        in stage.history()
    )
    assert stage.row().state is State.IN_STEP
    assert asked(stage, Asking.SKIP) == Answer(("There is no step to skip.",), ok=False)


def test_making_the_item_cannot_be_left_out(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.ils.fails = [("create_temporary_item", Rejected("No such place."))]
    stage.settle()
    answer = asked(stage, Asking.SKIP, note="x")
    assert not answer.ok
    assert "ill-bridge adopt" in answer.lines[0]
    assert stage.row().state is State.PARKED


def test_a_staff_task_may_be_left_out_too(stage: Stage) -> None:
    stage.ils = staffed(Verb.PLACE_HOLD, ability=Ability.STAFF)
    stage.restart()
    stage.tell(Phase.RECEIVED)
    stage.settle()
    assert asked(stage, Asking.SKIP, note="x").ok
    assert stage.row().state is State.IN_STEP


def test_a_forgotten_request_stays_so_until_it_is_taken_up(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.settle()
    stays = asked(stage, Asking.FORGET, dry_run=True).lines
    assert stays == ("Temporary item ILL-1 stays (bib-1, item-2).", "The hold on item ILL-1 stays.")
    assert stage.row().state is State.IN_STEP
    assert asked(stage, Asking.FORGET, note="by hand").lines[-1] == "R1 is now: forgotten."
    stage.tell(Phase.RETURNED)
    stage.settle()
    assert stage.row().state is State.FORGOTTEN
    assert "ILL-1" in {thing.barcode for thing in stage.ils.items.values()}
    assert "retry" in asked(stage, Asking.RESYNC).lines[0]
    again = (*stays, "R1 was forgotten before.")
    assert asked(stage, Asking.FORGET).lines == again, "asked again, it says the same and does nothing"
    assert asked(stage, Asking.RETRY).ok
    assert stage.row().state is State.IN_STEP
    assert "ILL-1" not in {thing.barcode for thing in stage.ils.items.values()}


def test_what_a_lent_item_leaves_behind(stage: Stage) -> None:
    stage.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
    stage.settle()
    stays = asked(stage, Asking.FORGET, dry_run=True).lines
    assert stays == ("Item OWN-1 stays on loan to PARTNER.", "Item OWN-1 stays at RS/OUT.")


def test_nothing_may_be_left_behind(stage: Stage) -> None:
    stage.tell(Phase.REQUESTED)
    assert asked(stage, Asking.FORGET, dry_run=True).lines == ("Nothing of it is in the ILS.",)


def test_a_field_is_set_right_by_hand_and_the_ils_follows(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED, due=DUE)
    stage.settle()
    answer = asked(stage, Asking.SET, fields={"temporary_barcode": "NEW-1"}, note="label torn")
    assert answer.ok
    assert "Set right by ada: temporary barcode. Note: label torn" in stage.history()
    assert stage.row().record.item("", "").barcode == "NEW-1"
    stage.tell(Phase.RECEIVED, temporary_barcode="SVC-1")
    stage.settle()
    assert stage.row().record.item("", "").barcode == "SVC-1", "a new word of the service wins"


@pytest.mark.parametrize(
    ("fields", "volume", "said"),
    [({"due": "soon"}, "", "soon"), ({"due": "2027-01-01"}, "9", "no volume '9'"), ({"phase": "x"}, "", "'phase'")],
)
def test_a_correction_that_makes_no_sense(stage: Stage, fields: dict[str, str], volume: str, said: str) -> None:
    stage.tell(Phase.RECEIVED)
    before = stage.row()
    answer = asked(stage, Asking.SET, fields=fields, volume=volume)
    assert not answer.ok
    assert said in answer.lines[0]
    assert stage.row().request == before.request


def test_a_request_of_an_ils_that_is_no_longer_there(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    steering = Steering(stage.ledger, {}, lease=timedelta(seconds=60))
    answer = steering.carry_out(Asked(Asking.RETRY, 1))
    assert answer is not None
    assert "not in the configuration" in answer.lines[0]
    assert ask(stage, Asking.RETRY) is not None, "it was given back"


def test_a_confirmation_that_was_cut_off_goes_on(stage: Stage) -> None:
    stage.ils = staffed(Verb.PLACE_HOLD, ability=Ability.STAFF)
    stage.restart()
    stage.tell(Phase.RECEIVED)
    stage.settle()
    held = stage.ledger.work.claim_one(1, owner="ada", lease=timedelta(seconds=60))
    assert held is not None
    task = next_step(stage.reconciler.sitting(held).goal, held.row.record, stage.ils.capabilities)
    assert isinstance(task, StaffTask)
    stage.ledger.work.keep(held, confirm(held.row.record, task))
    stage.restart()
    assert asked(stage, Asking.RESOLVE).ok
    assert stage.row().state is State.IN_STEP


@pytest.mark.parametrize("kind", [Asking.RESOLVE, Asking.SKIP])
@pytest.mark.parametrize("refused", [False, True])
def test_a_confirmation_that_is_carried_out_twice_settles_one_task(
    stage: Stage, kind: Asking, *, refused: bool
) -> None:
    """The daemon dies after it settled what staff did, and carries the order out again when it is back: the next task nobody did."""
    stage.ils = staffed(*() if refused else (Verb.CHECK_OUT, Verb.MOVE_ITEM))
    stage.restart()
    stage.ils.fails = [("move_item", Rejected("At the desk.", cause="by_hand"))] if refused else []
    stage.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
    stage.settle()
    order = {"goal": stage.row().parked.goal, "stop": stage.row().parked.fingerprint}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage.reconciler, "work", dies)
        with pytest.raises(Killed):
            ask(stage, kind, **order)
    stage.restart()
    stage.clock.advance(seconds=120)
    answer = asked(stage, kind, **order)
    assert (answer.ok, answer.lines[0].startswith("What you saw is settled already")) == (False, True)
    stage.settle()
    item = stage.row().record.item("", "")
    assert item.moved_to is not None
    assert (len(item.loans), stage.row().state) == ((1, State.IN_STEP) if refused else (0, State.STAFF))
    assert sum(line.startswith(("Settled by", "Skipped by")) for line in stage.history()) == 1


def dies(*_: object, **__: object) -> State:
    raise Killed


def test_what_is_forgotten_is_only_taken_up_by_a_retry(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    asked(stage, Asking.FORGET)
    for kind in (Asking.SET, Asking.SKIP, Asking.RESOLVE, Asking.ADOPT, Asking.RESYNC):
        assert asked(stage, kind) == Answer(("It was forgotten; 'retry' takes it up again.",), ok=False)
    assert asked(stage, Asking.RESYNC, dry_run=True).ok


def test_forgetting_tells_what_may_be_there_unseen(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    held = stage.ledger.work.claim_one(1, owner="ada", lease=timedelta(seconds=60))
    assert held is not None
    found = next_step(stage.reconciler.sitting(held).goal, held.row.record, stage.ils.capabilities)
    assert isinstance(found, Step)
    stage.ledger.work.start(held, found)
    stage.restart()
    (line,) = asked(stage, Asking.FORGET, dry_run=True).lines
    assert line.startswith("How the step 'find patron' ended is not known")


def test_a_correction_given_twice_changes_nothing(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.settle()
    fields = {"patron_id": "p2"}
    assert asked(stage, Asking.SET, fields=fields).ok
    before = stage.history()
    assert asked(stage, Asking.SET, fields=fields) == Answer(("It stands so already; nothing was changed.",))
    assert stage.history() == before


def test_a_plan_where_nothing_may_be_written_counts_nothing(stage: Stage) -> None:
    stage.policy = replace(POLICY, mode=Mode.OBSERVE)
    stage.tell(Phase.RECEIVED)
    answer = asked(stage, Asking.RESYNC, dry_run=True)
    assert answer.lines[0] == "Observe mode: nothing is written in the ILS."
    assert "Would make temporary item ILL-1." in answer.lines
    assert (answer.creates, answer.deletes) == (0, 0)


class TestAdopting:
    """What staff made by hand is taken over by its barcode, and nothing is made."""

    @pytest.fixture
    def watched(self, stage: Stage) -> Stage:
        stage.policy = replace(POLICY, mode=Mode.OBSERVE)
        return stage

    def by_hand(self, stage: Stage, **more: Any) -> None:
        stage.ils.items["hand"] = Thing(Mark("", ""), "ILL-1", place=POLICY.borrowing.place, **more)

    def test_a_borrowed_item(self, watched: Stage) -> None:
        watched.tell(Phase.RECEIVED, due=DUE)
        watched.settle()
        self.by_hand(watched)
        assert asked(watched, Asking.ADOPT, dry_run=True).ok
        assert not watched.row().record.items
        answer = asked(watched, Asking.ADOPT)
        assert answer.ok
        assert answer.lines[0] == "Item ILL-1 was taken over as staff had made it."
        assert "Item ILL-1 was taken over as staff had made it. (by ada)" in watched.history()
        watched.policy = POLICY
        watched.ledger.work.take_up(["main"])
        watched.settle()
        assert watched.row().state is State.IN_STEP
        assert not {"create_temporary_item", "place_hold", "charge_fee"} & set(watched.ils.asked)
        watched.tell(Phase.RETURNED)
        watched.settle()
        assert watched.row().state is State.STAFF
        assert "made by staff: delete it by hand" in watched.row().parked.reason

    def test_a_lent_item(self, watched: Stage) -> None:
        watched.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
        watched.settle()
        watched.ils.items["OWN-1"].loan = ("by-hand", "PARTNER", DUE)
        assert asked(watched, Asking.ADOPT).ok
        watched.policy = POLICY
        watched.tell(Phase.COMPLETED, role=Role.LENDER)
        watched.settle()
        assert watched.ils.checked_in == ["OWN-1"]
        assert "move_item" not in watched.ils.asked

    def test_what_is_not_there_is_not_taken_over(self, watched: Stage) -> None:
        watched.tell(Phase.RECEIVED)
        assert asked(watched, Asking.ADOPT) == Answer(("There is no item ILL-1 in the ILS.",), ok=False)
        watched.ils.down = Unavailable("Nobody there.")
        assert asked(watched, Asking.ADOPT) == Answer(("Nobody there.",), ok=False)

    def test_there_may_be_nothing_to_take_over(self, stage: Stage) -> None:
        stage.tell(Phase.REQUESTED)
        assert asked(stage, Asking.ADOPT) == Answer(
            ("There is nothing to take over: as the request stands, nothing of it should be in the ILS.",), ok=False
        )

    def test_staff_name_the_barcode(self, watched: Stage) -> None:
        watched.tell(Phase.RECEIVED)
        watched.settle()
        watched.ils.items["hand"] = Thing(Mark("", ""), "HAND-7")
        assert asked(watched, Asking.ADOPT, barcode="HAND-7").ok
        assert watched.row().record.item("", "").barcode == "HAND-7"

    def test_what_was_made_is_not_taken_over(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.settle()
        assert asked(stage, Asking.ADOPT) == Answer(("Item ILL-1 is in the record already.",))
        assert asked(stage, Asking.ADOPT, barcode="ill-1").ok
        other = asked(stage, Asking.ADOPT, barcode="HAND-7")
        assert other == Answer(("The record holds item ILL-1; nothing is taken over beside it.",), ok=False)

    def test_a_dry_run_says_what_follows(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED, due=DUE)
        self.by_hand(stage)
        answer = asked(stage, Asking.ADOPT, dry_run=True)
        assert answer.lines[0] == "Item ILL-1 would be taken over as staff made it."
        assert (answer.ok, answer.creates) == (True, 0)
        assert not stage.row().record.items

    def test_volumes_have_items_of_their_own(self, stage: Stage) -> None:
        for volume in ("1", "2"):
            stage.tell(Phase.RECEIVED, volume=volume)
        stage.ils.items["hand"] = Thing(Mark("", ""), "HAND-7", place=POLICY.borrowing.place)
        assert asked(stage, Asking.ADOPT, volume="9").lines == ("The request has no volume '9'.",)
        assert "name one of 1, 2" in asked(stage, Asking.ADOPT, barcode="HAND-7").lines[0]
        assert asked(stage, Asking.ADOPT, barcode="HAND-7", volume="2").ok
        assert stage.row().record.item("", "2").barcode == "HAND-7"


def test_a_lease_is_kept_however_slow_the_ils_is(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.tell(Phase.RECEIVED)
    held = stage.ledger.work.claim_one(1, owner="ada", lease=timedelta(seconds=0.3))
    assert held is not None
    extended = threading.Event()
    extend = stage.ledger.work.extend

    busy = iter([LedgerBusy("Locked.")])

    def noted(*named: Any, **more: Any) -> None:
        for problem in busy:
            raise problem
        extend(*named, **more)
        extended.set()

    monkeypatch.setattr(stage.ledger.work, "extend", noted)
    with kept(stage.ledger, held, lease=timedelta(seconds=0.03)):
        assert extended.wait(PATIENCE)


def test_a_lease_that_was_lost_is_told(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    held = stage.ledger.work.claim_one(1, owner="ada", lease=timedelta(seconds=60))
    assert held is not None
    stage.ledger.work.free_all()
    with structlog.testing.capture_logs() as logs, kept(stage.ledger, held, lease=timedelta(seconds=0.03)):
        until(lambda: bool(logs))
        until(lambda: all(thread.name != f"lease of {held.row.name}" for thread in threading.enumerate()))
    assert [line["event"] for line in logs] == ["lease.not_extended"], "once; what is lost is not asked for again"


class TestWorkingAndLooking:
    """What a drill is made of: work on it now, and see what is there."""

    def test_work_goes_on_whatever_is_waited_for(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.ils.fails = [("place_hold", Retry("Busy."))]
        stage.settle()
        assert stage.row().state is State.WAITING
        answer = asked(stage, Asking.WORK)
        assert answer.ok
        assert answer.lines[-1] == "R1 is now: in_step."

    def test_a_look_says_what_is_there_and_changes_nothing(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        assert asked(stage, Asking.LOOK) == Answer(())
        stage.settle()
        before, history = stage.row(), stage.history()
        lines = asked(stage, Asking.LOOK).lines
        assert lines[0].startswith("Item ILL-1 is there (bib-1, item-")
        assert lines[0].endswith("with our mark.")
        assert lines[1:] == ("Our hold on it stands.",)
        assert (stage.row().state, stage.row().record, stage.history()) == (before.state, before.record, history)

    def test_an_ils_that_cannot_be_looked_at(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.ils.down = Unavailable("Nobody there.")
        assert asked(stage, Asking.LOOK) == Answer(("Nobody there.",), ok=False)
