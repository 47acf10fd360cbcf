"""A caller's connection, which uvicorn would hold for ever, with a head of any length: whoever is slow keeps nobody else out."""

from __future__ import annotations

import asyncio
import math
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TIME = 40.0
"""Seconds that a message may take from the first byte of its head to the last one of its body; doors end their own patience before."""
LARGEST_HEAD = 64 * 1024
"""Bytes of a message that are not its body."""
CHUNK_HEAD = 8
"""Bytes of those that each piece of a body may cost."""
MOST = 250
"""Connections of one address at once; over it, the one that has kept us waiting longest is let go."""


class Line(HttpToolsProtocol):
    """One connection, of which it is known since when we wait for its sender."""

    def __init__(self, *args: Any, **more: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*args, **more)
        self._late: asyncio.TimerHandle | None = None
        self._beside = 0

    @property
    def since(self) -> float:
        """From when on we wait for a message or the rest of it; later than anything while one is answered."""
        if self._late is not None:
            return self._late.when() - TIME
        idle = self.timeout_keep_alive_task
        return idle.when() - self.timeout_keep_alive if idle is not None else math.inf

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody called."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > MOST:
            min(cast("set[Line]", self.connections), key=lambda each: each.since).hang_up()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A part of a message came."""
        if self._late is None:
            self._wait()
        self._beside += len(data)
        super().data_received(data)
        if self._beside > LARGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_body(self, body: bytes) -> None:
        """A part of a body came."""
        self._beside -= len(body) + CHUNK_HEAD
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A message is there."""
        self._came()
        self._beside = 0
        super().on_message_complete()

    def hang_up(self) -> None:
        """At once: whoever does not send may not read either."""
        self.transport.abort()

    def _wait(self) -> None:
        self._late = self.loop.call_later(TIME, self.hang_up)

    def _came(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
