"""One connection to a host, kept open: urllib3 opens it (addresses, TLS, certificates), llhttp reads what comes back on it.

llhttp (httptools) is what the door reads with, too. urllib3 reads an answer's head with Python's parser for e-mail, which takes longer than
the rest of a call.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass

import httptools
import requests
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError
from urllib3.exceptions import SSLError as Untrusted

CHUNK = 64 * 1024
FINAL = 200
"""Status from which on an answer is one; what is lower only says that it will come (RFC 9110 section 15.2)."""
FRAMED = frozenset({"content-length", "transfer-encoding"})
"""Headers that say where an answer ends; where there is neither, it ends with the connection (RFC 9112 section 6.3)."""


class TooLarge(Exception):
    """The answer does not end."""


class Unreadable(requests.ConnectionError):
    """What came is no answer as HTTP/1.1 has it."""


@dataclass(frozen=True)
class Patience:
    """``connect``, ``silence``: seconds for either; ``until``: when all must be there, by ``time.perf_counter``; ``most``: octets of it."""

    connect: float
    silence: float
    until: float
    most: int


@dataclass(frozen=True)
class Heard:
    """An answer as it came; its body may still be compressed."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def ask(connection: HTTPConnection, question: bytes, patience: Patience) -> Heard:
    """Send this and read the answer. Errors are those of requests, and ``TooLarge``.

    The connection is opened where it is not yet, and closed where no further call may be made on it.
    """
    hearing = _Hearing()
    try:
        if connection.is_closed:
            _connect(connection, patience.connect)
        connection.sock.settimeout(patience.silence)
        _say(connection, question)
        heard = _hear(connection, hearing, patience)
    except BaseException:
        connection.close()
        raise
    finally:
        del hearing.parser  # each holds the other
    if hearing.surplus or not hearing.lasting:
        connection.close()
    return heard


class _Hearing:
    """What llhttp tells of the octets of one answer. ``surplus``: more came than it."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.reason = ""
        self.body = bytearray()
        self.surplus = self.lasting = self.whole = False

    def on_message_begin(self) -> None:
        """Another answer begins: the first, the one that was announced, or one that nobody asked for."""
        self.surplus = self.whole
        if not self.whole:
            self.status, self.headers, self.reason = 0, [], ""

    def on_status(self, reason: bytes) -> None:
        """The reason phrase, maybe in parts."""
        self.reason += reason.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, whole."""
        if not self.surplus:
            self.headers.append((name.decode("latin-1"), value.decode("latin-1").strip()))

    def on_headers_complete(self) -> None:
        """The head is there."""
        if not self.surplus:
            self.status, self.lasting = self.parser.get_status_code(), self.parser.should_keep_alive()

    def on_body(self, piece: bytes) -> None:
        """A piece of the body, out of its chunks."""
        if not self.surplus:
            self.body += piece

    def on_message_complete(self) -> None:
        """It is whole, unless it only said that the answer will come."""
        self.whole = self.whole or self.status >= FINAL

    def hung_up(self) -> None:
        """The other side did. Raises ``requests.ConnectionError`` where it had not said all."""
        framed = any(name.lower() in FRAMED for name, _ in self.headers)
        if framed or self.status < FINAL:
            raise requests.ConnectionError("The other side hung up before its answer was whole.")
        self.whole = True


def _connect(connection: HTTPConnection, timeout: float) -> None:
    connection.timeout = timeout
    try:
        connection.connect()
    except ConnectTimeoutError as failure:
        raise requests.ConnectTimeout(failure) from failure
    except (Untrusted, ssl.SSLError) as failure:
        raise requests.exceptions.SSLError(failure) from failure
    except (HTTPError, OSError) as failure:
        raise requests.ConnectionError(failure) from failure


def _say(connection: HTTPConnection, question: bytes) -> None:
    try:
        connection.sock.sendall(question)
    except (BrokenPipeError, ConnectionResetError):
        return  # it may have answered before it had heard all
    except OSError as failure:
        raise _not_answered(failure) from failure


def _hear(connection: HTTPConnection, hearing: _Hearing, patience: Patience) -> Heard:
    while not hearing.whole:
        piece = _received(connection)
        if piece:
            _understand(hearing, piece)
        else:
            hearing.hung_up()
        if len(hearing.body) > patience.most:
            raise TooLarge
        if not hearing.whole and time.perf_counter() > patience.until:
            raise requests.ReadTimeout("the answer came too slowly")
    return Heard(hearing.status, hearing.reason, tuple(hearing.headers), bytes(hearing.body))


def _received(connection: HTTPConnection) -> bytes:
    try:
        return bytes(connection.sock.recv(CHUNK))
    except OSError as failure:
        raise _not_answered(failure) from failure


def _understand(hearing: _Hearing, piece: bytes) -> None:
    try:
        hearing.parser.feed_data(piece)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as wrong:
        if not hearing.whole:
            raise Unreadable(f"The answer cannot be read: {wrong}") from wrong


def _not_answered(failure: OSError) -> requests.RequestException:
    kind = requests.ReadTimeout if isinstance(failure, TimeoutError) else requests.ConnectionError
    return kind(failure)
