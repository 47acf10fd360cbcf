"""What a SIP2 server says of itself, for ``probe`` and ``check``."""

from __future__ import annotations

from bridge.connectors.sip2.answers import Can
from bridge.connectors.sip2.client import Sip2Client
from bridge.domain.finding import Finding, failed, well

LENDING = (Can.CHECK_OUT, Can.CHECK_IN)


def sip_finding(sip: Sip2Client, needed: tuple[Can, ...] = LENDING) -> Finding:
    """Whether it answers, and supports what is needed. Raises ``Unavailable`` and ``CredentialsRejected``."""
    status = sip.status()
    lacking = [each.value for each in needed if status.can is not None and each not in status.can]
    advice = "See to the SIP2 account and server of the ILS."
    if lacking:
        return failed("SIP2", f"The SIP2 server does not support: {', '.join(lacking)}.", advice)
    if not status.online:
        return failed("SIP2", "The SIP2 server says it is off line.", advice)
    return well("SIP2", "The SIP2 server answers, and accepts our log-in.")
