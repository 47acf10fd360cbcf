"""The recorded exchanges, played back: the connector still says exactly what it said then, and reads the answers alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.cassettes.record import VENDORS
from tests.cassettes.scripts import SCRIPTS
from tests.cassettes.scrubbing import Scrubber
from tests.cassettes.tape import FOLDER, Tape, head_of, recorder

CASSETTES = sorted(path for name in VENDORS for path in (FOLDER / name).glob("*.yaml"))


def named(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_script_has_its_cassette(vendor: str) -> None:
    assert sorted(path.stem for path in (FOLDER / vendor).glob("*.yaml")) == sorted(SCRIPTS)


@pytest.mark.parametrize("path", CASSETTES, ids=named)
def test_a_cassette_plays(path: Path) -> None:
    head = head_of(path)
    connector = VENDORS[path.parent.name].replayed()
    with recorder(Tape(), record=False, scrubber=Scrubber({})).use_cassette(str(path)) as cassette:
        ended = SCRIPTS[path.stem](connector, head.cast)
        connector.close()
        assert tuple(ended) == head.ended
        assert cassette.all_played


@pytest.mark.parametrize("path", CASSETTES, ids=named)
def test_a_cassette_holds_nothing_secret(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(
        r"apikey|authorization|sandbox-key|sandbox-secret|127\.0\.0\.1|P1001|21000000001001|Ashby|@",
        text,
        re.IGNORECASE,
    )
    assert yaml.safe_load(text)["recorded_against"]
