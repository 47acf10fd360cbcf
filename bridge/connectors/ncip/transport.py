"""How messages travel: HTTP(S) POST, or a bare connection where the address begins with ``tcp://`` or ``tls://``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from bridge.connectors.ncip.tcp import TcpTransport
from bridge.http import Answer, Exchange, Http, HttpRules, Pace, Sending


class Transport(Protocol):
    """One responder, as far as bytes go."""

    def send(self, name: str, body: bytes, *, repeatable: bool, transient: bool = False) -> Answer:
        """Send a message of this name and read the answer. Raises as ``Http.send`` does."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class HttpTransport:
    """POST to one address; the message's name stands for the path in what is told of an exchange, since the path may hold a key."""

    def __init__(self, http: Http, *, content_type: str, headers: Callable[[], Mapping[str, str]] = dict) -> None:
        self._http = http
        self._type = content_type
        self._headers = headers

    def send(self, name: str, body: bytes, *, repeatable: bool, transient: bool = False) -> Answer:
        """See ``Transport``."""
        headers = {"Content-Type": self._type, "Accept": "application/xml, text/xml, */*", **self._headers()}
        return self._http.send(
            Sending("POST", "", name, body=body, headers=headers, repeatable=repeatable, transient=transient)
        )

    def close(self) -> None:
        """Close connections."""
        self._http.close()


def transport_to(
    address: str,
    *,
    name: str,
    pace: Pace,
    tell: Callable[[Exchange], None],
    rules: HttpRules,
    content_type: str,
    as_http: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    headers: Callable[[], Mapping[str, str]] = dict,
) -> Transport:
    """The way to an address; ``as_http``: HTTP/1.0 written by hand on a bare connection."""
    parts = urlsplit(address)
    if parts.scheme in {"tcp", "tls"}:
        return TcpTransport(parts, name=name, pace=pace, tell=tell, rules=rules, as_http=as_http)
    http = Http(address, name=name, pace=pace, tell=tell, rules=rules, sleep=sleep)
    return HttpTransport(http, content_type=content_type, headers=headers)
