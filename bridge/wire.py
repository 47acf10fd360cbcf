"""The way to one host: requests' adapter and its connections, without what its Session works out anew for every call.

``Session.request`` takes 0.4 ms a call to merge settings, prepare a URL that hardly changes and look for a pool that it has. That is done
here once. Whatever is rarer than a plain call is the Session's as before: as soon as a host redirects or sets a cookie, all calls are.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import check_header_validity, requote_uri
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PLAIN_HEADERS = frozenset({"accept", "accept-encoding", "connection", "user-agent"})
BODILESS = frozenset({"GET", "HEAD"})
KEPT = 72
"""Connections to a host that are kept open: a lane may have 64 workers, and orders, audits and a probe call beside them."""


@dataclass(frozen=True)
class Wanted:
    """One request: a path that begins with a slash, and how it is asked.

    ``timeout``: seconds to connect, and of silence; ``verify``: a file of CAs, or whether TLS is verified at all.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: tuple[float, float] = (5.0, 30.0)
    verify: str | bool = True


class Wire:
    """Connections to one host, shared by threads. Errors are those of requests, and while a body is read those of urllib3.

    ``whole``: seconds from the call to the last byte of its answer, however it comes.
    """

    def __init__(self, base_url: str, *, whole: float) -> None:
        self._base_url = base_url
        self._whole_timeout = whole
        self._deadline = _Deadline()
        self._session = _OwnHost()
        self._session.trust_env = False
        self._adapter = _OnePool(self._deadline, pool_connections=1, pool_maxsize=KEPT)
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)
        self._usual = {name: str(value) for name, value in self._session.headers.items()}
        self._whole = False

    def send(self, wanted: Wanted) -> requests.Response:
        """The answer with its body still to be read; only a GET follows a redirect, since a write would become a GET on its way."""
        self._deadline.at = time.monotonic() + self._whole_timeout
        if self._whole:
            return self._by_session(wanted)
        response = self._adapter.send(self._prepared(wanted), stream=True, timeout=wanted.timeout, verify=wanted.verify)
        redirected = response.is_redirect and wanted.method == "GET"
        if redirected or "Set-Cookie" in response.headers:
            self._whole = True
            self._session.cookies.update(response.cookies)
        return self._followed(response, wanted) if redirected else response

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    @cached_property
    def _root(self) -> str:
        """Scheme, host and base path as requests writes them."""
        return str(requests.Request("GET", self._base_url).prepare().url).rstrip("/")

    def _prepared(self, wanted: Wanted) -> requests.PreparedRequest:
        """What ``Session.prepare_request`` makes of it, where there are neither cookies nor a netrc."""
        made = requests.PreparedRequest()
        query = f"{'&' if '?' in wanted.path else '?'}{urlencode(wanted.params)}" if wanted.params else ""
        made.method = wanted.method
        made.url = requote_uri(f"{self._root}{wanted.path}{query}")
        made.body = wanted.body or None
        for header in wanted.headers.items():
            check_header_validity(header)
        headers = {**self._usual, **wanted.headers}
        if made.body is not None or wanted.method not in BODILESS:
            headers["Content-Length"] = str(len(made.body or b""))
        made.headers = cast("CaseInsensitiveDict[str]", headers)
        return made

    def _followed(self, response: requests.Response, wanted: Wanted) -> requests.Response:
        """What ``Session.send`` does with an answer that leads elsewhere."""
        asked, verify = response.request, cast("bool", wanted.verify)
        asked.headers = CaseInsensitiveDict(asked.headers)
        asked.prepare_cookies({})
        hops: list[requests.Response] = [response]
        hops += self._session.resolve_redirects(response, asked, stream=True, timeout=wanted.timeout, verify=verify)
        last = hops.pop()
        last.history = hops
        return last

    def _by_session(self, wanted: Wanted) -> requests.Response:
        return self._session.request(
            wanted.method,
            self._base_url + wanted.path,
            params=wanted.params,
            data=wanted.body,
            headers=dict(wanted.headers),
            timeout=wanted.timeout,
            verify=wanted.verify,
            allow_redirects=wanted.method == "GET",
            stream=True,
        )


class _OwnHost(requests.Session):
    """Where a redirect leads to another host, nothing that lets us in goes along, in whatever header it stands."""

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Called for each redirect before it is followed."""
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call]
        if self.should_strip_auth(response.request.url, prepared_request.url):  # type: ignore[no-untyped-call]
            kept = {name: value for name, value in prepared_request.headers.items() if name.lower() in PLAIN_HEADERS}
            prepared_request.headers = CaseInsensitiveDict(kept)


class _Deadline(threading.local):
    """Until when the answer to this thread's call must have come, by ``time.monotonic``."""

    at: float


class _Until(io.RawIOBase):
    """What a connection receives, until a deadline: a socket's time-out is one of silence, and drops would hold a worker for days."""

    def __init__(self, raw: io.RawIOBase, line: socket.socket, deadline: float) -> None:
        super().__init__()
        self._raw = raw
        self._line = line
        self._silence = line.gettimeout() or 0.0
        self._deadline = deadline

    def readable(self) -> bool:
        """It can be."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """What came next. Raises ``TimeoutError``."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer came too slowly")
        if left < self._silence:
            self._line.settimeout(left)
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        """The connection is counted as unused."""
        self._raw.close()
        super().close()


class _Answered(HTTPResponse):
    """An answer that is read until the deadline of the call."""

    def __init__(self, line: socket.socket, *args: Any, deadline: _Deadline, **more: Any) -> None:  # noqa: ANN401 - http.client's own
        super().__init__(line, *args, **more)
        self.fp: io.BufferedReader = io.BufferedReader(_Until(self.fp.detach(), line, deadline.at))


class _OnePool(HTTPAdapter):
    """Remembers the pool of the host that was asked last, and takes no URL apart that was just put together."""

    _found: tuple[str, object, ConnectionPool] | None = None

    def __init__(self, deadline: _Deadline, **more: Any) -> None:  # noqa: ANN401 - requests' own
        super().__init__(**more)
        self._deadline = deadline

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: Any,  # noqa: ANN401 - requests' own signature
        proxies: Any = None,  # noqa: ANN401
        cert: Any = None,  # noqa: ANN401
    ) -> ConnectionPool:
        """requests' own, which takes the URL apart for it."""
        origin = _origin(str(request.url))
        found = self._found
        if found is not None and found[:2] == (origin, verify):
            return found[2]
        pool = cast(
            "HTTPConnectionPool",
            super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert),
        )
        kind = type(pool).ConnectionCls
        answered = staticmethod(partial(_Answered, deadline=self._deadline))
        pool.ConnectionCls = type(kind.__name__, (kind,), {"response_class": answered})
        self._found = (origin, verify, pool)
        return pool

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:  # noqa: ANN401, ARG002
        """What is asked of the host; there are no proxies."""
        url = str(request.url).partition("#")[0]
        path = url[len(_origin(url)) :]
        return path if path.startswith("/") else f"/{path}"

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:  # noqa: ANN401
        """requests' own where there are cookies; else the same with urllib3's headers, which know no case either."""
        if "Set-Cookie" in resp.headers:
            return super().build_response(req, resp)
        made = requests.Response()
        made.status_code, made.reason, made.headers, made.raw = resp.status, resp.reason, resp.headers, resp
        made.url, made.request = str(req.url), req
        made.connection = self
        return made


def _origin(url: str) -> str:
    """Scheme and host of a URL that is written as requests writes it."""
    return "/".join(url.split("/", 3)[:3])
