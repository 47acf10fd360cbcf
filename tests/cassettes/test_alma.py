"""The recorded exchanges, played back: the connector still says exactly what it said then, and reads the answers alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from bridge.connectors.alma import AlmaConnector, AlmaSettings
from bridge.connectors.base import Surroundings
from bridge.http import Unpaced
from tests.cassettes.record import HOST
from tests.cassettes.scripts import SCRIPTS
from tests.cassettes.scrubbing import Scrubber
from tests.cassettes.tape import FOLDER, Tape, head_of, recorder

CASSETTES = sorted((FOLDER / "alma").glob("*.yaml"))


def test_every_script_has_its_cassette() -> None:
    assert [path.stem for path in CASSETTES] == sorted(SCRIPTS)


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_a_cassette_plays(path: Path) -> None:
    head = head_of(path)
    settings = AlmaSettings(
        host=HOST,
        api_key=SecretStr("any"),
        timezone="Europe/Berlin",
        lending_library=head.cast.lending_library,
        lending_desk=head.cast.desk,
    )
    connector = AlmaConnector(settings, Surroundings("alma", Unpaced(), lambda _: None), sleep=lambda _: None)
    with recorder(Tape(), record=False, scrubber=Scrubber({})).use_cassette(str(path)) as cassette:
        ended = SCRIPTS[path.stem](connector, head.cast)
        connector.close()
        assert tuple(ended) == head.ended
        assert cassette.all_played


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_a_cassette_holds_nothing_secret(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"apikey|authorization|sandbox-key|127\.0\.0\.1|P1001|Ashby|@", text, re.IGNORECASE)
    assert yaml.safe_load(text)["recorded_against"]
