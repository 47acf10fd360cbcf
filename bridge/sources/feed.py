"""Polled feeds: a service's list of changes, read page by page since the last one seen. Fields and words are configuration, not code."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.dates import possible
from bridge.domain.finding import CLOCK_LIMIT, Finding, clock_finding, failed, warned, well
from bridge.domain.masking import vendor_words
from bridge.errors import CredentialsRejected, IlsError, RefusedInput, Rejected, Unavailable
from bridge.http import Answer, Exchange, Http, HttpRules, Sending, Unpaced, moment_of
from bridge.sources import message
from bridge.sources.mapping import FieldMap, KeyPattern, at_path, mapped
from bridge.sources.polled import Page, PolledSettings, utc_now

LONGEST_NUMBER = 100
"""Digits of a number that are read as one; Python itself refuses some thousands."""
CHECKED = timedelta(days=7)
"""How far back a check asks: enough to see some changes, and no whole history."""


class FeedSettings(PolledSettings):
    """Settings of a polled feed."""

    url: str = Field(description="Address of the list of changes.", examples=["https://ill.example/api/changes"])
    token: SecretStr | None = Field(default=None, description="Sent as 'Authorization: Bearer …'.", examples=["…"])
    user: str = Field(default="", description="User for HTTP basic authentication.", examples=["bridge"])
    password: SecretStr | None = Field(
        default=None, description="Password for HTTP basic authentication.", examples=["…"]
    )
    token_header: str = Field(
        default="",
        description="Header that takes the token instead of Authorization.",
        examples=["X-Api-Key"],
    )
    parameters: dict[str, str] = Field(
        default_factory=dict, description="Parameters sent with every call.", examples=[{}]
    )
    since_parameter: str = Field(default="since", description="Parameter for 'changed since'.", examples=["since"])
    since_format: Literal["iso", "epoch", "epoch_ms"] = Field(
        default="iso",
        description="How it is written.",
        examples=["iso"],
    )
    start: str = Field(
        default="",
        description="Where the first poll begins (ISO 8601); empty for the beginning.",
        examples=["2026-01-01T00:00:00Z"],
    )
    page_parameter: str = Field(
        default="page",
        description="Parameter for the page; empty where there is one page.",
        examples=["page"],
    )
    next_path: str = Field(
        default="next_page",
        description="Where an answer names the next page: a number, or a whole address.",
        examples=["next_page"],
    )
    items_path: str = Field(
        default="changes",
        description="Where the list stands in an answer; empty: it is the answer.",
        examples=["changes"],
    )
    overlap_seconds: float = Field(
        default=120, ge=0, description="How far each poll reaches back before the newest change seen.", examples=[120]
    )
    max_pages: int = Field(default=1000, ge=1, description="Pages read in one poll at most.", examples=[1000])
    fields: FieldMap = Field(
        default_factory=dict,
        description="Our field = path in the service's change, where the two differ; '=TEXT' is the same text for every change.",
        examples=[{"request.number": "requestId"}],
    )
    key: KeyPattern = Field(
        default="",
        description="How to make a key for changes that have no id, from our fields in braces.",
        examples=["{request.number}/{status}/{time}"],
    )
    read_timeout: float = Field(default=30, gt=0, description="Seconds to wait for an answer.", examples=[30])
    ca_file: str | None = Field(
        default=None, description="CA certificates to trust instead of the system's.", examples=["/etc/ssl/ill-ca.pem"]
    )

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).netloc:
            raise ValueError("must be an address that begins with https:// (or http://)")
        return value

    @field_validator("start")
    @classmethod
    def _a_moment(cls, value: str) -> str:
        if value and not possible(datetime.fromisoformat(value).date()):
            raise ValueError("is no day that a loan can have")
        return value


class FeedSource:
    """One feed. The cursor is the newest time seen; a poll reaches back behind it, and repeats are the inbox's to recognise.

    The cursor moves with the last page of a poll only, since a feed need not be in order of time. It never goes beyond the present moment:
    a change dated in the future would hide all that come before that day.
    """

    def __init__(
        self,
        name: str,
        settings: FeedSettings,
        libraries: AbstractSet[str],
        *,
        tell: Callable[[Exchange], None],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.name = name
        self.settings = settings
        self._libraries = libraries
        self._clock = clock
        address = urlsplit(settings.url)
        self._path = address.path or "/"
        self._query = dict(part.partition("=")[::2] for part in address.query.split("&") if part)
        self._http = Http(
            f"{address.scheme}://{address.netloc}",
            name=name,
            pace=Unpaced(),
            tell=tell,
            headers=self._headers,
            rules=HttpRules(read_timeout=settings.read_timeout, ca_file=settings.ca_file),
        )

    def poll(self, cursor: str | None) -> Iterator[Page]:
        """Pages of changes since the cursor. Raises ``Unavailable``, ``CredentialsRejected``, ``Rejected``, ``RefusedInput``."""
        newest = datetime.fromisoformat(cursor) if cursor else None
        page: Sending | None = self._first(newest)
        pages = 0
        while page is not None:
            answer = self._asked(page)
            arrivals = tuple(self._read(item) for item in self._items(answer))
            newest = max([*self._seen(arrivals), *([newest] if newest else [])], default=None)
            pages += 1
            page = self._following(answer) if pages < self.settings.max_pages else None
            yield Page(arrivals, cursor or "" if page else newest.isoformat() if newest else "")

    def _seen(self, arrivals: tuple[Arrival, ...]) -> list[datetime]:
        now = self._clock()
        return [min(change.stamp.at, now) for arrival in arrivals for change in arrival.changes]

    def check(self, clock: Callable[[], datetime], *, limit: timedelta = CLOCK_LIMIT) -> tuple[Finding, ...]:
        """Ask once for the changes of the last days, and say what came; nothing is kept and no cursor moves. Never raises ``BridgeError``.

        ``clock`` tells the time in UTC; ``limit`` is how far the clocks may differ before signatures of the same service are refused.
        """
        start = self.settings.instant(datetime.fromisoformat(self.settings.start)) if self.settings.start else None
        since = clock() - CHECKED
        asked = self._since(since if start is None else max(since, start))
        return tuple(self._checked(asked, clock, limit))

    def _checked(self, sending: Sending, clock: Callable[[], datetime], limit: timedelta) -> Iterator[Finding]:
        try:
            answer = self._http.send(sending)
            yield clock_finding("Clock", _ahead(answer, clock()), limit=limit)
            _refuse(answer, self.name)
        except CredentialsRejected as refused:
            yield failed("Credentials", refused.reason, "Correct token, or user and password.")
        except IlsError as problem:
            yield failed(
                "Address", self._without_secrets(problem.reason), "Correct url, or see whether the service runs."
            )
        else:
            yield well("Address", "It answers, and takes our credentials.")
            yield self._list_checked(sending, answer)

    def _list_checked(self, sending: Sending, answer: Answer) -> Finding:
        try:
            arrivals = [self._read(item) for item in self._items((sending, self._parsed(answer)))]
        except RefusedInput as refused:
            advice = "Correct items_path, or the address: it must answer with JSON."
            return failed("Changes", self._without_secrets(str(refused)), advice)
        odd = [arrival for arrival in arrivals if arrival.state is not ArrivalState.FOLDED]
        if not arrivals:
            text = f"The list is where it should be; nothing changed in the last {CHECKED.days} days, so no change could be tried."
            return well("Changes", text)
        text = f"{len(arrivals) - len(odd)} of {len(arrivals)} changes of the first page would be understood."
        if not odd:
            return well("Changes", text)
        advice = "Correct fields, words or libraries of this source."
        level = failed if len(odd) == len(arrivals) else warned
        return level("Changes", f"{text} One that would not: {odd[0].problem}", advice)

    def _without_secrets(self, text: str) -> str:
        """A service's own words, in case it repeats what it was sent."""
        for secret in (self.settings.token, self.settings.password):
            if secret is not None and secret.get_secret_value():
                text = text.replace(secret.get_secret_value(), "(secret)")
        return text

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def _headers(self) -> Mapping[str, str]:
        token, password = self.settings.token, self.settings.password
        headers = {"Accept": "application/json"}
        if token is not None and self.settings.token_header:
            headers[self.settings.token_header] = token.get_secret_value()
        elif token is not None:
            headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        elif password is not None:
            headers["Authorization"] = _basic(self.settings.user, password.get_secret_value())
        return headers

    def _first(self, newest: datetime | None) -> Sending:
        if newest is not None:
            return self._since(newest - timedelta(seconds=self.settings.overlap_seconds))
        if self.settings.start:
            return self._since(self.settings.instant(datetime.fromisoformat(self.settings.start)))
        return self._since(None)

    def _since(self, since: datetime | None) -> Sending:
        parameters = {**self._query, **self.settings.parameters}
        if since is not None:
            parameters[self.settings.since_parameter] = _written(since, self.settings.since_format)
        return Sending("GET", self._path, self._path, params=parameters, repeatable=True)

    def _asked(self, sending: Sending) -> tuple[Sending, Any]:
        answer = self._http.send(sending)
        _refuse(answer, self.name)
        return sending, self._parsed(answer)

    def _parsed(self, answer: Answer) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(answer.body, parse_int=_number)
        except (ValueError, RecursionError) as wrong:
            kind = answer.header("Content-Type").partition(";")[0].strip() or "of no type"
            said = f"Source {self.name} answered something that is not JSON ({len(answer.body)} bytes, {kind})."
            raise RefusedInput(said) from wrong

    def _items(self, answer: tuple[Sending, Any]) -> list[Any]:
        found = at_path(answer[1], self.settings.items_path)
        if not isinstance(found, list):
            raise RefusedInput(f"Source {self.name}: there is no list at '{self.settings.items_path}' in the answer.")
        return found

    def _following(self, answer: tuple[Sending, Any]) -> Sending | None:
        sending, body = answer
        following = at_path(body, self.settings.next_path) if self.settings.page_parameter else None
        if following in (None, "", False):
            return None
        if isinstance(following, str) and "://" in following:
            return self._at(following)
        return Sending(
            "GET",
            sending.path,
            self._path,
            params={**sending.params, self.settings.page_parameter: str(following)},
            repeatable=True,
        )

    def _at(self, address: str) -> Sending:
        """The next page at an address the service named; only on its own host, so that our token goes nowhere else."""
        try:
            parts = urlsplit(address)
        except ValueError as wrong:
            raise RefusedInput(f"Source {self.name} names a next page that is no address ({wrong}).") from wrong
        if f"{parts.scheme}://{parts.netloc}" != self._http.base_url:
            raise RefusedInput(
                f"Source {self.name} names a next page on another host ({parts.netloc}); it is not followed."
            )
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return Sending("GET", path, self._path, repeatable=True)

    def _read(self, item: object) -> Arrival:
        try:
            text = json.dumps(item, ensure_ascii=False).replace("\x00", "\\x00")
            said = mapped(item, self.settings.fields, self.settings.key) if isinstance(item, dict) else item
        except RecursionError:
            return message.too_deep(item)
        return message.read_raw(said, text, self.settings, self._libraries)

    def replayed(self, text: str) -> Arrival:
        """A kept change, as it is understood now; never raises."""
        try:
            return self._read(json.loads(text, parse_int=_number))
        except (ValueError, RecursionError):
            return message.read(text.encode(), self.settings, self._libraries)


def _number(digits: str) -> int | str:
    """A whole number; one that no field of ours holds stays the text it is, so that the other changes of its page are taken."""
    return int(digits) if len(digits) < LONGEST_NUMBER else digits


def _written(moment: datetime, style: str) -> str:
    if style == "iso":
        return moment.isoformat()
    return str(int(moment.timestamp() * (1000 if style == "epoch_ms" else 1)))


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def _ahead(answer: Answer, now: datetime) -> timedelta | None:
    said = moment_of(answer)
    return said - now if said is not None else None


def _refuse(answer: Answer, name: str) -> None:
    if answer.status in {401, 403}:
        raise CredentialsRejected(f"Source {name} does not accept our credentials (HTTP {answer.status}).")
    if answer.status >= 500:
        raise Unavailable(f"Source {name} does not answer as it should (HTTP {answer.status}).")
    if answer.status != 200:
        words = vendor_words(answer.text)
        raise Rejected(f"Source {name} refuses our question (HTTP {answer.status}){f': {words}' if words else '.'}")
