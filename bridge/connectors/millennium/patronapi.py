"""Innovative's Patron API, read only: a page with a line a field, of which only the code in brackets counts (millennium.md section 4)."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime

from bridge.connectors.ncip.patrons import Person, standing_of
from bridge.domain.expect import AccountStanding
from bridge.domain.masking import vendor_words
from bridge.errors import CredentialsRejected, Retry, Unavailable
from bridge.http import Answer, Http, Sending, words_of

_LINE = re.compile(r"^[^\[\]=]*\[([^\]]+)\]=(.*?)(?:<br>)?\s*$", re.IGNORECASE)
_UNSAFE = re.compile(r"[^A-Za-z0-9._~@+:-]")
NOT_FOUND = "requested record not found"


class PatronApi:
    """The Patron API of one Millennium."""

    door = "Patron API"

    def __init__(self, http: Http, today: Callable[[], date]) -> None:
        self._http = http
        self._today = today

    def person(self, identifier: str) -> Person | None:
        """See ``Directory``. The barcode is not URL-encoded: the server does not decode it, so that one with other signs is none."""
        if not identifier or _UNSAFE.search(identifier):
            return None
        sending = Sending("GET", f"/{identifier}/dump", "/{barcode}/dump", repeatable=True)
        answer = self._http.send(sending)
        if answer.status >= 400:
            raise _by_status(answer)
        fields = dict(_fields(answer.text))
        if "pb" in fields or "p81" in fields:
            return Person(tuple(self._against(fields)), _day(fields.get("p43", "")), fields.get("p47", ""))
        if NOT_FOUND in answer.text.casefold():
            return None
        said = "The Patron API's answer cannot be read."
        raise Retry(said, cause="nonsense", advice="Is patron_api right, and may this machine use it?")

    def _against(self, fields: dict[str, str]) -> Iterator[str]:
        block, until = fields.get("p56", ""), _day(fields.get("p43", ""))
        if block not in {"", "-"}:
            yield f"blocked (code {block})"
        if until is not None and until < self._today():
            yield f"expired on {until}"

    def account(self, identifier: str) -> AccountStanding:
        """See ``Directory``."""
        return standing_of(identifier, lambda: self.person(identifier))

    def close(self) -> None:
        """Close connections."""
        self._http.close()


def _fields(page: str) -> Iterator[tuple[str, str]]:
    """Code and value of each line; of a repeated field the last, which of barcodes is the newest."""
    for line in page.splitlines():
        found = _LINE.match(line.strip())
        if found is not None:
            yield found[1].casefold(), html.unescape(found[2]).strip()


def _day(text: str) -> date | None:
    """``MM-DD-YY``; what is empty or malformed ends nothing."""
    try:
        return datetime.strptime(text.strip(), "%m-%d-%y").date()  # noqa: DTZ007 - a day, no moment
    except ValueError:
        return None


def _by_status(answer: Answer) -> CredentialsRejected | Unavailable:
    words = vendor_words(words_of(answer.body))
    said = f"The Patron API answered HTTP {answer.status}."
    said = f"{said} It says: {words}" if words else said
    if answer.status in {401, 403}:
        return CredentialsRejected(said, advice="Have this machine's address let in to the Patron API.")
    return Unavailable(said, advice="Is patron_api right?")
