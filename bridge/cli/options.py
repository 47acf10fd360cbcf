"""Options that several commands share, and opening what they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bridge.ledger import Ledger
from bridge.settings import Configuration
from bridge.wiring import configuration, ledger_of

DEFAULT_CONFIG = Path("config/bridge.toml")

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", envvar="ILL_BRIDGE_CONFIG", help="The configuration file (TOML).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")]
CauseOption = Annotated[
    str, typer.Option(help="Only requests that stopped for this cause, as `status` names it (unknown_patron).")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@contextmanager
def opened(config: Path) -> Iterator[tuple[Configuration, Ledger]]:
    """The configuration and its ledger, brought to this release's schema where no daemon runs on it."""
    known = configuration(config)
    ledger = ledger_of(known)
    try:
        if ledger.lock.free():
            ledger.upgrade()
        yield known, ledger
    finally:
        ledger.close()
