"""Rapido and services like INN-Reach: circulation requests by their last update, latest state only.

Source: the requests of a published plugin for Koha that works with Rapido in production (``/view/broker/circ/circrequests``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from bridge.domain.identity import Role
from bridge.errors import RefusedInput
from bridge.http import Exchange, HttpRules
from bridge.sources.asked import Credentials
from bridge.sources.base import System
from bridge.sources.listed import ListedSource, NamedSettings, Pile
from bridge.sources.mapping import at_path
from bridge.sources.oauth import ClientCredentials
from bridge.sources.rows import filled, moment_at, text_at

SIDE = "bridge_side"
"""Added to a row: the side of it that is read. A request between two libraries of ours is read twice."""
FIRST = timedelta(days=30)
"""How far back the first poll reaches, where ``start`` says nothing; both ends must be named."""
MILLISECONDS = 100_000_000_000
"""A number above this counts milliseconds."""


class RapidoSettings(NamedSettings):
    """Settings of a Rapido server. ``url`` is its base address, above ``/view/broker``."""

    url: str = Field(description="Base address of the server.", examples=["https://rapido.example.org"])
    system: System = Field(default=System.RAPIDO, description="Always rapido.", examples=["rapido"])
    key: str = Field(default="", description="Key of the API client.", examples=["the client's id"])
    secret: SecretStr | None = Field(default=None, description="Its secret.", examples=["…"])
    codes: tuple[str, ...] = Field(
        min_length=1,
        description="Our codes at the service: they say whether we borrow or lend.",
        examples=[["OURS"]],
    )
    states: tuple[str, ...] = Field(
        default=("CREATED", "ACTIVE", "COMPLETED", "CANCELED", "INACTIVE"),
        min_length=1,
        description="States that are asked for, each by itself.",
        examples=[["ACTIVE", "COMPLETED"]],
    )
    window_hours: float = Field(
        default=168, gt=0, description="Hours asked for at once; longer silences are read in turn.", examples=[168]
    )
    list_path: str = Field(
        default="/view/broker/circ/circrequests", description="Path of the list.", examples=["/circ/circrequests"]
    )
    token_path: str = Field(default="/view/broker/auth", description="Path that gives tokens.", examples=["/auth"])


class RapidoSource(ListedSource[RapidoSettings]):
    """One server. Each state has a list and a cursor of its own."""

    LIST_ADVICE = "Correct url: it is the server's base address, above /view/broker."

    def _credentials(self, settings: RapidoSettings, tell: Callable[[Exchange], None]) -> Credentials | None:
        if settings.secret is None:
            return None
        parts = urlsplit(settings.url)
        address = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{settings.token_path}"
        rules = HttpRules(read_timeout=settings.read_timeout, ca_file=settings.ca_file)
        return ClientCredentials(
            self.name, address, settings.key, settings.secret, tell=tell, clock=self._clock, rules=rules
        )

    def lists(self) -> tuple[str, ...]:
        """A list for each state."""
        return self.settings.states

    def _piles(self, name: str, since: datetime | None) -> Iterator[Pile]:
        """Window by window, so that a long outage asks for no year at once."""
        now = self._clock()
        begin, step = since or now - FIRST, timedelta(hours=self.settings.window_hours)
        for _ in range(self.settings.max_pages):
            end = min(begin + step, now)
            yield Pile(self._window(name, begin, end), settled=True)
            if end >= now:
                return
            begin = end

    def _window(self, state: str, begin: datetime, end: datetime) -> list[Any]:
        body = self._asked.get(
            self.settings.list_path,
            {
                "startTime": str(int(begin.timestamp())),
                "endTime": str(int(end.timestamp()) + 1),
                "state": state,
                "content": "verbose",
            },
        )
        rows = body if isinstance(body, list) else at_path(body, "data")
        if not isinstance(rows, list):
            raise RefusedInput(f"Source {self.name}: there is no list in the answer.")
        return [each for row in rows for each in self._sides(row)]

    def _sides(self, row: object) -> list[object]:
        """The row for each side that is ours; one that names neither is kept and shown."""
        sides = [side for side, code in _CODES.items() if text_at(row, code) in self.settings.codes]
        return [{**row, SIDE: side} for side in sides] if sides and isinstance(row, dict) else [row]

    def _said(self, row: dict[str, Any]) -> dict[str, Any]:
        side = text_at(row, SIDE)
        borrows = side == Role.BORROWER.value
        ours, theirs = ("borrowerCode", "lenderCode") if borrows else ("lenderCode", "borrowerCode")
        return filled(
            kind="snapshot",
            time=instant_at(row, "lastUpdated", "dateCreated"),
            library=text_at(row, ours) if self.settings.libraries else "",
            role=side or "neither borrower nor lender is one of codes",
            request=filled(number=text_at(row, "circId"), requester=text_at(row, "borrowerCode")),
            status=text_at(row, "lastCircState", "circStatus"),
            partner=text_at(row, theirs),
            due_date=instant_at(row, "dueDateTime"),
            patron=filled(id=text_at(row, "patronId") if borrows else ""),
            pickup_location=text_at(row, "pickupLocation").partition(":")[0] if borrows else "",
            item=filled(
                title=text_at(row, "title"),
                author=text_at(row, "author"),
                barcode=text_at(row, "itemBarcode"),
                call_number=text_at(row, "callNumber"),
                format=text_at(row, "centralItemType"),
            ),
        )


_CODES: Mapping[str, str] = {Role.BORROWER.value: "borrowerCode", Role.LENDER.value: "lenderCode"}


def instant_at(row: object, *paths: str) -> str:
    """The first of these paths that holds a moment: seconds or milliseconds since 1970, or ISO 8601; as ISO 8601, empty where none does."""
    for path in paths:
        text = text_at(row, path)
        if text.isascii() and text.isdigit() and int(text[:20]) > 0:
            seconds = int(text[:20]) / (1000 if int(text[:20]) > MILLISECONDS else 1)
            try:
                return datetime.fromtimestamp(seconds, UTC).isoformat()
            except (ValueError, OverflowError, OSError):
                continue
        if found := moment_at(row, path):
            return found
    return ""
