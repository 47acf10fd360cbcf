"""A SIP2 server on loopback, over any desk; it behaves as running servers were seen to, where a switch says so."""

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from bridge.sandbox.faults import Fault, Faults
from bridge.sandbox.sip2.desk import Desk
from bridge.sandbox.sip2.dialogue import Dialogue, Hung
from bridge.sandbox.sip2.wire import Garbage, written

HOST = "127.0.0.1"
LONGEST = 16 * 1024
JOIN_SECONDS = 5.0
PATH = "/sip2/"
"""Faults are ordered for method SIP2 and this path with a message's code behind it."""


class Habits(BaseModel):
    """What differs from server to server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    login: str = "sip"
    password: str = "sip-secret"
    institution: str = "MAIN"
    charset: str = "utf-8"
    line_end: str = "\r"
    supports: str = "YYYYYYYYYYYNYYYY"
    checked_in_ok: bool = False
    kills_on_unknown_payer: bool = True
    wants_checksum: bool = True
    lists_at_most: int = 9999
    """Items that an answer lists, of however many the patron has (BP and BQ of the protocol ask for others)."""
    tells_unknown: bool = True


@dataclass(frozen=True)
class Heard:
    """One message that came: its code, whether the answer said yes, and the fault that met it."""

    code: str
    ok: bool
    fault: str = ""


@dataclass
class SipServer:
    """Serves a desk by SIP2; port 0 picks a free one. Use `start` and `stop`."""

    desk: Desk
    lock: threading.RLock
    habits: Habits = field(default_factory=Habits)
    faults: Faults = field(default_factory=Faults)
    tell: Callable[[Heard], None] = lambda _: None
    port: int = 0

    def __post_init__(self) -> None:
        outer = self

        class Conversation(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                _Talk(outer, self.request).run()

        self._listener = _Listener((HOST, self.port), Conversation)
        self.port = self._listener.server_address[1]
        self.heard: list[Heard] = []
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to answer, in threads of its own."""
        kwargs = {"poll_interval": 0.02}
        self._thread = threading.Thread(target=self._listener.serve_forever, kwargs=kwargs, name="sip2", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and hang up on everyone."""
        if self._thread is not None:
            self._listener.shutdown()
            self._thread.join(JOIN_SECONDS)
            self._thread = None
        self._listener.server_close()
        self._listener.hang_up()

    def note(self, heard: Heard) -> None:
        """Remember a message."""
        self.heard.append(heard)
        self.tell(heard)


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        if isinstance(request, socket.socket):
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class _Talk:
    """One connection."""

    def __init__(self, server: SipServer, connection: socket.socket) -> None:
        self._server = server
        self._connection = connection
        self._dialogue = Dialogue(server.desk, server.habits)

    def run(self) -> None:
        """Answer line after line until one side hangs up."""
        buffered = b""
        with contextlib.suppress(OSError):
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while len(buffered) < LONGEST:
                octets = self._connection.recv(4096)
                if not octets:
                    return
                buffered += octets.replace(b"\n", b"")
                while b"\r" in buffered:
                    line, _, buffered = buffered.partition(b"\r")
                    if line and not self._answered(line):
                        return

    def _answered(self, line: bytes) -> bool:
        faults = self._server.faults
        if faults.latency:
            time.sleep(faults.latency)
        code = line[:2].decode("ascii", errors="replace")
        if faults.outage():
            self._server.note(Heard(code, ok=False, fault="outage"))
            return False
        fault = faults.take("SIP2", f"{PATH}{code}")
        if fault is not None and not fault.done and fault.kind not in {"delay", "drop_after"}:
            self._server.note(Heard(code, ok=False, fault=fault.kind))
            return self._spoilt(fault, code)
        try:
            with self._server.lock:
                answer = self._dialogue.answer(line)
        except (Garbage, Hung):
            self._server.note(Heard(code, ok=False))
            return False
        ok = answer[2:3] in {b"1", b"Y"} or code in {"17", "63", "97", "99"}
        kind = "" if fault is None else f"{fault.kind}{'' if fault.kind in {'delay', 'drop_after'} else '_after'}"
        self._server.note(Heard(code, ok=ok, fault=kind))
        if fault is not None and fault.kind != "delay":
            return self._spoilt(fault, code)
        if fault is not None:
            time.sleep(fault.seconds)
        self._connection.sendall(answer + self._server.habits.line_end.encode())
        return True

    def _spoilt(self, fault: Fault, code: str) -> bool:
        """Misbehave; answers whether the connection lives on."""
        if fault.kind == "hang":
            self._connection.settimeout(60)
            self._connection.recv(1)
            return False
        said = {
            "garbage": fault.body or "\x07\x00garbage|AY",
            "html": "<html><body>Gateway trouble</body></html>",
            "unauthorized": "940" if code == "93" else "",
            "throttle": "96AZFEF6",
            "vendor_error": _refusal(code, fault.message, self._server.desk.now()),
        }.get(fault.kind, "")
        if said.startswith(("94", "96")):
            self._connection.sendall(said.encode() + self._server.habits.line_end.encode())
            return said.startswith("96")
        if said:
            checked = fault.kind == "vendor_error"
            octets = written(said, "", self._server.habits.charset, checked=checked)
            self._connection.sendall(octets + self._server.habits.line_end.encode())
        return fault.kind in {"vendor_error", "garbage", "html"}


def _refusal(code: str, words: str, now: datetime) -> str:
    """A refusal in the server's own words, for messages that have one."""
    stamp = f"{now:%Y%m%d    %H%M%S}"
    bodies = {
        "09": f"100NUN{stamp}ABx|",
        "11": f"120NUN{stamp}AAx|ABx|AJ|AH|",
        "15": f"160N{stamp}",
        "29": f"300NUN{stamp}AAx|ABx|AJ|AH|",
        "37": f"38N{stamp}",
        "17": f"18010101{stamp}ABx|AJ|",
        "63": f"64{'YYYY':14}001{stamp}{'0' * 24}AAx|AE|BLY|",
    }
    return f"{bodies.get(code, '96')}AF{words}|" if code in bodies else "96"
