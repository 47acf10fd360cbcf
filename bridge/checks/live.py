"""The ILSs and sources as they answer now; read-only. What cannot be reached is one finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

from bridge.checks.report import Part
from bridge.connectors.base import Connector
from bridge.domain.expect import EXPIRY_WARNING, Expectations, Use, account_findings
from bridge.domain.finding import Finding, failed, well
from bridge.errors import CredentialsRejected, IlsError
from bridge.http import Exchange
from bridge.sources.iso18626 import Iso18626Settings
from bridge.sources.iso18626.relay import Relay

HOLD_IT = "Nothing else of it was looked at."


def ils_part(
    name: str, connector: Connector, expected: Expectations, today: date, within: timedelta = EXPIRY_WARNING
) -> Part:
    """One ILS: rights, places, codes, clock, and the ILL accounts."""
    found = _asked(lambda: connector.check(expected))
    if not _reached(found):
        return Part(f"ILS {name}", found)
    return Part(f"ILS {name}", (*found, *account_part(connector, expected, today, within)))


def account_part(
    connector: Connector, expected: Expectations, today: date, within: timedelta = EXPIRY_WARNING
) -> tuple[Finding, ...]:
    """The ILL accounts of one ILS that the policies name: those that are missing, blocked, expired, or expire ``within``."""
    accounts = expected.of(Use.ACCOUNT)
    if expected.lends and not accounts:
        return (
            well("ILL accounts", "None are named: each partner's symbol is its account, which cannot be looked at."),
        )
    names = tuple(dict.fromkeys(each.code for each in accounts))
    return _asked(lambda: account_findings(connector.accounts(names), accounts, today=today, within=within))


REACHED = "Reached"


def _asked(look: Callable[[], tuple[Finding, ...]]) -> tuple[Finding, ...]:
    try:
        return look()
    except CredentialsRejected as refused:
        advice = refused.advice or "Correct the credentials in the ILS's settings."
        return (failed(REACHED, refused.reason, f"{advice} {HOLD_IT}"),)
    except IlsError as problem:
        advice = problem.advice or "See whether it runs, and whether its address is right."
        return (failed(REACHED, problem.reason, f"{advice} {HOLD_IT}"),)


def _reached(found: tuple[Finding, ...]) -> bool:
    return not any(finding.subject == REACHED for finding in found)


def relay_findings(settings: Iso18626Settings) -> Iterator[Finding]:
    """Whether each peer of a relay answers at its address; asked with GET, which no door of ISO 18626 does anything about."""
    if settings.deployment != "relay":
        return
    relay = Relay(settings, _untold)
    for name in settings.peers:
        try:
            status = relay.reach(name).status
        except IlsError as silent:
            yield failed(f"Peer {name}", str(silent), "See its url, and whether this machine may reach it.")
            continue
        yield well(f"Peer {name}", f"Something answers at its address (with status {status}, to a GET).")
    relay.close()


def _untold(_exchange: Exchange) -> None:
    """The finding says it all."""
