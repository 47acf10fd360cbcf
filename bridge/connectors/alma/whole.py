"""The whole of an item as Alma wants it back: a PUT replaces everything, so nothing may be lost (alma.md section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.connectors.alma.models import parts_of


def whole(
    raw: Mapping[str, Any],
    *,
    item_data: Mapping[str, object] | None = None,
    holding_data: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """What was read with these changes; without ``bib_data`` and links, which Alma does not take back."""
    kept = {name: value for name, value in raw.items() if name not in {"bib_data", "link"}}
    for name, changes in (("item_data", item_data or {}), ("holding_data", holding_data or {})):
        kept[name] = {**parts_of(dict(raw), name), **changes}
        kept[name].pop("link", None)
    return kept
