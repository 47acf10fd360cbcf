"""Project ReShare (mod-rs behind Okapi): patron requests of both roles, by their last update.

Source: mod-rs (domain classes PatronRequest and Status, ``/rs/patronrequests``); Okapi's log-in (``/authn/login``).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from bridge.domain.identity import Role
from bridge.errors import CredentialsRejected, RefusedInput, Unavailable
from bridge.http import Exchange, Http, HttpRules, Sending, Unpaced
from bridge.sources.asked import Credentials
from bridge.sources.base import System
from bridge.sources.listed import ListedSource, NamedSettings, Pile
from bridge.sources.mapping import at_path
from bridge.sources.paging import Listing, by_time
from bridge.sources.rows import filled, list_at, moment_at, text_at

TOKEN = "X-Okapi-Token"  # noqa: S105 - the name of a header


class ReShareSettings(NamedSettings):
    """Settings of a ReShare tenant. ``url`` is Okapi's address; log in with ``user`` and ``password``, or with a ``token`` of long life."""

    url: str = Field(description="Okapi's address.", examples=["https://okapi.example.org"])
    system: System = Field(default=System.RESHARE, description="Always reshare.", examples=["reshare"])
    tenant: str = Field(min_length=1, description="Our tenant (X-Okapi-Tenant).", examples=["our_tenant"])
    login_path: str = Field(
        default="/authn/login",
        description="Where user and password are exchanged for a token.",
        examples=["/authn/login"],
    )
    path: str = Field(
        default="/rs/patronrequests", description="Where the requests are listed.", examples=["/rs/patronrequests"]
    )
    token_header: str = Field(default=TOKEN, description="Header that the token goes in.", examples=["X-Okapi-Token"])
    page_size: int = Field(default=100, ge=2, le=1000, description="Requests asked for at a time.", examples=[100])
    parameters: dict[str, str] = Field(
        default={
            "filters": "lastUpdated>={since}",
            "sort": "lastUpdated;asc",
            "perPage": "{limit}",
            "offset": "{offset}",
            "stats": "true",
        },
        description="The question; {since} (UTC), {limit} and {offset} are filled in.",
        examples=[
            {"filters": "lastUpdated>={since}", "sort": "lastUpdated;asc", "perPage": "{limit}", "offset": "{offset}"}
        ],
    )
    since_format: str = Field(
        default="%Y-%m-%dT%H:%M:%SZ",
        description="How that moment is written (strftime).",
        examples=["%Y-%m-%dT%H:%M:%SZ"],
    )


class OkapiLogin:
    """User and password for a token; Okapi does not say how long it is good, and it is used until it is refused."""

    def __init__(self, name: str, settings: ReShareSettings, tell: Callable[[Exchange], None]) -> None:
        self._name = name
        self._settings = settings
        self._guard = threading.Lock()
        self._token = ""
        rules = HttpRules(read_timeout=settings.read_timeout, ca_file=settings.ca_file)
        self._http = Http(settings.url, name=name, pace=Unpaced(), tell=tell, rules=rules)

    def headers(self) -> Mapping[str, str]:
        """The token, fetched where there is none. Raises ``CredentialsRejected`` and ``Unavailable``."""
        with self._guard:
            self._token = self._token or self._fetched()
            return {self._settings.token_header: self._token}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """The token that was refused is let go, unless another thread did."""
        with self._guard:
            if refused.get(self._settings.token_header) == self._token:
                self._token = ""
        return True

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def _fetched(self) -> str:
        settings = self._settings
        password = settings.password.get_secret_value() if settings.password is not None else ""
        answer = self._http.send(
            Sending(
                "POST",
                settings.login_path,
                settings.login_path,
                body=json.dumps({"username": settings.user, "password": password}).encode(),
                headers={"Content-Type": "application/json", "X-Okapi-Tenant": settings.tenant},
                repeatable=True,
            )
        )
        token = answer.header(TOKEN)
        if 400 <= answer.status < 500:
            said = f"Source {self._name}: Okapi gives us no token (HTTP {answer.status})."
            raise CredentialsRejected(said, advice="Correct tenant, user and password.")
        if answer.status not in {200, 201} or not token:
            raise Unavailable(f"Source {self._name}: Okapi's log-in gave no {TOKEN} (HTTP {answer.status}).")
        return token


