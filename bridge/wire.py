"""The way to one host: calls on urllib3's connections, without what requests' Session works out anew for every call.

A Session takes more than a millisecond a call to merge settings, prepare a URL that hardly changes, look for a pool that it has, and read
the answer's head; here it is a sixth. Whatever is rarer than a plain call is the Session's: as soon as a host redirects, sets a cookie or
answers what is not HTTP/1.1 to the letter, all its calls are.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPMessage
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar
from requests.structures import CaseInsensitiveDict
from requests.utils import check_header_validity, requote_uri
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool

from bridge.line import CHUNK, Heard, Patience, TooLarge, Unreadable, ask

PLAIN_HEADERS = frozenset({"accept", "accept-encoding", "connection", "user-agent"})
BODILESS = frozenset({"GET", "HEAD"})
OWN = frozenset({HTTPConnection, HTTPSConnection})
USUAL_PORTS = {"http:": ":80", "https:": ":443"}
REDIRECTS = frozenset(requests.models.REDIRECT_STATI)


@dataclass(frozen=True)
class Wanted:
    """One request: a path that begins with a slash, and how it is asked.

    ``timeout``: seconds to connect, and of silence; ``whole_timeout``: for the answer in all; ``most``: octets of its body that are read;
    ``verify``: a file of CAs, or whether TLS is verified at all.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: tuple[float, float] = (5.0, 30.0)
    whole_timeout: float = 120.0
    most: int = 32 * 1024 * 1024
    verify: str | bool = True


