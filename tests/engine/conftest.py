from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.engine.pretend import Stage


@pytest.fixture
def make_stage(ready_url: str) -> Iterator[Callable[..., Stage]]:
    """Stages on a fresh database, closed afterwards."""
    made: list[Stage] = []

    def make(**more: object) -> Stage:
        made.append(Stage(ready_url, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for stage in made:
        stage.close()


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    return make_stage()
