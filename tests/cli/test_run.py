"""The daemon as a process: started, stopped, killed, and kept alone on its ledger."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from select import select
from urllib.parse import urlsplit

import pytest
import requests

from bridge.daemon import Daemon
from bridge.domain.arrival import POLL_FAULT
from bridge.ledger import Ledger, LedgerBusy
from bridge.sources.feed import FeedSource
from bridge.sources.polled import Page
from bridge.wiring import configuration
from tests.cli.house import House, daemon, until
from tests.ledger.sample import arrival
from tests.patience import PATIENCE


def test_a_change_becomes_a_hold_and_sigterm_ends_it_well(house: House) -> None:
    daemon = house.start()
    url = house.url_of(daemon)
    assert house.post(url).status_code == 202
    house.settled("in_step")
    assert requests.get(f"{url}/readyz", timeout=10).status_code == 200
    daemon.send_signal(signal.SIGTERM)
    out, err = daemon.communicate(timeout=PATIENCE)
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
        assert "Daemon: running" in house.command("status").stdout
        assert "is now: in_step" in house.command("resync", "3").stdout
        for process in house.processes:
            process.terminate()
            process.wait()
        assert "Daemon: not running" in house.command("status").stdout
        assert "is now: in_step" in house.command("resync", "3").stdout
    finally:
        house.close()


def test_the_second_daemon_refuses_and_names_the_first(house: House) -> None:
    first = house.start()
    house.url_of(first)
    second = house.start()
    _, err = second.communicate(timeout=PATIENCE)
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
    _, err = daemon.communicate(timeout=PATIENCE)
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
    _, err = second.communicate(timeout=PATIENCE)
    assert second.returncode == 2
    assert f"port {port}" in err


def test_the_daemon_tells_systemd_how_it_stands(house: House) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(house.folder / "notify"))
        systemd.settimeout(20)
        daemon = house.start(NOTIFY_SOCKET=str(house.folder / "notify"), WATCHDOG_USEC="300000")
        url = house.url_of(daemon)
        told = systemd.recv(1000).decode()
        while "READY=1" not in told:
            told = systemd.recv(1000).decode()
        assert told == f"READY=1\nSTATUS=listens on {url}"
        assert systemd.recv(1000) == systemd.recv(1000) == b"WATCHDOG=1"
        daemon.send_signal(signal.SIGTERM)
        while told != "STOPPING=1":
            told = systemd.recv(1000).decode()
        daemon.communicate(timeout=PATIENCE)
        assert daemon.returncode == 0


def test_after_a_rollback_the_daemon_works_on_the_newer_schema(house: House) -> None:
    ledger = Ledger(house.ledger_url)
    ledger.upgrade()
    with ledger.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    ledger.close()
    daemon = house.start()
    house.post(house.url_of(daemon))
    house.settled("in_step")
    assert "newer release and was left as it is" in house.command("db", "check").stdout
    daemon.send_signal(signal.SIGTERM)
    _, err = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 0, err
    assert "newer release and was left as it is" in house.command("db", "upgrade").stdout


def test_the_password_of_the_ledger_is_in_no_log(house: House) -> None:
    house.ledger_url = "postgresql+psycopg://someone@127.0.0.1:1/nothing?connect_timeout=1"
    house.write()
    (house.folder / "password").write_text("hush-hush\n", encoding="utf-8")
    daemon = house.start(ILL_BRIDGE_LEDGER__PASSWORD_FILE=str(house.folder / "password"))
    out, err = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 1
    assert "The ledger cannot be" in err
    assert "hush-hush" not in out + err


class SilentService:
    """Takes connections, and never says a word."""

    def __init__(self) -> None:
        self.held: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}/changes"
        self._taking = threading.Thread(target=self._take)
        self._taking.start()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                self.held.append(self._door.accept()[0])

    def close(self) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._taking.join()
        for each in (self._door, *self.held):
            each.close()


def test_many_services_that_never_answer_hold_up_neither_one_another_nor_the_clockwork(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = 12
    service = SilentService()
    feed = 'kind = "feed"\nservice = "svc"\nlibrary = "main"\ninterval_seconds = 0.05'
    house.write("".join(f'[sources.feed{n}]\n{feed}\nurl = "{service.url}"\n' for n in range(many)))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(house.folder / "notify"))
        systemd.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(house.folder / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        with daemon(house):
            try:
                until(lambda: len(service.held) == many, "a poll of each")
                while select([systemd], [], [], 0)[0]:
                    systemd.recv(1000)
                assert systemd.recv(1000) == b"WATCHDOG=1"
            finally:
                service.close()


def test_a_start_that_fails_halfway_is_told_for_what_it_was(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_libraries: object) -> int:
        raise LedgerBusy("The ledger cannot be written: the disk is full")

    made = Daemon(configuration(house.config))
    monkeypatch.setattr(made.ledger.work, "take_up", full)
    stopped = ExitStack()
    stopped.callback(made.stop)
    with pytest.raises(LedgerBusy, match="the disk is full"), stopped:
        made.start()
    with daemon(house):
        pass


@pytest.mark.parametrize("verify", ["never", "always"])
def test_a_source_on_which_the_bridge_fails_stops_neither_the_daemon_nor_another(
    house: House, monkeypatch: pytest.MonkeyPatch, verify: str
) -> None:
    def poll(feed: FeedSource, cursor: str | None) -> Iterator[Page]:
        if feed.name == "odd":
            raise KeyError(cursor)
        yield Page((arrival("e1"),), "1")

    monkeypatch.setattr(FeedSource, "poll", poll)
    feed = 'kind = "feed"\nservice = "svc"\nlibrary = "main"\ninterval_seconds = 0.05\nurl = "http://127.0.0.1:9/"'
    house.write(f"[sources.odd]\n{feed}\n[sources.other]\n{feed}\n")
    house.change("[engine]", f'[engine]\nverify_on_start = "{verify}"')

    def seen() -> dict[str, tuple[str, int]]:
        return {each["name"]: (each["problem"], each["messages"]) for each in house.asked("sources")}

    with daemon(house):
        until(lambda: seen()["other"] == ("", 1), "a message of the other")
        until(lambda: seen()["odd"] == (POLL_FAULT, 0), "the trouble of the odd one")


def test_whatever_a_library_says_is_a_line_of_ours(house: House) -> None:
    process = house.start()
    address = urlsplit(house.url_of(process))
    with socket.create_connection((address.hostname, address.port)) as caller:
        caller.sendall(b"nonsense\r\n\r\n")
        assert b"400" in caller.recv(1000)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    lines = [json.loads(line) for line in err.splitlines()]
    assert [line["said"] for line in lines if line["event"] == "library.said"] == ["Invalid HTTP request received."]
