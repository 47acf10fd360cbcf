"""First do no harm (rule 12): when the bridge only watches, and what it may do then. Pure."""

from __future__ import annotations

from datetime import datetime

from bridge.domain.change import NOT_SUPPLIED, Phase
from bridge.domain.commands import Verb
from bridge.domain.identity import RequestKey, Role
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
    if record.items or policy.live_from is None:
        return ""
    began = _loan_began(request, policy)
    if began is None or began >= policy.live_from:
        return ""
    return f"From before the cut-over ({policy.live_from:%Y-%m-%d}): left alone until it is adopted."


def _loan_began(request: Request, policy: Policy) -> datetime | None:
    """When the item first concerned the ILS, by the service's clock: before the cut-over staff entered it by hand from then on."""
    start = Phase.SHIPPED if request.key.role is Role.LENDER else policy.borrowing.create_on.phase
    return request.reached({phase for phase in Phase if phase.rank >= start.rank and phase not in NOT_SUPPLIED})
