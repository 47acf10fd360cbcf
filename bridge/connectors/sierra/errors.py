"""Sierra's errors: one envelope; of refusals by circulation (code 132) the text decides (sierra.md, sections 3 and 6)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from pydantic import ValidationError

from bridge.connectors.refusals import Refusals
from bridge.connectors.sierra.models import Problem
from bridge.domain.masking import vendor_words
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Unavailable
from bridge.http import Answer, words_of

_SAYS = Refusals("Sierra")
unknown_item, not_ours, on_loan, nonsense = _SAYS.unknown_item, _SAYS.not_ours, _SAYS.on_loan, _SAYS.nonsense
loan_not_shown = _SAYS.loan_not_shown


class Missing(IlsError):
    """Sierra does not know what was asked for, or a list is empty: both are 404/107. Never leaves the connector."""

    consequence = "missing"


class Deleted(Missing):
    """Sierra says that the record was deleted; it knows those, and only what it does not see yet it does not know."""

    consequence = "deleted"


class NotYetVisible(IlsError):
    """Sierra does not see yet what it has just made. Never leaves the connector."""

    consequence = "not_yet_visible"


class AlreadyThere(IlsError):
    """The patron has the item or a hold on it. Never leaves the connector."""

    consequence = "already_there"


class SentAlready(IlsError):
    """The same hold was asked for a moment ago. Never leaves the connector."""

    consequence = "sent_already"


class NotAvailable(IlsError):
    """Suppressed, not requestable, held, on loan, or already held by the same patron. Never leaves the connector."""

    consequence = "not_available"


class AgainstPatron(IlsError):
    """Expired, blocked, fines or too many holds; Sierra does not say which. Never leaves the connector."""

    consequence = "against_patron"


@dataclass(frozen=True)
class Refusal:
    """What a refusal of circulation means, known by words in its text."""

    words: str
    kind: type[IlsError]
    cause: str = ""
    advice: str = ""


REFUSALS = (
    Refusal("cannot be loaded", NotYetVisible),
    Refusal("already been sent", SentAlready),
    Refusal("already on hold", AlreadyThere),
    Refusal("is not available", NotAvailable),
    Refusal("problem with your library record", AgainstPatron),
    Refusal("may not make requests", AgainstPatron),
    Refusal("is not checked out", Missing),
    Refusal("in use", Rejected, "item_in_use", "End its loan and holds in Sierra."),
    Refusal("attached", Rejected, "bib_in_use", "See what else hangs on the bib in Sierra."),
)
OUR_LOG_IN = frozenset({113, 120, 123, 124, 127})
"""401 of a token that is not taken; renewed once, then a matter of the key."""
SWITCHED_OFF = frozenset({117, 118})
INTERNAL = frozenset({102, 103, 109, 111, 112, 135})
VOLUME_WANTED = 156
"""A title-level hold where a volume must be chosen (sierra.md section 3); ours are item-level, so that it should not be met."""
_VOLUME = "Name the volume's barcode in the request at the service, or place the hold by hand in Sierra."
_KEY = "See to the API key in Sierra Admin: is it enabled, not expired, and its secret the one configured?"
_ROLES = "Give the API key the roles named on the connector's page."
_SPELLED = re.compile(r"\{u([0-9A-Fa-f]{4})\}")


def problem_of(answer: Answer) -> Problem | None:
    """What Sierra said; ``None`` where the body is none of its envelopes."""
    try:
        found = Problem.model_validate(json.loads(answer.body))
    except (ValueError, RecursionError, ValidationError):
        return None
    return found if found.code else None


def error_of(doing: str, answer: Answer, *, repeatable: bool) -> IlsError:
    """Our error for an answer that is none of success; ``doing`` names the call for people."""
    problem = problem_of(answer)
    if problem is None:
        return _not_sierras(doing, answer, repeatable=repeatable)
    said = _told(f"Sierra refuses ({doing}).", problem)
    code = str(problem.code)
    if problem.code == 107:
        return Missing(said, code=code)
    if problem.code == 132:
        return _refusal(said, problem)
    if problem.code == VOLUME_WANTED:
        return Rejected(f"{said}{_volumes(problem)}", code=code, cause="volume_needed", advice=_VOLUME)
    if problem.code in OUR_LOG_IN or answer.status == 401:
        return CredentialsRejected(_told("Sierra does not accept the API key.", problem), advice=_KEY, code=code)
    if answer.status == 403:
        return CredentialsRejected(_told(f"The API key may not do this ({doing}).", problem), advice=_ROLES, code=code)
    if problem.code in SWITCHED_OFF or answer.status == 503:
        return Unavailable(_told("Sierra's API is switched off.", problem), code=code)
    if problem.code in INTERNAL or answer.status >= 500:
        return Unavailable(said, code=code) if repeatable else OutcomeUnknown(said, code=code, cause="server_error")
    return Rejected(said, code=code, cause="refused", advice="Look the code up in Sierra's API documentation.")


def _refusal(said: str, problem: Problem) -> IlsError:
    """HTTP 500 with code 132 is a refusal and no outage: never repeated blindly."""
    text = f"{problem.name} {problem.description}".casefold()
    code = f"{problem.code}/{problem.specific}"
    for refusal in REFUSALS:
        if refusal.words in text:
            return refusal.kind(said, code=code, cause=refusal.cause, advice=refusal.advice)
    return Rejected(said, code=code, cause="refused", advice="See to it in Sierra; the text says why.")


def _not_sierras(doing: str, answer: Answer, *, repeatable: bool) -> IlsError:
    words = vendor_words(words_of(answer.body))
    said = f"Sierra's address answered HTTP {answer.status} ({doing}), and not in Sierra's own words."
    said = f"{said} It says: {words}" if words else said
    if answer.status in {401, 403}:
        return CredentialsRejected(said, advice=_KEY)
    if answer.status >= 500:
        return Unavailable(said) if repeatable else OutcomeUnknown(said, cause="server_error")
    if answer.status == 404:
        return Unavailable(said, advice="Is base_url right?")
    return Rejected(said, cause="refused", advice="Is base_url right?")


def _volumes(problem: Problem) -> str:
    """The volumes to choose from, ten at most."""
    told = (
        " ".join(filter(None, (one.call_number or f"item {one.id}", one.location.name, one.status.display)))
        for one in problem.details.volumes[:10]
    )
    listed = "; ".join(told)
    return f" A volume must be chosen: {listed}." if listed else " A volume must be chosen."


def _told(reason: str, problem: Problem) -> str:
    """Our sentence with Sierra's words behind it; some sites spell signs out as ``{u00E4}`` (sierra.md section 2)."""
    spelled = _SPELLED.sub(lambda found: chr(int(found[1], 16)), problem.description or problem.name)
    words = vendor_words(spelled[:300])
    number = f"{problem.code}/{problem.specific}" if problem.specific else str(problem.code)
    return f"{reason} Sierra says: {words} (code {number})" if words else f"{reason} (code {number})"
