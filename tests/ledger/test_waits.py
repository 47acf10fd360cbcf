"""All that waits is brought forward by as much as the clock was set back, and nothing that is due is put off."""

from __future__ import annotations

from datetime import timedelta

from bridge.ledger import Ledger
from bridge.ledger.model import NewOrder
from tests.ledger.sample import NOW, Clock, claim, held, take
from tests.ledger.test_alerts import TROUBLE, notice
from tests.ledger.test_outbox import RULE, say

HOUR = timedelta(hours=1)
PATIENCE = timedelta(minutes=1)
ORDER = NewOrder("resync", 1, "{}", "staff")


def told(ledger: Ledger) -> None:
    """A request with a note and a notice that wait to be sent."""
    ledger.notes.tell([RULE])
    take(ledger)
    say(ledger, "Item ILL-1 was checked in.")
    assert ledger.alerts.begin(TROUBLE)
    (begun,) = ledger.alerts.standing()
    assert ledger.alerts.tell(begun, at=NOW, cause="", document="{}", notices=(notice(),))


def test_everything_that_waits_is_brought_forward(ledger: Ledger, clock: Clock) -> None:
    told(ledger)
    ledger.lanes.ensure(["other"])
    ledger.lanes.close("other", until=NOW + PATIENCE, why="x", cause="y")
    clock.now -= HOUR
    assert ledger.notes.take(RULE.source, patience=PATIENCE) is None
    assert ledger.alerts.take(["mail"], patience=PATIENCE) is None
    assert ledger.waits.bring_forward(HOUR, lease=PATIENCE) == 4
    assert ledger.notes.take(RULE.source, patience=PATIENCE) is not None
    assert ledger.alerts.take(["mail"], patience=PATIENCE) is not None
    assert [lane.paused_until for lane in ledger.lanes.all() if lane.name == "other"] == [clock.now + PATIENCE]
    assert held(ledger) is not None
    assert ledger.waits.bring_forward(HOUR, lease=PATIENCE) == 3, "the probe, which is then due, and what was taken"
    assert [lane.paused_until for lane in ledger.lanes.all() if lane.name == "other"] == [clock.now]


def test_what_is_due_stays_so(ledger: Ledger) -> None:
    take(ledger)
    assert ledger.waits.bring_forward(HOUR, lease=PATIENCE) == 0
    assert held(ledger) is not None


def test_what_a_daemon_had_in_hand_that_was_killed_before_is_free_as_soon_as_ever(ledger: Ledger, clock: Clock) -> None:
    told(ledger)
    order = ledger.orders.give(ORDER)
    assert ledger.orders.take(order)
    assert ledger.notes.take(RULE.source, patience=PATIENCE) is not None
    assert ledger.alerts.take(["mail"], patience=PATIENCE) is not None
    assert held(ledger) is not None
    clock.now -= HOUR
    ledger.waits.bring_forward(HOUR, lease=PATIENCE)
    clock.now += PATIENCE
    assert held(ledger) is not None
    assert ledger.notes.take(RULE.source, patience=PATIENCE) is not None
    assert ledger.alerts.take(["mail"], patience=PATIENCE) is not None
    clock.now += PATIENCE
    assert ledger.orders.take(order)


def test_a_lease_that_is_short_stays_as_long(ledger: Ledger, clock: Clock) -> None:
    take(ledger)
    assert held(ledger) is not None
    clock.now -= timedelta(seconds=1)
    ledger.waits.bring_forward(timedelta(seconds=1), lease=HOUR)
    clock.now += PATIENCE
    assert claim(ledger) is None


def test_the_last_line_of_any_history_tells_by_which_clock_was_reckoned(ledger: Ledger, clock: Clock) -> None:
    assert ledger.waits.last_reckoned() is None
    take(ledger)
    assert ledger.waits.last_reckoned() == clock.now
