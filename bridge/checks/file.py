"""What is odd about the configuration beyond its form: addresses, secrets, the ledger's place. Nothing is asked of anybody."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from bridge.domain.finding import Finding, Level, failed, warned, well
from bridge.domain.windows import never_ends
from bridge.settings import Configuration, PrivacySettings, Settings, WebSettings
from bridge.sources.asked import AskedSettings
from bridge.sources.base import SourceSettings
from bridge.sources.iso18626 import Iso18626Settings
from bridge.sources.iso18626.settings import Peer
from bridge.sources.notes import NoteSettings
from bridge.sources.webhook import WebhookSettings

SHORT_SECRET = 24
"""Characters of a shared secret below which it is worth a warning: as many as 16 random bytes take in hexadecimal, and some less."""
FEW_CHARACTERS = 5
HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")
PRIVILEGED = 1024
DOORS = (WebhookSettings, Iso18626Settings)
"""Sources that are called, at the bridge's own address."""


def file_findings(known: Configuration) -> tuple[Finding, ...]:
    """What is odd about the parts that are no library's."""
    return (
        *_web(known.settings.web, hooks=any(isinstance(each, DOORS) for each in known.sources.values())),
        *_ledger_place(known.settings),
        *_relays(known),
        *_privacy(known.settings.privacy),
        *_plain_text("ILS", known.connectors),
    )


def endless(known: Configuration, now: datetime) -> Iterator[Finding]:
    """Maintenance that leaves no time for work."""
    for name, ils in known.settings.ils.items():
        if never_ends([each.window for each in ils.maintenance], now):
            text = "Its maintenance windows follow one another without end: nothing would ever be done."
            yield warned(f"ILS {name}", text, "Correct start, end and weekdays under [[ils.NAME.maintenance]].")


def source_findings(settings: BaseModel) -> tuple[Finding, ...]:
    """What is odd about one source's settings."""
    notes = tuple(_notes(settings)) if isinstance(settings, SourceSettings) else ()
    if isinstance(settings, WebhookSettings):
        return (*_webhook(settings), *notes)
    if isinstance(settings, AskedSettings):
        return (*_asked(settings), *notes)
    if isinstance(settings, Iso18626Settings):
        return (*_conversations(settings), *notes)
    return notes


def _notes(settings: SourceSettings) -> Iterator[Finding]:
    if settings.notes is None:
        if settings.note_settings is not None:
            yield well(
                "Notes",
                f"{_way(settings.note_settings)}: {', '.join(settings.note_settings.kinds)}, of libraries that are live.",
            )
        return
    found = _secret(settings.notes.secret)
    yield replace(found, subject="Notes: secret")
    if _is_plain(settings.notes.url.get_secret_value()):
        yield warned("Notes: address", "It is not encrypted: what is told could be read on the way.", "Use https://.")
    else:
        yield well("Notes", f"Told: {', '.join(settings.notes.kinds)}, of libraries that are live.")


def _way(notes: NoteSettings) -> str:
    return "Told to other libraries as notifications" if notes.for_partner else "Told by its own API"


def _web(web: WebSettings, *, hooks: bool) -> Iterator[Finding]:
    where = f"{web.host}:{web.port}"
    if not _is_address(web.host):
        yield failed("Web address", f"'{web.host}' is neither an address nor a name of a machine.", "Correct web.host.")
    elif web.port == 0 and hooks:
        text = "Port 0 takes another free port at each start, and webhooks would not find it."
        yield warned("Web address", text, "Set web.port.")
    elif 0 < web.port < PRIVILEGED:
        text = f"{where}: ports below {PRIVILEGED} need privileges that the daemon should not have."
        yield warned("Web address", text, "Take a higher port, and a proxy with TLS in front.")
    elif not _is_loopback(web.host):
        text = f"{where}: webhooks and health can be reached from other machines, without TLS."
        yield warned(
            "Web address",
            text,
            "Listen on 127.0.0.1 behind a proxy with TLS, unless a container's network keeps others out.",
        )
    else:
        yield well("Web address", f"{where}, from this machine only.")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(HOST.fullmatch(host)) and not re.fullmatch(r"[\d.]+", host)
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _ledger_place(settings: Settings) -> Iterator[Finding]:
    url = settings.ledger.url
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        text = (
            f"{url} is relative to the folder that the daemon is started in: elsewhere it would begin an empty ledger."
        )
        yield warned("Ledger's place", text, "Name it from the root: sqlite:////var/lib/….")


def _relays(known: Configuration) -> Iterator[Finding]:
    """Whether what a relay forwards while the ledger takes nothing outlives the daemon."""
    relays = (each.deployment == "relay" for each in known.sources.values() if isinstance(each, Iso18626Settings))
    rules = known.settings
    if any(relays) and not rules.engine.unkept_folder and not rules.ledger.url.startswith("sqlite:///"):
        text = "While the ledger takes nothing, what a relay forwards is held in memory alone; a daemon that is killed then loses it."
        yield warned("Relay", text, "Name a folder on this machine: engine.unkept_folder.")


