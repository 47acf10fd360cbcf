"""NCIP over a bare connection: the XML and a line end, and the answer until its last tag (Voyager); or inside an HTTP/1.0 of the
simplest kind, whose answer is no parseable HTTP (Aleph). ncip-sip2.md section 1.3.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable
from urllib.parse import SplitResult

from bridge.errors import OutcomeUnknown, Retry, Unavailable
from bridge.http import LARGEST, Answer, Exchange, HttpRules, Pace

_WHOLE = re.compile(rb"</(?:\w+:)?NCIPMessage\s*>|<(?:\w+:)?NCIPMessage[^>]*/>")
_CHUNK = 64 * 1024


class TcpTransport:
    """One connection a message: neither server says when an answer ends, so that none is used twice."""

    def __init__(
        self,
        address: SplitResult,
        *,
        name: str,
        pace: Pace,
        tell: Callable[[Exchange], None],
        rules: HttpRules,
        as_http: bool = False,
    ) -> None:
        self._address = address
        self._name = name
        self._pace = pace
        self._tell = tell
        self._rules = rules
        self._as_http = as_http

    def send(self, name: str, body: bytes, *, repeatable: bool, transient: bool = False) -> Answer:
        """Send a message and read what comes. Raises as ``Http.send`` does."""
        self._pace.acquire()
        started = time.perf_counter()
        error, sent = "", False
        try:
            with self._connected() as connection:
                sent = True
                connection.sendall(self._wrapped(body))
                received = self._received(connection, started)
        except (OSError, ssl.SSLError) as failure:
            error = type(failure).__name__
            raise self._failed(name, failure, sent=sent, repeatable=repeatable) from failure
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            status = None if error else 200
            self._tell(Exchange(self._name, "NCIP", name, status, milliseconds, transient=transient, error=error))
        return Answer(200, received)

    def close(self) -> None:
        """Nothing is kept open."""

    def _connected(self) -> socket.socket:
        host, port = self._address.hostname or "", self._address.port or 0
        plain = socket.create_connection((host, port), timeout=self._rules.connect_timeout)
        plain.settimeout(self._rules.read_timeout)
        if self._address.scheme != "tls":
            return plain
        try:
            return ssl.create_default_context(cafile=self._rules.ca_file).wrap_socket(plain, server_hostname=host)
        except (OSError, ssl.SSLError):
            plain.close()
            raise

    def _wrapped(self, body: bytes) -> bytes:
        if not self._as_http:
            return body + b"\n"
        head = (
            f"POST {self._address.path or '/'} HTTP/1.0\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        )
        return head.encode("ascii", errors="replace") + body

    def _received(self, connection: socket.socket, started: float) -> bytes:
        """Until the message's last tag, or until the other side stops."""
        received = bytearray()
        while not _WHOLE.search(received, max(0, len(received) - _CHUNK - 64)):
            if time.perf_counter() - started > self._rules.whole_timeout or len(received) > LARGEST:
                raise TimeoutError("the answer does not end")
            chunk = connection.recv(_CHUNK)
            if not chunk:
                break
            received += chunk
        if not received:
            raise ConnectionError("no answer came")
        return bytes(received)

    def _failed(
        self, name: str, failure: Exception, *, sent: bool, repeatable: bool
    ) -> Unavailable | OutcomeUnknown | Retry:
        kind = type(failure).__name__
        if isinstance(failure, ssl.SSLCertVerificationError):
            said = f"{self._name} shows a certificate that is not trusted."
            return Unavailable(said, advice="See its certificate, or name its CA in ca_file.")
        if not sent:
            return Unavailable(f"{self._name} cannot be reached ({kind}).")
        if repeatable:
            return Unavailable(f"{self._name} did not answer {name} ({kind}).")
        return OutcomeUnknown(f"{self._name} did not answer {name}.")
