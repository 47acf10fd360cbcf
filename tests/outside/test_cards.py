"""A connector that is no part of the project: installed beside it, found by entry point, and held to the same contract."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.contract.suite import ConnectorContract
from tests.outside.bench import CardsBench
from tests.outside.conftest import PACKAGE
from tests.outside.stand_in import TOKEN

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "how-to" / "write-a-connector.md"


class TestCards(ConnectorContract):
    """Over real HTTP against the author's stand-in; what Cards cannot do is skipped by its capabilities."""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The package as an installer lays it down: the modules, and beside them their metadata with the entry points of pyproject.toml."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    site = tmp_path / "site"
    shutil.copytree(PACKAGE / "ill_bridge_cards", site / "ill_bridge_cards")
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(head, encoding="utf-8")
    groups = (
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    )
    (info / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
    return site


def run(site: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(site), str(ROOT)))}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=cwd, capture_output=True, text=True, timeout=120
    )


CONFIG = """
bridge = "outside"
[ledger]
url = "sqlite:///bridge.db"
[ils.cards]
connector = "cards"
[ils.cards.settings]
base_url = "{url}"
token = "{token}"
[libraries.main]
ils = "cards"
[libraries.main.lending]
accounts = {{ XYZ = "ILL-XYZ" }}
[sources.hook]
kind = "webhook"
service = "svc"
library = "main"
secret = "a long shared secret"
"""


def test_it_is_found_by_entry_point_and_checked_like_any_other(
    installed: Path, tmp_path: Path, bench: CardsBench
) -> None:
    names = "from bridge.connectors.registry import connector_names; print(*connector_names())"
    assert "cards" in run(installed, "-c", names, cwd=tmp_path).stdout.split()
    (tmp_path / "bridge.toml").write_text(CONFIG.format(url=bench.settings.base_url, token=TOKEN), encoding="utf-8")
    checked = run(installed, "-m", "bridge", "check", "--config", "bridge.toml", cwd=tmp_path)
    assert "Cards answers" in checked.stdout, checked.stdout + checked.stderr
    assert "It may borrow" in checked.stdout
    wrong = CONFIG.format(url=bench.settings.base_url, token=TOKEN).replace("base_url", "base_uri")
    (tmp_path / "bridge.toml").write_text(wrong, encoding="utf-8")
    told = run(installed, "-m", "bridge", "check", "--config", "bridge.toml", cwd=tmp_path)
    assert told.returncode == 2
    assert "did you mean 'base_url'" in told.stderr


def test_the_guide_names_every_file_of_it() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for path in (PACKAGE / "ill_bridge_cards").iterdir():
        if path.suffix in {".py", ".yaml"}:
            assert f"`{path.name}`" in text, path.name
