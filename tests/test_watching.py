"""What those who watch are given is true: a real daemon exposes every metric of dashboard and alerts; every log event is documented."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import pytest
import requests
import structlog
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from bridge.daemon import Daemon
from bridge.ledger.audits import NewFinding
from bridge.ledger.model import NewOrder
from bridge.metrics import FAMILIES, LedgerGauges, Metrics
from bridge.sandbox.iso18626 import Talk
from bridge.sandbox.server import Server
from bridge.sandbox.service.standin import ServiceStandIn
from bridge.wiring import configuration
from tests.cli.house import House, until

ROOT = Path(__file__).parents[1]
DASHBOARD = json.loads((ROOT / "config" / "grafana" / "ill-bridge.json").read_text(encoding="utf-8"))
RULES = yaml.safe_load((ROOT / "config" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))["groups"][0][
    "rules"
]
PAGE = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
METRIC = re.compile(r"\b((?:ill_bridge|process)_[a-z0-9_]+)(?:\{([^}]*)\})?")
GROUPED = re.compile(r"\b(?:by|on) \(([^)]*)\)")
OF_PROMETHEUS = {"job", "instance"}
EVERYWHERE = "0.0.0.0"  # noqa: S104
FEED = """
[sources.feed]
kind = "feed"
service = "svc"
library = "main"
interval_seconds = 0.1
url = "{url}/changes"
token = "feed-token"
[sources.hook.notes]
url = "http://127.0.0.1:9/notes"
secret = "a secret of notes"
[sources.iso]
kind = "iso18626"
service = "svc"
library = "main"
peers = {{ system = {{ ours = true, addresses = ["127.0.0.1"] }} }}
[sources.relay]
kind = "iso18626"
service = "svc"
library = "main"
deployment = "relay"
[sources.relay.peers]
system = {{ ours = true, addresses = ["127.0.0.1"], url = "http://127.0.0.1:9/iso" }}
broker = {{ broker = true, secret = "secret of a broker", url = "http://127.0.0.1:9/iso" }}
"""


@dataclass
class Exposed:
    """What a daemon exposes: each series by name, labels and value."""

    text: str
    samples: list[tuple[str, dict[str, str], float]]

    @classmethod
    def read(cls, text: str) -> Exposed:
        samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
        return cls(text, [(each.name, each.labels, each.value) for each in samples])

    def __call__(self, name: str, **labels: str) -> float:
        """The sum of the series with these labels."""
        return sum(value for each, found, value in self.samples if each == name and labels.items() <= found.items())

    @property
    def labels(self) -> dict[str, set[str]]:
        """The label names of each metric."""
        return {name: {*labels} for name, labels, _ in self.samples}


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exposed]:
    """A daemon between stand-ins that has seen a lot: a loan, a parked request, odd messages, an outage, an order that waits."""
    house = House(tmp_path_factory.mktemp("watched"))
    service = Server(ServiceStandIn().app)
    service.start()
    house.write(FEED.format(url=service.url))
    daemon = Daemon(configuration(house.config))
    daemon.start()
    try:
        lived_through(house, daemon, service.url)
        yield Exposed.read(requests.get(f"{daemon.metrics_url}/metrics", timeout=10).text)
    finally:
        daemon.stop()
        service.stop()
        house.close()


def lived_through(house: House, daemon: Daemon, service: str) -> None:
    house.post(daemon.url)
    house.settled("in_step")
    house.post(daemon.url, request={"number": "2", "requester": "ABC"}, patron={"id": "nobody"})
    house.settled("parked", "2")
    house.post(daemon.url, status="Returned")
    house.post(daemon.url, status="Completed")
    house.settled("closed")
    house.post(daemon.url, status="Teleported")
    house.repeat(daemon.url, status="Teleported")
    house.post(daemon.url, role="onlooker")
    for door in ("iso", "relay"):
        body = Talk("OUR", "SUP", "B-1").acted("Notification", at="2026-11-20T10:00:00Z")
        requests.post(f"{daemon.url}/iso18626/{door}", data=body, headers={"Content-Type": "text/xml"}, timeout=20)
    requests.post(f"{daemon.url}/sources/hook/events", data=b"{}", timeout=10)
    requests.post(f"{service}/requests", json={"number": "F1", "requester": "ABC", "role": "borrower"}, timeout=10)
    until(lambda: house.row("F1"), "a poll that brings something")
    house.outage(on=True)
    house.post(daemon.url, request={"number": "3", "requester": "ABC"})
    until(lambda: daemon.ledger.lanes.all()[0].paused_until, "a closed lane")
    until(lambda: any(each.tries for each in daemon.ledger.notes.unsent()), "a note that was not taken")
    daemon.ledger.audits.seen((NewFinding("alma:mark:1", "main", "alma", "orphan", "Something bears our mark."),))
    order = NewOrder("resync", 1, '{"kind": "resync", "request_id": 1}', "ada")
    daemon.ledger.orders.watch("b")
    daemon.ledger.orders.give_all([order], batch="b")
    daemon.ledger.libraries.hold("main", until=daemon.ledger.clock().replace(year=9000), why="Enough.")


def test_what_happened_is_counted(exposed: Exposed) -> None:
    received = {
        result: exposed("ill_bridge_changes_received_total", source="hook", result=result)
        for result in ("folded", "repeated", "malformed", "unknown_word", "refused", "not_kept")
    }
    assert received == {
        "folded": 5,
        "repeated": 1,
        "malformed": 1,
        "unknown_word": 1,
        "refused": 1,
        "not_kept": 0,
    }
    done = {"ils": "alma", "connector": "alma", "outcome": "done"}
    assert exposed("ill_bridge_steps_total", verb="create_temporary_item", **done) == 1
    assert exposed("ill_bridge_steps_total", verb="delete_temporary_item", **done) == 1
    assert exposed("ill_bridge_steps_total", verb="find_patron", outcome="refused") >= 1
    assert exposed("ill_bridge_ils_calls_total", ils="alma", status="2xx") > 5
    assert exposed("ill_bridge_ils_calls_total", status="2xx") + exposed(
        "ill_bridge_ils_calls_total", status="4xx"
    ) <= exposed("ill_bridge_ils_call_duration_seconds_count")
    assert exposed("ill_bridge_requests_released_total", library="main", state="closed") == 1
    assert exposed("ill_bridge_changes_received_total", source="feed", result="folded") == 1
    assert exposed("ill_bridge_source_calls_total", source="feed", status="2xx") >= 1
    assert exposed("ill_bridge_iso18626_confirmations_total", source="iso", status="OK") == 1
    assert exposed("ill_bridge_relay_calls_total", source="relay", peer="broker", status="none") == 1
    assert exposed("ill_bridge_notes_tried_total", source="hook", result="put_off") >= 1


def test_what_stands_in_the_ledger_is_told(exposed: Exposed) -> None:
    assert exposed("ill_bridge_ledger_up") == 1
    assert exposed("ill_bridge_lane_open", ils="alma") == 0
    assert exposed("ill_bridge_lane_closed_seconds", ils="alma", cause="unavailable") >= 0
    assert exposed("ill_bridge_requests", library="main", state="parked") == 1
    assert exposed("ill_bridge_requests_needing_attention", state="parked", cause="unknown_patron") == 1
    assert exposed("ill_bridge_delete_quota_used", library="main") == 1
    assert exposed("ill_bridge_delete_quota_limit", library="main") == 50
    assert exposed("ill_bridge_library_held", library="main", cause="staff") == 1
    assert exposed("ill_bridge_library_held", library="main", cause="delete_quota") == 0
    assert exposed("ill_bridge_kept_messages", source="hook", result="unknown_word") == 1
    assert exposed("ill_bridge_kept_messages", source="hook", result="malformed") == 1
    assert exposed("ill_bridge_orders_open", kind="resync") == 1
    assert exposed("ill_bridge_api_calls_remaining", ils="alma") > 1000
    assert exposed("ill_bridge_notes", source="hook", state="waiting") >= 1
    assert exposed("ill_bridge_notes", source="hook", state="given_up") == 0
    assert exposed("ill_bridge_source_silent", source="feed") == 0
    assert 0 <= exposed("ill_bridge_source_poll_age_seconds", source="feed") < 60


def test_no_request_no_patron_and_no_secret_is_in_them(exposed: Exposed) -> None:
    for secret in ("P1001", "nobody", "1001", "sandbox-key", "feed-token", "a shared secret", "R1", "ABC"):
        assert f'"{secret}"' not in exposed.text, secret
    assert "sandbox-key" not in exposed.text


def test_every_family_is_exposed_with_its_labels(exposed: Exposed) -> None:
    for family in FAMILIES:
        name = f"{family.name}_count" if family.kind == "histogram" else family.name
        assert exposed.labels[name] == set(family.labels), name


def test_nothing_is_exposed_that_is_not_documented(exposed: Exposed) -> None:
    for name in exposed.labels:
        family = re.sub(r"(?<=_seconds)_(bucket|count|sum)$", "", name)
        assert f"`{family}`" in PAGE, name


def panels() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def queries() -> Iterator[tuple[str, str]]:
    yield from panels()
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["definition"]
    for rule in RULES:
        yield rule["alert"], rule["expr"]


def test_every_query_asks_for_what_there_is(exposed: Exposed) -> None:
    """One test for all, since the daemon has to live for it."""
    wrong = [f"{title}: {why}" for title, expression in queries() for why in problems(exposed.labels, expression)]
    assert wrong == []


def problems(there: dict[str, set[str]], expression: str) -> Iterator[str]:
    used = METRIC.findall(expression)
    if not used and "up{" not in expression:
        yield "asks for nothing"
    known = set(OF_PROMETHEUS)
    for name, selector in used:
        known |= there.get(name, set())
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
        if name not in there or not asked <= there[name] | OF_PROMETHEUS:
            yield f"there is no {name} with {asked}"
    for grouped in GROUPED.findall(expression):
        if not set(grouped.replace(" ", "").split(",")) <= known:
            yield f"there are not all of the labels {grouped}"
    for label, value in re.findall(r'(\w+)="([a-z_]+)"', expression):
        if label not in OF_PROMETHEUS and not re.search(rf"\b{value}\b", PAGE):
            yield f"the page of metrics does not name {label} {value}"


def test_a_query_that_asks_for_what_is_not_there_would_be_found() -> None:
    there = {"ill_bridge_requests": {"library", "state"}}
    assert list(problems(there, 'sum by (library) (ill_bridge_requests{state="parked", job="x"})')) == []
    for wrong in (
        "vector(0)",
        "ill_bridge_nothing",
        'ill_bridge_requests{colour="parked"}',
        'ill_bridge_requests{state="xyz"}',
    ):
        assert len(list(problems(there, wrong))) == 1, wrong
    assert len(list(problems(there, "sum by (colour) (ill_bridge_requests)"))) == 1


def test_every_metric_of_the_bridge_is_on_the_dashboard() -> None:
    shown = " ".join(expression for _, expression in panels())
    for family in FAMILIES:
        assert family.name in shown, family.name


def test_the_dashboard_can_be_imported() -> None:
    assert DASHBOARD["schemaVersion"] >= 39
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource", "job", "ils", "library"}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    taken = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(taken) == len(set(taken)), "no two panels lie on one another"
    assert max(x for x, _ in taken) < 24
    for panel in DASHBOARD["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["description"], panel["title"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_every_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert len(rule["annotations"]["description"]) > 60
    for used in re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())):
        assert used == "instance" or used in rule["expr"], used
    assert rule["expr"].count("(") == rule["expr"].count(")")
    assert f"`{rule['alert']}`" in (ROOT / "docs" / "how-to" / "watch-it.md").read_text(encoding="utf-8")


def test_the_scrape_example_reads_and_uses_the_job_of_the_alerts() -> None:
    found = yaml.safe_load((ROOT / "config" / "prometheus" / "scrape.example.yml").read_text(encoding="utf-8"))
    (job,) = found["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("ill-bridge", "/metrics")
    assert 'job="ill-bridge"' in RULES[0]["expr"]


def events() -> Iterator[tuple[str, str, set[str]]]:
    """Every log event of the code: its name, a level, its fields."""
    for path in sorted((ROOT / "bridge").rglob("*.py")):
        if "sandbox" not in path.parts:
            yield from events_of(ast.parse(path.read_text(encoding="utf-8")))


def events_of(tree: ast.Module) -> Iterator[tuple[str, str, set[str]]]:
    chosen = levels_chosen(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        levels = [node.func.attr] if of_log(node.func) else chosen if is_tell(node.func) else []
        for level in levels:
            yield str(node.args[0].value), level, {str(each.arg) for each in node.keywords}


def of_log(node: ast.expr) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "log"


def is_tell(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "tell"


def levels_chosen(tree: ast.Module) -> list[str]:
    """Levels that ``tell`` may stand for in a module: ``log.x if … else log.y``, or handed to ``_told``."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp):
            found += [
                each.attr for each in (node.body, node.orelse) if isinstance(each, ast.Attribute) and of_log(each)
            ]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_told":
            found += [str(each.value) for each in node.args if isinstance(each, ast.Constant)]
    return found


