"""Who calls: told from strangers by secret, log-in, account and address. Everything is compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from bridge.errors import RefusedInput
from bridge.sources.iso18626.message import IsoMessage
from bridge.sources.iso18626.settings import Iso18626Settings, Peer, among

STRANGER = (
    "Nobody is known here by these credentials and this address; see the peers of this source "
    "(secret in a header, HTTP Basic, accountId and securityCode, or addresses)."
)


@dataclass(frozen=True)
class Caller:
    """A peer that was recognised."""

    name: str
    peer: Peer


def client_address(settings: Iso18626Settings, address: str, headers: Mapping[str, str]) -> str:
    """Where a message comes from: the nearest address in X-Forwarded-For that is no trusted proxy's, if a trusted proxy called."""
    chain = [each.strip() for each in headers.get("x-forwarded-for", "").split(",") if each.strip()]
    here = address
    while chain and among(here, settings.proxies):
        here = chain.pop()
    return here


def candidates(settings: Iso18626Settings, address: str, headers: Mapping[str, str]) -> tuple[Caller, ...]:
    """The peers whose headers and address fit; those who are known by their account as well are still to prove it.

    ``headers`` have lower-case names. Raises ``RefusedInput`` where nobody is left.
    """
    here = client_address(settings, address, headers)
    found = tuple(Caller(name, peer) for name, peer in settings.peers.items() if _fits(peer, here, headers))
    if not found:
        raise RefusedInput(STRANGER)
    return found


def caller_of(found: tuple[Caller, ...], message: IsoMessage | None) -> Caller:
    """The one who calls: of those whose account, where they have one, is in the message, the first that may speak for its sender,
    since peers may share an address; else the first of them. Raises ``RefusedInput``.

    A message of the supplying side has no place for an account in 2021; a peer that is known by its account alone must still name it.
    """
    proved = [
        caller
        for caller in found
        if not caller.peer.account or (message is not None and _bears_account(caller.peer, message))
    ]
    if not proved:
        raise RefusedInput(STRANGER)
    speaking = (caller for caller in proved if message is not None and caller.peer.speaks_for(message.sender))
    return next(speaking, proved[0])


def _fits(peer: Peer, address: str, headers: Mapping[str, str]) -> bool:
    if peer.secret is not None and not _secret_fits(peer, headers):
        return False
    if peer.password is not None and not _log_in_fits(peer, headers):
        return False
    return not peer.addresses or among(address, peer.networks)


def _secret_fits(peer: Peer, headers: Mapping[str, str]) -> bool:
    given = headers.get(peer.secret_header.lower(), "")
    fits = [_same(given, secret) for secret in (peer.secret, peer.previous_secret) if secret is not None]
    return any(fits)


def _log_in_fits(peer: Peer, headers: Mapping[str, str]) -> bool:
    scheme, _, coded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic" or peer.password is None:
        return False
    try:
        user, _, password = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return False
    fits = (hmac.compare_digest(user.encode(), peer.user.encode()), _same(password, peer.password))
    return all(fits)


def _bears_account(peer: Peer, message: IsoMessage) -> bool:
    account = message.head("requestingAgencyAuthentication", "accountId")
    code = message.head("requestingAgencyAuthentication", "securityCode")
    if peer.security_code is None:
        return False
    fits = (hmac.compare_digest(account.encode(), peer.account.encode()), _same(code, peer.security_code))
    return all(fits)


def _same(given: str, secret: SecretStr) -> bool:
    return hmac.compare_digest(
        given.encode(errors="surrogatepass"), secret.get_secret_value().encode(errors="surrogatepass")
    )
