"""Notices posted as JSON, signed as our own webhooks are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from urllib.parse import urlsplit

from bridge.alerts.channel import Parcel
from bridge.alerts.model import Undelivered
from bridge.alerts.settings import HookSettings
from bridge.errors import IlsError
from bridge.http import Answer, Exchange, Http, HttpRules, Sending, Unpaced
from bridge.sources.signing import sign

NAME = "the webhook of [alerts.webhook]"


class HookChannel:
    """The channel ``webhook``. It is told of everything, whatever library it is of."""

    name = "webhook"

    def __init__(self, settings: HookSettings, tell: Callable[[Exchange], None]) -> None:
        self._settings = settings
        parts = urlsplit(settings.url.get_secret_value())
        self._path = parts.path + (f"?{parts.query}" if parts.query else "")
        rules = HttpRules(read_timeout=settings.timeout, tries=1, ca_file=settings.ca_file)
        self._http = Http(f"{parts.scheme}://{parts.netloc}", name=NAME, pace=Unpaced(), tell=tell, rules=rules)

    def audiences(self) -> tuple[str, ...]:
        """None apart."""
        return ()

    def send(self, parcel: Parcel, now: datetime) -> None:
        """Post; raises ``Undelivered`` unless the answer is 2xx."""
        body = json.dumps(payload(parcel), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "X-ILL-Bridge-Notice": parcel.id, **self._proof(body, now)}
        sending = Sending("POST", self._path, "[alerts.webhook]", body=body, headers=headers, repeatable=True)
        try:
            answer = self._http.send(sending)
        except IlsError as problem:
            advice = "" if problem.advice else " See its url, and whether the receiver runs."
            raise Undelivered(f"{problem}{advice}") from problem
        if not 200 <= answer.status < 300:
            raise Undelivered(_refused(answer))

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _proof(self, body: bytes, now: datetime) -> dict[str, str]:
        proof: dict[str, str] = {}
        if self._settings.token is not None:
            token = self._settings.token.get_secret_value()
            header = self._settings.token_header
            proof |= {header: token} if header else {"Authorization": f"Bearer {token}"}
        if self._settings.secret is not None:
            timestamp = str(int(now.timestamp()))
            signature = sign(self._settings.secret.get_secret_value(), timestamp, body)
            proof |= {"X-ILL-Bridge-Timestamp": timestamp, "X-ILL-Bridge-Signature": signature}
        return proof


def payload(parcel: Parcel) -> dict[str, object]:
    """What is posted; the fields are described in docs/how-to/alerts.md and only grow. ``text`` is what chat services show."""
    notice = parcel.notice
    return {
        "version": 1,
        "id": parcel.id,
        "thread": parcel.first_id,
        "bridge": parcel.bridge,
        "kind": notice.kind.value,
        "stage": notice.stage.value,
        "at": notice.at.isoformat(),
        "library": notice.library or None,
        "title": notice.title,
        "lines": list(notice.lines),
        "items": [{name: _plain(value) for name, value in asdict(item).items()} for item in notice.items],
        "text": f"{notice.title}\n{notice.text}",
    }


def _plain(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return None if value == "" else value


def _refused(answer: Answer) -> str:
    advice = {401: "token or secret", 403: "token or secret", 404: "url"}.get(
        answer.status, "url, and the receiver's own log"
    )
    return f"{NAME} answered {answer.status}: see its {advice}."
