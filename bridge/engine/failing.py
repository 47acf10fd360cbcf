"""What a failure means once the ILS's probe was heard, and its words without the patron."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from bridge.domain.masking import without_patron
from bridge.errors import CredentialsRejected, IlsError, Retry

NOT_ACCEPTED = CredentialsRejected.consequence
ITS_OWN = frozenset({"server_error", "general_error", "nonsense", "outcome_unknown", NOT_ACCEPTED})
"""Causes by which an ILS says that it failed, where the request may be what it fails on (Koha answers 500 for an unknown bib)."""


def singled_out(problem: IlsError) -> Retry:
    """What looked like an outage while the ILS answers its probe: this request's own trouble, to be tried so often and no more."""
    cause = NOT_ACCEPTED if isinstance(problem, CredentialsRejected) else "server_error"
    return Retry(problem.reason, advice=problem.advice, code=problem.code, cause=cause, after=problem.after)


@contextmanager
def unnamed(identifiers: Iterable[str]) -> Iterator[None]:
    """Within it, an error's reason loses the patron's identifiers: an ILS quotes what it was asked."""
    try:
        yield
    except IlsError as problem:
        problem.reason = without_patron(problem.reason, identifiers)
        raise
