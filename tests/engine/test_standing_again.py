"""A temporary item that counts as deleted and stands in the ILS with our mark: a resync tells of it and takes it up, as the audit does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bridge.domain import commands as do
from bridge.domain.change import Phase
from bridge.domain.record import Existence, ItemRecord
from bridge.engine.asked import Answer, Asked, Asking
from bridge.engine.steering import Steering
from tests.engine.pretend import DUE, Stage, Thing
from tests.engine.test_audit import MARK, audited, finished, kinds, mine, put_back, received


def resync(stage: Stage, **more: Any) -> Answer:
    lanes = {"pretend": (stage.lane, stage.reconciler)}
    steering = Steering(stage.ledger, lanes, lease=timedelta(seconds=60))
    answer = steering.carry_out(Asked(Asking.RESYNC, 1, by="ada", **more))
    assert answer is not None
    return answer


def item(stage: Stage) -> ItemRecord:
    return stage.row().record.item("", "")


def not_shown_for_a_while(stage: Stage) -> str:
    """The ILS did not show the item once, so that it counts as deleted; answers its id there."""
    received(stage)
    pid, thing = next((pid, thing) for pid, thing in stage.ils.items.items() if thing is mine(stage))
    del stage.ils.items[pid]
    resync(stage)
    assert item(stage).existence is Existence.DELETED
    stage.ils.items[pid] = thing
    return pid


def test_what_came_back_after_it_was_deleted_is_deleted_again(stage: Stage) -> None:
    finished(stage)
    put_back(stage)
    foreseen = resync(stage, dry_run=True)
    assert (foreseen.deletes, "again" in stage.ils.items) == (1, True)
    assert "is still in the ILS" in foreseen.lines[0]
    assert resync(stage).lines[-1] == "R1 is now: closed."
    assert "again" not in stage.ils.items
    assert any(line.startswith("Temporary item ILL-1 is still in the ILS") for line in stage.history())


def test_what_somebody_has_is_told_and_left(stage: Stage) -> None:
    finished(stage)
    put_back(stage)
    stage.ils.items["again"].loan = ("l9", "somebody", DUE)
    assert resync(stage).lines[-1] == "R1 is now: closed."
    assert "again" in stage.ils.items
    assert any("somebody has it on loan" in line and "by hand" in line for line in stage.history())
    assert item(stage).existence is Existence.DELETED


def test_what_is_wanted_is_taken_up_and_goes_with_its_request(stage: Stage) -> None:
    pid = not_shown_for_a_while(stage)
    stage.ils.asked.clear()
    resync(stage)
    assert (item(stage).existence, item(stage).ids.item) == (Existence.PRESENT, pid)
    assert "create_temporary_item" not in stage.ils.asked
    assert any("counted as deleted, and is in the ILS with our mark" in line for line in stage.history())
    stage.tell(Phase.RETURNED)
    stage.settle()
    assert pid not in stage.ils.items


def test_what_bears_our_mark_in_another_place_is_not_taken_up(stage: Stage) -> None:
    pid = not_shown_for_a_while(stage)
    stage.ils.items[pid].place = do.Place("RS", "ELSEWHERE")
    resync(stage)
    assert item(stage).existence is Existence.DELETED


def test_an_item_of_another_open_request_under_its_barcode_is_left_alone(stage: Stage) -> None:
    """Some ILSs show no mark: what bears the barcode that was recorded counts as ours there."""
    finished(stage)
    stage.tell(Phase.RECEIVED, number="2", temporary_barcode="ILL-1", due=DUE)
    stage.ils.items["theirs"] = Thing(MARK, "ILL-1", place=do.Place("RS", "TEMP"))
    audited(stage, repair=True)
    assert kinds(stage) == []
    resync(stage)
    assert "theirs" in stage.ils.items
