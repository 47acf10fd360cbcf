"""Who has the temporary items: a look, where one is due, and what is watched from then on (due-date alignment)."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from bridge.connectors.base import Call, Connector
from bridge.domain.align import compared, sought, watched
from bridge.domain.goal import Goal
from bridge.domain.inspection import glance
from bridge.domain.learn import amend
from bridge.domain.record import Record
from bridge.ledger import Look, Watch

log = structlog.get_logger(__name__)

LOOK_EVERY = timedelta(days=1)
"""Between two looks at one loan."""
LOOK_AGAIN = timedelta(hours=1)
"""After the ILS could not say it for the moment."""


def look(connector: Connector, goal: Goal, record: Record, kind: Look) -> tuple[Record, tuple[str, ...]]:
    """The record after a look, and what it showed that we did not know. Raises as ``inspect`` does."""
    notes: list[str] = []
    for item_goal in goal.items:
        item = record.item(item_goal.leg, item_goal.volume)
        wanted = watched if kind is Look.ALL else sought
        if not wanted(item_goal, item, connector.capabilities):
            continue
        seen = connector.inspect(glance(item_goal, item, record), Call())
        settled, news = compared(item_goal, item, amend(item, seen))
        record = record.with_item(settled)
        notes.extend(news)
    return record, tuple(notes)


def watches_of(connector: Connector, goal: Goal, record: Record, next_look: datetime | None) -> tuple[Watch, ...]:
    """The items to watch; ``next_look`` is when those are looked at whose loan was not seen yet, or is not settled."""
    found = []
    for item_goal in goal.items:
        item = record.item(item_goal.leg, item_goal.volume)
        if watched(item_goal, item, connector.capabilities):
            look_at = next_look if sought(item_goal, item, connector.capabilities) else None
            found.append(Watch(item.ids.item, item.barcode, look_at))
    return tuple(found)
