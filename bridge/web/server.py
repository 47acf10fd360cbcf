"""Serves the web application from a thread of the daemon."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn
from fastapi import FastAPI

from bridge.errors import ConfigurationError
from bridge.web.line import Line

LOOK_EVERY = 0.005
PATIENCE = 15.0
GRACE = 5
"""Seconds that requests in hand have when the server stops; one whose sender fell silent does not hold it up."""


class WebServer:
    """uvicorn in a thread. The address is bound at once, so that a port already taken is told before anything starts."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._socket = _bound(host, port)
        config = uvicorn.Config(
            app,
            http=Line,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,  # whoever calls would say where he calls from; see trusted_proxies of ISO 18626 doors
            timeout_graceful_shutdown=GRACE,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)
        self._host = host

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._socket.getsockname()[1]}"

    def start(self) -> None:
        """Begin; returns when requests are answered."""
        self._thread.start()
        deadline = time.monotonic() + PATIENCE
        while not self._server.started and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)

    def stop(self) -> None:
        """Finish the requests in hand, then stop."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # named as TCP: only then does asyncio switch Nagle's algorithm off (base_events._set_nodelay), or answers wait 40 ms for an ACK
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except OSError as taken:
        listening.close()
        raise ConfigurationError((f"web: cannot listen on {host} port {port} ({taken.strerror})",)) from taken
    return listening
