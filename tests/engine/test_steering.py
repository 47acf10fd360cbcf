"""What staff and admins ask: resync looks first, then the same loop; dry runs change nothing; every word of theirs is in the history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.domain import preview as module
from bridge.domain.capabilities import Ability
from bridge.domain.change import Phase
from bridge.domain.commands import Verb
from bridge.domain.identity import Mark, Role
from bridge.domain.policy import Mode
from bridge.engine.steering import Answer, Asked, Asking, Steering
from bridge.errors import Rejected, Unavailable
from bridge.ledger import State
from tests.engine.pretend import DUE, POLICY, Stage, Thing, staffed


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
    resolve(stage)
    assert stage.row().state is State.CLOSED
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
    assert "Skipped by ada: Place a hold on item ILL-1 for the patron. Note: hold placed by hand" in stage.history()
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
