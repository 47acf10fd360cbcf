"""Tokens for as long as nobody meant, and answers that hold none: each is a token, or one of our errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from werkzeug import Request, Response

from bridge.connectors.base import Connector, Surroundings
from bridge.connectors.koha import KohaConnector, KohaSettings
from bridge.connectors.ncip.bearer import Bearer
from bridge.connectors.sierra import SierraConnector, SierraSettings
from bridge.errors import BridgeError
from bridge.http import Http, HttpRules, Unpaced
from bridge.sandbox.server import Server
from bridge.sources.oauth import ClientCredentials

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
KEY = {"timezone": "UTC", "secret": "s"}


class Giver:
    """Gives tokens, and answers all else with nonsense."""

    given = b""
    url = ""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked = Request(environ)
        return Response(self.given if asked.method == "POST" else b"[]")(environ, start_response)


def probed(connector: Connector) -> None:
    try:
        connector.probe()
    finally:
        connector.close()


def by_bearer(url: str) -> None:
    tokens = Http(url, name="ils", pace=Unpaced(), tell=lambda _: None, rules=HttpRules(tries=1))
    Bearer(tokens, "k", "s", "scope", lambda: NOW).headers()


def by_source(url: str) -> None:
    tell, clock, rules = (lambda _: None), (lambda: NOW), HttpRules(tries=1)
    ClientCredentials("feed", f"{url}/token", "k", SecretStr("s"), tell=tell, clock=clock, rules=rules).headers()


def by_sierra(url: str) -> None:
    known = SierraSettings.model_validate({"base_url": url, "key": "k", **KEY})
    probed(SierraConnector(known, Surroundings("ils", Unpaced(), lambda _: None), now=lambda: NOW))


def by_koha(url: str) -> None:
    known = KohaSettings.model_validate({"base_url": url, "auth": "oauth2", "user": "k", **KEY})
    probed(KohaConnector(known, Surroundings("ils", Unpaced(), lambda _: None), now=lambda: NOW))


def refusal(ask: Callable[[str], None], url: str) -> BridgeError | None:
    try:
        ask(url)
    except BridgeError as problem:
        return problem
    return None


@pytest.fixture(scope="module")
def giver() -> Iterator[Giver]:
    made = Giver()
    with Server(made) as server:
        made.url = server.url
        yield made


@pytest.mark.parametrize("ask", [by_bearer, by_source, by_sierra, by_koha])
@pytest.mark.parametrize(
    "seconds", ["9223372036854775807", "1e999", "-1e999", "NaN", "9" * 400, "-1", "0", "253402300800", "null", '"x"']
)
def test_a_token_may_be_said_to_last_as_long_as_it_likes(
    giver: Giver, ask: Callable[[str], None], seconds: str
) -> None:
    giver.given = b'{"access_token": "t", "expires_in": %s}' % seconds.encode()
    refusal(ask, giver.url)


@pytest.mark.parametrize("ask", [by_bearer, by_source, by_sierra, by_koha])
@pytest.mark.parametrize(
    "given", [b"", b"null", b"[" * 100_000, b'{"access_token": "t\\r\\nX: y"}', b'{"access_token": "\\ud800"}']
)
def test_what_is_no_token_is_an_error_of_ours(giver: Giver, ask: Callable[[str], None], given: bytes) -> None:
    giver.given = given
    problem = refusal(ask, giver.url)
    assert str(problem)
    assert problem is not None
