"""Alma's errors: every shape of envelope read, and a table from endpoint and code to our errors.

The same code means different things at different endpoints, and not-found is mostly HTTP 400, so status and text decide nothing (alma.md,
section 1, "Error envelope"). Codes and wordings: Alma OpenAPI users.json and bibs.json, and the reference's table.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lxml import etree

from bridge.connectors.refusals import Refusals
from bridge.domain.masking import vendor_words
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.http import Answer, words_of

_SAYS = Refusals("Alma")
unknown_item, not_ours = _SAYS.unknown_item, _SAYS.not_ours
loan_not_shown = _SAYS.loan_not_shown


class Endpoint(StrEnum):
    """Endpoints whose codes we tell apart."""

    USER = "user"
    BIBS = "bibs"
    BIB = "bib"
    HOLDINGS = "holdings"
    ITEMS = "items"
    ITEM = "item"
    ITEM_BY_BARCODE = "item by barcode"
    ITEM_UPDATE = "item update"
    ITEM_DELETE = "item delete"
    SCAN_IN = "scan-in"
    REQUESTS = "requests"
    REQUEST_CREATE = "request create"
    REQUEST_CANCEL = "request cancel"
    LOANS = "loans"
    LOAN_CREATE = "loan create"
    LOAN_UPDATE = "loan update"
    FEES = "fees"
    FEE_CREATE = "fee create"
    CONFIGURATION = "configuration"
    SET = "set"


@dataclass(frozen=True)
class AlmaProblem:
    """What Alma said went wrong; ``code`` is empty where the body is no error of Alma's."""

    code: str = ""
    message: str = ""
    tracking: str = ""


class Missing(IlsError):
    """Alma does not know what was asked for: patron, item, loan, request. Never leaves the connector."""

    consequence = "missing"


class NotYetVisible(IlsError):
    """Alma does not see yet what it has just made. Never leaves the connector."""

    consequence = "not_yet_visible"


class AlreadyThere(IlsError):
    """What was asked for stands already. Never leaves the connector."""

    consequence = "already_there"


@dataclass(frozen=True)
class Meaning:
    """What a code means: the error, its cause, and what to do."""

    kind: type[IlsError]
    cause: str = ""
    reason: str = ""
    advice: str = ""


_PATRON = "Correct the patron id in the request at the service."
_ACCOUNT = "See to the account in Alma."
_DESK = (
    "Correct library, desk and locations in the configuration and restart, or let the desk serve the location in Alma."
)
_POLICY = "Correct the library's policy ('ill-bridge check' names the codes there are) and restart."
_PLACES, _ACCOUNTS = "Correct the map of pickup locations and restart.", "Correct the map of accounts and restart."
_KEY = "Give the API key the rights named on the connector's page."

