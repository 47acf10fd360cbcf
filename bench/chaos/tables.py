"""What a daemon is configured with for a day of chaos, as TOML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bench.chaos.stories import ACCOUNTS

Table = Mapping[str, Any]
BRIDGE = "chaos"
EARLY, MAIN = "early", "main"


def ils_tables(connector: str, settings: Table, borrowing: Table, lending: Table) -> str:
    """An ILS and two libraries: ``main`` makes items on receipt and charges a fee, ``early`` makes them, and holds own ones, on request."""
    lane = {"connector": connector, "cap": 4, "calls_per_second": 0, "late_writes": 0.1}
    return (
        _table(f"ils.{connector}", lane)
        + _settings(f"ils.{connector}.settings", settings)
        + "".join(_library(connector, kind, borrowing, lending) for kind in (MAIN, EARLY))
    )


def _settings(name: str, settings: Table) -> str:
    plain = {key: value for key, value in settings.items() if not isinstance(value, Mapping)}
    within = [_table(f"{name}.{key}", value) for key, value in settings.items() if isinstance(value, Mapping)]
    return _table(name, plain) + "".join(within)


def _library(connector: str, kind: str, borrowing: Table, lending: Table) -> str:
    early = kind == EARLY
    name = f"libraries.{connector}-{kind}"
    steps = {
        "barcode_prefix": "ILE-" if early else "ILL-",
        "create_on": "requested" if early else "received",
        "charge_fee": not early,
        "fee_amount": "2.50",
    }
    return (
        _table(name, {"mode": "live", "ils": connector, "deletes_per_hour": 1_000_000})
        + _table(f"{name}.borrowing", {**steps, **borrowing})
        + _table(f"{name}.lending", {"accounts": ACCOUNTS, "hold_on_request": early, **lending})
    )


def _table(name: str, values: Table) -> str:
    return "".join([f"[{name}]\n", *(f"{key} = {_value(value)}\n" for key, value in values.items())])


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)
