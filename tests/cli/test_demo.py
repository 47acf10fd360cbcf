"""The demonstration: all scenarios end as they should, and a scenario that does not is told."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from bench.calls import rows
from bridge.cli.demo import command
from bridge.cli.demo.alma import AlmaStage
from bridge.cli.demo.programme import SCENARIOS
from bridge.cli.demo.report import Result
from bridge.cli.demo.scenarios import Ending, Scenario, copy
from bridge.cli.demo.stage import Stage, Stuck
from bridge.cli.main import app
from bridge.sandbox.server import Server
from tests.patience import PATIENCE

FIELDS = {
    "name",
    "role",
    "connector",
    "request",
    "status",
    "state",
    "history",
    "ils_calls",
    "transient_calls",
    "leftovers",
    "duplicates",
    "foreign_touched",
    "ok",
}


BY_HAND = {"manual"}
CHARGE_TWICE = {"symphony"}
STAFF_MAKE_ITEMS = {"manual", "spydus"}


def played(connector: str) -> list[Scenario]:
    """Without a machine to ask there is nothing to show of outages and refusals; in-system loans need an ILS that charges twice.

    Where staff make items, no ILS refuses to.
    """
    shown = [scenario for scenario in SCENARIOS if connector not in BY_HAND or not scenario.by_machine]
    shown = [scenario for scenario in shown if connector in CHARGE_TWICE or not scenario.charges_twice]
    return [scenario for scenario in shown if connector not in STAFF_MAKE_ITEMS or not scenario.needs]


LONG = ("folio", "horizon", "koha", "manual", "millennium", "sierra", "spydus", "wms")
"""Each has its contract in every run; all of them are shown in the long one."""


@pytest.mark.parametrize(
    "connector",
    [pytest.param(name, marks=[pytest.mark.thorough] if name in LONG else []) for name in command.STAGES],
)
def test_all_scenarios_end_as_they_should(tmp_path: Path, connector: str) -> None:
    result = CliRunner().invoke(app, ["demo", "--connector", connector, "--json", "--keep", str(tmp_path)])
    document = json.loads(result.stdout)
    assert [scenario for scenario in document["scenarios"] if not scenario["ok"]] == []
    assert (result.exit_code, document["ok"], len(document["scenarios"])) == (0, True, len(played(connector)))
    for scenario in document["scenarios"]:
        assert set(scenario) >= FIELDS
        assert (scenario["leftovers"], scenario["duplicates"], scenario["foreign_touched"]) == (0, 0, 0)
        assert scenario["state"] == "closed"
        assert scenario["history"]
    log = (tmp_path / connector / "bridge.log").read_text(encoding="utf-8")
    assert (tmp_path / connector / "demo.db").exists()
    assert "sandbox-key" not in log
    assert "sandbox-secret" not in log
    assert "21000000001001" not in log
    assert "21000000001102" not in log


def test_a_scenario_that_does_not_end_well_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(stage: Stage, number: str) -> Ending:
        ending = copy(stage, number)
        ending.expect("the moon is made of cheese", holds=False)
        return ending

    def stuck(stage: Stage, number: str) -> Ending:
        stage.ils.outage(on=True)
        raise Stuck(f"request {number} did not come to rest")

    plays = (Scenario("wrong", "borrower", "1", wrong), Scenario("stuck", "borrower", "2", stuck))
    monkeypatch.setattr(command, "SCENARIOS", plays)
    result = CliRunner().invoke(app, ["demo", "--connector", "alma"])
    assert result.exit_code == 1
    assert "does not hold: the moon is made of cheese" in result.stdout
    assert "did not come to rest" in result.stdout
    assert "0 of 2 scenarios ended as they should." in result.stdout


def test_a_request_that_never_arrives_is_stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.cli.demo.stage.PATIENCE", 0.05)
    stage = Stage(AlmaStage(), tmp_path)
    with pytest.raises(Stuck, match="not set"):
        _ = stage.ledger
    stage.start()
    try:
        stage._changes["9"] = 1
        with pytest.raises(Stuck, match="it never arrived"):
            stage.settled("9")
    finally:
        stage.stop()


def test_an_unknown_connector_is_told() -> None:
    result = CliRunner().invoke(app, ["demo", "--connector", "moon"])
    assert result.exit_code == 2
    assert "there are: alma" in result.stderr


BUDGETS = {
    "alma": (8, 2, 9, 1),
    "koha": (8, 2, 8, 1),
    "sierra": (9, 1, 7, 1),
    "symphony": (8, 2, 6, 1),
    "ncip": (5, 1, 3, 1),
    "spydus": (3, 1, 4, 2),
}
"""Calls for a whole borrowed loan, for its renewal; for a whole lent one, for its renewal."""
IN_SYSTEM_BUDGETS = {"symphony": (21, 3)}
"""Calls for both sides of a whole in-system loan, for its renewal on both."""


def test_calls_of_a_whole_loan_stay_within_their_budget() -> None:
    found = {(row.connector, row.role): row for row in rows(BUDGETS)}
    for connector, budget in BUDGETS.items():
        borrowed, lent = found[connector, "borrower"], found[connector, "lender"]
        spent = (borrowed.ils_calls, borrowed.renewal_calls, lent.ils_calls, lent.renewal_calls)
        assert all(calls <= most for calls, most in zip(spent, budget, strict=True)), (connector, spent)
        assert borrowed.quiet_calls == lent.quiet_calls == 0
        assert sum(borrowed.by_step.values()) == borrowed.ils_calls + borrowed.renewal_calls
    assert {connector for connector, role in found if role == "in_system"} == set(IN_SYSTEM_BUDGETS)
    for connector, (most, most_for_renewal) in IN_SYSTEM_BUDGETS.items():
        within = found[connector, "in_system"]
        assert within.ils_calls <= most
        assert within.renewal_calls <= most_for_renewal
        assert within.quiet_calls == 0


def test_the_stand_ins_run_on_their_own() -> None:
    ports = ("--sierra-port", "0", "--symphony-port", "0", "--spydus-port", "0")
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", "sandbox", *ports],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    alma, sierra, symphony, spydus, service = (process.stdout.readline() for _ in range(5))
    alma, sierra, symphony, service = (line.split()[1] for line in (alma, sierra, symphony, service))
    with socket.create_connection(("127.0.0.1", int(spydus.split("port ")[1].split()[0])), timeout=10) as sip:
        sip.sendall(b"9300CNsip|COsip-secret|CPMAIN|\r")
        assert sip.recv(3) == b"941"
    assert requests.get(f"{sierra}/v6/items", timeout=10).status_code == 401
    assert requests.get(f"{symphony}/catalog/bib/describe", timeout=10).status_code == 401
    assert requests.get(f"{alma}/almaws/v1/users/P1001", timeout=10).status_code == 401
    assert requests.get(f"{service}/requests", timeout=10).json() == []
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_a_port_that_is_taken_is_told() -> None:
    with Server(lambda *_: []) as server:
        ended = subprocess.run(
            [sys.executable, "-m", "bridge", "sandbox", "--alma-port", str(server.port)],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
            timeout=PATIENCE,
        )
    assert ended.returncode == 1
    assert "Choose other ports" in ended.stderr


def test_a_result_has_what_the_document_promises() -> None:
    assert set(Result.__dataclass_fields__) >= FIELDS
