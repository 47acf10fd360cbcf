"""CrossLink, the broker of Index Data: patron requests of both sides, by their last update.

Source: its JSON API (``/patron_requests``, OpenAPI of the broker) and its default state model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic import Field, field_validator

from bridge.domain.identity import Role
from bridge.errors import RefusedInput, Rejected, Retry, Unavailable
from bridge.sources.base import System
from bridge.sources.following import FEW
from bridge.sources.listed import ListedSource, NamedSettings, Pile
from bridge.sources.mapping import at_path
from bridge.sources.notes import NoteSettings
from bridge.sources.own_notes import CrossLinkNotes
from bridge.sources.paging import Listing, by_time
from bridge.sources.rows import filled, in_path, list_at, moment_at, text_at

SIDES: Mapping[str, Role] = {"borrowing": Role.BORROWER, "lending": Role.LENDER}
WITH_ITEMS = frozenset(
    {"SHIPPED", "RECEIVED", "CHECKED_OUT", "CHECKED_IN", "SHIPPED_RETURNED", "SHIPPED_RETURN", "COMPLETED"}
)
"""States in which a request has items that are worth a call."""


class CrossLinkSettings(NamedSettings):
    """Settings of a CrossLink broker. ``url`` is its base address, above ``/patron_requests``."""

    url: str = Field(description="Base address of the broker's API.", examples=["https://broker.example.org"])
    system: System = Field(default=System.CROSSLINK, description="Always crosslink.", examples=["crosslink"])
    own_notes: CrossLinkNotes | None = Field(
        default=None, description="Lines of the history told by its own API, a table of its own; left out: none are."
    )
    symbols: tuple[str, ...] = Field(
        default=(),
        description="Our symbols at the broker, each asked for by itself; none: what the credentials may see.",
        examples=[["ISIL:OUR-MAIN"]],
    )
    sides: tuple[str, ...] = Field(
        default=tuple(SIDES), description="Which sides are asked for: borrowing, lending.", examples=[["borrowing"]]
    )
    tenant: str = Field(
        default="", description="Tenant, where the broker stands behind Okapi (X-Okapi-Tenant).", examples=["diku"]
    )
    items: bool = Field(
        default=True,
        description="Whether the items of a shipped request are asked for; one call each.",
        examples=[True],
    )
    page_size: int = Field(default=100, ge=2, le=1000, description="Requests asked for at a time.", examples=[100])
    cql: str = Field(
        default='updated_at >= "{since}" sortby updated_at id',
        description="The question; {since} is the moment in UTC.",
        examples=['updated_at >= "{since}" sortby updated_at id'],
    )
    since_format: str = Field(
        default="%Y-%m-%dT%H:%M:%SZ",
        description="How that moment is written (strftime).",
        examples=["%Y-%m-%dT%H:%M:%SZ"],
    )

    @field_validator("sides")
    @classmethod
    def _known_sides(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or set(value) - set(SIDES):
            raise ValueError(f"must name some of: {', '.join(SIDES)}")
        return value

    @field_validator("cql")
    @classmethod
    def _with_since(cls, value: str) -> str:
        if "{since}" not in value:
            raise ValueError("must hold {since}, where the moment is put")
        return value

    @property
    def note_settings(self) -> NoteSettings | None:
        """By its own API, or by a webhook."""
        return self.own_notes or self.notes


class CrossLinkSource(ListedSource[CrossLinkSettings]):
    """Both sides of one broker. Only the latest state of a request is told, whatever it went through since the last poll."""

    LIST_ADVICE = "Correct url: it is the broker's base address, above /patron_requests."

    def _headers(self, settings: CrossLinkSettings) -> Mapping[str, str]:
        return {"X-Okapi-Tenant": settings.tenant} if settings.tenant else {}

    def lists(self) -> tuple[str, ...]:
        """A list for each side and symbol."""
        symbols = self.settings.symbols or ("",)
        return tuple(f"{side} {symbol}".strip() for side in self.settings.sides for symbol in symbols)

    def _piles(self, name: str, since: datetime | None) -> Iterator[Pile]:
        pages = by_time(
            partial(self._page, name),
            self._moment,
            lambda row: text_at(row, "id"),
            since=since,
            pages=self.settings.max_pages,
        )
        problems: list[Unavailable | Retry] = []
        for rows in pages:
            whole = [each for row in rows for each in self._whole(row, problems)]
            yield Pile(whole, settled=not problems)
        if problems:
            raise problems[0]

    def _page(self, name: str, since: datetime | None, offset: int) -> Listing:
        side, _, symbol = name.partition(" ")
        moment = (since or datetime(1970, 1, 1, tzinfo=UTC)).astimezone(UTC).strftime(self.settings.since_format)
        question = {
            "cql": self.settings.cql.replace("{since}", moment),
            "side": side,
            "limit": str(self.settings.page_size),
            "offset": str(offset),
            **({"symbol": symbol} if symbol else {}),
        }
        body = self._asked.get("/patron_requests", question)
        rows = at_path(body, "items")
        if not isinstance(rows, list):
            raise RefusedInput(f"Source {self.name}: there is no list at 'items' in the answer.")
        count = at_path(body, "about.count")
        more = offset + len(rows) < count if isinstance(count, int) else len(rows) >= self.settings.page_size
        return Listing(rows, more)

    def _whole(self, row: object, problems: list[Unavailable | Retry]) -> list[object]:
        """The row with its items; where they cannot be had now it is left for the next poll, and keeps no other waiting."""
        try:
            return [self._with_items(row)]
        except (Unavailable, Retry) as problem:
            problems.append(problem)
            if len(problems) >= FEW:
                raise problems[0] from problem
            return []

    def _with_items(self, row: object) -> object:
        """With its items, where the list did not tell them; one that is gone meanwhile goes without."""
        wanted = isinstance(row, dict) and self.settings.items and "items" not in row
        if not wanted or text_at(row, "state") not in WITH_ITEMS or not text_at(row, "id"):
            return row
        side = text_at(row, "side")
        ours = text_at(row, "supplierSymbol" if side == "lending" else "requesterSymbol")
        params = filled(side=side, symbol=ours if self.settings.symbols else "")
        path = f"/patron_requests/{in_path(text_at(row, 'id'))}/items"
        try:
            body = self._asked.get(path, params, template="/patron_requests/{id}/items")
        except Rejected:
            return row
        return {**row, "items": list_at(body, "items")}  # type: ignore[dict-item]

    def _said(self, row: dict[str, Any]) -> dict[str, Any]:
        lends = text_at(row, "side") == "lending"
        us, other = ("supplierSymbol", "requesterSymbol") if lends else ("requesterSymbol", "supplierSymbol")
        items = [each for each in list_at(row, "items") if text_at(each, "barcode")]
        patron = text_at(row, "patron", "illRequest.patronInfo.patronId")
        number = text_at(row, "requesterRequestId", "illRequest.header.requestingAgencyRequestId", "id")
        return filled(
            kind="snapshot",
            time=_broker_time(row, "updatedAt", "createdAt"),
            library=self._library(text_at(row, us)),
            role=SIDES.get(text_at(row, "side"), text_at(row, "side")),
            request=filled(number=number, requester=text_at(row, "requesterSymbol")),
            service_type=_SERVICE.get(text_at(row, "illRequest.serviceInfo.serviceType").casefold(), ""),
            status=text_at(row, "state"),
            partner=text_at(row, other),
            leg="" if lends else text_at(row, "supplierSymbol"),
            due_date=moment_at(row, "illResponse.statusInfo.dueDate"),
            patron=filled(id="" if lends else patron),
            item=_item(row, items),
            volumes=[filled(id=text_at(each, "itemId", "id"), barcode=text_at(each, "barcode")) for each in items]
            if len(items) > 1
            else [],
        )

    def _library(self, symbol: str) -> str:
        """The name to look our library up by; empty where all that is told here is the source's one library."""
        settings = self.settings
        another = bool(settings.symbols) and symbol not in settings.symbols
        return symbol if settings.libraries or another else ""


def _broker_time(row: object, *paths: str) -> str:
    """The broker keeps its times in UTC without saying so; ``timezone`` is that of suppliers' due dates."""
    said = moment_at(row, *paths)
    found = datetime.fromisoformat(said) if said else None
    return said if found is None or found.tzinfo else found.replace(tzinfo=UTC).isoformat()


_SERVICE = {"loan": "loan", "copy": "copy"}


def _item(row: dict[str, Any], items: list[Any]) -> dict[str, Any]:
    codes = {
        text_at(each, "bibliographicItemIdentifierCode").casefold(): text_at(each, "bibliographicItemIdentifier")
        for each in list_at(row, "illRequest.bibliographicInfo.bibliographicItemId")
    }
    one = items[0] if len(items) == 1 else {}
    return filled(
        title=text_at(row, "illRequest.bibliographicInfo.title") or text_at(one, "title"),
        author=text_at(row, "illRequest.bibliographicInfo.author"),
        isbn=codes.get("isbn", ""),
        barcode=text_at(one, "barcode"),
        call_number=text_at(one, "callNumber"),
    )