TABLE: dict[tuple[Endpoint, str], Meaning] = {
    (Endpoint.USER, "401861"): Meaning(Rejected, "unknown_patron", "The patron is unknown in Alma.", _PATRON),
    (Endpoint.USER, "401890"): Meaning(Rejected, "unknown_patron", "The patron is unknown in Alma.", _PATRON),
    (Endpoint.ITEM_BY_BARCODE, "401689"): Meaning(Missing),
    (Endpoint.ITEM_BY_BARCODE, "401690"): Meaning(
        Rejected,
        "illegal_barcode",
        "Alma does not take the barcode.",
        "Correct the barcode in the request at the service.",
    ),
    (Endpoint.BIBS, "402203"): Meaning(Missing),
    (Endpoint.BIB, "402203"): Meaning(Missing),
    (Endpoint.HOLDINGS, "402203"): Meaning(Missing),
    (Endpoint.HOLDINGS, "33008"): Meaning(
        Rejected, "location", "Alma makes no holding at this library and location.", _POLICY
    ),
    (Endpoint.ITEMS, "401688"): Meaning(Missing),
    (Endpoint.ITEMS, "402203"): Meaning(Missing),
    (Endpoint.ITEMS, "40166404"): Meaning(
        Rejected,
        "item_type",
        "Alma does not take the item's type, material or another value.",
        _POLICY,
    ),
    (Endpoint.ITEM_DELETE, "401849"): Meaning(
        Rejected, "item_in_use", "Alma does not delete the item.", "End its loan and requests in Alma."
    ),
    (Endpoint.ITEM_UPDATE, "401873"): Meaning(
        Rejected, "location", "Alma does not know the library or location.", _POLICY
    ),
    (Endpoint.SCAN_IN, "40166415"): Meaning(Rejected, "desk", "The scan-in names no desk.", _DESK),
    (Endpoint.REQUEST_CREATE, "401129"): Meaning(NotYetVisible),
    (Endpoint.REQUEST_CREATE, "401684"): Meaning(NotYetVisible),
    (Endpoint.REQUEST_CREATE, "60328"): Meaning(NotYetVisible),
    (Endpoint.REQUEST_CREATE, "401136"): Meaning(AlreadyThere),
    (Endpoint.REQUEST_CREATE, "401891"): Meaning(
        Rejected, "pickup_location", "Alma does not know the pickup library.", _PLACES
    ),
    (Endpoint.REQUEST_CREATE, "401895"): Meaning(
        Rejected, "pickup_location", "Alma does not know the pickup desk.", _PLACES
    ),
    (Endpoint.REQUEST_CREATE, "401890"): Meaning(Rejected, "unknown_patron", "The patron is unknown in Alma.", _PATRON),
    (Endpoint.REQUEST_CREATE, "401861"): Meaning(Rejected, "unknown_patron", "The patron is unknown in Alma.", _PATRON),
    (Endpoint.REQUEST_CANCEL, "401694"): Meaning(Missing),
    (Endpoint.REQUEST_CANCEL, "401907"): Meaning(Missing),
    (Endpoint.LOAN_CREATE, "400042"): Meaning(AlreadyThere),
    (Endpoint.LOAN_CREATE, "401151"): Meaning(
        Rejected, "account_not_entitled", "The account has no valid patron role.", _ACCOUNT
    ),
    (Endpoint.LOAN_CREATE, "401168"): Meaning(Rejected, "account_expired", "The account has expired.", _ACCOUNT),
    (Endpoint.LOAN_CREATE, "401161"): Meaning(
        Rejected, "loan_limit", "The account has reached its loan limit.", _ACCOUNT
    ),
    (Endpoint.LOAN_CREATE, "401163"): Meaning(Rejected, "account_blocked", "The account is blocked.", _ACCOUNT),
    (Endpoint.LOAN_CREATE, "401201"): Meaning(Rejected, "account_blocked", "The account is blocked.", _ACCOUNT),
    (Endpoint.LOAN_CREATE, "401198"): Meaning(
        Rejected, "parallel_loan", "The account has another copy of the title on loan.", _ACCOUNT
    ),
    (Endpoint.LOAN_CREATE, "401153"): Meaning(Rejected, "desk", "The desk cannot lend the item.", _DESK),
    (Endpoint.LOAN_CREATE, "401651"): Meaning(
        Rejected,
        "not_loanable",
        "The item is not loanable.",
        "See to the item's policy and the fulfilment rules in Alma.",
    ),
    (Endpoint.LOAN_CREATE, "401861"): Meaning(
        Rejected,
        "unknown_account",
        "The borrowing library's account is unknown in Alma.",
        _ACCOUNTS,
    ),
    (Endpoint.LOAN_CREATE, "401890"): Meaning(
        Rejected,
        "unknown_account",
        "The borrowing library's account is unknown in Alma.",
        _ACCOUNTS,
    ),
    (Endpoint.LOAN_UPDATE, "401823"): Meaning(Missing),
    (Endpoint.LOAN_UPDATE, "401681"): Meaning(
        Rejected, "due_date_past", "The due date is in the past.", "Set another due date at the service."
    ),
    (Endpoint.LOANS, "402203"): Meaning(Missing),
    (Endpoint.LOANS, "401688"): Meaning(Missing),
    (Endpoint.REQUESTS, "402203"): Meaning(Missing),
    (Endpoint.REQUESTS, "401688"): Meaning(Missing),
    (Endpoint.SET, "60107"): Meaning(
        Rejected, "audit_set", "Alma knows no set with the id in audit_set.", "Correct audit_set in the settings."
    ),
    (Endpoint.SET, "60217"): Meaning(Missing),
    (Endpoint.FEES, "401861"): Meaning(Rejected, "unknown_patron", "The patron is unknown in Alma.", _PATRON),
    (Endpoint.FEE_CREATE, "401861"): Meaning(Rejected, "unknown_patron", "The patron is unknown in Alma.", _PATRON),
}

_GONE = Meaning(Missing)
TABLE |= {
    (endpoint, code): _GONE
    for endpoint in (Endpoint.ITEM, Endpoint.ITEM_UPDATE, Endpoint.ITEM_DELETE, Endpoint.SCAN_IN)
    for code in ("402203", "401688", "401689", "40166411", "402504", "60331")
}
TABLE |= {
    (Endpoint.ITEM_DELETE, code): Meaning(
        Rejected, "bib_in_use", "Alma does not delete the holding or bib.", "See what else hangs on the bib in Alma."
    )
    for code in ("60212", "60214", "4022020")
}
ANYWHERE: dict[str, Meaning] = {
    "UNAUTHORIZED": Meaning(CredentialsRejected, "", "Alma does not accept the API key.", _KEY),
    "INVALID_REQUEST": Meaning(CredentialsRejected, "", "Alma does not accept the API key.", _KEY),
    "60340": Meaning(CredentialsRejected, "", "The API key is restricted and may not do this.", _KEY),
    "60258": Meaning(CredentialsRejected, "", "The API key is restricted and may not do this.", _KEY),
    "PER_SECOND_THRESHOLD": Meaning(Retry, "throttled", "Alma says we call too often."),
    "DAILY_THRESHOLD": Meaning(
        Unavailable,
        "daily_threshold",
        "Alma's calls of the day are used up.",
        "It goes on after midnight UTC; see what else calls Alma.",
    ),
    "401652": Meaning(Retry, "general_error", "Alma answers with a general error."),
    "402119": Meaning(Retry, "general_error", "Alma answers with a general error."),
    "60101": Meaning(Retry, "general_error", "Alma answers with a general error."),
}


