"""What Cards' errors mean, by consequence: the class says what the bridge does next (``bridge.errors``)."""

from __future__ import annotations

import json

from bridge.domain.masking import vendor_words
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.http import Answer, words_of


class Missing(Rejected):
    """There is no such record."""


class OnLoan(Rejected):
    """Somebody else has the item."""


def error_of(doing: str, answer: Answer, *, repeatable: bool) -> IlsError:
    """Our error for an answer that is none of success. Whatever the ILS says may name a patron, so it goes through ``vendor_words``."""
    code, words = _said(answer)
    told = f"Cards refuses ({doing}): {words}".rstrip(": ")
    if answer.status in {401, 403}:
        return CredentialsRejected("Cards does not accept the token.", advice="Correct token in the ILS's settings.")
    if (
        answer.status >= 500
    ):  # whether it happened, nobody knows: what only looks may be repeated, what writes is looked up first
        said = f"Cards failed ({doing}): {words}"
        return Unavailable(said) if repeatable else OutcomeUnknown(said, cause="server_error")
    table = {"no_such": Missing, "on_loan": OnLoan}
    return table.get(code, Rejected)(told, code=code, cause="refused", advice="See to it in Cards.")


def _said(answer: Answer) -> tuple[str, str]:
    try:
        body = json.loads(answer.body)
        return str(body["code"]), vendor_words(str(body["message"]))
    except (ValueError, RecursionError, TypeError, KeyError):
        return "", vendor_words(words_of(answer.body))


def nonsense(doing: str, answer: Answer, *, repeatable: bool) -> IlsError:
    """Our error for a success that cannot be read: never taken for one."""
    said = f"Cards answered {doing} with something that makes no sense ({len(answer.body)} bytes)."
    return Retry(said, cause="nonsense") if repeatable else OutcomeUnknown(said)
