"""OCLC Tipasa and WorldShare ILL: requests by status and last edit, whole by number, with a WSKey.

Source: OCLC's public examples of ``illRequest`` and its GET by number; OCLC Support for statuses and circulation. The lists are part of
agreements with OCLC and documented nowhere in public: where they stand and what they are asked is configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import Field, SecretStr, field_validator, model_validator

from bridge.domain.identity import Role
from bridge.errors import IlsError, RefusedInput, Rejected, Retry, Unavailable
from bridge.http import Exchange, HttpRules
from bridge.sources.asked import Credentials, web_address
from bridge.sources.base import System
from bridge.sources.following import FEW
from bridge.sources.listed import ListedSource, NamedSettings, Pile
from bridge.sources.mapping import at_path
from bridge.sources.oauth import ClientCredentials
from bridge.sources.polled import utc_now
from bridge.sources.rows import filled, in_path, moment_at, text_at

SIDES: Mapping[str, Role] = {"borrowing": Role.BORROWER, "lending": Role.LENDER}


class OclcSettings(NamedSettings):
    """Settings of Tipasa or WorldShare ILL. What OCLC documents in agreements only is configuration: lists, their parameters and rows."""

    url: str = Field(
        default="https://worldcat.org", description="Base address of the service.", examples=["https://worldcat.org"]
    )
    system: System = Field(
        default=System.TIPASA, description="tipasa or worldshare; both have the same words.", examples=["tipasa"]
    )
    key: str = Field(min_length=1, description="WSKey: its client id.", examples=["a WSKey"])
    secret: SecretStr = Field(min_length=1, description="The WSKey's secret.", examples=["…"])
    scope: str = Field(default="", description="Scope of the token, as OCLC names it for your key.", examples=["ill"])
    token_url: str = Field(
        default="https://oauth.oclc.org/token",
        description="OCLC's token server.",
        examples=["https://oauth.oclc.org/token"],
    )
    borrowing_path: str = Field(
        default="",
        description="Where borrowing requests are listed; empty: they are not asked for.",
        examples=["/ill/borrowing"],
    )
    lending_path: str = Field(default="", description="The same for lending requests.", examples=["/ill/lending"])
    parameters: dict[str, str] = Field(
        default={"status": "{status}", "editedSince": "{since}", "limit": "{limit}", "offset": "{offset}"},
        description="What a list is asked; {status}, {since} (UTC), {limit} and {offset} are filled in; what becomes empty is left out.",
        examples=[{"status": "{status}", "editedSince": "{since}", "limit": "{limit}", "offset": "{offset}"}],
    )
    since_format: str = Field(
        default="%Y-%m-%dT%H:%M:%S.000+0000",
        description="How {since} is written (strftime).",
        examples=["%Y-%m-%dT%H:%M:%SZ"],
    )
    statuses: tuple[str, ...] = Field(
        default=(),
        description="Statuses (queues) asked for one by one; none: one list of all.",
        examples=[["Received/In Use", "Returned"]],
    )
    rows_path: str = Field(
        default="response.illRequests",
        description="Where a list stands in an answer; empty: it is the answer.",
        examples=["response.illRequests"],
    )
    total_path: str = Field(
        default="response.total",
        description="Where an answer says how many there are in all.",
        examples=["response.total"],
    )
    number_path: str = Field(default="requestId", description="Where a row has its request id.", examples=["requestId"])
    page_size: int = Field(default=50, ge=2, le=1000, description="Requests asked for at a time.", examples=[50])
    details: bool = Field(
        default=True, description="Whether each request that was edited is asked for by its number.", examples=[True]
    )
    detail_path: str = Field(
        default="/ill/request/data/{id}", description="Where one request is had.", examples=["/ill/request/data/{id}"]
    )
    detail_root: str = Field(
        default="response.illRequest", description="Where it stands in the answer.", examples=["response.illRequest"]
    )
    payment_only: dict[str, str] = Field(
        default_factory=dict,
        description="Path in a request = regular expression: a request that fits only pays (a lost item's charge through IFM, booked as a "
        "loan) and never touches the ILS.",
        examples=[{"item.title": "(?i)replacement charge"}],
    )

    @field_validator("token_url")
    @classmethod
    def _a_token_address(cls, value: str) -> str:
        return web_address(value)

    @field_validator("payment_only")
    @classmethod
    def _expressions(cls, value: dict[str, str]) -> dict[str, str]:
        for each in value.values():
            try:
                re.compile(each)
            except re.error as wrong:
                raise ValueError(f"'{each}' is no regular expression ({wrong})") from wrong
        return value

    @model_validator(mode="after")
    def _some_list(self) -> OclcSettings:
        if not self.borrowing_path and not self.lending_path:
            raise ValueError("must name borrowing_path or lending_path, as your agreement with OCLC says")
        return self


@dataclass(frozen=True)
class _Asked:
    """One list: our side, and the status that is asked for."""

    side: str
    status: str


class OclcSource(ListedSource[OclcSettings]):
    """Lists by status, each request whole by its number. Only the latest status of a request is told."""

    LIST_ADVICE = "Correct borrowing_path, lending_path, parameters or rows_path."

    def _credentials(self, settings: OclcSettings, tell: Callable[[Exchange], None]) -> Credentials | None:
        return ClientCredentials(
            self.name,
            settings.token_url,
            settings.key,
            settings.secret,
            tell=tell,
            clock=utc_now,
            rules=HttpRules(read_timeout=settings.read_timeout, ca_file=settings.ca_file),
            scope=settings.scope,
        )

    def lists(self) -> tuple[str, ...]:
        """A list for each side and status."""
        sides = [side for side in SIDES if self._path_of(side)]
        return tuple(f"{side} {status}".strip() for side in sides for status in self.settings.statuses or ("",))

    def _path_of(self, side: str) -> str:
        return self.settings.borrowing_path if side == "borrowing" else self.settings.lending_path

    def _piles(self, name: str, since: datetime | None) -> Iterator[Pile]:
        """The order of a list is not known, so the cursor moves when all of it was read. Each page begins with the last row of the page
        before: where that is not found again, rows moved while we read (what goes to another status leaves a gap), and all is read anew.
        """
        side, _, status = name.partition(" ")
        offset, last = 0, ""
        for _ in range(self.settings.max_pages):
            rows, total = self._page(_Asked(side, status), since, offset)
            if last and last not in {self._number(row) for row in rows}:
                offset, last = 0, ""
                continue
            following = offset + len(rows)
            more = bool(rows) and (following < total if total is not None else len(rows) >= self.settings.page_size)
            fresh = rows[1:] if last and self._number(rows[0]) == last else rows
            whole, problem = self._whole(fresh, side, since)
            yield Pile(whole, settled=not more and problem is None)
            if problem is not None:
                raise problem
            if not more:
                return
            overlaps = len(rows) > 1  # a service may give fewer than it is asked for
            offset, last = (following - 1, self._number(rows[-1])) if overlaps else (following, "")
        said = f"Source {self.name}: its list '{name}' goes on behind {self.settings.max_pages} pages, so that it was not read to its end."
        raise Rejected(said, advice="Raise max_pages, name statuses, or begin later (start).")

    def _page(self, asked: _Asked, since: datetime | None, offset: int) -> tuple[list[Any], int | None]:
        known = {
            "{status}": asked.status,
            "{since}": since.astimezone(UTC).strftime(self.settings.since_format) if since else "",
            "{limit}": str(self.settings.page_size),
            "{offset}": str(offset),
        }
        question = {}
        for name, text in self.settings.parameters.items():
            for mark, value in known.items():
                text = text.replace(mark, value)  # noqa: PLW2901 - filled in step by step
            if text:
                question[name] = text
        body = self._asked.get(self._path_of(asked.side), question)
        rows = at_path(body, self.settings.rows_path)
        if not isinstance(rows, list):
            raise RefusedInput(f"Source {self.name}: there is no list at '{self.settings.rows_path}' in the answer.")
        total = at_path(body, self.settings.total_path)
        return rows, total if isinstance(total, int) else None

    def _number(self, row: object) -> str:
        return text_at(row, self.settings.number_path)

    def _whole(self, rows: list[Any], side: str, since: datetime | None) -> tuple[list[Any], IlsError | None]:
        """Each request whole; those that cannot be had now keep none of the others waiting."""
        found: list[Any] = []
        problems: list[IlsError] = []
        for row in rows:
            if len(problems) >= FEW:
                break
            try:
                found.append(self._detailed(row, side, since))
            except (Unavailable, Retry) as problem:
                problems.append(problem)
        return found, problems[0] if problems else None

    def _detailed(self, row: object, side: str, since: datetime | None) -> object:
        if not isinstance(row, dict):
            return row
        told = {**row, "ourSide": side}
        number, edited = text_at(row, self.settings.number_path), self._moment(told)
        old = since is not None and edited is not None and edited < since
        if not self.settings.details or not number or old:
            return told
        path = self.settings.detail_path.replace("{id}", in_path(number))
        try:
            whole = at_path(self._asked.get(path, template=self.settings.detail_path), self.settings.detail_root)
        except (Rejected, RefusedInput):
            return told
        return {**told, **whole} if isinstance(whole, dict) else told

    def _said(self, row: dict[str, Any]) -> dict[str, Any]:
        borrows = text_at(row, "ourSide") == "borrowing"
        requester = text_at(row, "requester.institution.symbol", "requester.institution.institutionId")
        supplier = text_at(row, "supplier.symbol", "supplier.institution.symbol", "supplier.institution.institutionId")
        ours = requester if borrows else supplier
        return filled(
            kind="snapshot",
            time=moment_at(row, "edited", "created"),
            library=ours if ours in self.settings.libraries else "",
            role=SIDES.get(text_at(row, "ourSide"), ""),
            request=filled(number=text_at(row, self.settings.number_path), requester=requester),
            service_type=text_at(row, "requester.serviceType", "serviceType").casefold(),
            status=text_at(row, "requestStatus", "status"),
            partner=supplier if borrows else requester,
            due_date=moment_at(row, "dueDate"),
            patron=filled(id=text_at(row, "patron.userId") if borrows else ""),
            pickup_location=text_at(row, "patron.pickupLocationInfo.name") if borrows else "",
            temporary_barcode=text_at(row, "temporaryBarcode") if borrows else "",
            item=filled(
                title=text_at(row, "item.title"),
                author=text_at(row, "item.author"),
                isbn=text_at(row, "item.isbn"),
                barcode=text_at(row, "item.barcode", "itemBarcode"),
            ),
            notification=self._pays_only(row),
        )

    def _pays_only(self, row: dict[str, Any]) -> bool | None:
        """Whether this is no loan at all, but how a lost one is paid for."""
        return any(re.search(each, text_at(row, path)) for path, each in self.settings.payment_only.items()) or None
