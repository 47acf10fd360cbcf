"""The statuses and actions of ISO 18626 and what they mean here (ISO 18626:2021, 4.9, and the code lists of both schemas)."""

from __future__ import annotations

from bridge.domain.change import Closure, Condition, Phase
from bridge.domain.words import Meaning, folded_word
from bridge.sources.vocabulary import Words

STATUSES: dict[str, Meaning] = {
    "RequestReceived": Meaning(phase=Phase.REQUESTED),
    "ExpectToSupply": Meaning(phase=Phase.REQUESTED),
    "WillSupply": Meaning(phase=Phase.WILL_SUPPLY),
    "Loaned": Meaning(phase=Phase.SHIPPED, cleared=(Condition.OVERDUE,)),
    "Overdue": Meaning(raised=(Condition.OVERDUE,)),
    "Recalled": Meaning(raised=(Condition.RECALLED,)),
    "RetryPossible": Meaning(),
    "Unfilled": Meaning(phase=Phase.UNFILLED, closure=Closure.UNFILLED),
    "CopyCompleted": Meaning(phase=Phase.COMPLETED),
    "LoanCompleted": Meaning(phase=Phase.COMPLETED, closure=Closure.RETURNED),
    "CompletedWithoutReturn": Meaning(phase=Phase.COMPLETED, closure=Closure.WITHOUT_RETURN),
    "Cancelled": Meaning(phase=Phase.CANCELLED, closure=Closure.CANCELLED),
    "HoldReturn": Meaning(),
    "ReleaseHoldReturn": Meaning(),
}
"""``status`` of a supplyingAgencyMessage; the last two are of 2021. A retry asks anew, so that RetryPossible is no end."""
ACTIONS: dict[str, Meaning] = {
    "StatusRequest": Meaning(notification=True),
    "Received": Meaning(phase=Phase.RECEIVED),
    "Cancel": Meaning(notification=True),
    "Renew": Meaning(raised=(Condition.RENEWAL_REQUESTED,), cleared=(Condition.RENEWAL_REFUSED,)),
    "ShippedReturn": Meaning(phase=Phase.RETURNED, closure=Closure.RETURNED),
    "Notification": Meaning(notification=True),
    "HoldReturn": Meaning(),
    "Lost": Meaning(raised=(Condition.LOST,)),
}
"""``action`` of a requestingAgencyMessage; HoldReturn and Lost are of 2021. A cancellation is asked for, and decided by the answer.
ShippedForward has no meaning here: where the item is going then, only staff can say."""
SCHEMA_ACTIONS = frozenset({*ACTIONS, "ShippedForward"})
REASONS = (
    "RequestResponse",
    "StatusRequestResponse",
    "RenewResponse",
    "CancelResponse",
    "StatusChange",
    "Notification",
)
"""``reasonForMessage`` of a supplyingAgencyMessage."""
WORDS: Words = {(None, folded_word(name)): meaning for name, meaning in {**STATUSES, **ACTIONS}.items()}
"""Both in one table: the one word they share, HoldReturn, means the same."""
