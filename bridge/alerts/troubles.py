"""From facts to what people are told of: one trouble a subject, however many requests it concerns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bridge.alerts import words
from bridge.alerts.facts import AccountFact, Facts, LaneFact, SourceFact, StopFact
from bridge.alerts.model import Item, Kind, Trouble
from bridge.alerts.settings import AlertSettings
from bridge.domain.arrival import POLL_FAULT
from bridge.domain.attention import KeptGroup, ParkedGroup
from bridge.domain.audit import FindingGroup
from bridge.domain.notes import NotesStanding

LANE = "lane:"
"""What the subject of a closed lane begins with."""

UNUSABLE = "account_unusable"


def troubles(facts: Facts, settings: AlertSettings) -> tuple[Trouble, ...]:
    """Everything that stands now, of every kind."""
    return tuple(_all(facts, settings))


def _all(facts: Facts, settings: AlertSettings) -> Iterator[Trouble]:
    zone = settings.digest.zone
    for lane in facts.lanes:
        if lane.closed_at is not None:
            yield closed_lane(lane, zone)
    for source in facts.sources:
        if source.problem:
            yield _failing_source(source)
        elif source.usual:
            yield _silent_source(source, facts, zone)
    yield from (_stopped(stop) for stop in facts.stops if stop.quota)
    yield from (_parked(group, zone) for group in facts.parked if _concerns_all(group, settings))
    yield from (_kept(group, zone) for group in facts.kept)
    yield from (each for fact in facts.notes for each in _untold(fact, facts.now, zone))
    yield from (_found(group) for group in facts.findings)
    yield from _accounts([fact for fact in facts.accounts if ends(fact, facts, settings)], facts, zone)


def closed_lane(lane: LaneFact, zone: ZoneInfo) -> Trouble:
    """A lane that is closed."""
    since = words.moment(lane.closed_at, zone) if lane.closed_at else ""
    advice = (
        "Correct the key or its rights; the bridge looks by itself whether it is accepted."
        if lane.credentials
        else "See to the ILS or the network; the bridge looks by itself whether it answers. Requests wait, none is lost."
    )
    return Trouble(
        subject=f"{LANE}{lane.name}",
        kind=Kind.LANE_CLOSED,
        title=f"{lane.name} does not accept our credentials" if lane.credentials else f"Lane {lane.name} is closed",
        lines=(f"No work is done in {lane.name} since {since}: {lane.why}", advice, "Next: ill-bridge status"),
        cause=lane.cause,
        items=(Item("lane", lane.name, cause=lane.cause, reason=lane.why, advice=advice, since=lane.closed_at),),
        since=lane.closed_at,
        at_once=lane.credentials,
        lasting=True,
        over=f"Lane {lane.name} is open again",
    )


def _failing_source(source: SourceFact) -> Trouble:
    seen_to = "" if source.problem == POLL_FAULT else "See to the service, its address and our credentials there. "
    advice = f"{seen_to}Nothing is lost: the next poll goes on where the last one ended."
    return Trouble(
        subject=f"source:{source.name}",
        kind=Kind.SOURCE_SILENT,
        title=f"Source {source.name} cannot be asked",
        lines=(f"Polls of {source.name} fail: {source.problem}", advice, "Next: ill-bridge status"),
        cause="poll_failed",
        items=(Item("source", source.name, cause="poll_failed", reason=source.problem, advice=advice),),
        lasting=True,
        over=f"Source {source.name} answers again",
    )


def _silent_source(source: SourceFact, facts: Facts, zone: ZoneInfo) -> Trouble:
    brought = ", ".join(map(str, source.usual))
    reason = "Nothing has come for longer than usual"
    length = ""
    if source.last is not None:
        length = f" since {words.moment(source.last, zone)} ({words.span(facts.now - source.last)})"
    advice = "See whether the service still sends, and whether its messages reach us (proxy, certificate, signature)."
    return Trouble(
        subject=f"silence:{source.name}",
        kind=Kind.SOURCE_SILENT,
        title=f"Source {source.name} is silent longer than usual",
        lines=(
            f"Nothing has come from {source.name}{length}.",
            f"The same hours of the past weeks brought {brought} messages.",
            advice,
            "Next: ill-bridge status",
        ),
        cause="silent",
        items=(Item("source", source.name, cause="silent", reason=reason, advice=advice, since=source.last),),
        since=source.last,
        lasting=True,
        over=f"Source {source.name} speaks again",
    )


def _stopped(stop: StopFact) -> Trouble:
    advice = "See what would be deleted and whether that is right; then let it go on."
    return Trouble(
        subject=f"quota:{stop.library}",
        kind=Kind.QUOTA_STOP,
        title=f"Library {stop.library} is stopped: too many deletions",
        lines=(
            stop.why,
            advice,
            f"Next: ill-bridge requests --library {stop.library} --state due; then: ill-bridge resume {stop.library}",
        ),
        library=stop.library,
        cause="delete_quota",
        items=(Item("library", stop.library, stop.library, cause="delete_quota", reason=stop.why, advice=advice),),
        at_once=True,
        lasting=True,
    )


def _concerns_all(group: ParkedGroup, settings: AlertSettings) -> bool:
    """A cause that meets every request alike, or so many at once that something must be wrong."""
    if group.cause in settings.parked_causes:
        return True
    return not group.staff and group.fresh >= settings.parked_many


def _parked(group: ParkedGroup, zone: ZoneInfo) -> Trouble:
    cause = words.cause_words(group)
    latest = words.moment(group.latest, zone)
    many = words.counted(group.count, "request")
    return Trouble(
        subject=f"parked:{group.library}:{'staff' if group.staff else 'parked'}:{group.cause}",
        kind=Kind.PARKED,
        title=f"{many} of {group.library} parked: {cause}",
        lines=(
            f"{many} of library {group.library} parked for one cause ({cause}){words.reach(group)}, the latest at {latest}:",
            *(f"  {line}" for line in words.reasons(group)),
            *words.again(group, zone),
            words.next_for(group),
        ),
        library=group.library,
        cause=group.cause,
        items=items_of(group),
        newest=group.latest,
    )


def items_of(group: ParkedGroup) -> tuple[Item, ...]:
    """The named requests of a group, and one item for the rest of it."""
    shown = tuple(
        Item("request", each.name, group.library, each.number, group.cause, each.reason, each.advice, each.since)
        for each in group.newest
    )
    rest = group.count - len(shown)
    if rest <= 0:
        return shown
    return (*shown, Item("request", "", group.library, cause=group.cause, since=group.latest, count=rest))


def _kept(group: KeptGroup, zone: ZoneInfo) -> Trouble:
    advice = "See why with status, correct the word table or the mapping, then replay them."
    said = words.counted(group.count, "message")
    latest = words.moment(group.latest, zone)
    return Trouble(
        subject=f"kept:{group.source}",
        kind=Kind.KEPT,
        title=f"{said} of {group.source} not understood",
        lines=(
            f"{said} of source {group.source} could not be understood and kept; the latest came at {latest}.",
            advice,
            f"Next: ill-bridge status; then: ill-bridge replay --source {group.source}",
        ),
        cause="not_understood",
        items=(
            Item("kept", group.source, cause="not_understood", advice=advice, since=group.latest, count=group.count),
        ),
        newest=group.latest,
    )


def _untold(fact: NotesStanding, now: datetime, zone: ZoneInfo) -> Iterator[Trouble]:
    """A service that takes no notes now, and notes that were given up."""
    source, why = fact.source, fact.problem
    if fact.oldest is not None and fact.not_taken(now):
        told = f"{words.counted(fact.waiting, 'note')} to {source} since {words.moment(fact.oldest, zone)}: {why}"
        advice = "See to the service; notes wait meanwhile, and hold up no work."
        item = Item(
            "notes", source, cause="notes_not_taken", reason=why, advice=advice, since=fact.oldest, count=fact.waiting
        )
        trouble = _of_notes(f"notes:{source}", f"{source} takes no notes", told, item)
        yield replace(trouble, since=fact.oldest, lasting=True, over=f"{source} takes notes again")
    if fact.given_up:
        title = f"{words.counted(fact.given_up, 'note')} to {source} given up"
        told = f"{source} was not told {words.counted(fact.given_up, 'line')} of histories: {why}"
        advice = "See why, correct what is wrong, then have them tried again; the histories hold them all the same."
        item = Item(
            "notes",
            source,
            cause="notes_given_up",
            reason=why,
            advice=advice,
            since=fact.last_given_up,
            count=fact.given_up,
        )
        trouble = _of_notes(f"notes given up:{source}", title, told, item, f"; then: ill-bridge notes --retry {source}")
        yield replace(trouble, newest=fact.last_given_up)


def _of_notes(subject: str, title: str, told: str, item: Item, then: str = "") -> Trouble:
    lines = (told, item.advice, f"Next: ill-bridge notes{then}")
    return Trouble(subject=subject, kind=Kind.NOTES, title=title, lines=lines, cause=item.cause, items=(item,))


def ends(fact: AccountFact, facts: Facts, settings: AlertSettings) -> bool:
    """Whether nothing can be lent to an account, or will not be soon."""
    expires = fact.account.expires
    soon = facts.now.astimezone(settings.digest.zone).date() + timedelta(days=settings.accounts_expire_within_days)
    return bool(fact.account.problem) or (expires is not None and expires <= soon)


def account_line(fact: AccountFact, facts: Facts, zone: ZoneInfo) -> str:
    """What is the matter with an account."""
    account = fact.account
    if account.problem or account.expires is None:
        return f"Nothing can be lent to account {account.name} in {account.lane}: {account.problem}"
    left = (account.expires - facts.now.astimezone(zone).date()).days
    return f"Account {account.name} in {account.lane} expires on {account.expires} (in {words.counted(left, 'day')})."


def account_item(fact: AccountFact) -> Item:
    """An account as an item."""
    account = fact.account
    cause = UNUSABLE if account.problem else "account_expires"
    advice = f"See to the account in {account.lane}."
    (library, *others) = fact.libraries or ("",)
    return Item(
        "account",
        account.name,
        "" if others else library,
        cause=cause,
        reason=account.problem,
        advice=advice,
        until=account.expires,
    )


def _accounts(ending: Sequence[AccountFact], facts: Facts, zone: ZoneInfo) -> Iterator[Trouble]:
    """One trouble a library and cause: accounts often end on the same day."""
    alike: dict[tuple[str, str], list[AccountFact]] = {}
    for fact in ending:
        item = account_item(fact)
        alike.setdefault((item.library, item.cause), []).append(fact)
    for (library, cause), members in alike.items():
        yield _account_trouble(library, cause, members, facts, zone)


def _account_trouble(library: str, cause: str, members: Sequence[AccountFact], facts: Facts, zone: ZoneInfo) -> Trouble:
    what = "cannot be lent to" if cause == UNUSABLE else "will expire soon"
    of = f" of {library}" if library else ""
    more = len(members) - words.ACCOUNTS
    return Trouble(
        subject=f"account:{library}:{cause}",
        kind=Kind.ACCOUNT,
        title=f"{words.counted(len(members), 'ILL account')}{of} {what}",
        lines=(
            *(account_line(fact, facts, zone) for fact in members[: words.ACCOUNTS]),
            *((f"and {words.counted(more, 'more account')}",) if more > 0 else ()),
            "Next: see to the accounts in the ILS; the bridge asks again within a day.",
        ),
        library=library,
        cause=cause,
        items=tuple(account_item(fact) for fact in members),
        members=tuple(f"{fact.account.lane}/{fact.account.name}" for fact in members),
    )


def _found(group: FindingGroup) -> Trouble:
    """What the audit found, one trouble a library and kind; told again only where there is one more."""
    of = f" of {group.library}" if group.library else ""
    more = group.count - min(len(group.newest), words.NAMED)
    return Trouble(
        subject=f"audit:{group.library}:{group.kind}",
        kind=Kind.AUDIT,
        title=f"{words.counted(group.count, 'finding')} of the audit{of}: {words.finding_words(group)}",
        lines=(
            *(words.finding_line(each) for each in group.newest[: words.NAMED]),
            *((f"and {more} more",) if more > 0 else ()),
            words.next_for_findings(group.library),
        ),
        library=group.library,
        cause=group.kind,
        items=findings_of(group),
        members=group.subjects,
    )


def findings_of(group: FindingGroup) -> tuple[Item, ...]:
    """The named findings of a group, and one item for the rest of it."""
    shown = tuple(
        Item(
            "request" if each.request else "object",
            each.request or each.barcode,
            each.library,
            each.number,
            each.kind,
            each.sentence,
            each.repair or each.advice,
            each.first_seen,
        )
        for each in group.newest
    )
    rest = group.count - len(shown)
    if rest <= 0:
        return shown
    return (*shown, Item("object", "", group.library, cause=group.kind, since=group.latest, count=rest))