def problem_of(answer: Answer) -> AlmaProblem:
    """What Alma said, from any of its envelopes: JSON (list or single error, wrapped or not) or XML; else the body's beginning."""
    text = answer.text.strip()
    if text.startswith("{"):
        found = _from_json(text)
    elif text.startswith("<"):
        found = _from_xml(answer.body)
    else:
        found = None
    return found or AlmaProblem(message="" if _is_data(text) else words_of(answer.body))


def _is_data(text: str) -> bool:
    """Whether a body is a document of some system and no page for people: it may hold a patron's whole record."""
    return text.startswith("<") and not re.search(r"<(!doctype\s+)?html\b", text[:500], re.IGNORECASE)


def _from_json(text: str) -> AlmaProblem | None:
    try:
        raw: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    raw = raw.get("web_service_result", raw)
    errors = raw.get("errorList") if isinstance(raw, dict) else None
    error = errors.get("error") if isinstance(errors, dict) else None
    first = (error[0] if error else None) if isinstance(error, list) else error
    if not isinstance(first, dict):
        return None
    return AlmaProblem(
        str(first.get("errorCode") or ""),
        str(first.get("errorMessage") or "").strip(),
        str(first.get("trackingId") or ""),
    )


def _from_xml(body: bytes) -> AlmaProblem | None:
    """XML is read forgivingly: an unescaped ``&`` inside an error's URL does occur (alma.md, error envelope)."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=False)
    try:
        root = etree.fromstring(body, parser=parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    if root is None or _local(root.tag) != "web_service_result":
        return None
    found = {_local(node.tag): (node.text or "").strip() for node in root.iter() if isinstance(node.tag, str)}
    return AlmaProblem(found.get("errorCode", ""), found.get("errorMessage", ""), found.get("trackingId", ""))


def _local(tag: object) -> str:
    """A tag without its namespace; a prefix that nobody declared stays in it where XML is read forgivingly."""
    return str(tag).rpartition("}")[2].rpartition(":")[2]


def error_of(endpoint: Endpoint, answer: Answer, *, repeatable: bool) -> IlsError:
    """Our error for an answer that is none of success.

    A server error that the table does not know means that Alma is not there, unless its probe says otherwise (then it fails on this very
    request); after a call that may not be repeated, it means that the outcome is unknown.
    """
    problem = problem_of(answer)
    meaning = TABLE.get((endpoint, problem.code)) or ANYWHERE.get(problem.code)
    if answer.status in {401, 403} and meaning is None:
        meaning = ANYWHERE["UNAUTHORIZED"]
    if meaning is None and "invalid api key" in problem.message.lower():
        meaning = ANYWHERE["UNAUTHORIZED"]
    if meaning is None:
        return _unforeseen(endpoint, answer, problem, repeatable=repeatable)
    if meaning.kind is Retry and not repeatable and answer.status >= 500:
        return OutcomeUnknown(_told(meaning.reason, problem), code=problem.code, cause=meaning.cause)
    return meaning.kind(_told(meaning.reason, problem), advice=meaning.advice, code=problem.code, cause=meaning.cause)


def _unforeseen(endpoint: Endpoint, answer: Answer, problem: AlmaProblem, *, repeatable: bool) -> IlsError:
    does = "answers with an error" if answer.status >= 500 else "refuses"
    said = _told(f"Alma {does} ({endpoint.value}, HTTP {answer.status}).", problem)
    if answer.status >= 500:
        if not repeatable:
            return OutcomeUnknown(said, code=problem.code, cause="server_error")
        return Unavailable(said, code=problem.code)
    return Rejected(
        said, code=problem.code, cause="refused", advice="Look the code up with Ex Libris, or ask their support."
    )


def _told(reason: str, problem: AlmaProblem) -> str:
    """Our sentence, with Alma's words behind it where they carry no identifier, and its tracking id, which support asks for."""
    words = "" if problem.code in _WITH_IDENTIFIER else vendor_words(problem.message)
    parts = [reason, f"Alma says: {words}" if words else "", f"(code {problem.code})" if problem.code else ""]
    tracking = f"[tracking id {problem.tracking}]" if problem.tracking else ""
    return " ".join(part for part in (*parts, tracking) if part)


_WITH_IDENTIFIER = frozenset({"401861", "401890"})


def day_used_up(answer: Answer) -> IlsError | None:
    """Our error for a 429 that says that the calls of the day, not of the second, are used up."""
    problem = problem_of(answer)
    if problem.code != "DAILY_THRESHOLD":
        return None
    meaning = ANYWHERE[problem.code]
    return meaning.kind(_told(meaning.reason, problem), advice=meaning.advice, code=problem.code, cause=meaning.cause)


def nonsense(endpoint: Endpoint, answer: Answer, *, repeatable: bool) -> IlsError:
    """Our error for a success that cannot be read."""
    return _SAYS.nonsense(endpoint.value, answer, repeatable=repeatable)
