"""ILLiad, by its Web Platform API: there is no list of changes, so the requests that are open here are asked after one by one.

Source: published clients of the API and Atlas's page of it; recorded transactions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from bridge.domain.finding import Finding, clock_finding, failed, well
from bridge.domain.identity import Role
from bridge.domain.known import Known, KnownRequest, NothingKnown
from bridge.errors import CredentialsRejected, IlsError, RefusedInput, Rejected
from bridge.sources.base import System
from bridge.sources.following import Following
from bridge.sources.gone import gone_row, said_gone, was_gone
from bridge.sources.listed import ListedSource, NamedSettings, Pile
from bridge.sources.notes import NoteSettings
from bridge.sources.own_notes import IlliadNotes
from bridge.sources.rows import filled, in_path, moment_at, text_at

SEEN = "bridge_seen"
"""Added to a row: when it was read. A row with it tells the fields; one without it the status, as of its own time."""
ROLES: Mapping[str, Role] = {"borrowing": Role.BORROWER, "lending": Role.LENDER}
RENEWED = "renewed by"
"""A status that goes on with a name."""


class IlliadSettings(NamedSettings):
    """Settings of an ILLiad. ``url`` is the address of its Web Platform."""

    url: str = Field(
        description="Address of the Web Platform.", examples=["https://illiad.example.org/ILLiadWebPlatform"]
    )
    system: System = Field(default=System.ILLIAD, description="Always illiad.", examples=["illiad"])
    own_notes: IlliadNotes | None = Field(
        default=None, description="Lines of the history told by its own API, a table of its own; left out: none are."
    )
    token_header: str = Field(default="ApiKey", description="Header that takes the token.", examples=["ApiKey"])
    users: tuple[str, ...] = Field(
        default=(),
        description="Users whose requests are listed, so that new ones are noticed; most libraries have a webhook or file tell of those.",
        examples=[["ilsbridge"]],
    )
    filter: str = Field(
        default="",
        description="OData filter for those lists.",
        examples=["TransactionStatus ne 'Request Finished'"],
    )
    list_path: str = Field(
        default="",
        description="Path of a list of changed transactions, where your site has made one; {since} is put where the moment goes.",
        examples=["/Custom/Changed?since={since}"],
    )
    most: int = Field(
        default=200,
        ge=1,
        description="Open requests asked after in one poll; the others come in the next.",
        examples=[200],
    )

    @property
    def note_settings(self) -> NoteSettings | None:
        """By its own API, or by a webhook."""
        return self.own_notes or self.notes


class IlliadSource(ListedSource[IlliadSettings]):
    """One ILLiad. ``TransactionDate`` is when the status changed: other fields may change without it, so they are told apart."""

    LIST_ADVICE = "Correct url: it is the address of the Web Platform, above /Transaction."

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - as ListedSource
        super().__init__(*arguments, **named)
        self.known: Known = NothingKnown()
        self._following = Following()

    def learn(self, known: Known) -> None:
        """From now on ask this memory."""
        self.known = known

    def _headers(self, settings: IlliadSettings) -> Mapping[str, str]:  # noqa: ARG002
        return {"Accept": "application/json; version=1"}

    def _piles(self, name: str, since: datetime | None) -> Iterator[Pile]:  # noqa: ARG002 - one list
        for user in self.settings.users:  # these tell no moment up to which the other list was read
            params = {"$filter": self.settings.filter} if self.settings.filter else {}
            path = f"/Transaction/UserRequests/{in_path(user)}"
            rows = self._listed(path, params, "/Transaction/UserRequests/{user}")
            yield Pile(rows, settled=not self.settings.list_path)
        if self.settings.list_path:
            written = since.astimezone(self.settings.zone()).strftime("%Y-%m-%dT%H:%M:%S") if since else "1970-01-01"
            rows = self._listed(self.settings.list_path.replace("{since}", written), {}, "[list_path]")
            yield Pile(rows, settled=True)
        yield from self._followed()

    def _checked(self, since: datetime, clock: Callable[[], datetime], limit: timedelta) -> Iterator[Finding]:
        """Whether new requests are noticed; a transaction is asked for where no list is, since any answer but a refusal will do."""
        settings = self.settings
        if settings.users or settings.list_path:
            yield from super()._checked(since, clock, limit)
            return
        try:
            self._asked.get("/Transaction/1", template="/Transaction/{number}")
        except CredentialsRejected as refused:
            yield failed("Credentials", refused.reason, "Correct token: it is the ApiKey of the Web Platform.")
            return
        except (IlsError, RefusedInput) as problem:
            if not (isinstance(problem, Rejected) and problem.code == "404"):
                yield failed("Address", self._asked.without_secrets(str(problem)), self.LIST_ADVICE)
                return
        yield clock_finding("Clock", self._asked.ahead(clock()), limit=limit)
        yield well("Address", "It answers, and takes our credentials.")
        text = "Neither users nor list_path is set: requests are followed once another source of this service has told of them."
        yield well("New requests", text)

    def _listed(self, path: str, params: Mapping[str, str], template: str) -> list[object]:
        rows = self._asked.get(path, params, template=template)
        if not isinstance(rows, list):
            raise RefusedInput(f"Source {self.name}: the answer is no list.")
        return [part for row in rows for part in self._parts(row)]

    def _followed(self) -> Iterator[Pile]:
        """Open requests in turn, so many in one poll; where one cannot be had the others are asked after all the same."""
        for rows in self._following.turn(self.known.open(), self.settings.most, self._asked_after):
            yield Pile(rows, settled=False)

    def _asked_after(self, request: KnownRequest) -> list[object]:
        path = f"/Transaction/{in_path(request.key.number)}"
        try:
            row = self._asked.get(path, template="/Transaction/{number}")
        except Rejected as refused:
            gone = refused.code == "404" and not request.vanished
            return [gone_row(request, self._clock())] if gone else []
        return self._parts(row)

    def _parts(self, row: object) -> list[object]:
        """The status as of its own time, and the other fields as of now."""
        if not isinstance(row, dict):
            return [row]
        return [row, {**row, SEEN: self._clock().isoformat()}]

    def _keyed(self, said: dict[str, Any]) -> dict[str, Any]:
        """What is told of the fields has no time of its own: the same content is the same news, as long as the status is the same too."""
        if "since" not in said or "id" in said:
            return super()._keyed(said)
        content = {name: value for name, value in said.items() if name != "time"}
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode("utf-8", errors="backslashreplace")).hexdigest()
        number = str(said.get("request", {}).get("number", ""))
        return {**said, "id": f"{number[:100]}@fields:{digest[:32]}"}

    def _moment(self, row: object) -> datetime | None:
        return None if was_gone(row) or (isinstance(row, dict) and SEEN in row) else super()._moment(row)

    def _said(self, row: dict[str, Any]) -> dict[str, Any]:
        if was_gone(row):
            return said_gone(row)
        role = ROLES.get(text_at(row, "ProcessType").casefold())
        known = filled(
            kind="snapshot",
            role=role.value if role else text_at(row, "ProcessType"),
            request=filled(number=text_at(row, "TransactionNumber")),
            service_type="copy" if text_at(row, "RequestType").casefold() == "article" else "loan",
        )
        if SEEN not in row:
            return {**known, "time": moment_at(row, "TransactionDate"), "status": _word(row)}
        fields = filled(
            time=text_at(row, SEEN),
            since=text_at(row, "TransactionDate") or "never",
            partner=text_at(row, "LendingLibrary"),
            due_date=moment_at(row, "DueDate"),
            patron=filled(id=text_at(row, "Username") if role is Role.BORROWER else ""),
            item=filled(
                title=text_at(row, "LoanTitle", "PhotoArticleTitle", "PhotoJournalTitle"),
                author=text_at(row, "LoanAuthor", "PhotoArticleAuthor"),
                isbn=text_at(row, "ISSN"),
                barcode=text_at(row, "ItemNumber"),
                call_number=text_at(row, "CallNumber"),
                format=text_at(row, "DocumentType"),
            ),
        )
        return {**known, **fields, "conditions": {"vanished": False}}


def _word(row: dict[str, Any]) -> str:
    status = text_at(row, "TransactionStatus")
    return RENEWED if status.casefold().startswith(RENEWED) else status
