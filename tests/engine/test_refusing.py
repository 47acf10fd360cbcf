"""A full disk, a locked file, a clock set back: nothing is kept by halves, and work goes on by itself afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge.domain.change import Phase
from bridge.ledger import LedgerBusy, State
from tests.databases import migrate
from tests.engine.pretend import DUE, Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(migrate(f"sqlite:///{tmp_path / 'ledger.db'}"))
    yield made
    made.close()


def pragma(stage: Stage, said: str) -> int:
    with stage.ledger.database.write() as connection:
        return int(connection.exec_driver_sql(f"PRAGMA {said}").scalar() or 0)


@contextmanager
def full_disk(stage: Stage) -> Iterator[None]:
    """No page more fits on it."""
    most = pragma(stage, "max_page_count")
    pragma(stage, f"max_page_count = {pragma(stage, 'page_count')}")
    yield
    pragma(stage, f"max_page_count = {most}")


@contextmanager
def locked(stage: Stage) -> Iterator[None]:
    """Another program writes, and does not come to an end."""
    pragma(stage, "busy_timeout = 0")
    other = sqlite3.connect(stage.ledger.database.engine.url.database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@pytest.mark.parametrize("trouble", [full_disk, locked])
def test_what_cannot_be_kept_is_refused_whole_and_taken_when_it_comes_again(
    stage: Stage, trouble: Callable[[Stage], object]
) -> None:
    long = "x" * 200_000
    with trouble(stage):  # type: ignore[attr-defined]
        with pytest.raises(LedgerBusy, match="cannot be written"):
            stage.tell(Phase.RECEIVED, due=DUE, title=long)
        assert stage.ledger.requests.counts() == {}
    number = stage.tell(Phase.RECEIVED, due=DUE, title=long)
    stage.settle()
    assert stage.row(number).state is State.IN_STEP


def test_while_nothing_can_be_journalled_nothing_is_sent(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED, due=DUE)
    with locked(stage), pytest.raises(LedgerBusy):
        stage.work()
    assert stage.ils.asked == []
    stage.settle()
    assert stage.row().state is State.IN_STEP


def test_a_clock_set_back_by_hours_holds_up_nothing_that_comes_in_and_takes_no_lease(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED, due=DUE)
    stage.passing = lambda _: stage.clock.advance(hours=-1) if stage.ils.asked == ["find_patron"] else None
    stage.work()
    assert stage.row().state is State.IN_STEP
    number = stage.tell(Phase.RECEIVED, number="2", due=DUE)
    stage.settle()
    assert stage.row(number).state is State.IN_STEP
    assert len(stage.ils.bibs) == 2
