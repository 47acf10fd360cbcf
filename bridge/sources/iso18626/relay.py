"""The relay: a message goes on to whom it is meant for, and the answer comes back, both as they are."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from bridge.errors import RefusedInput
from bridge.http import Answer, Exchange, Http, HttpRules, Sending, Unpaced
from bridge.sources.iso18626.callers import Caller
from bridge.sources.iso18626.message import IsoMessage, Kind
from bridge.sources.iso18626.settings import Iso18626Settings, Peer

CONNECT_TIMEOUT = 5.0


class Relay:
    """Forwards to peers, a connection pool each; ``tell`` hears of each call, named by its peer."""

    def __init__(self, settings: Iso18626Settings, tell: Callable[[Exchange], None]) -> None:
        self._settings = settings
        self._lines = {
            name: PeerLine(name, peer, settings.relay_timeout, tell) for name, peer in settings.peers.items()
        }

    def meant_for(self, caller: Caller, message: IsoMessage | None) -> str:
        """The peer a message goes to: what our own system says to the one whose symbol it names, all else to our own system.

        Raises ``RefusedInput`` where nobody can be told.
        """
        peers = self._settings.peers
        if not caller.peer.ours:
            return next(name for name, peer in peers.items() if peer.ours)
        others = {name: peer for name, peer in peers.items() if not peer.ours}
        if len(others) == 1:
            return next(iter(others))
        receiver = None
        if message is not None:
            receiver = message.requester if message.kind is Kind.SUPPLYING else message.supplier
        named = (name for name, peer in others.items() if receiver and not peer.broker and peer.speaks_for(receiver))
        brokers = (name for name, peer in others.items() if peer.broker)
        found = next(named, "") or next(brokers, "")
        if not found:
            raise RefusedInput("Nobody among the peers of this relay bears the symbol that the message is meant for.")
        return found

    def forward(self, name: str, body: bytes, content_type: str) -> Answer:
        """What the peer answers, whatever its status. Raises ``Unavailable``, ``OutcomeUnknown`` and ``Retry``."""
        return self._lines[name].post(body, content_type, "(relay)")

    def reach(self, name: str) -> Answer:
        """Whether a peer's address answers at all; a door of ISO 18626 answers a GET with 405. Raises as ``forward`` does."""
        return self._lines[name].reach()

    def close(self) -> None:
        """Close all connections."""
        for line in self._lines.values():
            line.close()


class PeerLine:
    """Connections to a peer's address, with what it knows us by. ``timeout``: seconds it has to answer."""

    def __init__(self, name: str, peer: Peer, timeout: float, tell: Callable[[Exchange], None]) -> None:
        parts = urlsplit(peer.url)
        rules = HttpRules(CONNECT_TIMEOUT, timeout, timeout, tries=1, ca_file=peer.ca_file)
        self._http = Http(f"{parts.scheme}://{parts.netloc}", name=name, pace=Unpaced(), tell=tell, rules=rules)
        self._path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._peer = peer

    def post(self, body: bytes, content_type: str, template: str) -> Answer:
        """What it answers a message, whatever its status; sent once. Raises ``Unavailable``, ``OutcomeUnknown`` and ``Retry``."""
        headers = {"Content-Type": content_type, **_credentials(self._peer)}
        return self._http.send(Sending("POST", self._path, template, body=body, headers=headers))

    def reach(self) -> Answer:
        """What it answers a GET. Raises as ``post`` does."""
        return self._http.send(Sending("GET", self._path, "(relay)"))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _credentials(peer: Peer) -> Mapping[str, str]:
    found = {}
    if peer.send_secret is not None:
        found[peer.secret_header] = peer.send_secret.get_secret_value()
    if peer.send_password is not None:
        pair = f"{peer.send_user}:{peer.send_password.get_secret_value()}"
        found["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return found
