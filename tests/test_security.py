"""Every way in asks who is there, every way out asks who answers, and no secret is compared, sent or logged where it must not be."""

from __future__ import annotations

import ast
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from fastapi.routing import APIRoute
from pydantic import BaseModel, SecretStr

from bridge.alerts.channel import Parcel
from bridge.alerts.model import Undelivered
from bridge.alerts.settings import HookSettings, MailSettings
from bridge.alerts.webhook import HookChannel
from bridge.connectors.base import Surroundings
from bridge.connectors.registry import connector_kind, connector_names
from bridge.connectors.sip2.settings import Sip2Settings
from bridge.errors import BridgeError
from bridge.http import Exchange, Http, HttpRules, Sending, Unpaced
from bridge.jobs.alerts import trial
from bridge.sources.feed import FeedSettings, FeedSource
from bridge.sources.kinds import KINDS
from bridge.web.access import Guard
from bridge.web.app import make_app, make_watching_app
from bridge.web.conversations import conversations_router
from bridge.web.figures import metrics_router
from bridge.web.health import Readiness, health_router
from bridge.web.server import WebServer
from bridge.wiring import conversations_of, doors_of, ledger_of
from tests.alerts.post import certificate
from tests.checks.build import known
from tests.databases import migrate

BRIDGE = Path(__file__).parents[1] / "bridge"
TOKEN = SecretStr("a long random token")
OPEN_TO_ALL = {"/openapi.json"}
"""What the interface looks like, and nothing of this library."""
SECRETS = ("get_secret_value", "sign(", "hexdigest", "digest()")
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class TestDoors:
    @pytest.fixture
    def apps(self, tmp_path: Path) -> Iterator[list[tuple[Any, str]]]:
        iso = {
            "kind": "iso18626",
            "service": "svc",
            "library": "main",
            "peers": {"p": {"ours": True, "secret": "a secret"}},
        }
        settings = known(ledger__url=migrate(f"sqlite:///{tmp_path / 'ledger.db'}"), sources__iso=iso)
        ledger = ledger_of(settings)
        health = health_router(lambda: Readiness(ready=True), Guard(TOKEN), details=True)
        metrics = metrics_router(lambda _: (b"figures", "text/plain"), Guard(TOKEN))
        made = [
            make_app(
                doors_of(settings, ledger), [health, metrics, conversations_router(conversations_of(settings, ledger))]
            ),
            make_watching_app([health, metrics]),
        ]
        servers = [WebServer(app, "127.0.0.1", 0) for app in made]
        for server in servers:
            server.start()
        yield [(app, server.url) for app, server in zip(made, servers, strict=True)]
        for server in servers:
            server.stop()
        ledger.close()

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Basic {TOKEN.get_secret_value()}"},
            {"Authorization": TOKEN.get_secret_value()},
            {"X-ILL-Bridge-Timestamp": str(int(NOW.timestamp())), "X-ILL-Bridge-Signature": "sha256=00"},
        ],
    )
    def test_none_lets_a_stranger_in(self, apps: list[tuple[Any, str]], headers: dict[str, str]) -> None:
        """Whatever route is added: it is guarded, or it stands in the list above."""
        asked = 0
        for app, url in apps:
            for route in _routes(app):
                if route.path in OPEN_TO_ALL:
                    continue
                for method in route.methods:
                    path = route.path.replace("{name}", "iso" if "iso18626" in route.path else "hook")
                    assert "{" not in path
                    answer = requests.request(method, url + path, headers=headers, data=b'{"id": 1}', timeout=10)
                    assert answer.status_code == 401, (method, path)
                    assert TOKEN.get_secret_value() not in answer.text
                    asked += 1
        assert asked >= 7

    def test_each_is_guarded_by_its_secret(self, apps: list[tuple[Any, str]]) -> None:
        app, url = apps[0]
        bearer = {"Authorization": f"Bearer {TOKEN.get_secret_value()}"}
        paths = [route.path for route in _routes(app) if isinstance(route, APIRoute) and "GET" in (route.methods or ())]
        assert paths
        assert {requests.get(url + path, headers=bearer, timeout=10).status_code for path in paths} == {200}

    def test_what_is_open_says_nothing_of_the_library(self, apps: list[tuple[Any, str]]) -> None:
        told = requests.get(f"{apps[0][1]}/openapi.json", timeout=10).text
        settings = known().settings
        assert [name for name in (*settings.libraries, *settings.sources, *settings.ils) if f'"{name}"' in told] == []
        assert [app.docs_url or app.redoc_url for app, _ in apps] == [None, None]


def _routes(app: Any) -> Iterator[Any]:
    """All of them, whether FastAPI keeps those of a router on their own or with their router."""
    for route in app.routes:
        if hasattr(route, "path"):
            yield route
        else:
            yield from _routes(route.original_router)


def _trees(*words: str) -> Iterator[tuple[Path, ast.AST]]:
    """The product's files in which one of these words stands."""
    for path in BRIDGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "sandbox" not in path.parts and "demo" not in path.parts and any(word in text for word in words):
            yield path, ast.parse(text)


