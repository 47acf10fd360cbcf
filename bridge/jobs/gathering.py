"""Gathers what digest and alerts are made of: the ledger's state now, held against the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bridge.alerts.facts import AccountFact, Facts, LaneFact, PastTrouble, SourceFact, StopFact
from bridge.alerts.model import Kind
from bridge.alerts.troubles import LANE, account_line, ends
from bridge.domain.attention import longer_than_usual, same_hours
from bridge.domain.drift import Drift
from bridge.domain.expect import Use, expectations_of
from bridge.domain.policy import Policy
from bridge.errors import CredentialsRejected
from bridge.ledger import Ledger
from bridge.ledger.audits import NewFinding
from bridge.ledger.libraries import OVER_QUOTA
from bridge.settings import Configuration, LibrarySettings

WHOLE = 1000
"""Requests named of each group in a digest; alerts name fewer."""


def facts(known: Configuration, ledger: Ledger, *, since: datetime, named: int = 20, whole: bool = False) -> Facts:
    """Everything as it is now; what is newer than ``since`` counts as new. ``whole`` asks also what only a digest tells."""
    limits = age_limits(known)
    return Facts(
        now=ledger.clock(),
        lanes=tuple(_lanes(known, ledger)),
        sources=tuple(_sources(known, ledger)),
        stops=tuple(_stops(known, ledger)),
        parked=ledger.attention.parked(since, named=named),
        kept=ledger.attention.kept(since),
        notes=ledger.notes.waiting(),
        accounts=tuple(_accounts(known, ledger)),
        quiet=ledger.attention.quiet(limits) if whole else (),
        aged=ledger.attention.closed_by_age(since) if whole else (),
        past=tuple(_past(ledger, since)) if whole else (),
        findings=tuple(each for each in ledger.audits.groups(since, named=named) if each.kind != Drift.ACCOUNT),
        age_limits=limits,
        conditions=ledger.figures.conditions() if whole else {},
    )


def age_limits(known: Configuration) -> dict[str, int]:
    """Library = days without news after which its open requests need attention; libraries without a limit are left out."""
    libraries = known.settings.libraries
    return {name: library.age_limit_days for name, library in libraries.items() if library.age_limit_days}


def accounts_of(library: LibrarySettings) -> frozenset[str]:
    """The ILL accounts that a library's policy names; partners whose symbol is their account are not among them."""
    policy = Policy(borrowing=library.borrowing, lending=library.lending)
    return frozenset(each.code for each in expectations_of({"": policy}).of(Use.ACCOUNT))


def account_findings(known: Configuration, ledger: Ledger) -> tuple[NewFinding, ...]:
    """ILL accounts that expire soon or cannot be lent to, as the audit tells them; from what the ILS last said of them."""
    now, rules = Facts(ledger.clock()), known.settings.alerts
    return tuple(
        NewFinding(
            subject=f"{fact.account.lane}:account:{fact.account.name}",
            library=fact.libraries[0],
            lane=fact.account.lane,
            kind=Drift.ACCOUNT.value,
            sentence=account_line(fact, now, rules.digest.zone),
            advice=f"See to the account in {fact.account.lane}.",
        )
        for fact in _accounts(known, ledger)
        if ends(fact, now, rules)
    )


def _lanes(known: Configuration, ledger: Ledger) -> Iterator[LaneFact]:
    for lane in ledger.lanes.all():
        if lane.name in known.settings.ils:
            yield LaneFact(
                lane.name,
                (lane.closed_at or ledger.clock()) if lane.paused_until is not None else None,
                lane.why,
                lane.cause,
                credentials=lane.cause == CredentialsRejected.consequence,
                held_why=lane.held_why,
                libraries=tuple(name for name in known.settings.libraries if known.settings.lane(name) == lane.name),
            )


def _sources(known: Configuration, ledger: Ledger) -> Iterator[SourceFact]:
    failing = ledger.attention.failing()
    for name in known.sources:
        problem = failing.get(name, "")
        heard = ledger.attention.heard(name)
        usual = () if problem or heard is None else _unusual(known, ledger, name, *heard)
        yield SourceFact(name, problem, heard[1] if heard else None, usual)


def _unusual(known: Configuration, ledger: Ledger, source: str, first: datetime, last: datetime) -> tuple[int, ...]:
    """What the same hours of past weeks brought, where that makes now's silence unusual."""
    rules, now = known.settings.alerts, ledger.clock()
    if now - last < timedelta(hours=rules.silent_hours):
        return ()
    spans = [(start, end) for start, end in same_hours(last, now, rules.silent_weeks) if start >= first]
    counts = tuple(ledger.attention.brought(source, start, end) for start, end in spans)
    return counts if longer_than_usual(counts, rules.silent_messages) else ()


def _stops(known: Configuration, ledger: Ledger) -> Iterator[StopFact]:
    for library in ledger.libraries.all():
        if library.held_until is not None and library.name in known.settings.libraries:
            yield StopFact(library.name, library.held_why, quota=library.held_cause == OVER_QUOTA)


def _accounts(known: Configuration, ledger: Ledger) -> Iterator[AccountFact]:
    libraries = known.settings.libraries
    for account in ledger.accounts.all():
        using = (
            name
            for name, library in libraries.items()
            if library.ils == account.lane and account.name in accounts_of(library)
        )
        if concerned := tuple(using):
            yield AccountFact(account, concerned)


def _past(ledger: Ledger, since: datetime) -> Iterator[PastTrouble]:
    for episode in ledger.alerts.ended(since):
        if episode.subject.startswith(LANE) and episode.ended_at is not None:
            yield PastTrouble(Kind.LANE_CLOSED, episode.subject.removeprefix(LANE), episode.seen_at, episode.ended_at)
