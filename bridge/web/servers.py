"""Every address the daemon listens on: the main one, and those of health and metrics where they have their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter, FastAPI

from bridge.settings import WebSettings
from bridge.web.access import Guard, Place, place_of
from bridge.web.app import Door, make_app, make_watching_app
from bridge.web.conversations import ConversationDoor, conversations_router
from bridge.web.figures import Exposition, metrics_router
from bridge.web.health import Readiness, health_router
from bridge.web.loans import LoanDoor, loans_router
from bridge.web.server import WebServer


class WebServers:
    """All of them; health and metrics that name the same address share it. Raises ``ConfigurationError`` for a port already taken."""

    def __init__(
        self,
        web: WebSettings,
        doors: Mapping[str, Door],
        readiness: Callable[[], Readiness],
        exposition: Exposition,
        loans: Mapping[str, LoanDoor] | None = None,
        conversations: Mapping[str, ConversationDoor] | None = None,
    ) -> None:
        self._main = Place(web.host, web.port, own=False)
        self._health, self._metrics = place_of(web, web.health), place_of(web, web.metrics)
        guard = Guard(web.health.token)
        health = health_router(readiness, guard, details=guard.needs_token or (self._health.own and self._health.local))
        routers: dict[Place, list[APIRouter]] = {
            self._main: [loans_router(loans or {}), conversations_router(conversations or {})]
        }
        routers.setdefault(self._health, []).append(health)
        routers.setdefault(self._metrics, []).append(metrics_router(exposition, Guard(web.metrics.token)))
        self._servers: dict[Place, WebServer] = {}
        try:
            for place, found in routers.items():
                app = make_app(doors, found) if place == self._main else make_watching_app(found)
                self._servers[place] = _server(app, place)
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Where messages come in."""
        return self._servers[self._main].url

    @property
    def health_url(self) -> str:
        """Where ``/healthz`` and ``/readyz`` are."""
        return self._servers[self._health].url

    @property
    def metrics_url(self) -> str:
        """Where ``/metrics`` is."""
        return self._servers[self._metrics].url

    def start(self) -> None:
        """Open all; returns when requests are answered."""
        for server in self._servers.values():
            server.start()

    def stop(self) -> None:
        """Finish the requests in hand, then close all; the doors first, so that the end can be watched."""
        for server in self._servers.values():
            server.stop()


def _server(app: FastAPI, place: Place) -> WebServer:
    return WebServer(app, place.host, place.port)
