"""One connection to a SIP2 server: opened, logged in on, one message out and one answer in, with bounded repeats (ncip-sip2.md 2.2)."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from itertools import cycle

from bridge.connectors.sip2.answers import WIDTHS
from bridge.connectors.sip2.message import Corrupt, Message, decoded, encoded, field
from bridge.connectors.sip2.settings import Sip2Settings

LONGEST = 64 * 1024
"""Bytes of an answer that are read; no message is longer."""
REPEATS = 3
"""Times that a server may ask for a message again, and that it is asked for its answer again."""
RESEND = "97"
ASKS_AGAIN = "96"


class NotOpened(Exception):
    """No connection came about; nothing was sent. The text says why."""


class Refused(Exception):
    """The log-in was refused."""


class NoAnswer(Exception):
    """A message was sent and no answer came that can be read: it may have been done. The text says why."""


class NotUnderstood(Exception):
    """The server asked for the message again and again, so it did nothing."""


class Connection:
    """A connection, for one message at a time. Any failure leaves it unusable: close it."""

    def __init__(self, settings: Sip2Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._sequence: Iterator[int] = cycle(range(10))
        self._received = bytearray()
        self._socket = _opened(settings)
        self.used = clock()

    @property
    def stale(self) -> bool:
        """Whether it was unused for too long, or the server has hung up or spoken unasked meanwhile."""
        if self._clock() - self.used > self._settings.idle_seconds:
            return True
        readable, _, _ = select.select([self._socket], [], [], 0)
        return bool(readable or self._received)

    def log_in(self) -> None:
        """Log in, where an account is named; must come before anything else. Raises ``Refused`` and what ``ask`` raises."""
        own = self._settings
        if not own.login:
            return
        named = field("CN", own.login) + field("CO", own.password.get_secret_value())
        answer = self.ask(f"9300{named}{field('CP', own.location) if own.location else ''}", "94")
        if answer.fixed != "1":
            raise Refused("The SIP2 server does not accept the log-in.")

    def ask(self, body: str, answer_code: str, about: tuple[str, str] = ("", "")) -> Message:
        """Send a message and read its answer, asking for it again where it came damaged.

        ``about`` is the field by which a repeated answer shows what it answers: a server that never got our message repeats an older one.
        Once an answer came, however damaged, the message may have been carried out: only the answer is asked for again then.

        Raises ``NoAnswer``, ``NotUnderstood``, and ``Unsendable``.
        """
        sequence = next(self._sequence)
        bearing: set[int | None] = {None, sequence}
        damaged, again = "", body
        self._send(encoded(body, self._settings.charset, sequence))
        for attempt in range(REPEATS + 1):
            try:
                found = self._answer(bearing, answer_code)
                _check_about(found, about if damaged else ("", ""))
            except Corrupt as corrupt:
                damaged, again = str(corrupt), RESEND
                bearing |= {0}  # a repeated answer bears sequence number 0, whatever it had before
            else:
                if found.code != ASKS_AGAIN:
                    self.used = self._clock()
                    return found
            if attempt < REPEATS:
                self._send(encoded(again, self._settings.charset, None))
        if damaged:
            raise NoAnswer(f"its answer came damaged again and again ({damaged})")
        raise NotUnderstood

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _answer(self, bearing: set[int | None], code: str) -> Message:
        found = decoded(self._line(), self._settings.charset, WIDTHS)
        if found.code == ASKS_AGAIN:
            return found
        if found.code != code:
            raise Corrupt(f"it is of kind {found.code}, not {code}")
        if found.sequence not in bearing:
            raise Corrupt("it answers another message")
        return found

    def _send(self, message: bytes) -> None:
        end = b"\r\n" if self._settings.line_end == "CRLF" else b"\r"
        try:
            self._socket.sendall(message + end)
        except OSError as failure:
            raise NoAnswer(f"the connection broke off ({type(failure).__name__})") from failure

    def _line(self) -> bytes:
        """The next line; line feeds and padding between messages are passed over."""
        deadline = time.monotonic() + self._settings.read_timeout
        while True:
            line, end, rest = self._received.partition(b"\r")
            if not end:
                line, end, rest = self._received.partition(b"\n")
            if end:
                self._received = bytearray(rest.lstrip(b"\r\n\0"))
                if line.strip(b"\r\n\0 "):
                    return bytes(line)
                continue
            self._receive(deadline)

    def _receive(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            octets = self._socket.recv(4096)
        except OSError as failure:
            why = "it did not answer in time" if isinstance(failure, TimeoutError) else "the connection broke off"
            raise NoAnswer(why) from failure
        if not octets:
            raise NoAnswer("it closed the connection without an answer")
        self._received += octets
        if len(self._received) > LONGEST:
            raise NoAnswer("its answer does not end")


def _check_about(found: Message, about: tuple[str, str]) -> None:
    """Raises ``Corrupt`` for a repeated answer that is about something else."""
    tag, value = about
    if tag and found.code != ASKS_AGAIN and found.first(tag).casefold() != value.casefold():
        raise Corrupt("it is about something else")


def _opened(settings: Sip2Settings) -> socket.socket:
    try:
        plain = socket.create_connection((settings.host, settings.port), settings.connect_timeout)
    except (OSError, UnicodeError) as failure:
        raise NotOpened(f"no connection came about ({type(failure).__name__})") from failure
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _secured(plain, settings) if settings.tls else plain
    except ssl.SSLCertVerificationError as untrusted:
        plain.close()
        raise NotOpened("its certificate is not trusted; see the certificate, or name its CA in ca_file") from untrusted
    except OSError as failure:
        plain.close()
        raise NotOpened(f"no secured connection came about ({type(failure).__name__})") from failure


def _secured(plain: socket.socket, settings: Sip2Settings) -> socket.socket:
    context = ssl.create_default_context(cafile=settings.ca_file)
    return context.wrap_socket(plain, server_hostname=settings.host)
