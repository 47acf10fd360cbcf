"""The demonstration's configuration: the file, with addresses, keys and the ledger's place filled in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.configuring import check, read
from bridge.settings import Configuration
from bridge.wiring import connector_settings, source_settings

if TYPE_CHECKING:
    from bridge.cli.demo.stage import IlsStage


ANY = "*"
"""Stands for whichever connector is shown."""


def demo_configuration(path: Path, folder: Path, ils: IlsStage, *, feed: str, secret: str) -> Configuration:
    """The configuration of ``path`` for one stage. Raises ``ConfigurationError``."""
    raw: dict[str, Any] = read(path)
    raw["ledger"]["url"] = f"sqlite:///{folder / 'demo.db'}"
    raw["ils"] = {name: table for name, table in raw["ils"].items() if table["connector"] in {ils.connector, ANY}}
    for table in raw["ils"].values():
        table["connector"] = ils.connector
        table["settings"] |= ils.settings()
    raw["sources"]["changes"]["url"] = feed
    raw["sources"]["hook"]["secret"] = secret
    return check(raw, connector_settings=connector_settings, source_settings=source_settings)
