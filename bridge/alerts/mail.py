"""Notices as e-mail, over SMTP (RFC 5321) with TLS."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

import structlog

from bridge.alerts.channel import Parcel
from bridge.alerts.model import Undelivered
from bridge.alerts.settings import MailSettings

log = structlog.get_logger(__name__)


class MailChannel:
    """The channel ``mail``."""

    name = "mail"

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings

    def audiences(self) -> tuple[str, ...]:
        """Libraries with recipients of their own."""
        return tuple(self._settings.libraries)

    def recipients(self, audience: str) -> tuple[str, ...]:
        """Who is told: a library's own people, else the general ones."""
        return self._settings.libraries.get(audience, self._settings.recipients)

    def send(self, parcel: Parcel, now: datetime) -> None:  # noqa: ARG002 - a mail bears the notice's own time
        """Send; raises ``Undelivered`` unless one recipient at least was taken."""
        recipients = self.recipients(parcel.audience)
        mail = compose(parcel, self._settings.sender, recipients)
        try:
            with closing(self._connected()) as server:
                refused = server.send_message(mail, to_addrs=[parseaddr(each)[1] for each in recipients])
                with suppress(smtplib.SMTPException, OSError):  # it was taken, however we part
                    server.quit()
        except (smtplib.SMTPException, OSError, UnicodeError) as problem:
            raise Undelivered(_told(problem, f"{self._settings.host}:{self._settings.at_port}")) from problem
        if refused:
            log.warning("alert.recipients_refused", refused={who: code for who, (code, _) in refused.items()})

    def close(self) -> None:
        """Nothing is kept open."""

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        if settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.host, settings.at_port, timeout=settings.timeout, context=self._trust()
            )
        else:
            server = smtplib.SMTP(settings.host, settings.at_port, timeout=settings.timeout)
        try:
            if settings.security == "starttls":
                server.starttls(context=self._trust())
            if settings.user and settings.password:
                server.login(settings.user, settings.password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._settings.ca_file)
        except OSError as problem:
            raise Undelivered(f"The certificates of [alerts.mail] ca_file cannot be used ({problem}).") from problem


def compose(parcel: Parcel, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """A plain mail that no machine answers (RFC 3834), with an id of its own that stays the same at every try."""
    notice = parcel.notice
    domain = parseaddr(sender)[1].rpartition("@")[2]
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = " ".join(f"[{parcel.bridge}] {notice.title}".split())
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Date"] = format_datetime(notice.at)
    mail["Message-ID"] = f"<{parcel.id}@{domain}>"
    if parcel.first_id != parcel.id:
        mail["In-Reply-To"] = mail["References"] = f"<{parcel.first_id}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["X-ILL-Bridge-Kind"] = notice.kind.value
    mail["X-ILL-Bridge-Stage"] = notice.stage.value
    footer = f"-- \nSent by ill-bridge '{parcel.bridge}'. Nobody reads answers to this mail."
    mail.set_content(f"{notice.text}\n{footer}\n", charset="utf-8", cte="quoted-printable")
    return mail


def _told(problem: Exception, where: str) -> str:
    """What a mail server's refusal means, and what to do."""
    if isinstance(problem, smtplib.SMTPAuthenticationError):
        return f"{where} refused our log-in ({problem.smtp_code}): see [alerts.mail] user and password."
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        refused = ", ".join(f"{who} ({code})" for who, (code, _) in problem.recipients.items())
        return f"{where} refused every recipient: {refused}. See [alerts.mail] recipients and libraries."
    if isinstance(problem, smtplib.SMTPSenderRefused):
        return f"{where} refused the sender ({problem.smtp_code}): see [alerts.mail] sender."
    if isinstance(problem, smtplib.SMTPNotSupportedError):
        return f"{where} does not offer what [alerts.mail] asks for: {problem}"
    if isinstance(problem, smtplib.SMTPResponseException):
        said = (
            problem.smtp_error.decode(errors="replace") if isinstance(problem.smtp_error, bytes) else problem.smtp_error
        )
        return f"{where} refused the mail: {problem.smtp_code} {said}"
    if isinstance(problem, smtplib.SMTPServerDisconnected):
        return f"{where} did not answer in time, or hung up: {problem}."
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"{where} shows a certificate that is not trusted ({problem.verify_message}): see [alerts.mail] ca_file."
    if isinstance(problem, ssl.SSLError):
        return f"{where} does not speak TLS as [alerts.mail] security asks ({problem.reason}): see its port too."
    return f"{where} cannot be reached ({type(problem).__name__}): see [alerts.mail] host, port and security."
