"""A source that is asked over HTTP: its address and credentials, and what its answers may be."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from bridge.domain.masking import vendor_words
from bridge.errors import CredentialsRejected, RefusedInput, Rejected, Unavailable
from bridge.http import Answer, Exchange, Http, HttpRules, Sending, Unpaced, moment_of
from bridge.sources.polled import PolledSettings

LONGEST_NUMBER = 100
"""Digits of a number that are read as one; Python itself refuses some thousands."""


class AskedSettings(PolledSettings):
    """Settings of every source that is asked over HTTP."""

    url: str = Field(description="Address of the list of changes.", examples=["https://ill.example/api/changes"])
    token: SecretStr | None = Field(default=None, description="Sent as 'Authorization: Bearer …'.", examples=["…"])
    user: str = Field(default="", description="User for HTTP basic authentication.", examples=["bridge"])
    password: SecretStr | None = Field(
        default=None, description="Password for HTTP basic authentication.", examples=["…"]
    )
    token_header: str = Field(
        default="",
        description="Header that takes the token instead of Authorization.",
        examples=["X-Api-Key"],
    )
    read_timeout: float = Field(default=30, gt=0, description="Seconds to wait for an answer.", examples=[30])
    ca_file: str | None = Field(
        default=None, description="CA certificates to trust instead of the system's.", examples=["/etc/ssl/ill-ca.pem"]
    )

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return web_address(value)


def web_address(value: str) -> str:
    """An address of the web. Raises ``ValueError``."""
    if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).netloc:
        raise ValueError("must be an address that begins with https:// (or http://)")
    return value


class Credentials(Protocol):
    """What lets us in, where it is more than what the settings hold."""

    def headers(self) -> Mapping[str, str]:
        """Sent with each call. Raises ``IlsError`` where they cannot be had."""
        ...

    def renew(self, refused: Mapping[str, str]) -> bool:
        """These were refused; answers whether others can be tried."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


class FixedCredentials:
    """Those of the settings: a token, or user and password."""

    def __init__(self, settings: AskedSettings) -> None:
        self._settings = settings

    def headers(self) -> Mapping[str, str]:
        """The header that they go in."""
        token, password = self._settings.token, self._settings.password
        if token is not None:
            secret = token.get_secret_value()
            named = self._settings.token_header
            return {named: secret} if named else {"Authorization": f"Bearer {secret}"}
        if password is not None:
            return {"Authorization": basic(self._settings.user, password.get_secret_value())}
        return {}

    def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002 - they are always the same
        """There are no others."""
        return False

    def close(self) -> None:
        """Nothing is held open."""


class Asked:
    """Conversations with one service, at one host. ``told_at`` is when the service says it answered last."""

    def __init__(
        self,
        name: str,
        settings: AskedSettings,
        *,
        tell: Callable[[Exchange], None],
        credentials: Credentials | None = None,
        headers: Mapping[str, str] | None = None,
        code_of: Callable[[Answer], str] | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        self.answered = False
        self.told_at: datetime | None = None
        self._code_of = code_of or status_code
        self._credentials = credentials or FixedCredentials(settings)
        self._headers = {"Accept": "application/json", **(headers or {})}
        address = urlsplit(settings.url)
        self.path = address.path or "/"
        self.query = dict(part.partition("=")[::2] for part in address.query.split("&") if part)
        self._http = Http(
            f"{address.scheme}://{address.netloc}",
            name=name,
            pace=Unpaced(),
            tell=tell,
            rules=HttpRules(read_timeout=settings.read_timeout, ca_file=settings.ca_file),
        )

    def close(self) -> None:
        """Close connections."""
        self._http.close()
        self._credentials.close()

    def get(self, path: str, params: Mapping[str, str] | None = None, *, template: str = "") -> Any:  # noqa: ANN401 - JSON
        """What stands at this path below our address, parsed. Raises as ``json``."""
        whole = f"{self.path.rstrip('/')}{path}"
        return self.json(
            Sending("GET", whole, template or whole, params={**self.query, **(params or {})}, repeatable=True)
        )

    def json(self, sending: Sending) -> Any:  # noqa: ANN401 - JSON
        """The answer, parsed. Raises ``Unavailable``, ``CredentialsRejected``, ``Rejected``, ``RefusedInput`` for what is not JSON."""
        answer = self._sent(sending)
        refuse(answer, self.name, self._code_of)
        try:
            return json.loads(answer.body, parse_int=number)
        except (ValueError, RecursionError) as wrong:
            kind = answer.header("Content-Type").partition(";")[0].strip() or "of no type"
            said = f"Source {self.name} answered something that is not JSON ({len(answer.body)} bytes, {kind})."
            raise RefusedInput(said) from wrong

    def answer(self, sending: Sending) -> Answer:
        """The answer, whatever it is. Raises as ``Http.send`` and ``Credentials.headers``."""
        return self._sent(sending)

    def _sent(self, sending: Sending) -> Answer:
        """A refused token may have ended before its time: it is renewed once."""
        credentials = dict(self._credentials.headers())
        answer = self._once(sending, credentials)
        if answer.status == 401 and self._credentials.renew(credentials):
            answer = self._once(sending, self._credentials.headers())
        return answer

    def _once(self, sending: Sending, credentials: Mapping[str, str]) -> Answer:
        headers = {**self._headers, **credentials, **sending.headers}
        answer = self._http.send(replace(sending, headers=headers))
        self.answered = True
        self.told_at = moment_of(answer)
        return answer

    def at(self, address: str) -> Sending:
        """The next page at an address the service named; only on its own host, so that our token goes nowhere else."""
        try:
            parts = urlsplit(address)
        except ValueError as wrong:
            raise RefusedInput(f"Source {self.name} names a next page that is no address ({wrong}).") from wrong
        if f"{parts.scheme}://{parts.netloc}" != self._http.base_url:
            raise RefusedInput(
                f"Source {self.name} names a next page on another host ({parts.netloc}); it is not followed."
            )
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return Sending("GET", path, self.path, repeatable=True)

    def ahead(self, now: datetime) -> timedelta | None:
        """How far the service's clock is ahead of ours; ``None`` where it does not say."""
        return self.told_at - now if self.told_at is not None else None

    def without_secrets(self, text: str) -> str:
        """A service's own words, in case it repeats what it was sent."""
        for name in type(self.settings).model_fields:
            secret = getattr(self.settings, name)
            if isinstance(secret, SecretStr) and secret.get_secret_value():
                text = text.replace(secret.get_secret_value(), "(secret)")
        return text


def status_code(answer: Answer) -> str:
    """What a refusal is known by, where the service has no codes of its own."""
    return str(answer.status)


def refuse(answer: Answer, name: str, code_of: Callable[[Answer], str] = status_code) -> None:
    """Raises the error that an answer stands for, unless it is what was asked for."""
    if answer.status in {401, 403}:
        raise CredentialsRejected(f"Source {name} does not accept our credentials (HTTP {answer.status}).")
    if answer.status >= 500:
        raise Unavailable(f"Source {name} does not answer as it should (HTTP {answer.status}).")
    if answer.status != 200:
        words = vendor_words(answer.text)
        said = f"Source {name} refuses our question (HTTP {answer.status}){f': {words}' if words else '.'}"
        raise Rejected(said, code=code_of(answer))


def number(digits: str) -> int | str:
    """A whole number; one that no field of ours holds stays the text it is, so that the other changes of its page are taken."""
    return int(digits) if len(digits) < LONGEST_NUMBER else digits


def basic(user: str, password: str) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
