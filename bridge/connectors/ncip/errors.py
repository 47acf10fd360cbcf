"""Our errors for what a responder says: by status, by whether it answered at all, and by its problems."""

from __future__ import annotations

from bridge.connectors.ncip.problems import Meaning, Problem
from bridge.connectors.refusals import Refusals
from bridge.domain.masking import vendor_words
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.http import Answer, words_of

_SAYS = Refusals("The ILS")
unknown_item, not_ours, on_loan = _SAYS.unknown_item, _SAYS.not_ours, _SAYS.on_loan

_DOOR = "See to the agencies, keys and passwords of this connector, and to what the ILS lets us do."
_LOOK = "Look in the ILS; the text says why."


class Refused(IlsError):
    """The responder answered with a problem. Never leaves the connector as it is."""

    consequence = "refused"

    def __init__(self, reason: str, meaning: Meaning, *, code: str = "") -> None:
        super().__init__(reason, code=code)
        self.meaning = meaning


def said(name: str, problems: tuple[Problem, ...]) -> str:
    """What was refused, with the responder's words, without what may name a patron."""
    words = vendor_words("; ".join(problem.told for problem in problems))
    return f"The NCIP responder refuses {name}. It says: {words}" if words else f"The NCIP responder refuses {name}."


def refusal(name: str, problems: tuple[Problem, ...], meaning: Meaning) -> IlsError:
    """Our error for these problems; ``Refused`` where the verb decides."""
    reason, code = said(name, problems), problems[0].kind[:40]
    if vendor_words(code) != code:
        code = ""
    if meaning is Meaning.DOOR:
        return CredentialsRejected(reason, advice=_DOOR, code=code)
    if meaning is Meaning.LATER:
        return Retry(reason, code=code, cause="general_error")
    if meaning is Meaning.UNSUPPORTED:
        advice = f"The responder does not know {name}: switch it off in this connector's settings."
        return Rejected(reason, code=code, cause="unsupported", advice=advice)
    return Refused(reason, meaning, code=code)


def for_good(refused: Refused, cause: str, advice: str = _LOOK) -> Rejected:
    """The refusal as an error that parks the request."""
    return Rejected(refused.reason, code=refused.code, cause=cause, advice=advice)


def not_read(name: str, why: str, *, repeatable: bool) -> IlsError:
    """Our error for an answer that is none: success is not assumed of it."""
    reason = f"The NCIP responder's answer to {name} cannot be read: {why}."
    return Retry(reason, cause="nonsense") if repeatable else OutcomeUnknown(reason, cause="nonsense")


def by_status(name: str, answer: Answer, *, repeatable: bool) -> IlsError:
    """Our error for a status above 399, which is none of a business failure (ncip-sip2.md section 1.3)."""
    words = vendor_words(words_of(answer.body))
    reason = f"The NCIP responder's address answered {name} with HTTP {answer.status}."
    reason = f"{reason} It says: {words}" if words else reason
    if answer.status in {401, 403}:
        return CredentialsRejected(reason, advice=_DOOR)
    if answer.status >= 500:
        return Unavailable(reason) if repeatable else OutcomeUnknown(reason, cause="server_error")
    if answer.status in {404, 405}:
        return Unavailable(reason, advice="Is url right?")
    return Rejected(reason, cause="refused", advice="Is url right, and does it speak NCIP?")


def not_seen(what: str) -> Rejected:
    """Our error where a step ended unclearly and the responder cannot be asked what became of it."""
    return Rejected(
        f"{what} ended unclearly, and the NCIP responder cannot be asked what became of it. It is not done again by itself.",
        cause="cannot_look",
        advice="Look in the ILS; where it was not done, try again with 'retry' or do it by hand.",
    )


def lent_to_nobody_knows_whom(barcode: str) -> Rejected:
    """Our error where a check-out ended unclearly and the item is on loan, to our account or to somebody else."""
    return Rejected(
        f"Lending item {barcode} ended unclearly. The ILS says that it is on loan, and does not say to whom, so that it is not lent again.",
        cause="cannot_look",
        advice="See in the ILS whether the borrowing library's account has the item, else check it in there and lend it to that account",
    )


def not_told(what: str, so: str) -> Rejected:
    """Our error where the responder was asked, and does not say what must be known before anything is done."""
    return Rejected(
        f"{what} is not told by the NCIP responder. {so}",
        cause="cannot_look",
        advice="Look in the ILS, and do by hand what is lacking.",
    )
