"""Claims: a request is held by one worker at a time, under a lease with a fence."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, update

from bridge.ledger import schema, statements
from bridge.ledger.model import Claimed, Lease, SpareWorker, Terms
from bridge.ledger.rows import row_or_husk


def claim_next(connection: Connection, lane: str, terms: Terms, now: datetime) -> Claimed | None:
    """The next due request of an open lane below its cap: live changes, then backlog, then what is parked and tried again."""
    here = {"of_lane": lane, "now": now}
    if not _lane_open(connection, lane, now):
        return None
    if statements.LEASED.scalar(connection, here) >= terms.cap:
        return None
    found = next(filter(None, (query.first(connection, here) for query in statements.NEXT_DUE)), None)
    if found is None:
        return None
    until, fence = now + terms.lease, found.fence + 1
    taken = {"of": found.id, "until": until, "by": terms.owner, "with_fence": fence}
    more = statements.LEASE.scalar(connection, here | taken)
    return Claimed(row_or_husk(found), fence, Lease(until), bool(more))


def claim_this(
    connection: Connection, request_id: int, *, owner: str, lease: timedelta, now: datetime
) -> Claimed | None:
    """This request, whatever its state and its lane's; ``None`` while it, or the other side of its conversation, is held.

    The lane is locked first, as by every claim, so that two claims never take the two sides of a conversation together.
    """
    statements.LOCKED_LANE_OF.first(connection, {"of": request_id})
    found = statements.THIS_ONE.first(connection, {"of": request_id, "now": now})
    if found is None:
        return None
    until, fence = now + lease, found.fence + 1
    taken = {"lease_until": until, "owner": owner, "fence": fence}
    connection.execute(update(schema.request).where(schema.request.c.id == request_id).values(taken))
    return Claimed(row_or_husk(found), fence, Lease(until))


def claim_at_once(connection: Connection, request_id: int, worker: SpareWorker, now: datetime) -> Claimed | None:
    """The request that was told of in this transaction, for a worker who has nothing else to do; ``None`` where it has to wait its turn.

    Who holds the lane on PostgreSQL is not waited for, since others wait there for requests.
    """
    terms, here = worker.terms, {"of_lane": worker.lane, "now": now}
    if (
        connection.dialect.name != "sqlite"
        and statements.LANE_AT_ONCE.first(connection, {"of_lane": worker.lane}) is None
    ):
        return None
    until = now + terms.lease
    asked = {"of": request_id, "until": until, "by": terms.owner, "cap": terms.cap}
    found = statements.AT_ONCE.first(connection, here | asked)
    return Claimed(row_or_husk(found), found.fence, Lease(until), bool(found.more)) if found is not None else None


def _lane_open(connection: Connection, lane: str, now: datetime) -> bool:
    """Read the lane under a lock, so that two daemons never pass its cap together."""
    found = statements.LOCKED_LANE.first(connection, {"of_lane": lane})
    if found is None:
        return True
    return found.paused_until is None and (found.held_until is None or found.held_until <= now)
