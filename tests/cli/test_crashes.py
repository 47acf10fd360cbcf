"""The daemon as a process, killed or stopped while the ILS has a call in hand; the stand-in says when."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from bridge.sandbox.server import Server
from tests.cli.house import House, until
from tests.cli.line import Line
from tests.databases import migrate, postgres_database, server_url
from tests.patience import PATIENCE


class Gate:
    """Stands before the stand-in and keeps one exchange there, before its work or after it, until it is let go."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._method, self._path, self._done = "", "", False
        self._guard = threading.Lock()
        self.kept, self.go = threading.Event(), threading.Event()

    def keep(self, method: str, path: str, *, done: bool) -> None:
        self._method, self._path, self._done = method, path, done

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._guard:
            meant = environ["REQUEST_METHOD"] == self._method and bool(re.search(self._path, environ["PATH_INFO"]))
            self._method = "" if meant else self._method
        if meant and not self._done:
            self._wait()
        answer = self._app(environ, start_response)
        if meant and self._done:
            self._wait()
        return answer

    def _wait(self) -> None:
        self.kept.set()
        assert self.go.wait(PATIENCE)


@pytest.fixture
def gate(house: House) -> Iterator[Gate]:
    made = Gate(house.alma.app)
    with Server(made) as server:
        house.change(house.server.url, server.url)
        yield made
        made.go.set()


HOLD = r"/users/[^/]+/requests$"
WRITES = {"bib": r"/bibs$", "holding": r"/holdings$", "item": r"/items$", "hold": HOLD}


def right(house: House) -> None:
    report = house.alma.report()
    assert (report["orphans"], report["duplicates"]) == ([], [])
    assert sum(item.created_by == "api" for item in house.alma.state.items.values()) == 1
    assert sum(hold.active and hold.created_by == "api" for hold in house.alma.state.requests.values()) == 1


@pytest.mark.parametrize("done", [pytest.param(False, marks=pytest.mark.thorough), True])
@pytest.mark.parametrize(
    "what", ["item", *(pytest.param(name, marks=pytest.mark.thorough) for name in ("bib", "holding", "hold"))]
)
def test_a_daemon_killed_with_a_write_under_way_goes_on_after_a_restart(
    house: House, gate: Gate, what: str, done: bool
) -> None:
    """What the ILS had not begun it does all the same, before the next daemon looks: the meanest order."""
    gate.keep("POST", WRITES[what], done=done)
    first = house.start()
    house.post(house.url_of(first))
    assert gate.kept.wait(PATIENCE)
    first.kill()
    first.wait()
    gate.go.set()
    house.url_of(house.start())
    house.settled("in_step")
    right(house)
    assert "was cut off before; it was looked up in the ILS" in house.command("show", "1001").stdout


def test_a_daemon_stopped_past_its_lease_does_no_harm_when_it_wakes(tmp_path: Path, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("one daemon a file")
    house = House(tmp_path, ledger_url=database_url)
    try:
        gate = Gate(house.alma.app)
        with Server(gate) as server:
            house.change(house.server.url, server.url)
            house.change("lease = 5", "lease = 1")
            gate.keep("POST", WRITES["item"], done=True)
            first = house.start()
            house.post(house.url_of(first))
            assert gate.kept.wait(PATIENCE)
            first.send_signal(signal.SIGSTOP)
            gate.go.set()
            house.url_of(house.start())
            house.settled("in_step")
            calls = len(house.alma.calls())
            first.send_signal(signal.SIGCONT)
            assert first.stderr is not None
            assert any("lease.lost" in line for line in first.stderr)
            writes = [call for call in house.alma.calls()[calls:] if call.method != "GET"]
            assert writes == []
            right(house)
    finally:
        house.close()


def test_postgresql_may_be_gone_for_a_while(tmp_path: Path) -> None:
    """Also while the ILS has a call in hand: nobody hears "taken" meanwhile, and the daemon goes on by itself."""
    with postgres_database(server_url()) as url:
        migrate(url)
        named = make_url(url)
        line = Line(named.host or "127.0.0.1", named.port or 5432)
        house = House(tmp_path, ledger_url=url)
        house.change("lease = 5", "lease = 1")
        house.change(url, named.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False))
        gate = Gate(house.alma.app)
        try:
            with line.running(), Server(gate) as server:
                house.change(house.server.url, server.url)
                gate.keep("POST", WRITES["item"], done=True)
                daemon = house.start()
                address = house.url_of(daemon)
                assert house.post(address).status_code == 202
                assert gate.kept.wait(PATIENCE)
                line.cut()
                gate.go.set()
                assert house.post(address, request={"number": "2", "requester": "ABC"}).status_code == 503
                line.mend()
                until(
                    lambda: house.post(address, request={"number": "3", "requester": "ABC"}).status_code == 202, "taken"
                )
                house.settled("in_step")
                house.settled("in_step", "3")
                assert daemon.poll() is None
                assert house.alma.report()["orphans"] == house.alma.report()["duplicates"] == []
                daemon.terminate()
                told = daemon.communicate(timeout=PATIENCE)[1]
        finally:
            house.close()
    assert "ledger.busy" in told
    assert "Traceback" not in told
