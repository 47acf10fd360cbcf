"""Imported by the process from which daemons are forked: it reads whatever a daemon reads of the code once it knows its configuration."""

from __future__ import annotations

import sqlite3

import uvicorn.lifespan.off
import uvicorn.loops.auto
from pydantic import v1

from bridge.connectors.registry import connector_kind, connector_names

LATE = (sqlite3, uvicorn, v1)

KINDS = tuple(connector_kind(name) for name in connector_names())
