"""How it is run: the Dockerfile's steps carried out in a clean folder, the compose file, the systemd unit, the locks.

No container can be built on the machines that run the tests. So the Dockerfile is linted, the commands of its builder run in a folder,
and what they made is started without root, without privileges, on a root that cannot be written.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge import __version__
from bridge.configuring import check
from bridge.wiring import connector_settings, ledger_of, source_settings
from tests import seccomp
from tests.dockerfile import Folder, Offline, stages
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[1]
DOCKERFILE = ROOT / "Dockerfile"
BUILD, FINAL = stages(DOCKERFILE.read_text(encoding="utf-8"))
UNIT = ROOT / "config" / "ill-bridge.service"
UID = "10001"
UNPRIVILEGED = ("setpriv", "--reuid", UID, "--regid", UID, "--clear-groups")
CONFIG = """
[ledger]
url = "sqlite:///{root}/var/lib/ill-bridge/ill-bridge.db"
[ils.alma]
connector = "alma"
[ils.alma.settings]
host = "http://127.0.0.1:9"
api_key = "k"
timezone = "Europe/Berlin"
[libraries.main]
ils = "alma"
"""
CONFINED = """
set -e
mount --make-rprivate /
for each in / /tmp "$2"; do mount --bind "$each" "$each"; mount -o remount,bind,ro "$each"; done
for each in "$2/var/lib/ill-bridge" "$2/tmp"; do mount --bind "$each" "$each"; mount -o remount,bind,rw "$each"; done
[ "$1" = try ] && exit 0
uid=$1; cd "$2/var/lib/ill-bridge"; shift 2
exec setpriv --reuid "$uid" --regid "$uid" --clear-groups --bounding-set=-all --no-new-privs "$@"
"""
NO_EXECUTABLE_MEMORY = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN: what MemoryDenyWriteExecute asks for
    sys.exit(77)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def tool(name: str) -> str:
    return shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or pytest.skip(f"no {name}")


class TestDockerfile:
    def test_the_linter_has_nothing_to_say(self) -> None:
        done = subprocess.run([tool("hadolint"), str(DOCKERFILE)], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "")

    def test_it_runs_as_nobody_in_particular(self) -> None:
        assert FINAL.one("USER") == f"{UID}:{UID}"
        assert FINAL.one("VOLUME") == '["/var/lib/ill-bridge"]'
        assert FINAL.one("STOPSIGNAL") == "SIGTERM"
        assert FINAL.command == ["ill-bridge", "run"]

    def test_nothing_but_the_environment_comes_from_the_builder(self) -> None:
        assert FINAL.all("COPY") == ["--from=build /opt/ill-bridge /opt/ill-bridge"]
        assert "pip uninstall" in FINAL.one("RUN")
        assert "ensurepip" in FINAL.one("RUN")
        assert "apt" not in FINAL.one("RUN")

    def test_it_bears_the_projects_version(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert project["version"] == __version__
        assert f"VERSION={__version__}" in FINAL.all("ARG")
        assert compose()["services"]["bridge"]["image"] == f"ill-bridge:{__version__}"

    def test_the_builder_sees_only_what_it_copies(self) -> None:
        lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        wanted = {word for text in BUILD.all("COPY") for word in text.split()[:-1]}
        assert "*" in lines
        assert {line[1:] for line in lines if line.startswith("!")} == wanted


class Image:
    """The folder in which the builder's steps were carried out, and processes confined to it as in a container."""

    def __init__(self, root: Path) -> None:
        self.folder = Folder(root, ROOT, python_for_everybody())
        self.root = root
        self.port = free_port()
        self.processes: list[subprocess.Popen[str]] = []
        for each in ("etc/ill-bridge", "var/lib/ill-bridge", "tmp"):
            (root / each).mkdir(parents=True)
        (root / "etc/ill-bridge/bridge.toml").write_text(CONFIG.format(root=root), encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        named = {name: self.folder.here(value) for name, value in FINAL.environment.items()}
        path = named["PATH"].replace("$PATH", os.defpath)
        here = {"HOME": str(self.root / "tmp"), "TMPDIR": str(self.root / "tmp")}
        return {**named, **here, "PATH": path, "ILL_BRIDGE_WEB__PORT": str(self.port)}

    @functools.cached_property
    def lead(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        for each in ("var/lib/ill-bridge", "tmp"):
            os.chown(self.root / each, int(UID), int(UID))
        confined = ["unshare", "--mount", "sh", "-c", CONFINED, "sh"]
        possible = subprocess.run([*confined, "try", str(self.root)], capture_output=True).returncode == 0
        return [*confined, UID, str(self.root)] if possible else [*UNPRIVILEGED]

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A process as in the container: its user, no privilege, a root that cannot be written (where this machine lets us)."""
        program = [*self.lead, str(self.root / "opt/ill-bridge/bin" / words[0]), *words[1:]]
        process = subprocess.Popen(
            program, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/"
        )
        self.processes.append(process)
        return process

    def run(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out + err


def python_for_everybody() -> Path:
    """A Python that another user may run too: not one that lies in root's own folder."""
    base = getattr(sys, "_base_executable", sys.executable)
    for python in (base, "/usr/bin/python3"):
        wanted = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"
        lead = UNPRIVILEGED if os.geteuid() == 0 else []
        tried = subprocess.run([*lead, "sh", "-c", f'exec "{python}" -c "{wanted}"'], capture_output=True)
        if tried.returncode == 0:
            return Path(python)
    pytest.skip("there is no Python with venv that another user may run")


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture
def image() -> Iterator[Image]:
    """Made where other users may look in, unlike pytest's own folders."""
    with tempfile.TemporaryDirectory(prefix="ill-bridge-image-") as name:
        root = Path(name)
        root.chmod(0o755)
        made = Image(root)
        yield made
        for process in made.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.mark.thorough
def test_what_the_dockerfile_builds_runs_without_privileges(image: Image) -> None:
    try:
        image.folder.carry_out(BUILD)
    except Offline as offline:
        pytest.skip(f"the package index cannot be reached: {offline}")
    holds_nothing_else(image)
    daemon = image.start("ill-bridge", "run")
    assert daemon.stderr is not None
    told = next(line for line in daemon.stderr if "daemon.started" in line)
    assert json.loads(told)["url"] == f"http://0.0.0.0:{image.port}"
    assert image.run(*FINAL.health) == (0, "")
    code, said = image.run("ill-bridge", "status", "--json")
    assert (code, json.loads(said)["kept"]) == (0, [])
    daemon.send_signal(signal.SIGTERM)
    _, err = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 0, err
    assert image.run(*FINAL.health)[0] == 1
    assert sorted(path.name for path in (image.root / "tmp").iterdir()) == []
    under_executable_memory_denied(image)


def holds_nothing_else(image: Image) -> None:
    """Neither pip nor a development tool; the demonstration's configuration is inside; bytecode is there already."""
    seen = "import importlib.util as u; print([n for n in ('pip', 'setuptools', 'pytest', 'mkdocs', 'flask') if u.find_spec(n)])"
    assert image.run("python", "-c", seen) == (0, "['flask']\n")
    demo = "from bridge.cli.demo.alma import AlmaStage as A; print(A.config.read_text().count('[sources.'))"
    assert image.run("python", "-c", demo) == (0, "2\n")
    packages = next((image.root / "opt/ill-bridge/lib").glob("python3*/site-packages"))
    assert len(list(packages.glob("bridge/*.py"))) == len(list(packages.glob("bridge/__pycache__/*.pyc")))
    uninstall = FINAL.one("RUN").partition("&&")[0]
    image.folder.run(uninstall.replace("python3", str(image.root / "build/tools/bin/python")), image.root, {})
    assert not list((image.root / "build/tools").glob("lib/*/site-packages/pip"))


def under_executable_memory_denied(image: Image) -> None:
    """MemoryDenyWriteExecute of the unit: libraries load and a ledger opens under the kernel's own form of it (Linux 6.3)."""
    code, said = image.run("python", "-c", NO_EXECUTABLE_MEMORY, "ill-bridge", "db", "check")
    assert code in {0, 77}, said
    assert code == 77 or "The ledger is sound" in said


def compose() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


class TestCompose:
    @pytest.mark.parametrize("name", ["bridge", "postgres"])
    def test_every_service_is_hardened(self, name: str) -> None:
        service = compose()["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["user"] not in {"", "root", "0"}
        assert service["restart"] == "unless-stopped"
        assert {"max-size", "max-file"} <= service["logging"]["options"].keys()
        assert "/tmp" in {each.partition(":")[0] for each in service["tmpfs"]}  # noqa: S108 - the container's

    def test_no_secret_stands_in_it(self) -> None:
        known = compose()
        for service in known["services"].values():
            for name, value in service["environment"].items():
                assert "PASSWORD" not in name or (name.endswith("_FILE") and value.startswith("/run/secrets/"))
            assert set(service["secrets"]) <= set(known["secrets"])
        assert not re.search(r"://[^@/]*:[^@/]*@", (ROOT / "compose.yaml").read_text(encoding="utf-8"))

    def test_the_bridge_waits_for_a_database_that_only_it_can_reach(self) -> None:
        known = compose()
        assert known["services"]["bridge"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
        assert known["services"]["postgres"]["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
        assert known["services"]["postgres"]["networks"] == ["inside"]
        assert known["networks"]["inside"] == {"internal": True}
        assert "ports" not in known["services"]["postgres"]
        assert all(each.startswith("127.0.0.1:") for each in known["services"]["bridge"]["ports"])

    def test_every_image_is_pinned(self) -> None:
        for service in compose()["services"].values():
            assert re.search(r":\d+", service["image"])

    def test_its_environment_is_a_configuration(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "ledger-password").write_text("hush\n", encoding="utf-8")
        for name, value in compose()["services"]["bridge"]["environment"].items():
            monkeypatch.setenv(name, value.replace("/run/secrets", str(tmp_path)))
        ledger = ledger_of(check({}, connector_settings=connector_settings, source_settings=source_settings))
        assert ledger.database.url == "postgresql+psycopg://ill_bridge:hush@postgres/ill_bridge"
        assert ledger.database.shown == "postgresql+psycopg://postgres/ill_bridge"
        ledger.close()


class TestUnit:
    @pytest.fixture
    def unit(self, tmp_path: Path) -> Path:
        """The unit, with a program that is there."""
        program = Path(sys.executable).with_name("ill-bridge").resolve()
        text = UNIT.read_text(encoding="utf-8").replace("/opt/ill-bridge/bin/ill-bridge", str(program))
        written = tmp_path / "ill-bridge.service"
        written.write_text(text, encoding="utf-8")
        return written

    def test_systemd_understands_it(self, unit: Path) -> None:
        done = subprocess.run([tool("systemd-analyze"), "verify", str(unit)], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")

    def test_systemd_finds_little_exposed(self, unit: Path) -> None:
        command = [tool("systemd-analyze"), "security", "--offline=true", "--threshold=15", "--no-pager", str(unit)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout

    @pytest.mark.thorough
    def test_the_daemon_works_under_its_system_call_filter(self, tmp_path: Path) -> None:
        config = tmp_path / "bridge.toml"
        (tmp_path / "var/lib/ill-bridge").mkdir(parents=True)
        config.write_text(CONFIG.format(root=tmp_path), encoding="utf-8")
        run = [sys.executable, "-m", "bridge", "run", "--config", str(config)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "ILL_BRIDGE_WEB__PORT": "0"}
        with subprocess.Popen(
            [sys.executable, str(ROOT / "tests/seccomp.py"), str(UNIT), *run],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        ) as daemon:
            assert daemon.stderr is not None
            told = next((line for line in daemon.stderr if "daemon.started" in line), "")
            if daemon.poll() == seccomp.SKIPPED or not told:
                assert daemon.wait(PATIENCE) == seccomp.SKIPPED
                pytest.skip("no systemd-analyze or libseccomp")
            alive = [sys.executable, "-m", "bridge.alive", f"{json.loads(told)['url']}/healthz"]
            assert subprocess.run(alive, env=environment).returncode == 0
            daemon.send_signal(signal.SIGTERM)
            daemon.communicate(timeout=PATIENCE)
        assert daemon.returncode == 0

    def test_the_filter_denies_what_it_leaves_out(self, tmp_path: Path) -> None:
        """So that the test above can fail."""
        change = [sys.executable, "-c", f"import os; os.chown({str(tmp_path)!r}, 0, 0)"]
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests/seccomp.py"), str(UNIT), *change], capture_output=True, text=True
        )
        if done.returncode == seccomp.SKIPPED:
            pytest.skip("no systemd-analyze or libseccomp")
        assert done.returncode == 1
        assert "PermissionError" in done.stderr

    @pytest.mark.parametrize(
        "line",
        [
            "Type=notify",
            "WatchdogSec=2min",
            "User=ill-bridge",
            "Restart=on-failure",
            "RestartPreventExitStatus=2",
            "StateDirectory=ill-bridge",
            "ProtectSystem=strict",
            "NoNewPrivileges=yes",
            "CapabilityBoundingSet=",
            "SystemCallFilter=@system-service",
            "MemoryDenyWriteExecute=yes",
        ],
    )
    def test_it_says(self, line: str) -> None:
        assert line in UNIT.read_text(encoding="utf-8").splitlines()


def pinned(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))


class TestLocks:
    def test_the_daemon_runs_on_what_was_tested(self) -> None:
        assert pinned("requirements-run.lock").items() <= pinned("requirements.lock").items()

    def test_every_package_of_the_daemon_is_locked_and_no_other_tool(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        extras = project["optional-dependencies"]
        locked = pinned("requirements-run.lock").keys()
        assert {plain(each) for each in (*project["dependencies"], *extras["postgres"])} <= locked
        assert not {plain(each) for each in extras["dev"]} & locked

    @pytest.mark.parametrize("name", ["requirements-run.lock", "requirements-build.lock"])
    def test_every_package_has_its_hashes(self, name: str) -> None:
        text = (ROOT / name).read_text(encoding="utf-8")
        for block in re.split(r"\n(?=\S)", text):
            assert "==" not in block.partition("#")[0] or "--hash=sha256:" in block, block


def plain(requirement: str) -> str:
    return re.split(r"[\s\[<>=;,]", requirement, maxsplit=1)[0].lower()
