"""Statements of the work on requests and of what comes in, built once: building one anew costs more than running it."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    FromClause,
    TextClause,
    Update,
    bindparam,
    case,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from bridge.domain.care import DRILL
from bridge.domain.commands import Verb
from bridge.ledger import schema
from bridge.ledger.model import State
from bridge.ledger.prepared import Prepared

REQUEST = schema.request
STEP = schema.step
INBOX = schema.inbox
NOW = bindparam("now", type_=schema.Instant)


def _free(of: ColumnElement[object]) -> ColumnElement[bool]:
    return or_(of.is_(None), of <= NOW)


FREE = _free(REQUEST.c.lease_until)
HELD_LIBRARIES = select(schema.library.c.name).where(schema.library.c.held_until > NOW)
HELD = REQUEST.c.library.in_(HELD_LIBRARIES)
"""Whether a request's library is held."""

LANE = select(schema.lane.c.paused_until, schema.lane.c.held_until).where(schema.lane.c.name == bindparam("of_lane"))
LOCKED_LANE = Prepared(LANE.with_for_update())
LOCKED_LANE_OF = Prepared(
    select(schema.lane.c.name)
    .where(schema.lane.c.name == select(REQUEST.c.lane).where(REQUEST.c.id == bindparam("of")).scalar_subquery())
    .with_for_update()
)
LANES = Prepared(select(schema.lane).order_by(schema.lane.c.name))
LEASED = Prepared(
    select(func.count()).where(
        REQUEST.c.lane == bindparam("of_lane"), REQUEST.c.lease_until.is_not(None), REQUEST.c.lease_until > NOW
    )
)


Waits = tuple[ColumnElement[bool] | TextClause, ...]


def _live(of: FromClause) -> Waits:
    return (schema.WORK_WAITS, of.c.backlog == 0)


def _backlog(of: FromClause) -> Waits:
    return (schema.WORK_WAITS, of.c.backlog == 1)


def _tried_again(of: FromClause) -> Waits:  # noqa: ARG001 - one of three alike
    return (schema.TRIED_AGAIN,)


KINDS: tuple[Callable[[FromClause], Waits], ...] = (_live, _backlog, _tried_again)
"""Kinds of work, the first before the others. Each has an index that leads straight to what is due first."""


def _waiting(lane: ColumnElement[str], kind: Callable[[FromClause], Waits]) -> Waits:
    """Work that may begin now."""
    return (REQUEST.c.lane == lane, *kind(REQUEST), FREE, ~HELD)


def _spoken_with() -> ColumnElement[bool]:
    """Whether somebody works on the other side of its conversation."""
    other = REQUEST.alias("other")
    running = (other.c.lease_until.is_not(None), other.c.lease_until > NOW)
    return exists().where(other.c.conversation == REQUEST.c.conversation, *running)


def _next_due(kind: Callable[[FromClause], Waits]) -> Prepared:
    return Prepared(
        select(REQUEST)
        .where(*_waiting(bindparam("of_lane"), kind), REQUEST.c.due_at <= NOW, ~_spoken_with())
        .order_by(REQUEST.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=REQUEST)
    )


NEXT_DUE = tuple(map(_next_due, KINDS))
"""The next live change of a lane, the next of its backlog, the next parked request that is tried again; in the very order of the index, so
that no database sorts all that waits."""
THIS_ONE = Prepared(
    select(REQUEST)
    .where(REQUEST.c.id == bindparam("of"), FREE, ~_spoken_with())
    .with_for_update(skip_locked=True, of=REQUEST)
)
"""A request by its id, whatever its state, unless somebody works on it or on the other side of its conversation."""


def _more(kind: Callable[[FromClause], Waits]) -> ColumnElement[bool]:
    other = REQUEST.alias("more")
    due = (*kind(other), other.c.due_at <= NOW, _free(other.c.lease_until))
    mine = (other.c.lane == bindparam("of_lane"), other.c.id != bindparam("of"), other.c.library.not_in(HELD_LIBRARIES))
    return select(other.c.id).where(*mine, *due).exists()


def _at_once() -> Update:
    """Takes the lease of a request that was just told of, where it need not wait: see ``claim_next`` for what it might wait for."""
    busy, lane = REQUEST.alias("busy"), schema.lane
    mine: BindParameter[str] = bindparam("of_lane")
    at_work = select(func.count()).where(busy.c.lane == mine, busy.c.lease_until.is_not(None), busy.c.lease_until > NOW)
    shut = or_(lane.c.paused_until.is_not(None), lane.c.held_until > NOW)
    return (
        update(REQUEST)
        .where(
            REQUEST.c.id == bindparam("of"),
            *_waiting(mine, _live),
            REQUEST.c.due_at <= NOW,
            ~_spoken_with(),
            at_work.scalar_subquery() < bindparam("cap"),
            ~exists().where(lane.c.name == mine, shut),
        )
        .values(lease_until=bindparam("until"), owner=bindparam("by"), fence=REQUEST.c.fence + 1)
    )


