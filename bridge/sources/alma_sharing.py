"""Alma's resource sharing as the service: the lending task list whole in each poll, known requests one by one, borrowers by name.

Source: Ex Libris's OpenAPI (task-lists, partners, users) and recorded answers. Alma lists no borrowing requests and has no 'changed since'.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field, SecretStr, model_validator

from bridge.domain.finding import CLOCK_LIMIT, Finding, warned
from bridge.domain.identity import Role
from bridge.domain.known import Known, KnownRequest, NothingKnown
from bridge.errors import RefusedInput, Rejected
from bridge.http import Answer, Exchange
from bridge.sources.asked import Credentials
from bridge.sources.base import System
from bridge.sources.following import Following
from bridge.sources.gone import gone_row, said_gone, was_gone
from bridge.sources.listed import ListedSource, NamedSettings, Pile
from bridge.sources.mapping import at_path
from bridge.sources.rows import filled, in_path, list_at, moment_at, text_at

LIST = "user_resource_sharing_request"
SIDE, LIBRARY, USER = "bridge_side", "bridge_library", "bridge_user"
MOST = 100
"""Rows that Alma tells of a task list; it has no pages."""
NOT_THERE = "40166450"
"""Alma's code for a request that there is none of."""


class AlmaSharingSettings(NamedSettings):
    """Settings of Alma's resource sharing. ``url`` is the base address of its API, with ``/almaws/v1``; ``token`` is the API key."""

    url: str = Field(
        description="Base address of the API.", examples=["https://api-eu.hosted.exlibrisgroup.com/almaws/v1"]
    )
    system: System = Field(default=System.ALMA, description="Always alma.", examples=["alma"])
    token: SecretStr | None = Field(
        default=None, description="API key with read access to task lists, partners and users.", examples=["…"]
    )
    lending_libraries: tuple[str, ...] = Field(
        default=(),
        description="Codes of the resource sharing libraries whose lending requests are read.",
        examples=[["RS"]],
    )
    statuses: tuple[str, ...] = Field(
        default=(),
        description="Statuses of the lending task list that are asked for one by one, since a list holds a hundred; none: one list.",
        examples=[["SHIPPED_PHYSICALLY"]],
    )
    users: tuple[str, ...] = Field(
        default=(),
        description="Primary ids of users whose borrowing requests are read; one call each.",
        examples=[["ill-desk"]],
    )

    @model_validator(mode="after")
    def _something(self) -> AlmaSharingSettings:
        if not self.lending_libraries and not self.users:
            raise ValueError("must name lending_libraries or users: Alma lists nothing else")
        return self


class ApiKey:
    """Alma's own scheme in the Authorization header."""

    def __init__(self, settings: AlmaSharingSettings) -> None:
        self._key = settings.token.get_secret_value() if settings.token is not None else ""

    def headers(self) -> Mapping[str, str]:
        """The header that it goes in."""
        return {"Authorization": f"apikey {self._key}"}

    def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002 - it is always the same
        """There is no other."""
        return False

    def close(self) -> None:
        """Nothing is held open."""


