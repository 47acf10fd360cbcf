"""Symphony's errors. Refusals, locks and faults all come as HTTP 500: the code decides, then the prompt, then the status (symphony.md,
sections 6 and 7).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import ValidationError

from bridge.connectors.refusals import Refusals
from bridge.connectors.symphony.models import Problem
from bridge.connectors.symphony.wire import flat
from bridge.domain.masking import vendor_words
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.http import Answer, words_of

_SAYS = Refusals("Symphony")
unknown_item, not_ours, on_loan, nonsense = _SAYS.unknown_item, _SAYS.not_ours, _SAYS.on_loan, _SAYS.nonsense
loan_not_shown = _SAYS.loan_not_shown

TIMED_OUT = "sessionTimedOut"
"""The only 401 that a new log-in cures; after any other one, trying again would lock the account."""
HAT = "hatErrorResponse."
FAULT = "unhandledException"
"""A fault of the server's own, which says nothing of what was asked (symphony.md section 7)."""


class Inner(IlsError):
    """What the verbs deal with among themselves; what is left of it at the connector's border is told by ``outward``."""


class Missing(Inner):
    """Symphony does not know what was asked for."""

    consequence = "missing"


class Busy(Inner):
    """The record is in use (116)."""

    consequence = "record_in_use"


class AlreadyThere(Inner):
    """The patron has a hold on this material (722)."""

    consequence = "already_there"


class NotRenewed(Inner):
    """A renewal that the site's rules refuse."""

    consequence = "not_renewed"


class SessionTimedOut(Inner):
    """The session ended."""

    consequence = "session"


class Asked(Inner):
    """A rule is in the way, and Symphony asks whether to override it."""

    consequence = "asked"

    def __init__(self, reason: str, *, code: str, prompt: str, wants_data: bool) -> None:
        super().__init__(reason, code=code)
        self.prompt = prompt
        self.wants_data = wants_data


CODES: dict[str, type[Inner]] = {
    TIMED_OUT: SessionTimedOut,
    "recordNotFound": Missing,
    "7": Missing,
    f"{HAT}7": Missing,
    "116": Busy,
    f"{HAT}116": Busy,
    f"{HAT}722": AlreadyThere,
    f"{HAT}141": NotRenewed,
    f"{HAT}7703": NotRenewed,
    f"{HAT}105": NotRenewed,
    f"{HAT}252": NotRenewed,
    f"{HAT}46": NotRenewed,
    f"{HAT}238": NotRenewed,
}
"""What is known by its code alone (symphony.md section 7)."""


@dataclass(frozen=True)
class Rule:
    """A rule that can be overridden: the cause of a request it parks, and what is in the way, as part of a sentence."""

    cause: str
    words: str


PROMPTS = {
    "CKOBLOCKS": Rule("not_loanable", "blocks stand against the patron or the item"),
    "CIRC_NONCHARGEABLE_OVRCD": Rule("not_loanable", "the item may not circulate"),
    "CIRC_NONCIRCULATABLE_OVRCD": Rule("not_loanable", "the item may not circulate"),
    "CIRC_HOLDS_OVRCD": Rule("item_in_use", "somebody else has a hold on the item or its title"),
    "CIRC_ITEM_PIECES_OVRCD": Rule("not_loanable", "the item has several pieces"),
    "CIRC_UNSEEN_RENEW_LIMIT_OVRCD": Rule("refused", "it has been renewed unseen too often"),
    "HOLD_NO_HOLDS_OVRCD": Rule("not_requestable", "location, item type or profile allow no hold"),
    "USER_PRIVILEGE_OVRCD": Rule("refused", "the patron's record is privileged"),
    "GROUP_PROMPT": Rule("not_requestable", "the patron belongs to a group of borrowers"),
}
"""Prompts by their type (symphony.md section 6)."""
_LOG_IN = (
    "See to client id, staff user and password in Symphony's web-services administration, then start the bridge anew."
)
_RIGHTS = "The client id must be one of a staff interface, and the staff user must have the rights named on the connector's page."
_ADDRESS = "Is base_url right? Many servers only let known addresses in: ask whether the bridge's is known."


def problem_of(answer: Answer) -> Problem | None:
    """What Symphony said went wrong; ``None`` where the body is none of its envelopes."""
    try:
        found = flat(json.loads(answer.body))
        problem = Problem.model_validate(found) if isinstance(found, dict) else None
    except (ValueError, RecursionError, ValidationError):
        return None
    return problem if problem is not None and problem.messages else None


