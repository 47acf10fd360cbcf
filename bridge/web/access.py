"""Who may look: a bearer token where one is set, and what is open to everybody where none is."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from ipaddress import ip_address

import structlog
from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from bridge.settings import WatchSettings, WebSettings

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Place:
    """Where something is served: on the main address or on one of its own, and whether only this machine reaches it."""

    host: str
    port: int
    own: bool

    @property
    def local(self) -> bool:
        """Whether the address is one of this machine alone. A proxy in front may still open the main address to everybody."""
        return is_loopback(self.host)


def place_of(web: WebSettings, watch: WatchSettings) -> Place:
    """Where health or metrics are served."""
    main = (web.host, web.port)
    if watch.address and (watch.host_and_port != main or web.port == 0):
        return Place(*watch.host_and_port, own=True)
    return Place(*main, own=False)


def is_loopback(host: str) -> bool:
    """Whether an address is one of this machine alone; a name other than localhost counts as open."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Lets in whoever bears the token (RFC 6750: ``Authorization: Bearer …``); everybody where none is set."""

    def __init__(self, token: SecretStr | None) -> None:
        self._token = token.get_secret_value().encode() if token is not None else None

    @property
    def needs_token(self) -> bool:
        """Whether a token is set."""
        return self._token is not None

    def refusal(self, request: Request) -> JSONResponse | None:
        """The answer to somebody who may not look, or ``None``; compared in constant time."""
        if self._token is None:
            return None
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._token):
            return None
        log.warning("watch.refused", path=request.url.path, token_given=bool(given))
        why = "A bearer token is needed: Authorization: Bearer …"
        return JSONResponse({"error": why}, status_code=401, headers={"WWW-Authenticate": 'Bearer realm="ill-bridge"'})


def open_to_others(web: WebSettings) -> tuple[str, ...]:
    """What answers everybody on the network since it has no token, a sentence each with what to do."""
    found = []
    for name, watch, says in (
        ("metrics", web.metrics, "names of libraries, sources and figures of their work"),
        ("health", web.health, "whether the bridge is ready, without details"),
    ):
        place = place_of(web, watch)
        if watch.token is None and not place.local:
            found.append(
                f"web.{name}: {place.host} port {place.port} tells everybody {says}; set web.{name}.token_file, "
                f'or web.{name}.address = "127.0.0.1:9101".'
            )
    return tuple(found)
