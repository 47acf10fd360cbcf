"""The whole check, part by part: what the file alone tells, then what ledger, ILSs and sources answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.checks.file import endless, file_findings, source_findings
from bridge.checks.live import ils_part, relay_findings
from bridge.checks.pairings import Named, pairings, sources_of, unheard
from bridge.checks.policies import policy_findings
from bridge.checks.report import Part
from bridge.connectors.registry import connector_kind
from bridge.domain.expect import EXPIRY_WARNING
from bridge.domain.finding import CLOCK_LIMIT, Finding, well
from bridge.ledger.look import ledger_findings
from bridge.settings import Configuration, LedgerSettings
from bridge.sources.iso18626 import Iso18626Settings
from bridge.sources.polled import PolledSettings
from bridge.sources.webhook import WebhookSettings
from bridge.wiring import capabilities_of, connector_of, expected_of, feed_of


@dataclass(frozen=True)
class Scope:
    """What to look at: one library (empty: all), with or without asking anybody, accounts that expire within how long."""

    library: str = ""
    offline: bool = False
    within: timedelta = EXPIRY_WARNING


def checked(known: Configuration, scope: Scope, clock: Callable[[], datetime]) -> Iterator[Part]:
    """Every part of the check, as it is found. Writes nothing anywhere and never raises ``IlsError``."""
    yield Part("Configuration", (*file_findings(known), *endless(known, clock()), *pairings(known, connector_kind)))
    for name in _libraries(known, scope):
        library = known.settings.libraries[name]
        found = policy_findings(library, capabilities_of(known, library.ils), clock())
        yield Part(f"Library {name}", (*found, *unheard(known, name, connector_kind)))
    if not scope.offline:
        yield Part("Ledger", _ledger(known.settings.ledger))
    for source in sources_of(known):
        if not scope.library or scope.library in source.libraries:
            yield _source(known, source, scope, clock)
    if not scope.offline:
        for lane in dict.fromkeys(known.settings.lane(name) for name in _libraries(known, scope)):
            with connector_of(known, lane) as connector:
                yield ils_part(lane, connector, expected_of(known, lane, scope.library), clock().date(), scope.within)


def _ledger(settings: LedgerSettings) -> tuple[Finding, ...]:
    return ledger_findings(settings.url, settings.password.get_secret_value() if settings.password else "")


def _libraries(known: Configuration, scope: Scope) -> tuple[str, ...]:
    return (scope.library,) if scope.library else tuple(known.settings.libraries)


def _source(known: Configuration, source: Named, scope: Scope, clock: Callable[[], datetime]) -> Part:
    found: tuple[Finding, ...] = source_findings(source.settings)
    if isinstance(source.settings, PolledSettings) and not scope.offline:
        with feed_of(known, source.name) as feed:
            found = (*found, *feed.check(clock, limit=_clock_limit(known, source)))
    if isinstance(source.settings, Iso18626Settings) and not scope.offline:
        found = (*found, *relay_findings(source.settings))
    return Part(f"Source {source.name}", found or (well("Settings", "Nothing is odd about them."),))


def _clock_limit(known: Configuration, source: Named) -> timedelta:
    """The least tolerance among webhooks of the same service, whose machine is most likely the same."""
    hooks = [each for each in known.sources.values() if isinstance(each, WebhookSettings)]
    seconds = [each.tolerance_seconds for each in hooks if each.service == source.settings.service]
    return min([CLOCK_LIMIT, *(timedelta(seconds=each) for each in seconds)])
