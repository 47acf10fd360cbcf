"""OAuth2 client credentials: one token a scope, kept until shortly before it ends (koha-wms-spydus.md section B.2)."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from bridge.errors import CredentialsRejected, Unavailable
from bridge.http import Answer, Http, Sending, lifetime
from bridge.values import AccessToken

EARLY = timedelta(seconds=60)
"""How long before its end a token is renewed."""
_ADVICE = "See to the key and its secret, and to the services it was given."


class _Token(BaseModel):
    access_token: AccessToken
    expires_in: float = 0.0


class Bearer:
    """A token of one scope. Safe to use from several threads."""

    def __init__(self, http: Http, key: str, secret: str, scope: str, now: Callable[[], datetime]) -> None:
        self._http = http
        self._key = base64.b64encode(f"{key}:{secret}".encode()).decode()
        self._scope = scope
        self._now = now
        self._guard = threading.Lock()
        self._token = ""
        self._until = now()

    def headers(self) -> dict[str, str]:
        """The header that lets us in. Raises ``CredentialsRejected``, ``Unavailable``."""
        with self._guard:
            if not self._token or self._now() >= self._until:
                self._fetch()
            return {"Authorization": f"Bearer {self._token}"}

    def forget(self) -> None:
        """The token was not taken: the next call fetches another."""
        with self._guard:
            self._token = ""

    def _fetch(self) -> None:
        body = urlencode({"grant_type": "client_credentials", "scope": self._scope}).encode()
        headers = {"Authorization": f"Basic {self._key}", "Content-Type": "application/x-www-form-urlencoded"}
        answer = self._http.send(Sending("POST", "", "token", body=body, headers=headers, repeatable=True))
        if answer.status in {400, 401, 403}:
            said = f"The key is not accepted for {self._scope} (HTTP {answer.status})."
            raise CredentialsRejected(said, advice=_ADVICE)
        found = _read(answer)
        self._token, self._until = found.access_token, self._now() + lifetime(found.expires_in) - EARLY


def _read(answer: Answer) -> _Token:
    try:
        return _Token.model_validate_json(answer.body)
    except ValidationError as nonsense:
        raise Unavailable(f"No token could be read from the answer (HTTP {answer.status}).") from nonsense
