"""Whole loans over ISO 18626 against the sandbox, with a real daemon: as a copy of the traffic, and as a relay between two systems."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from bridge.cli.demo.alma import AlmaStage
from bridge.cli.demo.stage import LOOK_EVERY, PATIENCE, QUIET
from bridge.configuring import check
from bridge.daemon import Daemon
from bridge.ledger import State
from bridge.ledger.model import Row
from bridge.sandbox.iso18626 import IsoPeer, Talk
from bridge.sandbox.server import Server
from bridge.settings import Configuration
from bridge.wiring import connector_settings, source_settings

PATRON = "21000000001001"
OWN = "39000000000001"
OURS, THEIRS = "the secret of our system", "the secret of the broker"
VERSIONS = {"copy": "1.2", "relay": "2021-2"}


@dataclass
class Scene:
    """Our ISO 18626 system and a broker, the bridge beside or between them, and the ILS."""

    deployment: str
    ils: AlmaStage
    daemon: Daemon
    system: IsoPeer
    broker: IsoPeer

    def we_say(self, message: bytes) -> None:
        """What our side says: copied to the bridge, or relayed by it."""
        self._said(self.system, message, self.broker)

    def they_say(self, message: bytes) -> None:
        """What the other side says: our system copies it, or the broker sends it to the relay."""
        self._said(self.broker if self.deployment == "relay" else self.system, message, self.system)

    def rested(self, number: str, until: Callable[[Row], bool] = lambda _: True) -> Row:
        """The request, once it has come to rest."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            row = next(iter(self.daemon.ledger.requests.find(number)), None)
            if row is not None and row.state in QUIET and until(row):
                return row
            time.sleep(LOOK_EVERY)
        raise AssertionError(f"{number} did not come to rest: {row}")

    def _said(self, sender: IsoPeer, message: bytes, receiver: IsoPeer) -> None:
        before = len(receiver.heard)
        answer = sender.post(f"{self.daemon.url}/iso18626/iso", message)
        assert (answer.status_code, etree.fromstring(answer.content).findtext(".//{*}messageStatus")) == (200, "OK")
        relayed = [body for _, body in receiver.heard[before:]]
        assert relayed == ([message] if self.deployment == "relay" else [])


@pytest.fixture(params=["copy", "relay"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    ils = AlmaStage()
    ils.start()
    system = IsoPeer(headers={"X-ILL-Bridge-Secret": OURS})
    broker = IsoPeer(headers={"X-ILL-Bridge-Secret": THEIRS})
    servers = [Server(system.app), Server(broker.app)]
    for server in servers:
        server.start()
    peers: dict[str, dict[str, object]] = {
        "system": {"ours": True, "secret": OURS, "url": f"{servers[0].url}/iso18626"},
        "broker": {"broker": True, "secret": THEIRS, "url": f"{servers[1].url}/iso18626"},
    }
    daemon = Daemon(configuration(tmp_path, ils, request.param, peers))
    daemon.start()
    yield Scene(request.param, ils, daemon, system, broker)
    daemon.stop()
    for each in (system, broker):
        each.close()
    for server in servers:
        server.stop()
    ils.stop()


def configuration(folder: Path, ils: AlmaStage, deployment: str, peers: dict[str, dict[str, object]]) -> Configuration:
    raw: dict[str, Any] = tomllib.loads(ils.config.read_text(encoding="utf-8"))
    raw["ledger"]["url"] = f"sqlite:///{folder / 'ledger.db'}"
    raw["ils"] = {"alma": raw["ils"]["alma"]}
    raw["ils"]["alma"]["settings"] |= ils.settings()
    iso = {"kind": "iso18626", "service": "iso", "system": "reshare", "libraries": {"OUR": "main"}, "peers": peers}
    raw["sources"] = {"iso": {**iso, "timezone": "America/New_York", "deployment": deployment}}
    return check(raw, connector_settings=connector_settings, source_settings=source_settings)


def test_a_borrowed_loan(scene: Scene) -> None:
    talk = Talk("OUR", "XYZ", "B-1", VERSIONS[scene.deployment])
    scene.we_say(talk.request(at="2026-11-01T09:00:00Z", patron=PATRON, title="T", line1="Main library"))
    scene.they_say(talk.supplied("WillSupply", at="2026-11-02T09:00:00Z", reason="RequestResponse"))
    scene.they_say(talk.supplied("Loaned", at="2026-11-03T09:00:00Z", due="2027-01-15T05:00:00Z", item="SUP-1"))
    scene.we_say(talk.acted("Received", at="2026-11-06T09:00:00Z"))
    row = scene.rested("B-1", lambda row: bool(row.record.items and row.record.items[-1].hold))
    assert row.state is State.IN_STEP
    scene.ils.lend("ILL-B-1", PATRON)
    scene.we_say(talk.acted("Renew", at="2026-11-10T09:00:00Z"))
    renewed = talk.supplied(
        "Loaned", at="2026-11-11T09:00:00Z", reason="RenewResponse", answer="Y", due="2027-02-15T05:00:00Z"
    )
    scene.they_say(renewed)
    scene.rested("B-1", lambda _: scene.ils.due_of("ILL-B-1") == "2027-02-15")
    scene.they_say(renewed if scene.deployment == "copy" else talk.supplied("", at="2026-11-11T10:00:00Z"))
    scene.we_say(talk.acted("ShippedReturn", at="2026-11-20T09:00:00Z"))
    scene.they_say(talk.supplied("LoanCompleted", at="2026-11-24T09:00:00Z"))
    row = scene.rested("B-1", lambda row: row.state is State.CLOSED)
    assert scene.ils.loan_of("ILL-B-1") == ""
    remains = scene.ils.remains(expected_loans={})
    assert (remains.leftovers, remains.duplicates, remains.foreign_touched) == (0, 0, 0)


def test_a_lent_loan(scene: Scene) -> None:
    talk = Talk("XYZ", "OUR", "L-1", VERSIONS[scene.deployment])
    scene.they_say(talk.request(at="2026-11-01T09:00:00Z", patron="somebody of theirs", title="T"))
    scene.we_say(talk.supplied("Loaned", at="2026-11-03T09:00:00Z", due="2027-01-20T05:00:00Z", item=OWN))
    scene.rested("L-1", lambda _: scene.ils.due_of(OWN) == "2027-01-20")
    assert scene.ils.loan_of(OWN) == "ILL-XYZ"
    scene.they_say(talk.acted("Received", at="2026-11-06T09:00:00Z"))
    scene.they_say(talk.acted("Renew", at="2026-11-10T09:00:00Z"))
    answer = {"reason": "RenewResponse", "answer": "Y", "due": "2027-02-20T05:00:00Z"}
    scene.we_say(talk.supplied("Loaned", at="2026-11-11T09:00:00Z", **answer))
    scene.rested("L-1", lambda _: scene.ils.due_of(OWN) == "2027-02-20")
    scene.they_say(talk.acted("ShippedReturn", at="2026-11-20T09:00:00Z"))
    assert scene.rested("L-1").state is State.IN_STEP, "it is on its way, and still on loan"
    assert scene.ils.loan_of(OWN) == "ILL-XYZ"
    scene.we_say(talk.supplied("LoanCompleted", at="2026-11-24T09:00:00Z"))
    scene.rested("L-1", lambda row: row.state is State.CLOSED)
    assert scene.ils.loan_of(OWN) == ""
    remains = scene.ils.remains(expected_loans={})
    assert (remains.leftovers, remains.duplicates, remains.foreign_touched) == (0, 0, 0)
