"""A source on ISO 18626 for tests: its settings, its messages, its schemas."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lxml import etree

from bridge.domain.change import UNSET, Change
from bridge.sandbox.iso18626 import Talk
from bridge.sources.iso18626 import Iso18626Settings, Iso18626Source
from bridge.sources.iso18626.source import Reading
from tests.reference import REFERENCE

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
MESSAGES = Path(__file__).with_name("messages")
SECRET = "a long random secret of a peer"
OURS: dict[str, Any] = {"ours": True, "secret": SECRET}
LIBRARIES = frozenset({"main", "branch"})
BORROWED = Talk("OUR", "SUP", "B-1")
LENT = Talk("REQ", "OUR", "L-1")


def settings(**more: Any) -> Iso18626Settings:
    known = {"service": "svc", "libraries": {"OUR": "main", "ISIL:BRANCH": "branch"}, "peers": {"system": OURS}}
    return Iso18626Settings.model_validate({**known, "timezone": "America/New_York", **more})


def source(**more: Any) -> Iso18626Source:
    return Iso18626Source("iso", settings(**more), LIBRARIES, clock=lambda: NOW)


def read(body: bytes, **more: Any) -> Reading:
    return source(**more).read(body)


def change(body: bytes, **more: Any) -> Change:
    """The first change of a message that is understood."""
    reading = read(body, **more)
    assert reading.fault is None, reading.arrival.problem
    return reading.arrival.changes[0]


def edits(told: Change) -> dict[str, Any]:
    return {name: value for name, value in vars(told.edits).items() if value is not UNSET}


def schemas() -> dict[str, etree.XMLSchema]:
    """The schema of each generation; only where the reference documents are."""
    folder = REFERENCE / "iso18626" / "xsd"
    names = {"1.2": "ISO-18626-v1_2.xsd", "2021": "ISO-18626-2021-2.xsd"}
    return {version: etree.XMLSchema(etree.parse(str(folder / name))) for version, name in names.items()}
