"""Koha's interlibrary loan module, as the service in which staff borrow: requests by their last update, latest state only.

Source: Koha's REST API (``/api/v1/ill/requests``) and the status graph of ``Koha/ILL/Request.pm``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from bridge.domain.change import GONE_BACK
from bridge.domain.identity import Role
from bridge.domain.known import Known, NothingKnown
from bridge.errors import RefusedInput
from bridge.http import Exchange, HttpRules
from bridge.sources.asked import Credentials
from bridge.sources.base import System
from bridge.sources.gone import gone_row, said_gone, was_gone
from bridge.sources.listed import ListedSource, NamedSettings, Pile
from bridge.sources.mapping import at_path
from bridge.sources.notes import NoteSettings
from bridge.sources.oauth import ClientCredentials
from bridge.sources.own_notes import KohaNotes
from bridge.sources.paging import Listing, by_time
from bridge.sources.rows import filled, list_at, moment_at, text_at

BACK = "bridge_back"
"""Added to a row whose request had gone back, as we knew when we read it."""
AFTER = "COMP after RET"
"""The word for COMP then: it only closes what was returned."""
AT_ONCE = 50
"""Requests looked for in one call."""
COPIES = frozenset({"article", "chapter", "copy"})
"""Values of ``medium`` that mean a copy."""


class KohaSettings(NamedSettings):
    """Settings of a Koha that is the service. ``url`` is its base address, above ``/api``."""

    url: str = Field(description="Base address of the staff interface.", examples=["https://staff.koha.example.org"])
    system: System = Field(default=System.KOHA, description="Always koha.", examples=["koha"])
    own_notes: KohaNotes | None = Field(
        default=None, description="Lines of the history told by its own API, a table of its own; left out: none are."
    )
    start: str = Field(
        min_length=1,
        description="Where the first poll begins (ISO 8601): when the bridge goes live. What was completed before would read as just "
        "received.",
        examples=["2026-12-01T06:00:00+01:00"],
    )
    client_id: str = Field(default="", description="Client of the REST API (OAuth2).", examples=["the client's id"])
    client_secret: SecretStr | None = Field(default=None, description="Its secret.", examples=["…"])
    path: str = Field(
        default="/api/v1/ill/requests",
        description="Path of the list; older Kohas have /api/v1/illrequests.",
        examples=["/api/v1/illrequests"],
    )
    token_path: str = Field(default="/api/v1/oauth/token", description="Path that gives tokens.", examples=["/token"])
    query: str = Field(
        default='{"timestamp": {">=": "{since}"}}',
        description="The question (parameter q); {since} is the moment. Unverified.",
        examples=['{"timestamp": {">=": "{since}"}}'],
    )
    since_format: Literal["rfc3339", "local"] = Field(
        default="rfc3339",
        description="How the moment is written: with its zone, or as Koha's own local time.",
        examples=["local"],
    )
    order_by: str = Field(
        default="+timestamp,+ill_request_id", description="Parameter _order_by.", examples=["+timestamp"]
    )
    embed: str = Field(
        default="patron,library,extended_attributes,+strings",
        description="Header x-koha-embed.",
        examples=["patron,extended_attributes"],
    )
    patron_path: str = Field(
        default="patron.cardnumber",
        description="Where the identifier stands by which the ILS knows the patron.",
        examples=["patron_id"],
    )
    backends: tuple[str, ...] = Field(
        default=(),
        description="Only requests of these backends (ill_backend_id); none: of all.",
        examples=[["FreeForm"]],
    )
    page_size: int = Field(default=100, ge=2, le=1000, description="Requests asked for at a time.", examples=[100])
    missing_minutes: float = Field(
        default=60,
        ge=0,
        description="Minutes between looks for open requests that Koha no longer has; 0: never looked for.",
        examples=[60],
    )

    @field_validator("query")
    @classmethod
    def _with_since(cls, value: str) -> str:
        if "{since}" not in value:
            raise ValueError("must hold {since}, where the moment is put")
        return value

    @property
    def note_settings(self) -> NoteSettings | None:
        """By its own API, or by a webhook."""
        return self.own_notes or self.notes


class KohaSource(ListedSource[KohaSettings]):
    """One Koha. What is deleted there is noticed by asking after the requests that are open here."""

    LIST_ADVICE = "Correct url and path: older Kohas have /api/v1/illrequests."

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - as ListedSource
        super().__init__(*arguments, **named)
        self.known: Known = NothingKnown()
        self._looked: datetime | None = None

    def learn(self, known: Known) -> None:
        """From now on ask this memory."""
        self.known = known

    def _credentials(self, settings: KohaSettings, tell: Callable[[Exchange], None]) -> Credentials | None:
        if settings.client_secret is None:
            return None
        parts = urlsplit(settings.url)
        address = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{settings.token_path}"
        rules = HttpRules(read_timeout=settings.read_timeout, ca_file=settings.ca_file)
        return ClientCredentials(
            self.name,
            address,
            settings.client_id,
            settings.client_secret,
            tell=tell,
            clock=self._clock,
            rules=rules,
            in_body=True,
        )

    def _headers(self, settings: KohaSettings) -> Mapping[str, str]:
        return {"x-koha-embed": settings.embed} if settings.embed else {}

    def _piles(self, name: str, since: datetime | None) -> Iterator[Pile]:  # noqa: ARG002 - one list
        pages = by_time(self._page, self._moment, _number, since=since, pages=self.settings.max_pages)
        for rows in pages:
            yield Pile([self._marked(row) for row in rows if self._wanted(row)], settled=True)
        yield from self._missing()

    def _wanted(self, row: object) -> bool:
        return not self.settings.backends or text_at(row, "ill_backend_id") in self.settings.backends

    def _page(self, since: datetime | None, offset: int) -> Listing:
        """Rows from an offset on: Koha counts in pages, so that the last rows of a page come with the page after it."""
        size = self.settings.page_size
        page, within = divmod(offset, size)
        rows = self._asked_page(since, page + 1)
        more = len(rows) >= size
        if within and more:
            following = self._asked_page(since, page + 2)
            rows, more = [*rows, *following], len(following) >= size
        return Listing(rows[within:], more)

    def _asked_page(self, since: datetime | None, page: int) -> list[Any]:
        params = {"_page": str(page), "_per_page": str(self.settings.page_size), "_order_by": self.settings.order_by}
        moment = since or datetime(1970, 1, 1, tzinfo=UTC)
        local = moment.astimezone(self.settings.zone())
        written = local.strftime("%Y-%m-%d %H:%M:%S") if self.settings.since_format == "local" else local.isoformat()
        return self._list({**params, "q": self.settings.query.replace("{since}", written)})

    def _list(self, params: Mapping[str, str]) -> list[Any]:
        rows = self._asked.get(self.settings.path, params)
        if not isinstance(rows, list):
            raise RefusedInput(f"Source {self.name}: the answer is no list.")
        return rows

    def _marked(self, row: object) -> object:
        """COMP is said when a request is fulfilled, and again when it is over: which of both, only what we heard before tells."""
        if not isinstance(row, dict) or text_at(row, "status") != "COMP":
            return row
        phase = self.known.phase(text_at(row, "ill_request_id"), Role.BORROWER)
        return {**row, BACK: True} if phase in GONE_BACK else row

    def _missing(self) -> Iterator[Pile]:
        """Requests that are open here and no longer there. Their time is now, since nobody tells when they went."""
        now, every = self._clock(), timedelta(minutes=self.settings.missing_minutes)
        if not every or (self._looked is not None and now - self._looked < every):
            return
        open_ = [each for each in self.known.open() if not each.vanished and each.key.role is Role.BORROWER]
        for start in range(0, len(open_), AT_ONCE):
            asked = {each.key.number: each for each in open_[start : start + AT_ONCE]}
            found = self._found(sorted(asked))
            yield Pile([gone_row(each, now) for number, each in asked.items() if number not in found], settled=False)
        self._looked = now

    def _found(self, numbers: list[str]) -> set[str]:
        """Which of these Koha has. Raises ``RefusedInput`` where it does not do as it is asked, for then nothing is known."""
        ids: list[Any] = [int(each) if each.isascii() and each.isdigit() else each for each in numbers]
        question = json.dumps({"ill_request_id": {"-in": ids}})
        found = {text_at(row, "ill_request_id") for row in self._list({"q": question, "_per_page": str(AT_ONCE)})}
        if found - set(numbers):
            raise RefusedInput(
                f"Source {self.name} answers with requests that were not asked for; set missing_minutes = 0."
            )
        return found

    def _moment(self, row: object) -> datetime | None:
        return None if was_gone(row) else super()._moment(row)

    def _said(self, row: dict[str, Any]) -> dict[str, Any]:
        if was_gone(row):
            return said_gone(row)
        library, told = text_at(row, "library_id"), _attributes(row)
        return filled(
            kind="snapshot",
            time=moment_at(row, "timestamp"),
            library=library if self.settings.libraries else "",
            role=Role.BORROWER.value,
            request=filled(number=text_at(row, "ill_request_id")),
            service_type="copy" if text_at(row, "medium").casefold() in COPIES else "",
            status=self._word(row),
            due_date=moment_at(row, "due_date"),
            patron=filled(id=text_at(row, self.settings.patron_path)),
            pickup_location=library,
            item=filled(
                title=told.get("title", ""),
                author=told.get("author", ""),
                isbn=told.get("isbn", ""),
                format=text_at(row, "medium"),
            ),
            conditions={"vanished": False},
        )

    def _word(self, row: dict[str, Any]) -> str:
        """The library's own alias where the configuration explains it (it overlays the status), else the status."""
        status, alias = text_at(row, "status"), text_at(row, "status_av", "status_alias")
        if alias and self.settings.table.meaning(Role.BORROWER, alias) is not None:
            return alias
        return AFTER if status == "COMP" and at_path(row, BACK) else status


def _number(row: object) -> str:
    return text_at(row, "ill_request_id")


def _attributes(row: dict[str, Any]) -> dict[str, str]:
    return {text_at(each, "type"): text_at(each, "value") for each in list_at(row, "extended_attributes")}
