"""The one HTTP wrapper: time-outs always, short retries of what may be repeated, every exchange told, nothing secret said."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

import requests
import tenacity
from lxml import etree, html
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from bridge.errors import IlsError, OutcomeUnknown, Retry, Unavailable
from bridge.wire import Wanted, Wire


@dataclass(frozen=True)
class Exchange:
    """One call on any transport, as logs and the history may show it: no query, no body, no header.

    ``template`` is the path with its variables unfilled (for SIP2 the message's name); ``status`` is ``None`` where no answer came that can
    be read, and 200 for one by SIP2, whatever it says; ``milliseconds`` is wall time;
    ``transient`` marks a repeat that only waits for the ILS to catch up.
    """

    ils: str
    method: str
    template: str
    status: int | None
    milliseconds: float
    attempt: int = 1
    transient: bool = False
    error: str = ""


class Pace(Protocol):
    """A lane's permission for calls."""

    def acquire(self, cost: int = 1) -> None:
        """Wait until ``cost`` calls may be made. Raises ``Unavailable`` where that would be too long to wait for."""
        ...

    def give_back(self, cost: int) -> None:
        """So many of the calls that were acquired were not made after all."""
        ...

    def throttled(self, after: float | None) -> None:
        """The ILS said we are too fast; ``after`` is its advice in seconds."""
        ...

    def remaining(self, calls: int) -> None:
        """The ILS said how many calls are left of its quota."""
        ...


class Unpaced:
    """A pace that never waits, for one-off commands and tests."""

    def acquire(self, cost: int = 1) -> None:
        """At once."""

    def give_back(self, cost: int) -> None:
        """Nothing was taken."""

    def throttled(self, after: float | None) -> None:
        """Nothing to slow down."""

    def remaining(self, calls: int) -> None:
        """Nothing to warn."""


@dataclass(frozen=True)
class Answer:
    """An answer with its body read; header names are case-insensitive through ``header``."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""

    def header(self, name: str) -> str:
        """A header's value, or the empty text."""
        return self.headers.get(name, "")

    @property
    def text(self) -> str:
        """The body as UTF-8 text; what is not UTF-8 shows as replacement signs."""
        return self.body.decode("utf-8", errors="replace")


LONGEST_WORDS = 300
"""Signs of a body that are quoted to people."""


def words_of(body: bytes) -> str:
    """The beginning of a body as one line that people can read: tags, scripts and signs that do not print are left out."""
    text = body[:20_000].decode("utf-8", errors="replace").strip()
    if text.startswith("<"):
        text = _words_of_page(text)
    printing = "".join(sign if sign.isprintable() else " " for sign in text)
    words = " ".join(printing.split())
    return words if len(words) <= LONGEST_WORDS else f"{words[:LONGEST_WORDS].rstrip()} …"


def _words_of_page(text: str) -> str:
    """What a browser would show of a page, or the texts of an XML document."""
    parser = html.HTMLParser(no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
    try:
        root = html.document_fromstring(text.encode(), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return ""
    parts = (part.strip() for node in root.iter() for part in (_text_in(node), node.tail or ""))
    return " ".join(dict.fromkeys(part for part in parts if part))


def _text_in(node: html.HtmlElement) -> str:
    return "" if node.tag in {"script", "style"} else node.text or ""


@dataclass(frozen=True)
class Sending:
    """One request to send. ``repeatable``: doing it twice is the same as doing it once. ``cost`` in calls of the vendor's limit."""

    method: str
    path: str
    template: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False
    cost: int = 1
    transient: bool = False


@dataclass(frozen=True)
class HttpRules:
    """Time-outs in seconds (``read_timeout``: of silence, ``whole_timeout``: of an answer in all), tries within one call, and the CA file
    (``None``: the system's) that TLS is verified against.
    """

    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    whole_timeout: float = 120.0
    tries: int = 3
    first_wait: float = 0.5
    longest_wait: float = 8.0
    ca_file: str | None = None


TRANSIENT_STATUSES = frozenset({502, 503, 504})
LONGEST_ADVICE = 86_400.0
"""Seconds of a Retry-After that are believed."""
LONGEST_LIFE = 86_400.0
"""Seconds that a token is believed to last."""


LARGEST = 32 * 1024 * 1024
"""Bytes of an answer that are read; no ILS and no feed has cause for more."""
CHUNK = 64 * 1024
NO_ANSWER = (requests.RequestException, HTTPError, UnicodeError)
"""What requests raises where none came; the last two where a redirect leads to what is no address."""


class _TooLarge(Exception):
    """The answer does not end."""


class _Again(Exception):
    def __init__(self, answer: Answer | None, failure: Exception | None, after: float | None = None) -> None:
        super().__init__()
        self.answer = answer
        self.failure = failure
        self.after = after


def _never(_answer: Answer) -> None:
    """Most vendors' limits are by the second or minute."""


class Http:
    """A session to one host. ``used_up`` says of a 429 whether it stands for a quota that no short wait gives back, and as which error."""

    def __init__(
        self,
        base_url: str,
        *,
        name: str,
        pace: Pace,
        tell: Callable[[Exchange], None],
        headers: Callable[[], Mapping[str, str]] = dict,
        rules: HttpRules | None = None,
        used_up: Callable[[Answer], IlsError | None] = _never,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._name = name
        self._pace = pace
        self._tell = tell
        self._headers = headers
        self._used_up = used_up
        self._rules = rules or HttpRules()
        self._retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._rules.tries),
            wait=self._wait,
            retry=tenacity.retry_if_exception_type(_Again),
            sleep=sleep,
            reraise=True,
        )
        self._wire = Wire(self.base_url, whole=self._rules.whole_timeout)

    def send(self, sending: Sending) -> Answer:
        """Send and read the answer, whatever its status; only a GET follows a redirect, since a write would become a GET on its way.

        Raises ``Unavailable`` (no connection; or no answer to what may be repeated), ``OutcomeUnknown`` (no answer to what may not),
        ``Retry`` (429 to the end), and whatever ``used_up`` makes of a 429.
        """
        try:
            return self._once(sending, 1)
        except _Again as first:
            try:
                return self._retrying(self._once_more(sending, first))
            except _Again as last:
                return self._give_up(last)

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def _wait(self, state: tenacity.RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        wanted = getattr(failure, "after", None)
        if wanted is not None:
            return float(min(wanted, self._rules.longest_wait))
        return float(min(self._rules.first_wait * 2 ** (state.attempt_number - 1), self._rules.longest_wait))

    def _once_more(self, sending: Sending, first: _Again) -> Callable[[], Answer]:
        """Tries for tenacity, of which the first has been made: most calls succeed at once, and need no retrying set up."""
        attempts = itertools.count(1)

        def attempt() -> Answer:
            number = next(attempts)
            if number == 1:
                raise first
            return self._once(sending, number)

        return attempt

    def _wanted(self, sending: Sending) -> Wanted:
        return Wanted(
            method=sending.method,
            path=sending.path,
            params=sending.params,
            body=sending.body,
            headers={**self._headers(), **sending.headers},
            timeout=(self._rules.connect_timeout, self._rules.read_timeout),
            verify=self._rules.ca_file or True,
        )

    def _once(self, sending: Sending, attempt: int) -> Answer:
        self._pace.acquire(sending.cost)
        started = time.perf_counter()
        try:
            response = self._wire.send(self._wanted(sending))
            body = _body(response)
        except _TooLarge as large:
            self._told(sending, attempt, started, status=None, error="TooLarge")
            said = f"{self._name} answered {sending.method} {sending.template} with more than {LARGEST} bytes."
            raise (Retry(said, cause="nonsense") if sending.repeatable else OutcomeUnknown(said)) from large
        except NO_ANSWER as failure:
            self._told(sending, attempt, started, status=None, error=type(failure).__name__)
            if _untrusted(failure):  # nothing was sent, and a second try would be refused like the first
                said = f"{self._name} shows a certificate that is not trusted."
                raise Unavailable(said, advice="See its certificate, or name its CA in ca_file.") from failure
            if sending.repeatable or _never_sent(failure):
                raise _Again(None, failure) from failure
            raise OutcomeUnknown(f"{self._name} did not answer {sending.method} {sending.template}.") from failure
        except OSError as problem:
            self._told(sending, attempt, started, status=None, error=type(problem).__name__)
            said = f"{self._name} cannot be asked: its ca_file cannot be used."
            raise Unavailable(said, advice=f"Correct ca_file ({self._rules.ca_file}).") from problem
        if (spared := sending.cost - 1 - len(response.history)) > 0:
            self._pace.give_back(spared)
        self._told(sending, attempt, started, status=response.status_code)
        answer = Answer(response.status_code, body, response.headers, response.url)
        if answer.status == 429:
            if (lasting := self._used_up(answer)) is not None:
                raise lasting
            after = retry_after(answer.header("Retry-After"))
            self._pace.throttled(after)
            raise _Again(answer, None, after)
        if sending.repeatable and answer.status in TRANSIENT_STATUSES:
            raise _Again(answer, None, retry_after(answer.header("Retry-After")))
        return answer

    def _give_up(self, last: _Again) -> Answer:
        if last.answer is None:
            raise Unavailable(f"{self._name} cannot be reached ({type(last.failure).__name__}).") from last.failure
        if last.answer.status == 429:
            raise Retry(f"{self._name} says we call too often.", cause="throttled", after=last.after or 1.0)
        return last.answer

    def _told(self, sending: Sending, attempt: int, started: float, *, status: int | None, error: str = "") -> None:
        milliseconds = (time.perf_counter() - started) * 1000
        self._tell(
            Exchange(
                ils=self._name,
                method=sending.method,
                template=sending.template,
                status=status,
                milliseconds=round(milliseconds, 1),
                attempt=attempt,
                transient=sending.transient,
                error=error,
            )
        )


def _body(response: requests.Response) -> bytes:
    """The whole body, where it is not too large."""
    received = bytearray()
    with response:
        for chunk in response.raw.stream(CHUNK, decode_content=True):
            received += chunk
            if len(received) > LARGEST:
                raise _TooLarge
    return bytes(received)


def _never_sent(failure: Exception) -> bool:
    cause = failure.args[0] if failure.args else None
    reason = getattr(cause, "reason", cause)
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _untrusted(failure: Exception) -> bool:
    """Whether the other side's certificate was refused, before anything was sent."""
    return isinstance(failure, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(failure)


def retry_after(value: str) -> float | None:
    """Seconds named by a Retry-After header (RFC 9110 10.2.3: seconds, or a date in GMT), a day at most; ``None`` if not usable."""
    if value.isascii() and value.strip().isdigit():
        return min(float(value), LONGEST_ADVICE)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (aware - datetime.now(UTC)).total_seconds()), LONGEST_ADVICE)


def lifetime(seconds: float) -> timedelta:
    """How long a token that is said to last so many seconds is believed to: a day at most, since some are said to last for ever."""
    return timedelta(seconds=max(0.0, min(LONGEST_LIFE, seconds)))


def moment_of(answer: Answer) -> datetime | None:
    """When the server says it answered (header Date, in UTC); ``None`` where it does not say, or a cache kept the answer (header Age)."""
    if answer.header("Age"):
        return None
    try:
        moment = parsedate_to_datetime(answer.header("Date"))
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
