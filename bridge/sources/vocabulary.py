"""What the words of known systems mean, each overridable by configuration (``words``)."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.domain.change import Phase
from bridge.domain.identity import Role
from bridge.domain.words import Meaning

Words = Mapping[tuple[Role | None, str], Meaning | None]
"""``None``: the word is not known, whatever it means elsewhere."""

SPYDUS: Words = {
    (None, "pending review"): Meaning(phase=Phase.REQUESTED),
    (None, "in process"): Meaning(phase=Phase.REQUESTED),
    (None, "completed"): None,
    (Role.BORROWER, "request complete"): Meaning(phase=Phase.RECEIVED),
    (Role.BORROWER, "complete"): Meaning(phase=Phase.RECEIVED),
    (Role.BORROWER, "completed"): Meaning(phase=Phase.RECEIVED),
}
"""Spydus's online help, "Workflow for ILL requests": a request is complete when the item has arrived; that is no return."""
