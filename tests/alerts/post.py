"""A real SMTP server on loopback whose answers a test decides, with a certificate of its own."""

from __future__ import annotations

import email
import socket
import ssl
import subprocess
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from bridge.alerts.settings import MailSettings

USER = "ill-bridge"
PASSWORD = "the mail password"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-keyout", str(key), "-out", str(cert)),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@dataclass
class PostOffice:
    """Takes mails; ``says`` is what it answers to the data of one, ``parts`` to QUIT, ``unknown`` are addresses it refuses."""

    security: str = "none"
    cert: Path | None = None
    key: Path | None = None
    log_in: bool = False
    says: str = "250 OK"
    parts: str = "221 Bye"
    unknown: set[str] = field(default_factory=set)
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    logged_in: list[str] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:  # noqa: N802
        if address in self.unknown:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:  # noqa: N802
        if address in self.unknown:
            return "550 5.7.1 not from here"
        envelope.mail_from = address
        return "250 OK"

    async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Envelope) -> str:  # noqa: N802
        return self.parts

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.says.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.envelopes.append(envelope)
            self.mails.append(email.message_from_bytes(envelope.content, policy=default))
        return self.says

    def _authenticated(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        good = (data.login.decode(), data.password.decode()) == (USER, PASSWORD)
        if good:
            self.logged_in.append(data.login.decode())
        return AuthResult(success=good, handled=False)

    def __enter__(self) -> PostOffice:
        tls: ssl.SSLContext | None = None
        if self.cert is not None:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(self.cert, self.key)
        more: dict[str, Any] = {}
        if self.security == "starttls":
            more |= {"tls_context": tls, "require_starttls": True}
        if self.log_in:
            more |= {"authenticator": self._authenticated, "auth_required": True, "auth_exclude_mechanism": ["LOGIN"]}
        implicit = tls if self.security == "tls" else None
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ssl_context=implicit, **more)
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def settings(self, **more: object) -> MailSettings:
        known: dict[str, object] = {
            "host": "localhost" if self.security != "none" else "127.0.0.1",
            "port": self.port,
            "security": self.security,
            "ca_file": str(self.cert) if self.cert else None,
            "sender": "ill-bridge <ill-bridge@library.example>",
            "recipients": ["ops@library.example"],
            "timeout": 5,
        }
        return MailSettings.model_validate({**known, **more})


def text_of(mail: EmailMessage) -> str:
    content = mail.get_content()
    assert isinstance(content, str)
    return content