@dataclass(frozen=True)
class Reply:
    """An answer with its body read; ``hops``: how often it led elsewhere before."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    hops: int = 0


class Wire:
    """Connections to one host, shared by threads. Errors are those of requests, and of urllib3 where a body cannot be decompressed."""

    def __init__(self, base_url: str, *, pool: int) -> None:
        self._base_url = base_url
        self._session = _OwnHost()
        self._session.trust_env = False
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=pool)
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)
        self._pools: dict[str | bool, HTTPConnectionPool] = {}
        self._whole = False

    def send(self, wanted: Wanted) -> Reply:
        """The answer; only a GET follows a redirect, since a write would become a GET on its way. Raises ``TooLarge``."""
        connect, silence = wanted.timeout
        patience = Patience(connect, silence, time.perf_counter() + wanted.whole_timeout, wanted.most)
        pool = self._pools.get(wanted.verify) or self._pool(wanted)
        if self._whole:
            return _read(self._by_session(wanted), patience)
        target = self._target(wanted)
        heard = self._asked(pool, self._question(wanted, target), patience)
        headers = HTTPHeaderDict(heard.headers)
        if "Set-Cookie" in headers or (heard.status in REDIRECTS and "Location" in headers):
            return _read(self._led_on(wanted, heard, headers), patience)
        body = heard.body
        if "Content-Encoding" in headers:
            body = _all_of(_as_urllib3_has_it(heard, headers), patience)
        return Reply(heard.status, headers, body, self._root.origin + target)

    def close(self) -> None:
        """Close all connections; one that is in use is closed as soon as it is not."""
        self._session.close()

    def _asked(self, pool: HTTPConnectionPool, question: bytes, patience: Patience) -> Heard:
        connection = cast("HTTPConnection", pool._get_conn())  # noqa: SLF001 - urllib3 lends connections only with calls of its own
        try:
            return ask(connection, question, patience)
        except Unreadable:
            self._whole = True
            raise
        finally:
            pool._put_conn(connection)  # noqa: SLF001

    def _pool(self, wanted: Wanted) -> HTTPConnectionPool:
        """urllib3's connections to the host, as requests' adapter would have them. Raises ``OSError`` where the CAs cannot be read."""
        request, verify = self._root.request, cast("bool", wanted.verify)
        pool = cast("HTTPConnectionPool", self._adapter.get_connection_with_tls_context(request, verify))
        self._adapter.cert_verify(pool, request.url, verify, None)  # type: ignore[no-untyped-call]
        if pool.ConnectionCls not in OWN or "@" in self._root.origin:
            self._whole = True  # a recorder stands in for urllib3's connections, or a user is named in the address
        self._pools[wanted.verify] = pool
        return pool

    @cached_property
    def _root(self) -> _Root:
        request = requests.Request("GET", self._base_url).prepare()
        origin, path = parts(str(request.url))
        usual = {"Host": origin.partition("://")[2], **self._session.headers}
        return _Root(request, origin, path, {name: str(value) for name, value in usual.items()})

    def _target(self, wanted: Wanted) -> str:
        """Path and query, as requests writes them."""
        query = f"{'&' if '?' in wanted.path else '?'}{urlencode(wanted.params)}" if wanted.params else ""
        return requote_uri(f"{self._root.path}{wanted.path}{query}".partition("#")[0])

    def _question(self, wanted: Wanted, target: str) -> bytes:
        """The octets of a request."""
        for header in wanted.headers.items():
            check_header_validity(header)
        headers = {**self._root.usual, **wanted.headers}
        body = wanted.body or b""
        if body or wanted.method not in BODILESS:
            headers["Content-Length"] = str(len(body))
        told = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        return f"{wanted.method} {target} HTTP/1.1\r\n{told}\r\n".encode("latin-1") + body

    def _led_on(self, wanted: Wanted, heard: Heard, headers: HTTPHeaderDict) -> requests.Response:
        """What the Session does with an answer that leads elsewhere or sets a cookie; all further calls are its own."""
        asked = self._session.prepare_request(self._request(wanted))
        response = self._adapter.build_response(asked, _as_urllib3_has_it(heard, headers))
        leads = response.is_redirect and wanted.method == "GET"
        if "Set-Cookie" in headers:
            extract_cookies_to_jar(self._session.cookies, asked, _with_message(heard))  # type: ignore[no-untyped-call]
            self._whole = True
        if not leads:
            return response
        self._whole = True
        hops: list[requests.Response] = [response]
        verify = cast("bool", wanted.verify)
        hops += self._session.resolve_redirects(response, asked, stream=True, timeout=wanted.timeout, verify=verify)
        last = hops.pop()
        last.history = hops
        return last

    def _by_session(self, wanted: Wanted) -> requests.Response:
        asked = self._session.prepare_request(self._request(wanted))
        follow = wanted.method == "GET"
        return self._session.send(
            asked, timeout=wanted.timeout, verify=wanted.verify, allow_redirects=follow, stream=True
        )

    def _request(self, wanted: Wanted) -> requests.Request:
        url = self._base_url + wanted.path
        return requests.Request(wanted.method, url, dict(wanted.headers), data=wanted.body, params=wanted.params)


@dataclass(frozen=True)
class _Root:
    """What does not change from call to call: scheme and host, base path, the headers that requests sends with each."""

    request: requests.PreparedRequest
    origin: str
    path: str
    usual: Mapping[str, str]


def parts(url: str) -> tuple[str, str]:
    """Scheme and host, and the path without its last slash, of a URL that is written as requests writes it."""
    scheme, _, host, path = url.split("/", 3)
    return f"{scheme}//{host.removesuffix(USUAL_PORTS[scheme])}", f"/{path}".rstrip("/")


def _read(response: requests.Response, patience: Patience) -> Reply:
    """A reply of the Session's."""
    with response:
        body = _all_of(response.raw, patience)
    return Reply(response.status_code, response.headers, body, response.url, len(response.history))


def _all_of(raw: HTTPResponse, patience: Patience) -> bytes:
    """The whole body, out of its compression; neither a large one nor one that comes drop by drop holds a worker for long."""
    received = bytearray()
    for chunk in raw.stream(CHUNK, decode_content=True):
        received += chunk
        if len(received) > patience.most:
            raise TooLarge
        if time.perf_counter() > patience.until:
            raise requests.ReadTimeout("the answer came too slowly")
    return bytes(received)


def _as_urllib3_has_it(heard: Heard, headers: HTTPHeaderDict) -> HTTPResponse:
    return HTTPResponse(
        io.BytesIO(heard.body), headers=headers, status=heard.status, reason=heard.reason, preload_content=False
    )


def _with_message(heard: Heard) -> Any:  # noqa: ANN401 - where requests looks for cookies
    message = HTTPMessage()
    for name, value in heard.headers:
        message[name] = value
    return SimpleNamespace(_original_response=SimpleNamespace(msg=message))


class _OwnHost(requests.Session):
    """Where a redirect leads to another host, nothing that lets us in goes along, in whatever header it stands."""

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Called for each redirect before it is followed."""
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call]
        if self.should_strip_auth(response.request.url, prepared_request.url):  # type: ignore[no-untyped-call]
            kept = {name: value for name, value in prepared_request.headers.items() if name.lower() in PLAIN_HEADERS}
            prepared_request.headers = CaseInsensitiveDict(kept)
