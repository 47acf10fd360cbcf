"""Koha's errors: four shapes of body, and statuses that mean what a client would not expect (recorded/koha-rest)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from bridge.connectors.refusals import Refusals
from bridge.domain.masking import vendor_words
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Unavailable
from bridge.http import Answer, words_of

_SAYS = Refusals("Koha")
unknown_item, not_ours, on_loan, nonsense = _SAYS.unknown_item, _SAYS.not_ours, _SAYS.on_loan, _SAYS.nonsense
loan_not_shown = _SAYS.loan_not_shown


class Missing(Rejected):
    """There is no such record."""


class NoSuchCall(Unavailable):
    """This Koha has no such route, or it is no Koha."""


class BarcodeTaken(Rejected):
    """Another item has the barcode, in whatever case."""


class AlreadyThere(Rejected):
    """The patron has a hold on the item."""


@dataclass(frozen=True)
class Problem:
    """What an error body says. ``about_us``: it is of log-in or permission, ``path``: what the schema refused."""

    words: str
    code: str = ""
    about_us: bool = False
    permission: bool = False
    no_route: bool = False


@dataclass(frozen=True)
class Refusal:
    """What a refusal means, known by its code or by words in its text."""

    told: str
    kind: type[IlsError]
    cause: str = ""
    advice: str = ""


REFUSALS = (
    Refusal("duplicate barcode", BarcodeTaken),
    Refusal("itemalreadyonhold", AlreadyThere),
    Refusal(
        "pickup location is not valid", Rejected, "pickup_location", "Correct the map of pickup locations and restart."
    ),
    Refusal("patron_id not found", Rejected, "unknown_patron", "See whether the patron was deleted in Koha."),
    Refusal("checked_out", Rejected, "item_in_use", "Check the item in in Koha."),
    Refusal("book_on_loan", Rejected, "item_in_use", "Check the item in in Koha."),
    Refusal("found_hold", Rejected, "item_in_use", "See to the hold that waits for the item in Koha."),
    Refusal("book_reserved", Rejected, "item_in_use", "See to the hold on the item in Koha."),
    Refusal("items attached", Rejected, "bib_in_use", "See what else hangs on the record in Koha."),
    Refusal("account type", Rejected, "refused", "Correct debit_type, or the type of fee in the policy."),
    Refusal("hold cannot be placed", Rejected, "not_requestable", "See to the circulation rules for holds in Koha."),
)
_LOG_IN = "See to the API key or the user in Koha, and to RESTOAuth2ClientCredentials or RESTBasicAuth."
_PERMISSION = "Give the API user the permissions named on the connector's page."


def problem_of(answer: Answer) -> Problem | None:
    """What Koha said; ``None`` where the body is none of its shapes."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    if isinstance(body, dict) and isinstance(body.get("error"), str):
        required = body.get("required_permissions", False)
        about_us = "required_permissions" in body
        code = body.get("error_code")
        return Problem(body["error"], code if isinstance(code, str) else "", about_us, bool(required))
    lines = list(_lines(body.get("errors") if isinstance(body, dict) else body))
    if not lines:
        return None
    no_route = answer.status == 404 and lines == ["Not Found."]
    return Problem(" ".join(lines), no_route=no_route)


def _lines(errors: object) -> Iterator[str]:
    for each in errors if isinstance(errors, list) else ():
        if isinstance(each, dict) and isinstance(each.get("message"), str):
            path = each.get("path")
            at = f" ({path})" if isinstance(path, str) and path not in {"", "/"} else ""
            yield f"{each['message']}{at}"


def error_of(doing: str, answer: Answer, *, repeatable: bool) -> IlsError:
    """Our error for an answer that is none of success; ``doing`` names the call for people."""
    problem = problem_of(answer)
    if problem is None:
        return _not_kohas(doing, answer, repeatable=repeatable)
    said = _told(f"Koha refuses ({doing}).", problem)
    if answer.status == 401 or problem.about_us:
        may_not = _told(f"The API user may not do this ({doing}).", problem)
        refused = _told("Koha does not accept our log-in.", problem)
        return (
            CredentialsRejected(may_not, advice=_PERMISSION)
            if problem.permission
            else CredentialsRejected(refused, advice=_LOG_IN)
        )
    if answer.status >= 500:
        failed = _told(f"Koha failed ({doing}), which it also does over mistakes of ours.", problem)
        return Unavailable(failed, code=problem.code) if repeatable else OutcomeUnknown(failed, cause="server_error")
    if problem.no_route:
        return NoSuchCall(
            f"This Koha has no such call ({doing}).", advice="Is base_url right, and Koha 23.05 or later?"
        )
    return _refusal(said, problem, answer.status)


def _refusal(said: str, problem: Problem, status: int) -> IlsError:
    text = f"{problem.code} {problem.words}".casefold()
    for refusal in REFUSALS:
        if refusal.told in text:
            return refusal.kind(said, code=problem.code, cause=refusal.cause, advice=refusal.advice)
    if status == 404:
        return Missing(said)
    return Rejected(said, code=problem.code, cause="refused", advice="See to it in Koha; the text says why.")


def _not_kohas(doing: str, answer: Answer, *, repeatable: bool) -> IlsError:
    words = vendor_words(words_of(answer.body))
    said = f"Koha's address answered HTTP {answer.status} ({doing}), and not in Koha's own words."
    said = f"{said} It says: {words}" if words else said
    if answer.status in {401, 403}:
        return CredentialsRejected(said, advice=_LOG_IN)
    if answer.status >= 500:
        return Unavailable(said) if repeatable else OutcomeUnknown(said, cause="server_error")
    return Unavailable(said, advice="Is base_url right?") if answer.status == 404 else Rejected(said, cause="refused")


def _told(reason: str, problem: Problem) -> str:
    words = vendor_words(problem.words)
    code = f" (code {problem.code})" if problem.code else ""
    return f"{reason} Koha says: {words}{code}" if words else f"{reason}{code}"
