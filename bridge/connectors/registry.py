"""Finds connectors by entry point, so that third parties add theirs without a change here."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from bridge.connectors.base import ConnectorKind
from bridge.errors import ConfigurationError

GROUP = "ill_bridge.connectors"


def connector_names() -> tuple[str, ...]:
    """Names of all installed connectors."""
    return tuple(sorted(point.name for point in entry_points(group=GROUP)))


@cache
def connector_kind(name: str) -> ConnectorKind:
    """The connector of this name; only it is imported. Raises ``ConfigurationError`` for one that is not installed."""
    found: list[EntryPoint] = [point for point in entry_points(group=GROUP) if point.name == name]
    if not found:
        known = ", ".join(connector_names())
        raise ConfigurationError((f"there is no connector named '{name}'; installed are: {known}",))
    kind = found[0].load()
    if not isinstance(kind, ConnectorKind):
        raise ConfigurationError((f"connector '{name}' ({found[0].value}) is not a ConnectorKind",))
    return kind
