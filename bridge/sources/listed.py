"""What sources that are asked for lists share: pages of rows, a cursor for each list, keys by content, and the check."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from pydantic import Field, field_validator

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.dates import possible
from bridge.domain.finding import CLOCK_LIMIT, Finding, clock_finding, failed, warned, well
from bridge.errors import CredentialsRejected, IlsError, RefusedInput
from bridge.http import Answer, Exchange
from bridge.sources import message
from bridge.sources.asked import Asked, AskedSettings, Credentials, number, status_code
from bridge.sources.mapping import FieldMap, laid_over
from bridge.sources.marks import Marks
from bridge.sources.polled import Page, utc_now

CHECKED = timedelta(days=7)
"""How far back a check asks: enough to see some changes, and no whole history."""


class ListedSettings(AskedSettings):
    """Settings of every source that is asked for a list of what changed since."""

    start: str = Field(
        default="",
        description="Where the first poll begins (ISO 8601); empty for the beginning.",
        examples=["2026-01-01T00:00:00Z"],
    )
    overlap_seconds: float = Field(
        default=120, ge=0, description="How far each poll reaches back before the newest change seen.", examples=[120]
    )
    max_pages: int = Field(default=1000, ge=1, description="Pages read in one poll at most.", examples=[1000])

    @field_validator("start")
    @classmethod
    def _a_moment(cls, value: str) -> str:
        if value and not possible(datetime.fromisoformat(value).date()):
            raise ValueError("is no day that a loan can have")
        return value

    @property
    def begin(self) -> datetime | None:
        """The moment of ``start``, in UTC."""
        return self.instant(datetime.fromisoformat(self.start)) if self.start else None


class NamedSettings(ListedSettings):
    """Settings of every source whose fields and words the bridge knows."""

    fields: FieldMap = Field(
        default_factory=dict,
        description="Our field = path in the service's row, above the paths that the bridge knows; '=TEXT' is the same text for every row.",
        examples=[{"pickup_location": "illRequest.requestedDeliveryInfo.0.address.physicalAddress.line1"}],
    )


@dataclass(frozen=True)
class Pile:
    """Rows of a list; ``settled``: all that is older was read too, so that the cursor may move to the newest of them."""

    rows: Sequence[Any]
    settled: bool


S = TypeVar("S", bound=ListedSettings)


class ListedSource(ABC, Generic[S]):
    """One such source. The cursor is the newest time seen; a poll reaches back behind it, and repeats are the inbox's to recognise.

    The cursor never goes beyond the present moment: a change dated in the future would hide all that come before that day.
    """

    LIST_ADVICE = "Correct the address: it must answer with a list in JSON."

    def __init__(
        self,
        name: str,
        settings: S,
        libraries: AbstractSet[str],
        *,
        tell: Callable[[Exchange], None],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.name = name
        self.settings = settings
        self._libraries = libraries
        self._clock = clock
        self._asked = Asked(
            name,
            settings,
            tell=tell,
            credentials=self._credentials(settings, tell),
            headers=self._headers(settings),
            code_of=self._code_of,
        )

    @property
    def asked(self) -> Asked:
        """Conversations with the service, for whoever tells it something."""
        return self._asked

    def _credentials(self, settings: S, tell: Callable[[Exchange], None]) -> Credentials | None:  # noqa: ARG002
        """Where token, user and password of the settings are not all that lets us in."""
        return None

    def _code_of(self, answer: Answer) -> str:
        """What a refusal is known by: the service's own code, where it has one."""
        return status_code(answer)

    def _headers(self, settings: S) -> Mapping[str, str]:  # noqa: ARG002
        """Sent with every call, beside the credentials."""
        return {}

    def lists(self) -> tuple[str, ...]:
        """Names of the lists that are read one after the other, each with a cursor of its own."""
        return ("",)

    @abstractmethod
    def _piles(self, name: str, since: datetime | None) -> Iterator[Pile]:
        """This list's rows since a moment. Raises ``IlsError`` and ``RefusedInput``."""

    @abstractmethod
    def _said(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row in our own fields (``message.Message``); never raises."""

    def poll(self, cursor: str | None) -> Iterator[Page]:
        """Pages of changes since the cursor. Raises ``Unavailable``, ``CredentialsRejected``, ``Rejected``, ``RefusedInput``."""
        marks = Marks.read(cursor)
        for name in self.lists():
            seen = known = marks.at(name)
            since = known - timedelta(seconds=self.settings.overlap_seconds) if known else self.settings.begin
            for pile in self._piles(name, since):
                arrivals = tuple(self._read(row) for row in pile.rows)
                seen = max([*self._seen(pile.rows, arrivals), *([seen] if seen else [])], default=None)
                marks = marks.moved(name, seen) if pile.settled else marks
                yield Page(arrivals, marks.text())

    def _seen(self, rows: Sequence[Any], arrivals: Sequence[Arrival]) -> list[datetime]:
        """Times of the rows that could be read; a word that is not known keeps none of them waiting."""
        now = self._clock()
        readable = [row for row, each in zip(rows, arrivals, strict=True) if each.state is not ArrivalState.MALFORMED]
        return [min(at, now) for at in map(self._moment, readable) if at is not None]

    def _moment(self, row: object) -> datetime | None:
        """When this row changed, in UTC; ``None`` where it does not say."""
        if not isinstance(row, dict):
            return None
        try:
            return self.settings.instant(datetime.fromisoformat(str(self._in_our_fields(row).get("time"))))
        except (ValueError, OverflowError):
            return None

    def _in_our_fields(self, row: dict[str, Any]) -> dict[str, Any]:
        fields = self.settings.fields if isinstance(self.settings, NamedSettings) else {}
        return laid_over(self._said(row), row, fields)

    def _read(self, row: object) -> Arrival:
        try:
            text = json.dumps(row, ensure_ascii=False).replace("\x00", "\\x00")
            said = self._keyed(self._in_our_fields(row)) if isinstance(row, dict) else row
        except RecursionError:
            return message.too_deep(row)
        return message.read_raw(said, text, self.settings, self._libraries)

    def _keyed(self, said: dict[str, Any]) -> dict[str, Any]:
        return keyed_by_content(said)

    def replayed(self, text: str) -> Arrival:
        """A kept row, as it is understood now; never raises."""
        try:
            return self._read(json.loads(text, parse_int=number))
        except (ValueError, RecursionError):
            return message.read(text.encode(), self.settings, self._libraries)

    def close(self) -> None:
        """Close connections."""
        self._asked.close()

    def check(self, clock: Callable[[], datetime], *, limit: timedelta = CLOCK_LIMIT) -> tuple[Finding, ...]:
        """Ask once for the changes of the last days, and say what came; nothing is kept and no cursor moves. Never raises ``BridgeError``.

        ``clock`` tells the time in UTC; ``limit`` is how far the clocks may differ before signatures of the same service are refused.
        """
        begin, since = self.settings.begin, clock() - CHECKED
        return tuple(self._checked(since if begin is None else max(since, begin), clock, limit))

    def _checked(self, since: datetime, clock: Callable[[], datetime], limit: timedelta) -> Iterator[Finding]:
        rows: list[Any] = []
        problem: IlsError | RefusedInput | None = None
        try:
            for name in self.lists():
                rows += next(iter(self._piles(name, since)), Pile((), settled=True)).rows
        except (IlsError, RefusedInput) as stopped:
            problem = stopped
        if self._asked.answered:
            yield clock_finding("Clock", self._asked.ahead(clock()), limit=limit)
        if isinstance(problem, CredentialsRejected):
            yield failed("Credentials", self._asked.without_secrets(problem.reason), problem.advice or CREDENTIALS)
        elif isinstance(problem, IlsError):
            advice = "Correct url, or see whether the service runs."
            yield failed("Address", self._asked.without_secrets(problem.reason), problem.advice or advice)
        else:
            yield well("Address", "It answers, and takes our credentials.")
            yield self._rows_checked(rows, problem)

    def _rows_checked(self, rows: Sequence[Any], problem: RefusedInput | None) -> Finding:
        if problem is not None:
            return failed("Changes", self._asked.without_secrets(str(problem)), self.LIST_ADVICE)
        odd = [each for each in map(self._read, rows) if each.state is not ArrivalState.FOLDED]
        if not rows:
            text = f"The list is where it should be; nothing changed in the last {CHECKED.days} days, so no change could be tried."
            return well("Changes", text)
        text = f"{len(rows) - len(odd)} of {len(rows)} changes of the first page would be understood."
        if not odd:
            return well("Changes", text)
        level = failed if len(odd) == len(rows) else warned
        advice = "Correct fields, words or libraries of this source."
        return level("Changes", f"{text} One that would not: {odd[0].problem}", advice)


CREDENTIALS = "Correct token, or user and password."


def keyed_by_content(said: dict[str, Any]) -> dict[str, Any]:
    """With an id that is the same for the same content: what is told again is recognised, and two renewals in the same state differ."""
    if said.get("id"):
        return said
    request = said.get("request")
    number_of = str(request.get("number", "")) if isinstance(request, dict) else ""
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode("utf-8", errors="backslashreplace")).hexdigest()
    return {**said, "id": f"{number_of[:100]}@{digest[:32]}"}
