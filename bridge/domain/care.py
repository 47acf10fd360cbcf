"""First do no harm (rule 12): when the bridge only watches, and what it may do then. Pure."""

from __future__ import annotations

from bridge.domain.commands import Verb
from bridge.domain.identity import RequestKey
from bridge.domain.policy import Mode, Policy
from bridge.domain.record import Record
from bridge.domain.request import Request

DRILL = "ill-bridge-drill"
"""The service of a drill's request: it is written in the ILS whatever the mode, since a human asked for it."""

READING = frozenset({Verb.FIND_PATRON, Verb.FIND_ITEM})
"""Verbs that only read, and so are carried out even where nothing may be written."""

OBSERVED = "Observe mode: nothing is written in the ILS."


def is_drill(key: RequestKey) -> bool:
    """Whether a request is only an exercise."""
    return key.service == DRILL


def hands_off(request: Request, record: Record, policy: Policy) -> str:
    """Why nothing may be written for a request, in one sentence; empty where the bridge may do its work."""
    if is_drill(request.key):
        return ""
    if policy.mode is Mode.OBSERVE:
        return OBSERVED
    if record.items or policy.live_from is None or request.began is None or request.began >= policy.live_from:
        return ""
    return f"From before the cut-over ({policy.live_from:%Y-%m-%d}): left alone until it is adopted."
