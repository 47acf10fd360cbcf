"""Presets: the policy of a library as a product it comes from had it, so that nothing changes on the first day but who does the work."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Preset(StrEnum):
    """Products whose steps a library may begin with."""

    NONE = ""
    TIPASA = "tipasa"


PRESETS: Mapping[Preset, Mapping[str, Mapping[str, Any]]] = {
    Preset.NONE: {},
    Preset.TIPASA: {
        "borrowing": {
            "create_on": "received",
            "barcode_from": "request",
            "hold": True,
            "update_due_date": True,
            "align_due_date": "off",
            "renew": True,
            "on_recall": "show",
            "declare_lost": False,
            "check_in_on_return": True,
            "delete_on_return": True,
            "charge_fee": False,
            "charge_replacement_fee": False,
        },
        "lending": {
            "hold_on_request": False,
            "check_out_on_shipped": True,
            "update_due_date": True,
            "renew": False,
            "declare_lost": False,
            "not_returned": "ask",
            "check_in_on_completed": True,
        },
    },
}
"""Tipasa's circulation integration with item, hold, due date, check-out and check-in on, and the barcode that OCLC's help marks as
recommended; fees and holds on own items, options for some ILSs only, are off. Nothing that it has no option for: it renews for borrowers
only, and declares nothing lost (OCLC Support, "Circulation Integration")."""


def with_preset(table: Mapping[str, Any]) -> dict[str, Any]:
    """A library's table with what its preset says, where the table itself does not. A preset that is none is left to be told of."""
    try:
        preset = PRESETS[Preset(table.get("preset", ""))]
    except ValueError:
        return dict(table)
    filled = {name: _below(values, table.get(name, {})) for name, values in preset.items()}
    return {**table, **filled}


def _below(values: Mapping[str, Any], said: object) -> object:
    """The table that was written over the preset's values; what is no table is left to be told of."""
    return {**values, **said} if isinstance(said, Mapping) else said