class TestCode:
    def test_no_secret_is_compared_in_a_time_that_tells_of_it(self) -> None:
        """Only ``hmac.compare_digest`` compares what a stranger sent with a secret, or with what a secret makes."""
        found = []
        for path, tree in _trees(*SECRETS):
            for node in ast.walk(tree):
                if isinstance(node, ast.Compare) and any(
                    isinstance(each, ast.Eq | ast.NotEq | ast.In) for each in node.ops
                ):
                    text = ast.unparse(node)
                    if any(word in text for word in SECRETS):
                        found.append((path.name, text))
        assert found == []

    def test_no_certificate_is_left_unlooked_at(self) -> None:
        found = []
        for path, tree in _trees("verify", "CERT_NONE", "unverified"):
            for node in ast.walk(tree):
                unverified = (
                    isinstance(node, ast.keyword) and node.arg == "verify" and ast.unparse(node.value) == "False"
                )
                named = isinstance(node, ast.Attribute) and node.attr in {"CERT_NONE", "_create_unverified_context"}
                if unverified or named:
                    found.append(path.name)
        assert found == []

    def test_whoever_calls_out_can_be_told_whom_to_trust(self) -> None:
        names = set(connector_names()) - {"manual"}  # which calls nobody
        assert {"alma", "koha", "ncip", "sierra", "symphony"} <= names
        models: list[type[BaseModel]] = [connector_kind(name).settings for name in sorted(names)]
        models += [
            Sip2Settings,
            MailSettings,
            HookSettings,
            *(each.settings for each in KINDS.values() if "url" in each.settings.model_fields),
        ]
        assert [model.__name__ for model in models if "ca_file" not in model.model_fields] == []


@dataclass
class Secure:
    """A server with a certificate that nobody vouches for."""

    url: str
    ca_file: str
    seen: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def secure(self_signed: tuple[Path, Path]) -> Iterator[Secure]:
    cert, key = self_signed
    made = Secure("", str(cert))

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            made.seen.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Length", "15")
            self.end_headers()
            self.wfile.write(b'{"changes": []}')

        do_GET = do_POST = answer  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        made.url = f"https://localhost:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def feed_out(secure: Secure, ca_file: str | None) -> None:
    settings = {"service": "svc", "library": "main", "url": f"{secure.url}/changes", "ca_file": ca_file}
    feed = FeedSource("feed", FeedSettings.model_validate(settings), frozenset({"main"}), tell=lambda _: None)
    try:
        list(feed.poll(None))
    finally:
        feed.close()


def ils_out(secure: Secure, ca_file: str | None) -> None:
    settings = {"host": secure.url, "api_key": "k", "timezone": "UTC", "ca_file": ca_file, "first_wait": 0.01}
    kind = connector_kind("alma")
    connector = kind.build(kind.settings.model_validate(settings), Surroundings("alma", Unpaced(), lambda _: None))
    try:
        connector.probe()
    finally:
        connector.close()


def hook_out(secure: Secure, ca_file: str | None) -> None:
    channel = HookChannel(HookSettings(url=SecretStr(f"{secure.url}/hook"), ca_file=ca_file), lambda _: None)
    try:
        channel.send(Parcel(trial("b", NOW), "k", "k", "b", ""), NOW)
    finally:
        channel.close()


WAYS_OUT = [feed_out, ils_out, hook_out]


class TestWaysOut:
    """Mail has the same tests with its own server: tests/alerts/test_mail.py."""

    @pytest.mark.parametrize("way", WAYS_OUT)
    def test_a_certificate_that_nobody_vouches_for_is_told_nothing(
        self, secure: Secure, way: Callable[[Secure, str | None], None]
    ) -> None:
        with pytest.raises((BridgeError, Undelivered), match=r"certificate that is not trusted.*ca_file"):
            way(secure, None)
        assert secure.seen == []

    @pytest.mark.parametrize("way", WAYS_OUT)
    def test_named_as_trusted_it_is_asked(self, secure: Secure, way: Callable[[Secure, str | None], None]) -> None:
        with suppress(BridgeError):
            way(secure, secure.ca_file)
        assert secure.seen

    def test_a_write_that_was_never_sent_is_no_open_question(self, secure: Secure) -> None:
        told: list[Exchange] = []
        http = Http(secure.url, name="ils", pace=Unpaced(), tell=told.append, rules=HttpRules(tries=1))
        with pytest.raises(BridgeError, match="not trusted") as refused:
            http.send(Sending("POST", "/loans", "/loans", body=b"{}"))
        assert type(refused.value).__name__ == "Unavailable"
        assert [each.error for each in told] == ["SSLError"]
        http.close()

    def test_a_redirect_to_another_host_takes_no_secret_along(self) -> None:
        heard: list[dict[str, str]] = []

        class Other(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heard.append({name.lower(): value for name, value in self.headers.items()})
                there = self.path == "/there"
                self.send_response(200 if there else 302)
                if not there:
                    self.send_header("Location", f"http://localhost:{self.server.server_address[1]}/there")  # type: ignore[index]
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Other) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            headers = {"Authorization": "apikey secret", "X-Api-Key": "secret", "Accept": "application/json"}
            url = f"http://127.0.0.1:{server.server_address[1]}"
            http = Http(url, name="ils", pace=Unpaced(), tell=lambda _: None, headers=lambda: headers)
            assert http.send(Sending("GET", "/here", "/here", repeatable=True)).status == 200
            http.close()
            server.shutdown()
            thread.join()
        first, second = heard
        assert first["x-api-key"] == "secret"
        assert "secret" not in str(second)
        assert second["accept"] == "application/json"
