"""Rows of the database as the ledger's values."""

from __future__ import annotations

from typing import Any

from bridge.domain.identity import RequestKey, Role
from bridge.domain.record import Record
from bridge.domain.request import Request
from bridge.ledger import codec
from bridge.ledger.model import UNREADABLE, Look, Parked, Pending, Row, State, StepState


def row_of(found: Any) -> Row:  # noqa: ANN401 - a row
    """The request in this row."""
    return Row(
        id=found.id,
        lane=found.lane,
        state=State(found.state),
        status=found.status,
        request=codec.request_from(found.document),
        version=found.version,
        record=codec.record_from(found.record),
        pending=pending_of(found.pending),
        attempts=found.attempts,
        parked=Parked(found.parked_goal, found.parked_cause, found.parked_reason, found.parked_advice),
        due_at=found.due_at,
        created_at=found.created_at,
        updated_at=found.updated_at,
        afresh=bool(found.afresh),
        parked_at=found.parked_at,
        look=Look(found.look),
    )


def row_or_husk(found: Any) -> Row:  # noqa: ANN401 - a row
    """The request in this row; where this release cannot read it, only what its columns say (``readable`` is false)."""
    try:
        return row_of(found)
    except (ValueError, KeyError):
        key = RequestKey(found.library, found.service, Role(found.role), found.requester, found.number)
        return Row(
            id=found.id,
            lane=found.lane,
            state=State(found.state),
            status=found.status,
            request=Request(key),
            version=found.version,
            record=Record(),
            pending=None,
            attempts=found.attempts,
            parked=Parked("", "unreadable", UNREADABLE, "See: ill-bridge db check."),
            due_at=found.due_at,
            created_at=found.created_at,
            updated_at=found.updated_at,
            parked_at=found.parked_at,
            readable=False,
        )


def pending_of(text: str | None) -> Pending | None:
    """The step under way in this JSON, if any."""
    if not text:
        return None
    step, state, since = codec.step_from(text)
    return Pending(step, StepState(state), since)
