"""Serves a WSGI application on loopback in threads, with kept-alive connections, for stand-ins and tests."""

import contextlib
import io
import socket
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from werkzeug.http import http_date
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.test import run_wsgi_app

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOST = "127.0.0.1"
_BACKLOG = 128
_JOIN_SECONDS = 5.0


class _Conversation(WSGIRequestHandler):
    """One connection; answers go out in one write and the connection stays open (werkzeug's own closes it)."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        chunked = environ.get("wsgi.input_terminated", False)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read() if chunked else self.rfile.read(length)
        environ["wsgi.input"] = io.BytesIO(body)
        chunks, status, headers = run_wsgi_app(self.server.app, environ, buffered=True)
        try:
            self.wfile.write(self._wire(status, list(headers.items()), b"".join(chunks)))
        except OSError:
            self.close_connection = True

    def _wire(self, status: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
        bodiless = self.command == "HEAD" or status.startswith(("1", "204", "304"))
        kept = headers
        if not bodiless:
            kept = [(key, value) for key, value in headers if key.lower() != "content-length"]
            kept.append(("Content-Length", str(len(body))))
        kept.append(("Date", http_date()))
        if self.close_connection:
            kept.append(("Connection", "close"))
        head = "".join(f"{key}: {value}\r\n" for key, value in kept)
        return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + (b"" if bodiless else body)

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Says nothing: the stand-ins count calls themselves."""


class _Listener(ThreadedWSGIServer):
    """Knows its open connections, so that stopping can hang up and wait for them."""

    def __init__(self, app: "WSGIApplication", fd: int, port: int) -> None:
        self._open: dict[socket.socket | tuple[bytes, socket.socket], threading.Thread] = {}
        self._guard = threading.Lock()
        super().__init__(HOST, port, app, _Conversation, fd=fd)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), name="sandbox", daemon=True
        )
        with self._guard:
            self._open[request] = thread
        thread.start()

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._open.pop(request, None)

    def hang_up(self) -> None:
        with self._guard:
            talking = list(self._open.items())
        for connection, thread in talking:
            if isinstance(connection, socket.socket):
                with contextlib.suppress(OSError):  # the other side was quicker
                    connection.shutdown(socket.SHUT_RDWR)
            thread.join(_JOIN_SECONDS)


def _listening_socket(port: int) -> socket.socket:
    """Bound here, since werkzeug ends the whole program when a port is taken and looks the host up in DNS."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


class Server:
    """Serves `app` on 127.0.0.1; port 0 picks a free one, known from `.url` at once.

    Raises OSError if the port is taken. Use it as a context manager, or with `start` and `stop`.
    """

    def __init__(self, app: "WSGIApplication", *, port: int = 0) -> None:
        with _listening_socket(port) as listening:
            self.port: int = listening.getsockname()[1]
            self._listener = _Listener(app, listening.fileno(), self.port)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Base address without a slash at the end, e.g. "http://127.0.0.1:40123"."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Begins to answer, in a thread of its own."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._listener.serve_forever,
                kwargs={"poll_interval": 0.02},
                name="sandbox-listener",
                daemon=True,
            )
            self._thread.start()

    def stop(self) -> None:
        """Stops listening, hangs up on everyone and waits for the threads (at most 5 s each)."""
        if self._thread is not None:
            self._listener.shutdown()
            self._thread.join(_JOIN_SECONDS)
            self._thread = None
        self._listener.server_close()
        self._listener.hang_up()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
