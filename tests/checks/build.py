"""Configurations for the tests of checks, in few words."""

from __future__ import annotations

import copy
from typing import Any

from bridge.configuring import check
from bridge.domain.finding import Finding
from bridge.settings import Configuration
from bridge.wiring import connector_settings, source_settings

SECRET = "0123456789abcdef0123456789abcdef"
GOOD: dict[str, Any] = {
    "bridge": "test",
    "ledger": {"url": "sqlite:////var/lib/ill-bridge/a.db"},
    "ils": {
        "alma": {
            "connector": "alma",
            "settings": {"host": "https://alma.example", "api_key": "key-1", "timezone": "Europe/Berlin"},
        }
    },
    "libraries": {
        "main": {
            "ils": "alma",
            "mode": "live",
            "borrowing": {
                "item_type": "ILL",
                "barcode_prefix": "ILL-",
                "place": {"library": "RS", "location": "TEMP", "desk": "DESK"},
                "default_pickup_location": "MAIN",
                "pickup_locations": {"Main": "MAIN"},
            },
            "lending": {"accounts": {"XYZ": "ILL-XYZ"}, "default_account": "ILL-OTHERS"},
        }
    },
    "sources": {
        "hook": {
            "kind": "webhook",
            "service": "svc",
            "library": "main",
            "secret": SECRET,
            "circulation_by_service": False,
        }
    },
}


def raw(**changes: Any) -> dict[str, Any]:
    """The good configuration with values at dotted paths (``__`` for a dot); ``...`` takes one out."""
    made = copy.deepcopy(GOOD)
    for path, value in changes.items():
        put(made, path.split("__"), value)
    return made


def put(table: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        table = table.setdefault(part, {})
    if value is ...:
        table.pop(path[-1], None)
    else:
        table[path[-1]] = value


def known(**changes: Any) -> Configuration:
    return check(raw(**changes), connector_settings=connector_settings, source_settings=source_settings)


def hook(**more: Any) -> dict[str, Any]:
    return {**GOOD["sources"]["hook"], **more}


def feed(**more: Any) -> dict[str, Any]:
    return {
        "kind": "feed",
        "service": "svc",
        "library": "main",
        "url": "https://ill.example/changes",
        "token": "t",
        "circulation_by_service": False,
        **more,
    }


def library(**more: Any) -> dict[str, Any]:
    return {**copy.deepcopy(GOOD["libraries"]["main"]), **more}


def bad(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    """Subject and level of what is not well."""
    return [(finding.subject, finding.level.value) for finding in findings if finding.level.value != "ok"]
