"""What a failure means once the ILS's probe was heard, and its words without the patron."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from bridge.domain.commands import Verb
from bridge.domain.masking import without_patron
from bridge.domain.parking import CANNOT_LOOK
from bridge.domain.record import Unseen
from bridge.errors import CredentialsRejected, IlsError, Rejected, Retry

_MAY_STAND: Mapping[Verb, str] = {
    Verb.CREATE_TEMPORARY_ITEM: "record and hold were made",
    Verb.CHECK_OUT: "the loan was made",
}
NOT_ACCEPTED = CredentialsRejected.consequence
ITS_OWN = frozenset({"server_error", "general_error", "nonsense", "outcome_unknown", NOT_ACCEPTED})
"""Causes by which an ILS says that it failed, where the request may be what it fails on (Koha answers 500 for an unknown bib)."""


def singled_out(problem: IlsError) -> Retry:
    """What looked like an outage while the ILS answers its probe: this request's own trouble, to be tried so often and no more."""
    cause = NOT_ACCEPTED if isinstance(problem, CredentialsRejected) else "server_error"
    return Retry(problem.reason, advice=problem.advice, code=problem.code, cause=cause, after=problem.after)


def not_wanted(unseen: Unseen) -> Rejected:
    """A step of which nobody knows whether it was done, when its request no longer wants it: it must not be left behind."""
    done = _MAY_STAND.get(unseen.verb, "the hold was placed")
    said = f"Whether {done} for item {unseen.barcode} is not known, since the ILS does not show it; it is not wanted any more."
    return Rejected(said, cause=CANNOT_LOOK, advice="Look in the ILS, and undo there what was done")


@contextmanager
def unnamed(identifiers: Iterable[str]) -> Iterator[None]:
    """Within it, an error's reason loses the patron's identifiers: an ILS quotes what it was asked."""
    try:
        yield
    except IlsError as problem:
        problem.reason = without_patron(problem.reason, identifiers)
        raise
