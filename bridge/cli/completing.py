"""Shell completion of the names that a configuration file holds. It only reads the file, and says nothing where it cannot."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import typer

from bridge.files import MOST_OF_CONFIGURATION, read_file

DEFAULT = "config/bridge.toml"


def libraries(context: typer.Context, incomplete: str) -> list[str]:
    """Libraries whose name begins so."""
    return _beginning(_names(context, "libraries"), incomplete)


def sources(context: typer.Context, incomplete: str) -> list[str]:
    """Sources whose name begins so."""
    return _beginning(_names(context, "sources"), incomplete)


def pausable(context: typer.Context, incomplete: str) -> list[str]:
    """Libraries and lanes whose name begins so."""
    return _beginning([*_names(context, "libraries"), *_names(context, "ils")], incomplete)


def _beginning(names: list[str], incomplete: str) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete)})


def _names(context: typer.Context, table: str) -> list[str]:
    path = Path(context.params.get("config") or os.environ.get("ILL_BRIDGE_CONFIG") or DEFAULT)
    try:
        found = tomllib.loads(read_file(path, MOST_OF_CONFIGURATION).decode()).get(table)
    except (OSError, ValueError, RecursionError):
        return []
    return list(found) if isinstance(found, Mapping) else []
