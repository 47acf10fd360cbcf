"""Records the cassettes anew: ``python -m tests.cassettes.record alma`` (stand-in), or ``--real FILE`` (a vendor's sandbox).

FILE is a TOML table with the connector's ``settings`` and the ``cast`` (see README.md beside this file).
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bridge.connectors.alma import AlmaConnector, AlmaSettings
from bridge.connectors.base import Surroundings
from bridge.http import Unpaced
from bridge.sandbox.alma import AlmaStandIn
from bridge.sandbox.server import Server
from tests.cassettes.scripts import SCRIPTS, Cast
from tests.cassettes.scrubbing import Scrubber
from tests.cassettes.tape import FOLDER, Head, Tape, recorder

HOST = "https://alma.example"
STAND_IN: dict[str, str] = {
    "patron": "P1001",
    "account": "ILL-XYZ",
    "own_barcode": "39000000000001",
    "temporary_barcode": "ILL-CASSETTE",
    "library": "RS",
    "location": "ILLTEMP",
    "desk": "RSDESK",
    "lending_library": "RS",
    "lending_location": "ILLOUT",
    "pickup": "MAIN",
    "item_type": "ILL",
    "material": "BOOK",
}


@dataclass(frozen=True)
class Place:
    """Where to record: what it is, the connector's settings, the cast as it is called there."""

    named: str
    settings: AlmaSettings
    cast: Cast
    scrubber: Scrubber


def main() -> int:
    """Record every script of a connector."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("connector", choices=["alma"])
    arguments.add_argument("--real", type=Path, help="settings and cast of a vendor's real sandbox")
    arguments.add_argument("--into", type=Path, default=FOLDER, help="folder of the cassettes")
    given = arguments.parse_args()
    folder = given.into / given.connector
    folder.mkdir(parents=True, exist_ok=True)
    if given.real:
        known = tomllib.loads(given.real.read_text(encoding="utf-8"))
        return _record(folder, _place("Alma's real sandbox", known["settings"], known["cast"]))
    with Server(AlmaStandIn().app) as server:
        settings = {"host": server.url, "api_key": "sandbox-key", "timezone": "Europe/Berlin"}
        lending = {"lending_library": "RS", "lending_desk": "RSDESK"}
        return _record(folder, _place("the stand-in (bridge.sandbox.alma)", settings | lending, STAND_IN))


def _place(named: str, settings: dict[str, Any], cast: dict[str, Any]) -> Place:
    known = AlmaSettings.model_validate(settings)
    today = datetime.now(UTC).date()
    dates = {
        "due": str(today + timedelta(days=40)),
        "renewed": str(today + timedelta(days=70)),
        "run": f"{today:%Y%m%d}",
    }
    played = Cast.of(dates | cast)
    replacements = {known.host: HOST, known.api_key.get_secret_value(): "scrubbed-key", played.patron: "PATRON"}
    return Place(named, known, played, Scrubber(replacements))


def _record(folder: Path, place: Place) -> int:
    for name, play in SCRIPTS.items():
        told = place.cast
        cast = replace(told, temporary_barcode=f"{told.temporary_barcode}-{name}", run=f"{told.run}-{name}")
        tape = Tape()
        surroundings = Surroundings("alma", Unpaced(), lambda _: None)
        path = folder / f"{name}.yaml"
        path.unlink(missing_ok=True)
        with recorder(tape, record=True, scrubber=place.scrubber).use_cassette(str(path)):
            connector = AlmaConnector(place.settings, surroundings)
            ended = play(connector, cast)
            connector.close()
            scrubbed = replace(cast, patron=place.scrubber.text(cast.patron))
            tape.head = Head(place.named, str(datetime.now(UTC).date()), scrubbed, tuple(ended))
        print(f"{path}: {len(ended)} verbs; look it through before it is committed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