def _privacy(rules: PrivacySettings) -> Iterator[Finding]:
    for name, what in _FOR_EVER.items():
        if not getattr(rules, name):
            yield warned("Privacy", f"{what} are kept for ever.", f"Set privacy.{name} to a number of days.")
    if not rules.message_days and not rules.request_days:
        yield warned(
            "Privacy", "Bodies of messages are kept for ever.", "Set privacy.message_days to a number of days."
        )
    if rules.request_days and 0 < rules.unsettled_days < rules.request_days:
        text = "Requests that are not settled would lose their patron before those that are."
        yield warned("Privacy", text, "Set privacy.unsettled_days to more than privacy.request_days.")


_FOR_EVER = {
    "request_days": "Patrons and titles of finished requests",
    "unsettled_days": "Patrons and titles of finished requests that are not settled",
    "kept_message_days": "Messages that were not understood",
}


def _plain_text(what: str, parts: Mapping[str, BaseModel]) -> Iterator[Finding]:
    """Credentials that would cross a network unencrypted."""
    for name, settings in parts.items():
        for value in (getattr(settings, field) for field in type(settings).model_fields):
            if isinstance(value, str) and _is_plain(value):
                text = f"{value} is not encrypted: credentials and patrons' data could be read on the way."
                yield warned(f"{what} {name}", text, "Use https://.")


def _is_plain(address: str) -> bool:
    parts = urlsplit(address) if address.startswith("http://") else None
    return parts is not None and not _is_loopback(parts.hostname or "")


def _webhook(settings: WebhookSettings) -> Iterator[Finding]:
    yield _secret(settings.secret)
    previous = settings.previous_secret
    if previous is not None and previous == settings.secret:
        yield warned("Previous secret", "It is the same as the secret.", "Remove previous_secret.")
    elif previous is not None:
        yield well("Previous secret", "It is still taken; remove it when the service uses the new one.")
    yield from _libraries(settings)


def _secret(secret: SecretStr) -> Finding:
    text = secret.get_secret_value()
    advice = "Take a random one: python3 -c 'import secrets; print(secrets.token_hex(32))'."
    if len(set(text)) < FEW_CHARACTERS:
        return failed("Secret", "It can be guessed: it has hardly any different characters.", advice)
    if len(text) < SHORT_SECRET:
        return warned("Secret", f"It is short ({len(text)} characters).", advice)
    return well("Secret", "It is set, and long enough.")


def _libraries(settings: SourceSettings) -> Iterator[Finding]:
    if not settings.library and not settings.libraries:
        text = "No library is named, so every message must name one of ours."
        yield well("Library", text)


def _any_secret(settings: AskedSettings) -> bool:
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return any(isinstance(value, SecretStr) for value in values)


def _asked(settings: AskedSettings) -> Iterator[Finding]:
    if not settings.token_header and not _any_secret(settings):
        yield well("Credentials", "None are set: the feed is asked without.")
    if settings.user and settings.password is None:
        yield failed("Credentials", "There is a user and no password.", "Set password_file.")
    yield from _plain_text("Address of", {"the feed": settings})
    yield from _libraries(settings)


def _conversations(settings: Iso18626Settings) -> Iterator[Finding]:
    if settings.libraries:
        yield well("Symbols", f"Ours are {', '.join(sorted(settings.libraries))}.")
    else:
        text = (
            "None of ours are named: what a supplier says is taken as said to a borrower, all else as said to a lender. "
            "Copies of what we said ourselves would be misread."
        )
        yield warned("Symbols", text, 'Name them: libraries = { SYMBOL = "our library" }.')
    ours = [name for name, peer in settings.peers.items() if peer.ours]
    if not ours and not settings.peers_open_requests:
        text = "No peer is ours, so what suppliers say of requests that we made is never taken: nobody tells of these requests."
        yield warned("Peers", text, "Have our own system's traffic copied (ours = true), or set peers_open_requests.")
    for name, peer in settings.peers.items():
        yield from _peer(name, peer, told=settings.deployment == "relay" or settings.own_notes is not None)


def _peer(name: str, peer: Peer, *, told: bool) -> Iterator[Finding]:
    for secret in (peer.secret, peer.password, peer.security_code):
        if secret is not None and (found := _secret(secret)).level is not Level.OK:
            yield replace(found, subject=f"Peer {name}: {found.subject.lower()}")
    if peer.addresses and peer.secret is None and peer.password is None and not peer.account:
        text = (
            "It is known by its address alone; whoever can send from there, or through the same proxy, is taken for it."
        )
        yield warned(f"Peer {name}", text, "Give it a secret as well, where it can send one.")
    if peer.previous_secret is not None:
        yield well(f"Peer {name}", "Its previous secret is still taken; remove it when the peer uses the new one.")
    if told:
        yield from _plain_text("Peer", {f"{name}: address": peer})