class ReShareSource(ListedSource[ReShareSettings]):
    """Both roles of one tenant. Only the latest state of a request is told, whatever it went through since the last poll."""

    LIST_ADVICE = "Correct url (Okapi's address), path or parameters."

    def _headers(self, settings: ReShareSettings) -> Mapping[str, str]:
        return {"X-Okapi-Tenant": settings.tenant}

    def _credentials(self, settings: ReShareSettings, tell: Callable[[Exchange], None]) -> Credentials | None:
        return (
            OkapiLogin(self.name, settings, tell) if settings.token is None and settings.password is not None else None
        )

    def _piles(self, name: str, since: datetime | None) -> Iterator[Pile]:  # noqa: ARG002 - there is one list
        pages = by_time(
            self._page, self._moment, lambda row: text_at(row, "id"), since=since, pages=self.settings.max_pages
        )
        for rows in pages:
            yield Pile(rows, settled=True)

    def _page(self, since: datetime | None, offset: int) -> Listing:
        moment = (since or datetime(1970, 1, 1, tzinfo=UTC)).astimezone(UTC).strftime(self.settings.since_format)
        known = {"{since}": moment, "{limit}": str(self.settings.page_size), "{offset}": str(offset)}
        question = {name: _filled_in(text, known) for name, text in self.settings.parameters.items()}
        body = self._asked.get(self.settings.path, question)
        rows = at_path(body, "results") if isinstance(body, dict) else body
        if not isinstance(rows, list):
            raise RefusedInput(f"Source {self.name}: there is no list in the answer.")
        total = at_path(body, "totalRecords")
        total = at_path(body, "total") if total is None else total
        more = offset + len(rows) < total if isinstance(total, int) else len(rows) >= self.settings.page_size
        return Listing(rows, more)

    def _said(self, row: dict[str, Any]) -> dict[str, Any]:
        borrows = at_path(row, "isRequester")
        state = text_at(row, "state.code", "state")
        if not isinstance(borrows, bool):
            borrows = state.upper().startswith("REQ_")
        volumes = [each for each in list_at(row, "volumes") if text_at(each, "itemId")]
        requester = text_at(row, "requestingInstitutionSymbol")
        supplier = text_at(row, "supplyingInstitutionSymbol", "resolvedSupplier.symbol")
        return filled(
            kind="snapshot",
            time=moment_at(row, "lastUpdated", "dateCreated"),
            library=(requester if borrows else supplier) if self.settings.libraries else "",
            role=Role.BORROWER if borrows else Role.LENDER,
            request=filled(
                number=text_at(row, "hrid", "id") if borrows else text_at(row, "peerRequestIdentifier", "hrid", "id"),
                requester=requester,
            ),
            service_type=_service(text_at(row, "serviceType.value", "serviceType.label", "serviceType")),
            status=state,
            partner=supplier if borrows else requester,
            due_date=moment_at(row, "parsedDueDateRS", "dueDateRS"),
            patron=filled(id=text_at(row, "patronIdentifier") if borrows else ""),
            pickup_location=text_at(row, "pickupLocationCode", "pickupLocationSlug", "pickupLocation")
            if borrows
            else "",
            temporary_barcode=text_at(volumes[0], "temporaryItemBarcode") if borrows and len(volumes) == 1 else "",
            item=filled(
                title=text_at(row, "title"),
                author=text_at(row, "author"),
                isbn=text_at(row, "isbn"),
                barcode=text_at(volumes[0], "itemId") if len(volumes) == 1 else text_at(row, "selectedItemBarcode"),
                call_number=text_at(volumes[0], "callNumber") if len(volumes) == 1 else text_at(row, "localCallNumber"),
            ),
            volumes=[_volume(each) for each in volumes] if len(volumes) > 1 else [],
            conditions={"overdue": True} if at_path(row, "overdue") is True else {},
        )


def _filled_in(text: str, known: Mapping[str, str]) -> str:
    for name, value in known.items():
        text = text.replace(name, value)
    return text


def _service(said: str) -> str:
    word = said.casefold()
    return "copy" if word.startswith("copy") and "loan" not in word else "loan" if word == "loan" else ""


def _volume(row: object) -> dict[str, Any]:
    item, temporary = text_at(row, "itemId"), text_at(row, "temporaryItemBarcode")
    return filled(id=item, barcode=item, temporary_barcode=temporary)
