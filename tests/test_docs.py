"""The documentation is true of the code: settings, commands, errors, links, the example configuration, the README's promise."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bridge import errors
from bridge.alerts.channel import Parcel
from bridge.alerts.model import Item, Kind, Notice, Stage
from bridge.alerts.webhook import payload
from bridge.cli.main import app
from bridge.configuring import check
from bridge.connectors.alma.errors import ANYWHERE, TABLE
from bridge.connectors.registry import connector_names
from bridge.domain.commands import Verb
from bridge.domain.parking import CAUSES
from bridge.errors import BridgeError, IlsError
from bridge.ledger import LeaseLost, LedgerBusy
from bridge.sources.kinds import KINDS
from bridge.sources.message import Message
from bridge.wiring import connector_settings, source_settings

ROOT = Path(__file__).parents[1]
INNER = {"missing", "not_yet_visible", "already_there"}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["settings-reference", "commands-reference", "metrics-reference", "support-matrix"])
def test_a_page_written_from_the_code_is_up_to_date(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--check"])
    assert runpy.run_path(str(ROOT / "scripts" / name))["main"]() == 0, f"run scripts/{name}"


def commands(group: Any = None, before: str = "") -> Iterator[tuple[str, Any]]:
    group = group or typer.main.get_command(app)
    for name, listed in group.commands.items():
        command = getattr(listed, "whole", listed)
        yield f"{before}{name}", command
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")


def test_every_command_has_an_example_in_its_help() -> None:
    for name, command in commands():
        assert hasattr(command, "commands") or f"Example: ill-bridge {name}" in command.help, name


def test_no_help_loses_a_word_in_brackets() -> None:
    """rich takes it for markup, and shows nothing of it."""
    for name, command in commands():
        assert not re.search(r"\[[a-z][\w.]*\]", command.help or "", re.IGNORECASE), name


def test_every_error_is_documented() -> None:
    text = page("reference/errors.md")
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BridgeError)]
    for kind in [*kinds, LedgerBusy, LeaseLost]:
        assert kind in {BridgeError, IlsError} or f"`{kind.__name__}`" in text, kind


def causes() -> set[str]:
    """Every cause that a connector or the engine gives."""
    told = {meaning.cause for meaning in (*TABLE.values(), *ANYWHERE.values()) if meaning.cause}
    for path in ("connectors", "engine"):
        for source in (ROOT / "bridge" / path).rglob("*.py"):
            told |= set(re.findall(r'cause="([a-z_]+)"', source.read_text(encoding="utf-8")))
    return told - INNER


def rows(text: str) -> dict[str, list[str]]:
    """Rows of a page's tables, by each name in their first cell."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("| `") else [""]
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", cells[0]), cells[1:])
    return found


def test_what_to_do_is_said_of_every_cause_and_whether_time_heals_it() -> None:
    told = rows(page("how-to/when-something-goes-wrong.md"))
    assert causes() <= set(CAUSES), "say in bridge/domain/parking.py whether time heals it"
    for name, cause in CAUSES.items():
        if name != "staff":
            assert told[name][2] == ("yes" if cause.heals else "no"), name


def test_what_to_do_is_said_of_every_line_in_the_log_that_warns() -> None:
    told = rows(page("how-to/when-something-goes-wrong.md"))
    for source in (ROOT / "bridge").rglob("*.py"):
        text = source.read_text(encoding="utf-8")
        for event in re.findall(r'log\.(?:warning|error|critical)\(\s*"([a-z_.]+)"', text):
            assert len(told.get(event, ())) == 3, event
    assert "lane.closed" in told


def test_every_field_of_a_webhooks_message_is_documented() -> None:
    text = page("reference/webhook.md")
    for name in Message.model_fields:
        assert f'"{name}"' in text or f"`{name}`" in text, name


def example() -> str:
    return (ROOT / "config" / "bridge.example.toml").read_text(encoding="utf-8")


def test_the_example_configuration_loads(tmp_path: Path) -> None:
    text = example()
    for name in re.findall(r'^\w+_file = "(/[^"]+)"', text, re.MULTILINE):
        secret = tmp_path / Path(name).name
        secret.write_text("a long random secret\n", encoding="utf-8")
        text = text.replace(name, str(secret))
    known = check(tomllib.loads(text), connector_settings=connector_settings, source_settings=source_settings)
    assert {"hook", "changes", "college", "exports"} <= set(known.sources)
    assert known.settings.lane("main") == known.settings.lane("science") != known.settings.lane("college")


def test_the_example_of_a_tipasa_library_loads_and_says_what_its_page_says(tmp_path: Path) -> None:
    text = (ROOT / "config" / "tipasa.example.toml").read_text(encoding="utf-8")
    secret = tmp_path / "secret"
    secret.write_text("a long random secret\n", encoding="utf-8")
    text = re.sub(r'"/run/secrets/[^"]+"', f'"{secret}"', text)
    known = check(tomllib.loads(text), connector_settings=connector_settings, source_settings=source_settings)
    policy = known.settings.policy("main")
    assert policy.borrowing.barcode_from == "request"
    assert policy.lending.check_in_on_completed
    named = re.findall(r"`(borrowing|lending)\.(\w+)", page("reference/sources/oclc.md"))
    assert all(hasattr(getattr(policy, side), name) for side, name in named)


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "docs" / "how-to").glob("set-up-*.md")))
def test_the_configuration_of_a_set_up_page_is_checked_without_a_complaint(name: str, tmp_path: Path) -> None:
    (block,) = re.findall(r"^    \[ils\.\w+\]\n(?:    .*\n|\n)*", page(f"how-to/{name}.md"), re.MULTILINE)
    (tmp_path / "secret").write_text("a long random secret\n", encoding="utf-8")
    text = re.sub(r"^    ", "", re.sub(r'_file = "/[^"]+"', '_file = "secret"', block), flags=re.MULTILINE)
    file = tmp_path / "bridge.toml"
    file.write_text(f'{text}\n[ledger]\nurl = "sqlite:///{tmp_path}/ledger.db"\n', encoding="utf-8")
    result = CliRunner().invoke(app, ["check", "--offline", "--config", str(file)])
    complaints = [line for line in result.output.splitlines() if line.startswith(("!", "✘"))]
    assert all("No source speaks for it" in line for line in complaints), result.output
    assert complaints


