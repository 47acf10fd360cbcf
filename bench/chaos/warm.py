"""Imported by the process from which daemons are forked: it reads whatever a daemon reads of the code once it knows its configuration."""

from __future__ import annotations

from bridge.connectors.registry import connector_kind, connector_names

KINDS = tuple(connector_kind(name) for name in connector_names())