AT_ONCE = Prepared(_at_once().returning(*REQUEST.c, or_(*map(_more, KINDS)).label("more")))
"""Gives the request as it is now, and whether more of the lane is due; no row where it has to wait its turn."""
LANE_AT_ONCE = Prepared(LANE.with_for_update(skip_locked=True))
"""The lane under a lock, unless somebody claims in it just now."""

LEASE = Prepared(
    update(REQUEST)
    .where(REQUEST.c.id == bindparam("of"))
    .values(lease_until=bindparam("until"), owner=bindparam("by"), fence=bindparam("with_fence"))
    .returning(or_(*map(_more, KINDS)).label("more"))
)
"""Takes the lease; answers whether more of the lane is due."""


def _earliest(kind: Callable[[FromClause], Waits]) -> ColumnElement[object]:
    due = select(REQUEST.c.due_at).where(*_waiting(schema.lane.c.name, kind)).order_by(REQUEST.c.due_at).limit(1)
    return due.correlate(schema.lane).scalar_subquery()


DUE_LANES = Prepared(
    select(
        schema.lane.c.name,
        _earliest(_live).label("live"),
        _earliest(_backlog).label("backlog"),
        _earliest(_tried_again).label("again"),
    )
)
"""Each lane with when its next request falls due: a look into the index for each, however much waits."""


def _guarded(change: Update) -> Update:
    return change.where(REQUEST.c.id == bindparam("of"), REQUEST.c.fence == bindparam("my_fence"))


BEGIN_STEP = Prepared(
    _guarded(update(REQUEST))
    .where(REQUEST.c.lease_until > NOW)
    .values(pending=bindparam("step"), updated_at=NOW)
    .returning(REQUEST.c.version)
)
END_STEP = Prepared(
    _guarded(update(REQUEST))
    .values(
        pending=bindparam("step"),
        record=bindparam("learned"),
        updated_at=NOW,
        attempts=case((bindparam("succeeded") == 1, 0), else_=REQUEST.c.attempts),
    )
    .returning(REQUEST.c.version, REQUEST.c.lease_until)
)
KEEP = Prepared(_guarded(update(REQUEST)).values(record=bindparam("learned")).returning(REQUEST.c.version))


def _release() -> Update:
    """News that came since ``known`` makes the request due at once. One that was finished before stays so since then."""
    same = REQUEST.c.version == bindparam("known")
    finished = bindparam("finished", type_=schema.Instant)
    before = func.coalesce(REQUEST.c.settled_at, finished)
    settled = case((REQUEST.c.state == bindparam("as_state"), before), else_=finished)
    return _guarded(update(REQUEST)).values(
        state=case((same, bindparam("as_state")), else_=State.DUE.value),
        due_at=case((same, bindparam("due", type_=schema.Instant)), else_=NOW),
        status=bindparam("as_status"),
        attempts=bindparam("tried"),
        backlog=bindparam("behind"),
        afresh=bindparam("again"),
        look=case((same, bindparam("glance")), else_=REQUEST.c.look),
        lease_until=null(),
        owner="",
        parked_goal=bindparam("goal"),
        parked_cause=bindparam("cause"),
        parked_reason=bindparam("reason"),
        parked_advice=bindparam("advice"),
        parked_at=bindparam("since"),
        settled_at=case((same, settled), else_=null()),
        purged_at=null(),
        updated_at=NOW,
    )


RELEASE = Prepared(_release().returning(REQUEST.c.state))
END_AND_RELEASE = Prepared(_release().values(pending=null(), record=bindparam("learned")).returning(REQUEST.c.state))

STEP_ENDED = Prepared(
    update(STEP)
    .where(STEP.c.request_id == bindparam("of"), STEP.c.key == bindparam("named"))
    .values(state=bindparam("as_state"), finished_at=NOW, problem=bindparam("why"))
)


