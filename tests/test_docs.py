"""The documentation is true of the code: settings, commands, errors, links, the example configuration, the README's promise."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from bridge import errors
from bridge.cli.main import app
from bridge.connectors.alma.errors import ANYWHERE, TABLE
from bridge.domain.commands import Verb
from bridge.errors import BridgeError, IlsError
from bridge.ledger import LeaseLost, LedgerBusy
from bridge.settings import check
from bridge.sources.message import Message
from bridge.wiring import connector_settings, source_settings

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "tests").rglob("*.md")]
)
INNER = {"missing", "not_yet_visible", "already_there"}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_the_page_of_settings_is_what_the_code_says() -> None:
    ended = subprocess.run([sys.executable, str(ROOT / "scripts" / "settings-reference"), "--check"], cwd=ROOT)
    assert ended.returncode == 0, "run scripts/settings-reference"


def test_every_command_and_option_is_documented() -> None:
    text = page("reference/commands.md")
    group = typer.main.get_command(app)
    commands = getattr(group, "commands", {})
    assert commands
    for name, command in commands.items():
        assert f"`{name}" in text, name
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}"))
        for parameter in command.params:
            options = [option for option in parameter.opts if option.startswith("--")]
            for option in options:
                assert option in {"--help", "--config"} or option in row, (name, option)
    for name in re.findall(r"^\| `([a-z]+)", text, re.MULTILINE):
        assert name in commands, f"{name} is documented and not there"


def test_every_error_is_documented() -> None:
    text = page("reference/errors.md")
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BridgeError)]
    for kind in [*kinds, LedgerBusy, LeaseLost]:
        assert kind in {BridgeError, IlsError} or f"`{kind.__name__}`" in text, kind


def test_every_cause_is_documented() -> None:
    text = page("reference/errors.md")
    told = {meaning.cause for meaning in (*TABLE.values(), *ANYWHERE.values()) if meaning.cause}
    sources = [*(ROOT / "bridge" / "connectors").rglob("*.py"), *(ROOT / "bridge" / "engine").rglob("*.py")]
    for path in sources:
        told |= set(re.findall(r'cause="([a-z_]+)"', path.read_text(encoding="utf-8")))
    for cause in sorted(told - INNER):
        assert f"`{cause}`" in text, cause


def test_every_field_of_a_webhooks_message_is_documented() -> None:
    text = page("reference/webhook.md")
    for name in Message.model_fields:
        assert f'"{name}"' in text or f"`{name}`" in text, name


def test_the_example_configuration_loads(tmp_path: Path) -> None:
    text = (ROOT / "config" / "bridge.example.toml").read_text(encoding="utf-8")
    for name in re.findall(r'_file = "([^"]+)"', text):
        secret = tmp_path / Path(name).name
        secret.write_text("a long random secret\n", encoding="utf-8")
        text = text.replace(name, str(secret))
    known = check(tomllib.loads(text), connector_settings=connector_settings, source_settings=source_settings)
    assert set(known.sources) == {"hook", "changes"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert "://" in target or (path.parent / target).exists(), target


def test_every_page_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "docs").rglob("*.md"):
        assert str(path.relative_to(ROOT)) in text, path


def test_the_quality_scale_names_every_verb() -> None:
    text = (ROOT / "bridge" / "connectors" / "alma" / "quality_scale.yaml").read_text(encoding="utf-8")
    for verb in Verb:
        assert f"{verb.value}: " in text, verb


def test_every_change_of_the_product_is_in_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for name in getattr(typer.main.get_command(app), "commands", {}):
        assert f"`{name}`" in text, name