def documented() -> dict[str, tuple[set[str], set[str]]]:
    text = (ROOT / "docs" / "reference" / "log-events.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([a-z, ]+) \| ([^|]*)\| [A-Z0-9`][^|]+ \|$", text, re.MULTILINE)
    return {name: (set(levels.split(", ")), set(re.findall(r"`(\w+)`", fields))) for name, levels, fields in rows}


def test_every_log_event_is_documented_and_no_other() -> None:
    written: dict[str, tuple[set[str], set[str]]] = {}
    for name, level, fields in events():
        levels, known = written.setdefault(name, (set(), set()))
        levels.add(level)
        known |= fields
    assert len(written) > 30
    assert written == documented()


class TestABusyLedger:
    @pytest.fixture
    def daemon(self, tmp_path: Path) -> Iterator[Daemon]:
        house = House(tmp_path)
        text = house.config.read_text(encoding="utf-8")
        house.config.write_text(
            text.replace("[engine]", f'[web.metrics]\naddress = "{EVERYWHERE}:0"\n[engine]'), encoding="utf-8"
        )
        made = Daemon(configuration(house.config))
        made.start()
        yield made
        made.stop()
        house.close()

    def test_a_look_does_not_fail(self, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse() -> None:
            raise OperationalError("select", {}, OSError("disk I/O error"))

        url = f"http://127.0.0.1:{daemon.metrics_url.rpartition(':')[2]}/metrics"
        with monkeypatch.context() as broken:
            broken.setattr(daemon.ledger.database.engine, "connect", refuse)
            answer = requests.get(url, timeout=10)
            ready = requests.get(f"{daemon.health_url}/readyz", timeout=10)
        assert (answer.status_code, ready.status_code, ready.json()) == (200, 503, {"ready": False})
        found = Exposed.read(answer.text)
        assert found("ill_bridge_ledger_up") == 0
        assert "ill_bridge_lane_open" not in found.labels
        after = Exposed.read(requests.get(url, timeout=10).text)
        assert after("ill_bridge_ledger_up") == 1
        assert after("ill_bridge_ledger_refusals_total", doing="read") >= 1


def test_what_is_open_to_everybody_is_said_at_the_start(tmp_path: Path) -> None:
    house = House(tmp_path)
    text = house.config.read_text(encoding="utf-8")
    house.config.write_text(text.replace("[web]", f'[web]\nhost = "{EVERYWHERE}"'), encoding="utf-8")
    daemon = Daemon(configuration(house.config))
    try:
        with structlog.testing.capture_logs() as logs:
            daemon.start()
        told = [line["why"].partition(":")[0] for line in logs if line["event"] == "web.open_to_others"]
        assert told == ["web.metrics", "web.health"]
    finally:
        daemon.stop()
        house.close()


def test_two_daemons_in_one_process_do_not_mix() -> None:
    one, other = Metrics(), Metrics()
    one.refused("hook")
    assert b'source="hook"' in one.exposition()[0]
    assert b'source="hook"' not in other.exposition()[0]


def test_the_gauges_describe_themselves_without_the_ledger() -> None:
    def not_asked() -> Any:
        pytest.fail("the ledger was asked")

    gauges = LedgerGauges(not_asked, None)  # type: ignore[arg-type]
    assert {metric.name for metric in gauges.describe()} <= {family.name for family in FAMILIES}
