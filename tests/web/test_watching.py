"""Health and metrics: where they are served, who may look, and what they say of a ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import structlog

from bridge.configuring import check
from bridge.errors import ConfigurationError
from bridge.ledger import Ledger, LedgerBusy
from bridge.ledger.model import FOREVER
from bridge.settings import Configuration
from bridge.web.access import open_to_others, place_of
from bridge.web.readiness import health_of
from bridge.web.servers import WebServers
from bridge.wiring import connector_settings, source_settings
from tests.databases import migrate
from tests.ledger.sample import MINUTE, NOW

TOKEN = "a-long-random-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
TEXT = "text/plain; version=0.0.4"
LOOPBACK = "127.0.0.1:0"
EVERYWHERE = "0.0.0.0"  # noqa: S104


def known_of(web: dict[str, Any], ledger: str = "sqlite:///unused.db") -> Configuration:
    alma = {"host": "http://127.0.0.1:1", "api_key": "k", "timezone": "UTC"}
    raw: dict[str, Any] = {
        "ledger": {"url": ledger},
        "web": {"port": 0, **web},
        "ils": {"alma": {"connector": "alma", "settings": alma}},
        "libraries": {"main": {"ils": "alma"}},
        "sources": {"hook": {"kind": "webhook", "service": "svc", "library": "main", "secret": "a shared secret"}},
    }
    return check(raw, connector_settings=connector_settings, source_settings=source_settings)


def exposition(accept: str) -> tuple[bytes, str]:
    return f"# asked for {accept}\n".encode(), TEXT


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(migrate(f"sqlite:///{tmp_path / 'ledger.db'}"), clock=lambda: NOW)
    made.lanes.ensure(["alma"])
    yield made
    made.close()


@pytest.fixture
def serve(ledger: Ledger) -> Iterator[Callable[..., WebServers]]:
    opened: list[WebServers] = []

    def serving(**web: object) -> WebServers:
        known = known_of(web)
        made = WebServers(known.settings.web, {}, health_of(known, ledger), exposition)
        opened.append(made)
        made.start()
        return made

    yield serving
    for each in opened:
        each.stop()


def get(url: str, headers: dict[str, str] | None = None) -> requests.Response:
    return requests.get(url, headers=headers, timeout=10)


def test_all_on_the_main_address_where_none_has_its_own(serve: Callable[..., WebServers]) -> None:
    web = serve()
    assert web.url == web.health_url == web.metrics_url
    assert get(f"{web.url}/healthz").json() == {"status": "alive"}
    answer = get(f"{web.url}/metrics", {"Accept": "text/plain"})
    assert (answer.text, answer.headers["Content-Type"]) == ("# asked for text/plain\n", TEXT)
    assert "/readyz" in get(f"{web.url}/openapi.json").json()["paths"]


def test_each_on_an_address_of_its_own_and_nowhere_else(serve: Callable[..., WebServers]) -> None:
    web = serve(health={"address": LOOPBACK}, metrics={"address": "[::1]:0"})
    assert len({web.url, web.health_url, web.metrics_url}) == 3
    assert web.metrics_url.startswith("http://[::1]:")
    found = {
        (name, path): get(f"{url}{path}").status_code
        for name, url in (("main", web.url), ("health", web.health_url), ("metrics", web.metrics_url))
        for path in ("/healthz", "/readyz", "/metrics", "/openapi.json")
    }
    there = {place for place, status in found.items() if status != 404}
    assert there == {("health", "/healthz"), ("health", "/readyz"), ("metrics", "/metrics"), ("main", "/openapi.json")}


def test_both_may_share_one_address(serve: Callable[..., WebServers]) -> None:
    web = serve(health={"address": LOOPBACK}, metrics={"address": LOOPBACK})
    assert web.health_url == web.metrics_url != web.url
    assert get(f"{web.health_url}/healthz").ok
    assert get(f"{web.metrics_url}/metrics").ok


def test_an_address_of_its_own_that_is_the_main_one_is_the_main_one() -> None:
    web = known_of({"host": "127.0.0.1", "port": 8018, "health": {"address": "127.0.0.1:8018"}}).settings.web
    assert not place_of(web, web.health).own


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong-but-as-long-as"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": TOKEN},
        {"Authorization": b"Bearer \xff\xfe"},
    ],
)
def test_without_the_token_nothing_is_said(
    serve: Callable[..., WebServers], path: str, headers: dict[str, str]
) -> None:
    web = serve(health={"token": TOKEN}, metrics={"token": TOKEN})
    answer = get(f"{web.url}{path}", headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="ill-bridge"')
    assert list(answer.json()) == ["error"]
    assert TOKEN not in answer.text


def test_with_the_token_everything_is_said(serve: Callable[..., WebServers]) -> None:
    web = serve(health={"token": TOKEN}, metrics={"token": TOKEN})
    assert get(f"{web.url}/healthz", BEARER).ok
    assert get(f"{web.url}/metrics", {"Authorization": f"bearer  {TOKEN}"}).ok
    assert [part["name"] for part in get(f"{web.url}/readyz", BEARER).json()["parts"]] == [
        "ledger",
        "lane alma",
        "source hook",
    ]


def test_a_refusal_is_logged_without_what_was_given(serve: Callable[..., WebServers]) -> None:
    web = serve(metrics={"token": TOKEN})
    with structlog.testing.capture_logs() as logs:
        get(f"{web.url}/metrics", {"Authorization": "Bearer guessed-it-wrong"})
    assert logs == [{"event": "watch.refused", "log_level": "warning", "path": "/metrics", "token_given": True}]


def test_on_the_main_address_without_a_token_only_yes_or_no(serve: Callable[..., WebServers], ledger: Ledger) -> None:
    url = f"{serve().url}/readyz"
    assert (get(url).status_code, get(url).json()) == (200, {"ready": True})
    ledger.lanes.close("alma", until=NOW, why="The key of alma.example is not accepted.", cause="credentials_rejected")
    assert (get(url).status_code, get(url).json()) == (503, {"ready": False})


def test_on_a_loopback_address_of_its_own_the_parts_are_told(serve: Callable[..., WebServers], ledger: Ledger) -> None:
    url = f"{serve(health={'address': LOOPBACK}).url}"
    assert get(f"{url}/readyz").status_code == 404
    url = f"{serve(health={'address': LOOPBACK}).health_url}/readyz"
    ledger.lanes.close("alma", until=NOW, why="Nobody there.", cause="unavailable")
    answer = get(url)
    assert answer.status_code == 503
    parts = {part["name"]: part for part in answer.json()["parts"]}
    assert (parts["lane alma"]["state"], parts["lane alma"]["why"]) == ("down", "Nobody there.")
    assert parts["lane alma"]["since"] == "2026-11-24T09:00:00Z"
    assert parts["ledger"]["ready"]


class TestReadiness:
    def parts(self, ledger: Ledger) -> dict[str, Any]:
        found = health_of(known_of({}), ledger)()
        assert found.ready == all(part.ready for part in found.parts)
        return {part.name: (part.ready, part.state, part.why) for part in found.parts}

    def test_all_is_well(self, ledger: Ledger) -> None:
        ledger.lanes.ensure(["of-another-configuration"])
        ledger.lanes.close("of-another-configuration", until=NOW, why="x", cause="unavailable")
        ok = (True, "ok", "")
        assert self.parts(ledger) == {"ledger": ok, "lane alma": ok, "source hook": ok}

    def test_a_pause_by_staff_is_no_fault_even_while_the_ils_is_down(self, ledger: Ledger) -> None:
        ledger.lanes.close("alma", until=NOW, why="Nobody there.", cause="unavailable")
        ledger.lanes.hold("alma", until=NOW + MINUTE, why="Alma upgrade.")
        ledger.libraries.hold("main", until=FOREVER, why="Holidays.")
        found = {part.name: part for part in health_of(known_of({}), ledger)().parts}
        assert self.parts(ledger)["lane alma"] == (True, "held", "Alma upgrade.")
        assert self.parts(ledger)["library main"] == (True, "held", "Holidays.")
        assert (found["lane alma"].until, found["library main"].until) == (NOW + MINUTE, None)

    def test_a_library_at_its_quota_needs_a_human(self, ledger: Ledger) -> None:
        ledger.libraries.hold("main", until=FOREVER, why="50 were deleted.", cause="delete_quota")
        assert self.parts(ledger)["library main"] == (False, "held", "50 were deleted.")

    def test_a_source_that_is_silent(self, ledger: Ledger) -> None:
        ledger.inbox.polled("hook", "It does not answer.")
        assert self.parts(ledger)["source hook"] == (False, "down", "It does not answer.")

    def test_a_ledger_that_cannot_be_read(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        def busy() -> None:
            raise LedgerBusy("Gone.")

        monkeypatch.setattr(ledger.figures, "gates", busy)
        assert self.parts(ledger) == {"ledger": (False, "down", "Gone.")}


class TestSettings:
    @pytest.mark.parametrize("address", ["9101", "host", ":9101", "host:port", "host:70000", "::1:9101", "host:-1"])
    def test_an_address_needs_host_and_port(self, address: str) -> None:
        with pytest.raises(ConfigurationError, match=r"web\.metrics\.address: .*127\.0\.0\.1:9101"):
            known_of({"metrics": {"address": address}})

    @pytest.mark.parametrize("token", ["", "short", " sixteen signs or more", "schlüssel-schlüssel"])
    def test_a_token_must_be_hard_to_guess_and_fit_a_header(self, token: str) -> None:
        with pytest.raises(ConfigurationError, match=r"web\.health\.token: .*at least 16") as wrong:
            known_of({"health": {"token": token}})
        assert not token or token not in str(wrong.value).partition(":")[2]

    def test_a_token_may_stand_in_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
        web = known_of({"metrics": {"token_file": str(tmp_path / "token")}}).settings.web
        assert web.metrics.token is not None
        assert web.metrics.token.get_secret_value() == TOKEN
        assert TOKEN not in repr(web)

    @pytest.mark.parametrize(
        ("web", "told"),
        [
            ({}, []),
            ({"host": "localhost"}, []),
            ({"host": "::1"}, []),
            ({"host": EVERYWHERE}, ["web.metrics", "web.health"]),
            ({"host": "bridge.example"}, ["web.metrics", "web.health"]),
            ({"host": EVERYWHERE, "metrics": {"token": TOKEN}, "health": {"token": TOKEN}}, []),
            ({"host": EVERYWHERE, "metrics": {"address": LOOPBACK}, "health": {"address": "[::1]:1"}}, []),
            ({"metrics": {"address": f"{EVERYWHERE}:9101"}}, ["web.metrics"]),
            ({"health": {"address": "10.0.0.1:9101"}}, ["web.health"]),
        ],
    )
    def test_what_is_open_to_everybody_is_told(self, web: dict[str, Any], told: list[str]) -> None:
        said = open_to_others(known_of(web).settings.web)
        assert [sentence.partition(":")[0] for sentence in said] == told


def test_a_port_already_taken_closes_what_was_opened(ledger: Ledger, serve: Callable[..., WebServers]) -> None:
    taken = serve().url.rpartition(":")[2]
    known = known_of({"metrics": {"address": f"127.0.0.1:{taken}"}})
    with pytest.raises(ConfigurationError, match=f"port {taken}"):
        WebServers(known.settings.web, {}, health_of(known, ledger), exposition)