def error_of(doing: str, answer: Answer, *, repeatable: bool) -> IlsError:
    """Our error for an answer that is none of success; ``doing`` names the call for people."""
    problem = problem_of(answer)
    if problem is None:
        return _not_symphonys(doing, answer, repeatable=repeatable)
    code = problem.first.code
    said = _told(f"Symphony refuses ({doing}).", problem)
    known = CODES.get(code)
    if known is not None:
        return known(said, code=code)
    if problem.asked.prompt:
        return Asked(said, code=code, prompt=problem.asked.prompt, wants_data=problem.asked.wants_data)
    if answer.status == 404:
        return Missing(said, code=code)
    if answer.status in {401, 403}:
        reason = _told(f"Symphony does not let the bridge do this ({doing}).", problem)
        return CredentialsRejected(reason, code=code, advice=_RIGHTS if answer.status == 403 else _LOG_IN)
    if answer.status < 500 or code.startswith(HAT):
        return Rejected(said, code=code, cause="refused", advice="See to it in Symphony; its words say why.")
    return _failed(said, code, answer.status, repeatable=repeatable)


def _failed(said: str, code: str, status: int, *, repeatable: bool) -> IlsError:
    """A fault of the server's (``unhandledException``): a write may have taken effect, a look may go well another time."""
    if not repeatable:
        return OutcomeUnknown(said, code=code, cause="server_error")
    return Unavailable(said, code=code) if status in {502, 503, 504} else Retry(said, code=code, cause="server_error")


def _not_symphonys(doing: str, answer: Answer, *, repeatable: bool) -> IlsError:
    words = vendor_words(words_of(answer.body))
    said = f"Symphony's address answered HTTP {answer.status} ({doing}), and not in Symphony's own words."
    said = f"{said} It says: {words}" if words else said
    if answer.status in {401, 403}:
        return CredentialsRejected(said, advice=_ADDRESS)
    if answer.status >= 500:
        return Unavailable(said) if repeatable else OutcomeUnknown(said, cause="server_error")
    if answer.status == 404:
        return Unavailable(said, advice=_ADDRESS)
    return Rejected(said, cause="refused", advice=_ADDRESS)


def outward(inner: Inner) -> IlsError:
    """An inner error as the engine knows it. What was there a moment ago and is missing now, the next try looks for again."""
    if isinstance(inner, Missing):
        advice = "If it stays so: is the record there in Symphony, and does this site have that call? 'ill-bridge check' tells."
        return Retry(inner.reason, code=inner.code, cause="refused", advice=advice)
    return Rejected(inner.reason, code=inner.code, cause="refused", advice="See to it in Symphony; its words say why.")


def not_let_in(answer: Answer) -> IlsError:
    """Our error for a log-in that failed. Every refusal there, however it comes, is one of the credentials: were it the request's, each
    request would log in anew, until the account is locked. A fault of the server's and a record in use are none.
    """
    failed = error_of("log in", answer, repeatable=True)
    for_a_while = isinstance(failed, Busy | Unavailable) or failed.code == FAULT
    if for_a_while or isinstance(failed, CredentialsRejected):
        return failed
    return CredentialsRejected(failed.reason, code=failed.code, advice=_LOG_IN)


def no_session(answer: Answer) -> CredentialsRejected:
    """Our error for a log-in that is answered well and makes no session, as where the password must be changed (symphony.md section 7)."""
    words = vendor_words(words_of(answer.body))
    return CredentialsRejected(f"Symphony answered the log-in without a session. It says: {words}", advice=_LOG_IN)


def not_overridden(asked: Asked, *, allowed: bool, setting: str = "overrides") -> Rejected:
    """Our error for a rule that stays in the way, whether it was ``allowed`` to override it by this setting or not."""
    rule = PROMPTS.get(asked.prompt, Rule("refused", "a rule of this site is in the way"))
    if allowed:
        advice = f"Symphony did not take the override {asked.prompt}: is 'override_code' of this ILS the code of the bridge's staff user?"
    else:
        advice = f"See to it in Symphony, or name {asked.prompt} in '{setting}' of this ILS."
    reason = f"A rule of Symphony's is in the way: {rule.words}. {asked.reason}"
    return Rejected(reason, code=asked.code or asked.prompt, cause=rule.cause, advice=advice)


def asked_too_often(asked: Asked) -> Rejected:
    """Our error for a prompt that comes after as many as are answered within one call."""
    rule = PROMPTS.get(asked.prompt, Rule("refused", "a rule of this site is in the way"))
    advice = "See to it in Symphony: more rules are in the way than the bridge overrides by itself."
    reason = f"Symphony wants one override after the other; the last rule in the way: {rule.words}. {asked.reason}"
    return Rejected(reason, code=asked.code or asked.prompt, cause=rule.cause, advice=advice)


def _told(reason: str, problem: Problem) -> str:
    """Our sentence with Symphony's words behind it."""
    words, code = vendor_words(problem.first.text[:300]), problem.first.code
    prompt = f", prompt {problem.asked.prompt}" if problem.asked.prompt else ""
    return f"{reason} Symphony says: {words} (code {code}{prompt})" if words else f"{reason} (code {code}{prompt})"
