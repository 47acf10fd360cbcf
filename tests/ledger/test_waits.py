"""All that waits is brought forward by as much as the clock was set back, and nothing that is due is put off."""

from __future__ import annotations

from datetime import timedelta

from bridge.ledger import Ledger
from tests.ledger.sample import NOW, Clock, held, take
from tests.ledger.test_alerts import TROUBLE, notice
from tests.ledger.test_outbox import RULE, say

HOUR = timedelta(hours=1)
PATIENCE = timedelta(minutes=1)


def test_everything_that_waits_is_brought_forward(ledger: Ledger, clock: Clock) -> None:
    ledger.notes.tell([RULE])
    take(ledger)
    say(ledger, "Item ILL-1 was checked in.")
    assert ledger.alerts.begin(TROUBLE)
    (begun,) = ledger.alerts.standing()
    assert ledger.alerts.tell(begun, at=NOW, cause="", document="{}", notices=(notice(),))
    ledger.lanes.ensure(["other"])
    ledger.lanes.close("other", until=NOW + PATIENCE, why="x", cause="y")
    clock.now -= HOUR
    assert ledger.notes.take(RULE.source, patience=PATIENCE) is None
    assert ledger.alerts.take(["mail"], patience=PATIENCE) is None
    assert ledger.waits.bring_forward(HOUR) == 4
    assert ledger.notes.take(RULE.source, patience=PATIENCE) is not None
    assert ledger.alerts.take(["mail"], patience=PATIENCE) is not None
    assert [lane.paused_until for lane in ledger.lanes.all() if lane.name == "other"] == [clock.now + PATIENCE]
    assert held(ledger) is not None
    assert ledger.waits.bring_forward(HOUR) == 1, "the probe, which is then due"
    assert [lane.paused_until for lane in ledger.lanes.all() if lane.name == "other"] == [clock.now]


def test_what_is_due_stays_so(ledger: Ledger) -> None:
    take(ledger)
    assert ledger.waits.bring_forward(HOUR) == 0
    assert held(ledger) is not None
