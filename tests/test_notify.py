"""What systemd is told, over a real datagram socket; and the health check that a container runs."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.responses import JSONResponse
from pydantic import SecretStr
from structlog.testing import capture_logs

from bridge import alive, notify
from bridge.jobs.pulse import Pulse
from bridge.web.access import Guard
from bridge.web.app import make_app
from bridge.web.health import Readiness, health_router
from bridge.web.server import WebServer


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@ill-bridge-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0", 1))
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield listening


class TestNotify:
    def test_states_come_in_one_datagram(self, systemd: socket.socket) -> None:
        assert notify.tell("READY=1", "STATUS=works")
        assert systemd.recv(100) == b"READY=1\nSTATUS=works"

    def test_without_systemd_nothing_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
        assert not notify.tell("READY=1")

    def test_nobody_there_is_no_fault(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
        assert not notify.tell("READY=1")

    @pytest.mark.parametrize(
        ("wanted", "process", "seconds"),
        [
            ("30000000", "", 30.0),
            ("500000", "mine", 0.5),
            ("30000000", "1", 0.0),
            ("", "", 0.0),
            ("soon", "", 0.0),
        ],
    )
    def test_how_often(self, monkeypatch: pytest.MonkeyPatch, wanted: str, process: str, seconds: float) -> None:
        monkeypatch.setenv("WATCHDOG_USEC", wanted)
        monkeypatch.setenv("WATCHDOG_PID", process.replace("mine", str(os.getpid())))
        assert notify.watchdog_seconds() == seconds


class TestPulse:
    def test_it_beats_while_the_dispatcher_looks_for_work(self, systemd: socket.socket) -> None:
        Pulse(lambda: 9.9, 10).run()
        assert systemd.recv(100) == b"WATCHDOG=1"

    def test_it_stops_when_the_dispatcher_hangs(self, systemd: socket.socket) -> None:
        with capture_logs() as logs:
            Pulse(lambda: 10.0, 10).run()
        systemd.setblocking(False)
        with pytest.raises(BlockingIOError):
            systemd.recv(100)
        assert [each["event"] for each in logs] == ["dispatcher.silent"]


class TestAlive:
    @pytest.fixture
    def server(self) -> Iterator[WebServer]:
        guard = Guard(SecretStr("a long random token"))
        app = make_app({}, [health_router(lambda: Readiness(ready=True), guard, details=False)])

        @app.get("/ill")
        def ill() -> JSONResponse:
            return JSONResponse({}, status_code=500)

        made = WebServer(app, "127.0.0.1", 0)
        made.start()
        yield made
        made.stop()

    def test_a_daemon_that_answers(self, server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ILL_BRIDGE_WEB__PORT", server.url.rsplit(":", 1)[1])
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setattr("sys.argv", ["alive"])
        assert alive.main() == 0

    def test_its_token_is_sent(
        self, server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "token").write_text("a long random token\n", encoding="utf-8")
        monkeypatch.setenv("ILL_BRIDGE_WEB__HEALTH__TOKEN_FILE", str(tmp_path / "token"))
        monkeypatch.setattr("sys.argv", ["alive", f"{server.url}/healthz"])
        assert alive.main() == 0
        assert "watch.refused" not in capsys.readouterr().out

    def test_health_may_be_asked_elsewhere(self, server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.argv", ["alive", f"{server.url}/nowhere"])
        assert alive.main() == 0

    @pytest.mark.parametrize("url", ["http://127.0.0.1:1/healthz", "nonsense"])
    def test_one_that_does_not(
        self, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("sys.argv", ["alive", url])
        assert alive.main() == 1
        assert url in capsys.readouterr().err

    def test_one_that_is_ill(self, server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.argv", ["alive", f"{server.url}/ill"])
        assert alive.main() == 1
