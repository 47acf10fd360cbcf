from __future__ import annotations

from pathlib import Path

import pytest

from tests.alerts.post import certificate


@pytest.fixture(scope="session")
def self_made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key."""
    return certificate(tmp_path_factory.mktemp("certificate"))