def _step_begun(kind: type[sqlite.Insert] | type[postgresql.Insert]) -> Prepared:
    """A step is journalled once and counts its attempts."""
    begun = {"state": bindparam("as_state"), "command": bindparam("with_command"), "started_at": NOW}
    fresh = {"request_id": bindparam("of"), "key": bindparam("named"), "verb": bindparam("with_verb"), "attempts": 1}
    again = {**begun, "attempts": STEP.c.attempts + 1, "finished_at": null(), "problem": ""}
    once = kind(STEP).values(**begun, **fresh).inline()
    return Prepared(once.on_conflict_do_update(index_elements=["request_id", "key"], set_=again))


STEP_BEGUN = {"sqlite": _step_begun(sqlite.Insert), "postgresql": _step_begun(postgresql.Insert)}
HISTORY = Prepared(insert(schema.history).inline())
HISTORY_ID = Prepared(insert(schema.history).returning(schema.history.c.id))
LAST_SAID = Prepared(
    select(schema.history.c.line)
    .where(schema.history.c.request_id == bindparam("of"), schema.history.c.kind != "change")
    .order_by(schema.history.c.id.desc())
    .limit(1)
)

RECEIVED = {
    "sqlite": Prepared(sqlite.insert(INBOX).on_conflict_do_nothing().returning(INBOX.c.id)),
    "postgresql": Prepared(postgresql.insert(INBOX).on_conflict_do_nothing().returning(INBOX.c.id)),
}
"""Keeps a message once; gives no row where it had come before."""
RECEIVED_BEFORE = Prepared(
    select(INBOX.c.id).where(INBOX.c.source == bindparam("from_source"), INBOX.c.key == bindparam("named"))
)
FOLDED_INTO = Prepared(update(INBOX).where(INBOX.c.id == bindparam("message")).values(request_id=bindparam("of")))
FIRST_TOLD = {
    "sqlite": Prepared(sqlite.insert(REQUEST).on_conflict_do_nothing().returning(REQUEST.c.id)),
    "postgresql": Prepared(postgresql.insert(REQUEST).on_conflict_do_nothing().returning(REQUEST.c.id)),
}
"""Makes a request; gives no row where another daemon made it meanwhile."""
NAMED = Prepared(
    select(REQUEST.c.id, REQUEST.c.document, REQUEST.c.state)
    .where(
        REQUEST.c.number == bindparam("number"),
        REQUEST.c.library == bindparam("library"),
        REQUEST.c.service == bindparam("service"),
        REQUEST.c.role == bindparam("role"),
        REQUEST.c.requester == bindparam("requester"),
    )
    .with_for_update()
)


def _told_again(*, changed: bool, forgotten: bool) -> Prepared:
    """A change came in: the request is due, unless staff have forgotten it."""
    values: dict[str, object] = {"updated_at": NOW, "version": REQUEST.c.version + 1}
    if changed:
        values["document"] = bindparam("text")
    if forgotten:
        values |= {"settled_at": NOW, "purged_at": null()}
    else:
        values |= {"state": State.DUE.value, "due_at": NOW, "backlog": 0}
    return Prepared(update(REQUEST).where(REQUEST.c.id == bindparam("of")).values(values))


CHANGED = {
    (changed, forgotten): _told_again(changed=changed, forgotten=forgotten)
    for changed in (True, False)
    for forgotten in (True, False)
}
"""By whether the change changed anything, and whether the request was forgotten."""

QUOTA = Prepared(
    select(schema.library.c.quota_since).where(schema.library.c.name == bindparam("of_library")).with_for_update()
)
"""Since when a library's deletions are counted; those of one library take turns here."""
DELETIONS = Prepared(
    select(func.count())
    .select_from(STEP.join(REQUEST, REQUEST.c.id == STEP.c.request_id))
    .where(
        schema.DELETIONS,
        STEP.c.verb == Verb.DELETE_TEMPORARY_ITEM.value,
        STEP.c.started_at > bindparam("begun", type_=schema.Instant),
        REQUEST.c.library == bindparam("of_library"),
        REQUEST.c.service != DRILL,
    )
)
"""Deletions of a library that were begun since then, but for those of drills."""

ERASED = Prepared(
    _guarded(update(REQUEST))
    .where(REQUEST.c.version == bindparam("known"), REQUEST.c.state == bindparam("in_state"), FREE)
    .values(
        document=bindparam("text"),
        record=bindparam("learned"),
        pending=bindparam("step"),
        title="",
        parked_reason="",
        parked_advice="",
        purged_at=NOW,
        erase=0,
    )
    .returning(REQUEST.c.id)
)
"""Takes patron and title out of a finished request, if it still is as it was looked at and nobody works on it."""
LINE = Prepared(update(schema.history).where(schema.history.c.id == bindparam("of")).values(line=bindparam("text")))
