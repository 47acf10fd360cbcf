"""Errors by consequence: the class says what the bridge does next.

BridgeError
├── ConfigurationError        refuse to start; every problem named
├── RefusedInput              a message from outside is not taken; nothing of it is kept unless said
└── IlsError                  carries ILS, verb, vendor code and advice
    ├── Retry                 try the same step again later (``after`` seconds at the earliest)
    ├── Unavailable           the ILS does not answer as it should: its lane pauses, no request burns an attempt
    ├── CredentialsRejected   the ILS does not accept us: its lane pauses and a human is told
    ├── Rejected              the ILS refused for good: the request is parked with the reason and advice
    └── OutcomeUnknown        it may have happened: verified in the ILS before anything else

"Already done" is not an error: it is an outcome.
"""

from __future__ import annotations

from typing import ClassVar


class BridgeError(Exception):
    """Root of all our errors."""


class ConfigurationError(BridgeError):
    """The configuration cannot be used; ``problems`` holds one sentence each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class RefusedInput(BridgeError):
    """A message from outside that cannot be understood; the text says why."""


LONGEST_REASON = 1000
LONGEST_CODE = 100
"""Signs of what an ILS says that are kept: it stands in lists, mails and histories."""


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most].rstrip()} …"


class IlsError(BridgeError):
    """Something went wrong with an ILS.

    ``reason`` is one plain sentence without a patron's identifier; ``advice`` says what to do next; ``code`` is the vendor's; ``cause``
    groups like cases (``unknown_patron``, ``item_type`` …). What an ILS makes endlessly long is cut.
    """

    consequence: ClassVar[str] = "error"

    def __init__(
        self, reason: str, *, advice: str = "", code: str = "", cause: str = "", after: float | None = None
    ) -> None:
        self.reason = _shortened(reason, LONGEST_REASON)
        super().__init__(self.reason)
        self.advice = advice
        self.code = _shortened(code, LONGEST_CODE)
        self.cause = cause or self.consequence
        self.after = after

    def __str__(self) -> str:
        return " ".join(part for part in (self.reason, self.advice) if part)


class Retry(IlsError):
    """It did not happen and may work later."""

    consequence: ClassVar[str] = "retry"


class Unavailable(IlsError):
    """The ILS is down, or slower than we wait; it did not happen."""

    consequence: ClassVar[str] = "unavailable"


class CredentialsRejected(IlsError):
    """The ILS does not accept our key or log-in."""

    consequence: ClassVar[str] = "credentials_rejected"


class Rejected(IlsError):
    """The ILS refused, and would refuse again."""

    consequence: ClassVar[str] = "rejected"


class OutcomeUnknown(IlsError):
    """The call may have taken effect: time-out after sending, dropped connection, an answer that makes no sense."""

    consequence: ClassVar[str] = "outcome_unknown"
