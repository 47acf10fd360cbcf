"""Client credentials of OAuth 2.0 (RFC 6749 4.4): a key and a secret are changed for a token that lasts a while."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, SecretStr, ValidationError

from bridge.errors import CredentialsRejected, Unavailable
from bridge.http import Answer, Exchange, Http, HttpRules, Sending, Unpaced, lifetime
from bridge.sources.asked import basic
from bridge.values import AccessToken

EARLY = timedelta(seconds=30)
"""A token is renewed so long before its end, so that none ends on its way."""
SHORTEST = timedelta(seconds=5)


class Token(BaseModel):
    """What such a server answers; more fields are passed over."""

    access_token: AccessToken
    expires_in: float = 300.0


class ClientCredentials:
    """Tokens of one server. ``in_body``: key and secret stand in the form, not in HTTP Basic. Raises as ``headers`` says."""

    def __init__(
        self,
        name: str,
        address: str,
        key: str,
        secret: SecretStr,
        *,
        tell: Callable[[Exchange], None],
        clock: Callable[[], datetime],
        rules: HttpRules,
        scope: str = "",
        in_body: bool = False,
    ) -> None:
        self._name = name
        self._key = key
        self._secret = secret
        self._scope = scope
        self._in_body = in_body
        self._clock = clock
        self._guard = threading.Lock()
        self._token = ""
        self._until: datetime | None = None
        parts = urlsplit(address)
        self._path = parts.path or "/"
        self._http = Http(f"{parts.scheme}://{parts.netloc}", name=name, pace=Unpaced(), tell=tell, rules=rules)

    def headers(self) -> Mapping[str, str]:
        """The token, fetched where there is none that lasts. Raises ``CredentialsRejected`` and ``Unavailable``."""
        with self._guard:
            if self._until is None or self._clock() >= self._until:
                self._fetch()
            return {"Authorization": f"Bearer {self._token}"}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """A token that ended before its time is let go."""
        with self._guard:
            if refused.get("Authorization") == f"Bearer {self._token}":
                self._until = None
        return True

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _fetch(self) -> None:
        form = {"grant_type": "client_credentials", **({"scope": self._scope} if self._scope else {})}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        secret = self._secret.get_secret_value()
        if self._in_body:
            form |= {"client_id": self._key, "client_secret": secret}
        else:
            headers["Authorization"] = basic(self._key, secret)
        sending = Sending(
            "POST", self._path, self._path, body=urlencode(form).encode(), headers=headers, repeatable=True
        )
        found = self._read(self._http.send(sending))
        self._token = found.access_token
        self._until = self._clock() + max(lifetime(found.expires_in) - EARLY, SHORTEST)

    def _read(self, answer: Answer) -> Token:
        if answer.status in {400, 401, 403}:
            raise CredentialsRejected(
                f"Source {self._name} gives us no token (HTTP {answer.status}).", advice="Correct key and secret."
            )
        try:
            if answer.status != 200:
                raise ValueError
            return Token.model_validate(json.loads(answer.body))
        except (ValueError, RecursionError, ValidationError) as wrong:
            said = f"Source {self._name} does not answer as it should when asked for a token (HTTP {answer.status})."
            raise Unavailable(said) from wrong
