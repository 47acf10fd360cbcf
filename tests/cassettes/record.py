"""Records the cassettes anew: ``python -m tests.cassettes.record alma`` (stand-in), or ``--real FILE`` (a vendor's sandbox).

FILE is a TOML table with the connector's ``settings`` and the ``cast`` (see README.md beside this file).
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bridge.connectors.alma import CONNECTOR as ALMA_KIND
from bridge.connectors.base import Connector, ConnectorKind, Surroundings
from bridge.connectors.sierra import CONNECTOR as SIERRA_KIND
from bridge.http import Unpaced
from bridge.sandbox.alma import AlmaStandIn
from bridge.sandbox.server import Server
from bridge.sandbox.sierra import SierraStandIn
from tests.cassettes.scripts import SCRIPTS, Cast
from tests.cassettes.scrubbing import Scrubber
from tests.cassettes.tape import FOLDER, Head, Tape, recorder


@dataclass(frozen=True)
class Vendor:
    """A connector whose exchanges are recorded: against its stand-in, or against a real sandbox of the vendor.

    ``secrets`` are the settings that must not be written down; ``settings`` with which it plays its cassettes back.
    """

    kind: ConnectorKind
    host: str
    address: str
    stand_in: Callable[[], Any]
    settings: Mapping[str, Any]
    secrets: Sequence[str]
    cast: Mapping[str, str]

    def build(self, settings: Mapping[str, Any]) -> Connector:
        """The connector with these settings."""
        known = self.kind.settings.model_validate(settings)
        return self.kind.build(known, Surroundings(self.kind.settings.__name__, Unpaced(), lambda _: None))

    def replayed(self) -> Connector:
        """The connector as it plays a cassette back."""
        return self.build({self.address: self.host, **self.settings, **dict.fromkeys(self.secrets, "any")})


ALMA = Vendor(
    ALMA_KIND,
    "https://alma.example",
    "host",
    lambda: AlmaStandIn().app,
    {
        "timezone": "Europe/Berlin",
        "lending_library": "RS",
        "lending_desk": "RSDESK",
        "first_wait": 0.001,
        "visibility_wait": 0.001,
    },
    ("api_key",),
    {
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
    },
)
SIERRA = Vendor(
    SIERRA_KIND,
    "https://sierra.example/iii/sierra-api",
    "base_url",
    lambda: SierraStandIn().app,
    {"timezone": "America/Chicago", "visibility_wait": 0.001},
    ("key", "secret"),
    {
        "patron": "21000000001001",
        "account": "ILL-XYZ",
        "own_barcode": "39000000000001",
        "temporary_barcode": "ILL-CASSETTE",
        "library": "",
        "location": "illtm",
        "desk": "",
        "lending_library": "",
        "lending_location": "illx",
        "pickup": "main",
        "item_type": "50",
        "material": "",
    },
)
VENDORS: Mapping[str, Vendor] = {"alma": ALMA, "sierra": SIERRA}
SANDBOX_SECRETS = {"api_key": "sandbox-key", "key": "sandbox-key", "secret": "sandbox-secret"}


@dataclass(frozen=True)
class Place:
    """Where to record: what it is, the connector's settings, the cast as it is called there."""

    named: str
    vendor: Vendor
    settings: Mapping[str, Any]
    cast: Cast
    scrubber: Scrubber


def main() -> int:
    """Record every script of a connector."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("connector", choices=list(VENDORS))
    arguments.add_argument("--real", type=Path, help="settings and cast of a vendor's real sandbox")
    arguments.add_argument("--into", type=Path, default=FOLDER, help="folder of the cassettes")
    given = arguments.parse_args()
    vendor = VENDORS[given.connector]
    folder = given.into / given.connector
    folder.mkdir(parents=True, exist_ok=True)
    if given.real:
        known = tomllib.loads(given.real.read_text(encoding="utf-8"))
        return _record(folder, _place(f"a real sandbox of {given.connector}", vendor, known["settings"], known["cast"]))
    with Server(vendor.stand_in()) as server:
        url = vendor.host.replace("https://" + vendor.host.split("/")[2], server.url)
        secrets = {name: SANDBOX_SECRETS[name] for name in vendor.secrets}
        settings = {vendor.address: url, **vendor.settings, **secrets}
        return _record(
            folder, _place(f"the stand-in (bridge.sandbox.{given.connector})", vendor, settings, vendor.cast)
        )


def _place(named: str, vendor: Vendor, settings: Mapping[str, Any], cast: Mapping[str, Any]) -> Place:
    today = datetime.now(UTC).date()
    dates = {
        "due": str(today + timedelta(days=40)),
        "renewed": str(today + timedelta(days=70)),
        "run": f"{today:%Y%m%d}",
    }
    played = Cast.of({**dates, **cast})
    secrets = {str(settings[name]): "scrubbed-key" for name in vendor.secrets}
    replacements = {str(settings[vendor.address]).rstrip("/"): vendor.host, **secrets, played.patron: "PATRON"}
    return Place(named, vendor, settings, played, Scrubber(replacements))


def _record(folder: Path, place: Place) -> int:
    for name, play in SCRIPTS.items():
        told = place.cast
        cast = replace(told, temporary_barcode=f"{told.temporary_barcode}-{name}", run=f"{told.run}-{name}")
        tape = Tape()
        path = folder / f"{name}.yaml"
        path.unlink(missing_ok=True)
        with recorder(tape, record=True, scrubber=place.scrubber).use_cassette(str(path)):
            connector = place.vendor.build(place.settings)
            ended = play(connector, cast)
            connector.close()
            scrubbed = replace(cast, patron=place.scrubber.text(cast.patron))
            tape.head = Head(place.named, str(datetime.now(UTC).date()), scrubbed, tuple(ended))
        print(f"{path}: {len(ended)} verbs; look it through before it is committed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
