"""The daily digest: when it is due, and what stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bridge.alerts import words
from bridge.alerts.facts import Facts, PastTrouble
from bridge.alerts.model import Item, Kind, Notice, Stage
from bridge.alerts.settings import AlertSettings, DigestSettings, Weekday
from bridge.alerts.troubles import account_item, account_line, ends, findings_of, items_of
from bridge.domain.attention import ParkedGroup, QuietRequest
from bridge.domain.notes import NotesStanding

LATE = timedelta(days=1)
"""A digest that was missed is sent while it is less late than this."""


def digest_due(settings: DigestSettings, now: datetime, last: datetime) -> datetime | None:
    """The moment (UTC) of the digest to send now; ``None`` where it was sent, or is not due.

    ``last`` is when the last one was due, or since when anybody is told anything.
    """
    if not settings.enabled:
        return None
    today = now.astimezone(settings.zone).date()
    for back in range(2):
        day = today - timedelta(days=back)
        due = datetime.combine(day, settings.at, tzinfo=settings.zone).astimezone(UTC)
        if tuple(Weekday)[day.weekday()] in settings.weekdays and last < due <= now < due + LATE:
            return due
    return None


@dataclass
class Section:
    """A part of a digest while it is made. ``things`` counts what needs attention in it."""

    title: str
    lines: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    things: int = 0

    def add(self, lines: Sequence[str], *items: Item, things: int = 1) -> None:
        """Add lines, with the items they tell of."""
        self.lines += [f"  {line}" for line in lines]
        self.items += items
        self.things += things


def digest(facts: Facts, settings: AlertSettings, *, since: datetime, library: str = "") -> Notice:
    """The digest of everything, or of one library; a digest without ``items`` says that nothing needs attention."""
    zone = settings.digest.zone
    names = [library] if library else _libraries(facts)
    sections = [_library(facts, settings, name) for name in names]
    sections.append(_lanes(facts, zone, since, library))
    if not library:
        sections += [_sources(facts, zone), _kept(facts), _notes(facts, zone), _of_no_library(facts)]
    sections = [section for section in sections if section.lines]
    things = sum(section.things for section in sections)
    day = f"{facts.now.astimezone(zone):%Y-%m-%d}"
    of = f" of {library}" if library else ""
    said = f"{words.counted(things, 'thing')} to see to" if things else "nothing needs attention"
    lines = [f"Digest{of} at {words.moment(facts.now, zone)} ({zone.key}), since {words.moment(since, zone)}.", ""]
    for section in sections:
        lines += [section.title, *section.lines, ""]
    if not things:
        lines += ["Nothing needs attention.", ""]
    items = tuple(item for section in sections for item in section.items)
    return Notice(Kind.DIGEST, Stage.NEW, facts.now, f"Digest{of} {day}: {said}", tuple(lines[:-1]), library, items)


def _libraries(facts: Facts) -> list[str]:
    named = {group.library for group in facts.parked} | {each.library for each in (*facts.quiet, *facts.aged)}
    named |= {group.library for group in facts.findings if group.library}
    named |= {stop.library for stop in facts.stops} | {name for name, each in facts.conditions if each in TOLD}
    return sorted(named | {name for fact in facts.accounts for name in fact.libraries})


def _library(facts: Facts, settings: AlertSettings, name: str) -> Section:
    zone = settings.digest.zone
    section = Section(f"Library {name}")
    for stop in (each for each in facts.stops if each.library == name):
        cause = "delete_quota" if stop.quota else "paused"
        item = Item("library", name, name, cause=cause, reason=stop.why)
        section.add([f"No work begins: {stop.why}", f"  Next: ill-bridge resume {name}"], item)
    groups = [group for group in facts.parked if group.library == name]
    for group in (each for each in groups if each.fresh):
        section.add(_fresh(group, zone), *items_of(group), things=group.fresh)
    for group in (each for each in groups if not each.fresh):
        section.add(_older(group, zone), *items_of(group), things=group.count)
    _add_quiet(section, [each for each in facts.quiet if each.library == name], facts.age_limits.get(name, 0))
    _add_aged(section, [each for each in facts.aged if each.library == name])
    _add_conditions(section, facts, name)
    _add_findings(section, facts, name)
    for fact in facts.accounts:
        if name in fact.libraries and ends(fact, facts, settings):
            section.add([account_line(fact, facts, zone)], account_item(fact))
    return section


def _fresh(group: ParkedGroup, zone: ZoneInfo) -> list[str]:
    what = "new for staff" if group.staff else "newly parked"
    before = f", {group.count - group.fresh} from before" if group.count > group.fresh else ""
    cause = f"{'' if group.staff else f', {words.cause_words(group)}'}{words.reach(group)}"
    head = f"{words.counted(group.fresh, 'request')} {what}{cause}{before}, the latest at {words.moment(group.latest, zone)}:"
    said = (*words.reasons(group), *words.again(group, zone), words.next_for(group))
    return [head, *(f"  {line}" for line in said)]


def _older(group: ParkedGroup, zone: ZoneInfo) -> list[str]:
    what = "waiting for staff" if group.staff else f"parked, {words.cause_words(group)}{words.reach(group)}"
    head = f"{words.counted(group.count, 'request')} still {what}, none of them new: "
    more = (*words.again(group, zone), words.next_for(group))
    return [head + words.named(group.newest, group.count), *(f"  {line}" for line in more)]


TOLD = ("lost", "found", "damaged", "recalled", "overdue", "fee communicated")
"""Conditions that a digest counts."""


def _of_no_library(facts: Facts) -> Section:
    section = Section("Audit")
    _add_findings(section, facts, "")
    return section


def _add_findings(section: Section, facts: Facts, name: str) -> None:
    """What the audit found: what is new in full, what was told before only by number."""
    groups = [group for group in facts.findings if group.library == name]
    for group in (each for each in groups if each.fresh):
        new = replace(group, newest=group.newest[: group.fresh], count=group.fresh)
        before = f", {group.count - group.fresh} from before" if group.count > group.fresh else ""
        head = f"{words.counted(group.fresh, 'new finding')} of the audit, {words.finding_words(group)}{before}:"
        more = group.fresh - min(group.fresh, len(group.newest), words.NAMED)
        lines = [f"  {words.finding_line(each)}" for each in new.newest[: words.NAMED]]
        lines += [f"  and {more} more"] if more else []
        section.add([head, *lines], *findings_of(new), things=group.fresh)
    older = [f"{group.count} {words.finding_words(group)}" for group in groups if not group.fresh]
    if older:
        section.add([f"Findings of the audit that stand, none of them new: {', '.join(older)}"], things=len(older))
    if groups:
        section.add([f"  {words.next_for_findings(name)}"], things=0)


def _add_conditions(section: Section, facts: Facts, name: str) -> None:
    """How many loans are not as they usually are; by themselves they ask nothing of anybody."""
    counts = [f"{facts.conditions[name, each]} {each}" for each in TOLD if (name, each) in facts.conditions]
    if counts:
        line = f"Of the unfinished requests: {', '.join(counts)}; ill-bridge requests --library {name} --condition NAME"
        section.add([line], things=0)


def _add_quiet(section: Section, quiet: Sequence[QuietRequest], limit: int) -> None:
    if not quiet:
        return
    named = ", ".join(
        f"{each.name} ({each.number}, {each.status or each.state}, {each.heard:%Y-%m-%d})"
        for each in quiet[: words.NAMED]
    )
    more = f" and {len(quiet) - words.NAMED} more" if len(quiet) > words.NAMED else ""
    items = [
        Item(
            "request",
            each.name,
            each.library,
            each.number,
            "no_news",
            f"No news for more than {limit} days.",
            since=each.heard,
        )
        for each in quiet
    ]
    head = f"{words.counted(len(quiet), 'open request')} without news for more than {words.counted(limit, 'day')}: {named}{more}"
    section.add(
        [head, "  Next: ask the partner or look at the shelf; ill-bridge show REQUEST"], *items, things=len(quiet)
    )


def _add_aged(section: Section, aged: Sequence[QuietRequest]) -> None:
    """What age closed; it asks nothing of anybody."""
    if aged:
        named = ", ".join(f"{each.name} ({each.number}, {each.status})" for each in aged[: words.NAMED])
        more = f" and {len(aged) - words.NAMED} more" if len(aged) > words.NAMED else ""
        section.add([f"{words.counted(len(aged), 'request')} closed by age: {named}{more}"], things=0)


def _lanes(facts: Facts, zone: ZoneInfo, since: datetime, library: str) -> Section:
    section = Section("Lanes")
    for lane in (each for each in facts.lanes if not library or library in each.libraries):
        item = Item("lane", lane.name, cause=lane.cause, reason=lane.why or lane.held_why, since=lane.closed_at)
        if lane.closed_at is not None:
            section.add([f"{lane.name}: closed since {words.moment(lane.closed_at, zone)}: {lane.why}"], item)
        elif lane.held_why:
            section.add([f"{lane.name}: {lane.held_why}"], item)
        section.add(_past(facts.past, Kind.LANE_CLOSED, lane.name, since), things=0)
    return section


def _past(past: Sequence[PastTrouble], kind: Kind, name: str, since: datetime) -> list[str]:
    """What was, and is over: counted, with how long it took in all."""
    mine = [each for each in past if (each.kind, each.name) == (kind, name)]
    if not mine:
        return []
    length = sum((each.ended - max(each.began, since) for each in mine), timedelta())
    times = "once" if len(mine) == 1 else f"{len(mine)} times"
    return [f"{name}: closed {times} in this time, {words.span(length)} in all; that is over"]


def _sources(facts: Facts, zone: ZoneInfo) -> Section:
    section = Section("Sources")
    for source in facts.sources:
        if source.problem:
            item = Item("source", source.name, cause="poll_failed", reason=source.problem)
            section.add([f"{source.name}: cannot be asked: {source.problem}"], item)
        elif source.usual and source.last is not None:
            silent = f"silent since {words.moment(source.last, zone)}, longer than usual"
            section.add([f"{source.name}: {silent}"], Item("source", source.name, cause="silent", since=source.last))
        elif source.last is None:
            section.add([f"{source.name}: has brought nothing yet"], things=0)
    return section


def _kept(facts: Facts) -> Section:
    section = Section("Messages not understood")
    for group in facts.kept:
        said = f"{group.source}: {words.counted(group.count, 'message')} kept, {group.fresh} of them new"
        item = Item("kept", group.source, cause="not_understood", since=group.latest, count=group.count)
        section.add([said, f"  Next: ill-bridge status; then: ill-bridge replay --source {group.source}"], item)
    return section


def _notes(facts: Facts, zone: ZoneInfo) -> Section:
    section = Section("Notes to services")
    for fact in facts.notes:
        if fact.oldest is not None and fact.not_taken(facts.now):
            item = Item("notes", fact.source, cause="notes_not_taken", since=fact.oldest, count=fact.waiting)
            section.add(
                [f"{fact.source}: {fact.waiting} wait since {words.moment(fact.oldest, zone)}: {fact.problem}"], item
            )
        if fact.given_up:
            item = Item("notes", fact.source, cause="notes_given_up", since=fact.last_given_up, count=fact.given_up)
            line = f"{fact.source}: {fact.given_up} given up, the latest at {_last(fact, zone)}: {fact.problem}"
            section.add([line, f"  Next: ill-bridge notes; then: ill-bridge notes --retry {fact.source}"], item)
    return section


def _last(fact: NotesStanding, zone: ZoneInfo) -> str:
    return words.moment(fact.last_given_up, zone) if fact.last_given_up is not None else ""