class AlmaSharingSource(ListedSource[AlmaSharingSettings]):
    """One Alma. Lists are read whole each time and compared by content; known requests that no list shows are asked for one by one."""

    LIST_ADVICE = "Correct url (with /almaws/v1) and lending_libraries."

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - as ListedSource
        super().__init__(*arguments, **named)
        self.known: Known = NothingKnown()
        self._longest = 0
        self._following = Following()

    def learn(self, known: Known) -> None:
        """From now on ask this memory."""
        self.known = known

    def _credentials(self, settings: AlmaSharingSettings, tell: Callable[[Exchange], None]) -> Credentials | None:  # noqa: ARG002
        return ApiKey(settings)

    def _code_of(self, answer: Answer) -> str:
        try:
            return text_at(json.loads(answer.body), "errorList.error.0.errorCode") or super()._code_of(answer)
        except (ValueError, RecursionError):
            return super()._code_of(answer)

    def check(self, clock: Callable[[], datetime], *, limit: timedelta = CLOCK_LIMIT) -> tuple[Finding, ...]:
        """As every list, and what Alma cannot tell. Never raises ``BridgeError``."""
        found = super().check(clock, limit=limit)
        text = "Alma lists no borrowing requests, and none by their last change"
        of = f"; only those of {len(self.settings.users)} users are read." if self.settings.users else "; none is read."
        advice = "Hear of borrowing over ISO 18626 or a webhook, under the same service."
        return (*found, *self._full_lists(), warned("Borrowing", text + of, advice))

    def _full_lists(self) -> Iterator[Finding]:
        if self._longest >= MOST:
            text = f"A lending task list holds {MOST} requests, and Alma tells no more of it."
            yield warned("Lending", text, "Name statuses, so that each list is shorter.")

    def _piles(self, name: str, since: datetime | None) -> Iterator[Pile]:  # noqa: ARG002 - Alma knows no 'since'
        listed: set[str] = set()
        self._longest = 0
        for library in self.settings.lending_libraries:
            for status in self.settings.statuses or ("",):
                rows = self._tasks(library, status)
                self._longest = max(self._longest, len(rows))
                listed |= {text_at(row, "request_id") for row in rows}
                yield Pile(rows, settled=True)
        refused: list[Rejected] = []
        for user in self.settings.users:
            rows = list(self._of_user(user, refused))
            listed |= {text_at(row, "request_id") for row in rows}
            yield Pile(rows, settled=True)
        others = [each for each in self.known.open() if each.key.number not in listed]
        for rows in self._following.turn(others, len(others), lambda request: list(self._asked_after(request))):
            yield Pile(rows, settled=True)
        if refused:
            raise refused[0]

    def _tasks(self, library: str, status: str) -> list[Any]:
        body = self._asked.get("/task-lists/rs/lending-requests", filled(library=library, status=status))
        rows = at_path(body, LIST)
        if rows is None and at_path(body, "total_record_count") == 0:
            return []
        if not isinstance(rows, list):
            raise RefusedInput(f"Source {self.name}: there is no list at '{LIST}' in the answer.")
        return [{**row, SIDE: "lending", LIBRARY: library} if isinstance(row, dict) else row for row in rows]

    def _of_user(self, user: str, refused: list[Rejected]) -> Iterator[Any]:
        """A user's requests name those of resource sharing, which are asked for one by one; what Alma refuses holds up no other."""
        path = f"/users/{in_path(user)}"
        try:
            body = self._asked.get(f"{path}/requests", template="/users/{user}/requests")
        except Rejected as refusal:
            refused.append(refusal)
            return
        for row in list_at(body, "user_request"):
            link = text_at(row, "resource_sharing.link") or text_at(row, "resource_sharing")
            if number := link.rstrip("/").rpartition("/")[2]:
                try:
                    yield from self._borrowing(user, number)
                except Rejected as refusal:
                    if not _is_gone(refusal):
                        refused.append(refusal)

    def _borrowing(self, user: str, number: str) -> Iterator[Any]:
        path = f"/users/{in_path(user)}/resource-sharing-requests/{in_path(number)}"
        row = self._asked.get(path, template="/users/{user}/resource-sharing-requests/{id}")
        yield {**row, SIDE: "borrowing", USER: user} if isinstance(row, dict) else row

    def _asked_after(self, request: KnownRequest) -> Iterator[Any]:
        """A request that is open here and in no list: it has gone on, or is gone."""
        lends = request.key.role is Role.LENDER
        ways = (
            [self._lending(request)]
            if lends
            else [self._borrowing(user, request.key.number) for user in self.settings.users]
        )
        for way in ways:
            try:
                yield from way
            except Rejected as refused:
                if not _is_gone(refused):
                    raise
            else:
                return
        if ways and not request.vanished:
            yield gone_row(request, self._clock())

    def _lending(self, request: KnownRequest) -> Iterator[Any]:
        path = f"/partners/{in_path(request.key.requester)}/lending-requests/{in_path(request.key.number)}"
        row = self._asked.get(path, template="/partners/{partner}/lending-requests/{id}")
        yield {**row, SIDE: "lending", LIBRARY: text_at(row, "owner")} if isinstance(row, dict) else row

    def _moment(self, row: object) -> datetime | None:
        return None if was_gone(row) else super()._moment(row)

    def _said(self, row: dict[str, Any]) -> dict[str, Any]:
        if was_gone(row):
            return said_gone(row)
        lends = text_at(row, SIDE) == "lending"
        partner, kind = text_at(row, "partner"), text_at(row, "format")
        return filled(
            kind="snapshot",
            time=moment_at(row, "last_modified_time", "created_time"),
            library=text_at(row, LIBRARY, "owner") if self.settings.libraries else "",
            role=Role.LENDER if lends else Role.BORROWER,
            request=filled(number=text_at(row, "request_id"), requester=partner if lends else ""),
            service_type="" if not kind else "loan" if kind.upper() == "PHYSICAL" else "copy",
            status=text_at(row, "status"),
            partner=partner,
            due_date=moment_at(row, "due_date"),
            patron=filled(id="" if lends else text_at(row, USER)),
            pickup_location="" if lends else text_at(row, "pickup_location"),
            item=filled(
                title=text_at(row, "title"),
                author=text_at(row, "author"),
                isbn=text_at(row, "isbn"),
                barcode=text_at(row, "barcode"),
                call_number=text_at(row, "call_number"),
                format=text_at(row, "citation_type"),
            ),
            conditions={"vanished": False},
        )


def _is_gone(refused: Rejected) -> bool:
    return refused.code in {"404", NOT_THERE}