def test_what_the_example_leaves_out_may_be_put_in(tmp_path: Path) -> None:
    """Optional keys stand behind "# key = value"; each is right where it stands."""
    text = re.sub(r"^# (\w+ = )", r"\1", example(), flags=re.MULTILINE)
    lines: list[str] = []
    for line in text.splitlines():
        name = line.partition(" = ")[0]
        earlier = [each for each in lines[_last_table(lines) :] if each.startswith(f"{name} = ")]
        if not earlier or not name.isidentifier():
            lines.append(line)
    text = re.sub(r'"([^"]+\.csv)"', lambda found: f'"{_csv(tmp_path, found[1])}"', "\n".join(lines))
    for name in re.findall(r'^\w+_file = "(/run[^"]+)"', text, re.MULTILINE):
        (tmp_path / Path(name).name).write_text("a long random secret\n", encoding="utf-8")
        text = text.replace(f'"{name}"', f'"{tmp_path / Path(name).name}"')
    check(tomllib.loads(text), connector_settings=connector_settings, source_settings=source_settings)


def _last_table(lines: list[str]) -> int:
    return max((number for number, line in enumerate(lines) if line.startswith("[")), default=0)


def _csv(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("service,ils,partner,account\nA,B,C,D\n", encoding="utf-8")
    return path


def test_the_example_shows_every_key() -> None:
    keys = set(re.findall(r"^\| `(\w+)` \|", page("reference/settings.md"), re.MULTILINE))
    headers = re.findall(r"^\[+(.+?)\]+", example(), re.MULTILINE)
    shown = {word for header in headers for word in header.split(".")}
    shown |= {name.removesuffix("_file") for name in re.findall(r"(\w+) = ", example())}
    assert sorted(key for key in keys if key.removesuffix("_file") not in shown) == []


def test_every_connector_and_kind_of_source_has_a_table_of_its_own_keys() -> None:
    tables = dict(re.findall(r"^## `(.+)`\n((?:(?!## ).*\n)*)", page("reference/settings.md"), re.MULTILINE))
    named = {f"[ils.NAME.settings] of connector {name}": connector_settings(name) for name in connector_names()}
    named |= {f'[sources.NAME], kind = "{name}"': kind.settings for name, kind in KINDS.items()}
    for name, model in named.items():
        assert re.findall(r"^\| `(\w+)` \|", tables[name], re.MULTILINE) == [*model.model_fields], name


@pytest.mark.thorough
def test_the_site_is_built_without_a_warning_and_its_links_lead_somewhere(tmp_path: Path) -> None:
    """In every run of CI the gates do it."""
    done = subprocess.run(
        [ROOT / "scripts" / "site", "--offline"],
        env={**os.environ, "SITE_DIR": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "tutorial" / "first-loan.html").exists()


def test_every_page_is_in_the_sites_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for path in (ROOT / "docs").rglob("*.md"):
        assert f"- {path.relative_to(ROOT / 'docs')}" in text.replace("Home: ", ""), "add it to nav in mkdocs.yml"


def test_no_table_is_cut_in_two_by_an_empty_line() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    cut = [
        f"{path.name}: {row}" for path in pages for row in re.findall(r"\n\n(\|.*)\n(?!\|--)", path.read_text("utf-8"))
    ]
    assert cut == []


def test_what_proves_a_promise_is_there() -> None:
    proofs = re.findall(r"`((?:tests|bench|scripts)/[^`]+)`", page("explanation/promises.md"))
    assert len(proofs) > 20
    for proof in proofs:
        path, *names = proof.split("::")
        assert (ROOT / path).exists(), proof
        for name in names:
            assert re.search(rf"(def|class) {name}\b", (ROOT / path).read_text(encoding="utf-8")), proof


def test_every_page_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "docs").rglob("*.md"):
        assert str(path.relative_to(ROOT)) in text, path


def test_the_quality_scale_names_every_verb() -> None:
    text = (ROOT / "bridge" / "connectors" / "alma" / "quality_scale.yaml").read_text(encoding="utf-8")
    for verb in Verb:
        assert f"{verb.value}: " in text, verb


def test_every_change_of_the_product_is_in_the_changelog() -> None:
    text = page("../CHANGELOG.md")
    for name, command in commands():
        assert hasattr(command, "commands") or f"`{name}`" in text, name


def test_every_field_of_an_alert_and_every_kind_is_documented() -> None:
    text = page("how-to/alerts.md")
    item = Item("request", "R1")
    parcel = Parcel(Notice(Kind.TEST, Stage.NEW, datetime.now(UTC), "t", (), items=(item,)), "k#1", "k#1", "b")
    for name in [*payload(parcel), *(field.name for field in fields(Item))]:
        assert f'"{name}": ' in text, name
    for word in (*Kind, *Stage):
        assert re.search(rf"\b{word}\b", text), word
