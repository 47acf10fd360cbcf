"""The daemon as a process: started, stopped, killed, and kept alone on its ledger."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import requests

from tests.cli.house import House, until


def test_a_change_becomes_a_hold_and_sigterm_ends_it_well(house: House) -> None:
    daemon = house.start()
    url = house.url_of(daemon)
    assert house.post(url).status_code == 202
    house.settled("in_step")
    assert requests.get(f"{url}/readyz", timeout=10).status_code == 200
    daemon.send_signal(signal.SIGTERM)
    out, err = daemon.communicate(timeout=20)
    assert daemon.returncode == 0, err
    assert out == ""
    assert "daemon.stopped" in err
    assert "P1001" not in err
    assert "sandbox-key" not in err
    assert house.alma.report()["orphans"] == []


def test_on_postgres_two_daemons_may_share_a_ledger(tmp_path: Path, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("one daemon a file")
    house = House(tmp_path, ledger_url=database_url)
    try:
        urls = [house.url_of(house.start()) for _ in range(2)]
        for number in range(6):
            house.post(urls[number % 2], request={"number": str(number), "requester": "ABC"})
        for number in range(6):
            house.settled("in_step", str(number))
        assert house.alma.report()["duplicates"] == []
        assert "not known (PostgreSQL)" in house.command("status").stdout
        assert "is now: in_step" in house.command("resync", "3").stdout
    finally:
        house.close()


def test_the_second_daemon_refuses_and_names_the_first(house: House) -> None:
    first = house.start()
    house.url_of(first)
    second = house.start()
    _, err = second.communicate(timeout=20)
    assert second.returncode == 1
    assert f"process {first.pid}" in err


def test_after_sigkill_a_restart_goes_on_by_itself(house: House) -> None:
    first = house.start()
    url = house.url_of(first)
    house.outage(on=True)
    for number in ("1", "2", "3"):
        house.post(url, request={"number": number, "requester": "ABC"})
    until(lambda: any(call.fault for call in house.alma.calls()), "a call")
    first.kill()
    first.wait()
    house.outage(on=False)
    second = house.start()
    house.url_of(second)
    for number in ("1", "2", "3"):
        house.settled("in_step", number)
    report = house.alma.report()
    assert (report["orphans"], report["duplicates"]) == ([], [])
    assert sum(item.created_by == "api" for item in house.alma.state.items.values()) == 3


def test_a_wrong_configuration_is_told_whole_and_exits_2(house: House) -> None:
    house.write("[libraries.branch]\nils = 'almma'\n[nonsense]\n")
    daemon = house.start()
    _, err = daemon.communicate(timeout=20)
    assert daemon.returncode == 2
    assert "did you mean 'alma'" in err
    assert "nonsense" in err


def test_a_port_already_taken_is_told(house: House) -> None:
    first = house.start()
    port = int(house.url_of(first).rsplit(":", 1)[1])
    house.port = port
    house.ledger_url = f"sqlite:///{house.folder / 'other.db'}"
    house.write()
    second = house.start()
    _, err = second.communicate(timeout=20)
    assert second.returncode == 2
    assert f"port {port}" in err
