"""Notes back: lines of the circulation history told to the service, where staff of the resource-sharing side look."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from bridge.domain.masking import vendor_words
from bridge.domain.notes import Note, NoteKind
from bridge.errors import CredentialsRejected, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.http import Answer, Exchange, Http, HttpRules, Sending, Unpaced
from bridge.sources.signing import SIGNATURE, TIMESTAMP, sign


class NoteSettings(BaseModel):
    """Settings that notes to every kind of source have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: tuple[NoteKind, ...] = Field(
        default=(NoteKind.STEP, NoteKind.STOP),
        min_length=1,
        description="Which lines are told: step (what was done in the ILS), stop (that staff are needed, and why), state (other states), "
        "staff (what staff decided).",
        examples=[["stop"]],
    )
    give_up_hours: float = Field(
        default=72, gt=0, description="Hours for which a note is tried; then it is given up and said.", examples=[72]
    )
    timeout: float = Field(default=20, gt=0, description="Seconds to wait for an answer.", examples=[20])

    @property
    def for_partner(self) -> bool:
        """Whether the other library reads them, and not our own staff."""
        return False


class NoteChannel(Protocol):
    """A way to tell a service."""

    @property
    def repeats(self) -> bool:
        """Whether what may have arrived may be sent again: it is looked up first, or its receiver knows it."""
        ...

    def has(self, note: Note) -> bool:
        """Whether the note arrived already; asked before a second try. Raises as ``send``.

        ``False`` too where the service recognises a repeat by itself.
        """
        ...

    def send(self, note: Note) -> None:
        """Tell it. Raises ``Rejected`` (never will), ``OutcomeUnknown`` (it may have arrived), ``Unavailable``, ``Retry``,
        ``CredentialsRejected`` (it did not).
        """
        ...

    def close(self) -> None:
        """Close connections."""
        ...


class HookNotes(NoteSettings):
    """Settings of notes that are posted as signed JSON."""

    url: SecretStr = Field(
        description="Address that takes them; it counts as a secret, since many services let in whoever knows it.",
        examples=["https://ill.example.org/hooks/circulation"],
    )
    secret: SecretStr = Field(
        min_length=8, description="Shared secret that notes are signed with.", examples=["a long random text"]
    )
    ca_file: str | None = Field(
        default=None, description="CA certificates to trust instead of the system's.", examples=["/etc/ssl/ill-ca.pem"]
    )

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("must be an address that begins with https:// (or http://)")
        return value


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


class NoteHook:
    """Posts notes, signed as our own webhooks are. Every try bears the same key, by which the receiver recognises a repeat."""

    repeats = True

    def __init__(
        self, name: str, settings: HookNotes, tell: Callable[[Exchange], None], clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._name = name
        self._settings = settings
        self._clock = clock
        parts = urlsplit(settings.url.get_secret_value())
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        rules = HttpRules(read_timeout=settings.timeout, tries=1, ca_file=settings.ca_file)
        self._http = Http(f"{parts.scheme}://{parts.netloc}", name=name, pace=Unpaced(), tell=tell, rules=rules)

    def has(self, note: Note) -> bool:  # noqa: ARG002 - the receiver knows keys
        """The receiver takes each key once, as docs/reference/notes.md asks of it."""
        return False

    def send(self, note: Note) -> None:
        """Post it."""
        body = json.dumps(payload(note), ensure_ascii=False).encode()
        timestamp = str(int(self._clock().timestamp()))
        signature = sign(self._settings.secret.get_secret_value(), timestamp, body)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": note.key,
            TIMESTAMP: timestamp,
            SIGNATURE: signature,
        }
        answer = self._http.send(Sending("POST", self._path, "[notes]", body=body, headers=headers))
        refuse(answer, self._name)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def payload(note: Note) -> Mapping[str, object]:
    """What is posted; the fields are described in docs/reference/notes.md and only grow."""
    request = note.request
    return {
        "version": 1,
        "key": note.key,
        "kind": note.kind.value,
        "at": note.at.isoformat(),
        "library": request.library,
        "service": request.service,
        "role": request.role.value,
        "request": {"number": request.number, "requester": request.requester},
        "bridge_request": note.short_id,
        "line": note.line,
    }


def refuse(answer: Answer, name: str, *, repeat_is_known: bool = True) -> None:
    """Our error for an answer that is none of success. ``repeat_is_known``: the service answers a repeat with 409, which is success."""
    status = answer.status
    if 200 <= status < 300 or (status == 409 and repeat_is_known):
        return
    said = f"{name} did not take a note (HTTP {status})"
    if status in {401, 403}:
        raise CredentialsRejected(f"{said}: it does not accept our credentials.", advice="Correct the source's secret.")
    if status in {408, 425, 429}:
        raise Retry(f"{said}.")
    if status == 503:
        raise Unavailable(f"{said}.")
    if status >= 500:
        raise OutcomeUnknown(f"{said}.")
    words = vendor_words(answer.text)
    raise Rejected(f"{said}{f': {words}' if words else '.'}")
