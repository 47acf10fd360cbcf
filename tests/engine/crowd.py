"""Many requests at once, written straight into the ledger: coming in is not what these tests are about."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import insert, select, update

from bridge.domain.change import Phase
from bridge.ledger import State, schema
from tests.engine.pretend import Stage

REQUEST = schema.request


def crowd(stage: Stage, size: int, phase: Phase = Phase.REQUESTED) -> None:
    """So many requests that are due, all of them like one."""
    first = stage.tell(phase, number="0")
    with stage.ledger.database.write() as connection:
        like = dict(connection.execute(select(REQUEST).where(REQUEST.c.id == first)).one()._mapping)
        del like["id"]
        assert like["document"].count('"number":"0"') == 1
        rows = [
            {
                **like,
                "number": str(each),
                "conversation": f"{like['conversation']} {each}",
                "document": like["document"].replace('"number":"0"', f'"number":"{each}"'),
            }
            for each in range(1, size)
        ]
        connection.execute(insert(REQUEST), rows)


def waiting(stage: Stage, **ahead: float) -> None:
    """All of them wait for later."""
    later = stage.clock.now + timedelta(**ahead)
    with stage.ledger.database.write() as connection:
        connection.execute(update(REQUEST).values(state=State.WAITING.value, due_at=later))
