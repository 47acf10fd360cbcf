"""What a ledger did not take: in files where they can be written, else in memory, in order, and nothing lost without a word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.unkept import UNFINISHED, Unkept, UnkeptMessages

ONE, TWO, THREE = (Unkept("system", body) for body in ("1", "2", "3"))


def caught_up(held: UnkeptMessages, *, until: Unkept | None = None) -> list[Unkept]:
    """What was taken; ``until``: the first that is not."""
    taken: list[Unkept] = []

    def keep(message: Unkept) -> bool:
        if message == until:
            return False
        taken.append(message)
        return True

    held.catch_up(keep)
    return taken


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A folder that cannot be made."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    return tmp_path / "file" / "iso"


def test_files_are_taken_in_order_as_far_as_it_goes(tmp_path: Path) -> None:
    held = UnkeptMessages("iso", tmp_path / "iso")
    assert all(held.put(each) for each in (ONE, TWO, THREE))
    assert caught_up(held, until=TWO) == [ONE]
    assert caught_up(UnkeptMessages("iso", tmp_path / "iso")) == [TWO, THREE]
    assert caught_up(held) == []


def test_a_file_that_is_still_being_written_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held, other = UnkeptMessages("iso", tmp_path), UnkeptMessages("iso", tmp_path)
    seen: list[list[Unkept]] = []
    monkeypatch.setattr("bridge.unkept.os.fsync", lambda _: seen.append(caught_up(other)))
    assert held.put(ONE)
    assert seen == [[], [ONE]], "not while it is written, but as soon as it has its name"


def test_what_a_crash_left_half_written_goes(tmp_path: Path) -> None:
    young, old = (tmp_path / f"{name}.json{UNFINISHED}" for name in ("young", "old"))
    for path in (young, old):
        path.write_text("{", encoding="utf-8")
    os.utime(old, (0, 0))
    UnkeptMessages("iso", tmp_path)
    assert list(tmp_path.iterdir()) == [young]


def test_in_memory_where_nothing_can_be_written(nowhere: Path) -> None:
    held = UnkeptMessages("iso", nowhere)
    with capture_logs() as logs:
        assert [held.put(each) for each in (ONE, TWO)] == [False, False]
    assert {each["event"] for each in logs} == {"relay.not_written"}
    assert caught_up(held, until=TWO) == [ONE]
    assert caught_up(held) == [TWO]


def test_memory_has_limits_and_what_is_lost_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.unkept.MOST_IN_MEMORY", 1)
    held = UnkeptMessages("iso", None)
    with capture_logs() as logs:
        held.put(ONE)
        held.put(TWO)
    assert [each["event"] for each in logs] == ["relay.lost"]
    assert caught_up(held) == [TWO]


def test_at_the_end_memory_goes_to_the_disk_or_is_said_to_be_lost(nowhere: Path) -> None:
    held, lost = UnkeptMessages("iso", nowhere), UnkeptMessages("iso", None)
    held.put(ONE)
    lost.put(TWO)
    nowhere.parent.unlink()
    with capture_logs() as logs:
        held.close()
        held.close()
        lost.close()
    assert [each["event"] for each in logs] == ["relay.lost"]
    assert caught_up(held) == [], "closed"
    assert caught_up(UnkeptMessages("iso", nowhere)) == [ONE]


def test_a_file_that_is_none_of_ours_holds_up_no_other(tmp_path: Path) -> None:
    for name, text in (("0.json", "{"), ("8.json", '{"peer": "system"}'), ("9.json", "[]")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    held = UnkeptMessages("iso", tmp_path)
    held.put(ONE)
    with capture_logs() as logs:
        assert caught_up(held) == [ONE]
    assert [each["event"] for each in logs] == [
        "relay.unreadable",
        "relay.caught_up",
        "relay.unreadable",
        "relay.unreadable",
    ]
    assert sorted(each.suffix for each in tmp_path.iterdir()) == [".unreadable"] * 3


def test_one_that_another_daemon_took_meanwhile_is_passed_over(tmp_path: Path) -> None:
    first, second = UnkeptMessages("iso", tmp_path), UnkeptMessages("iso", tmp_path)
    first.put(ONE)
    first.put(TWO)
    taken: list[Unkept] = []

    def keep(message: Unkept) -> bool:
        taken.append(message)
        taken.extend(caught_up(second) if message == ONE else [])
        return True

    first.catch_up(keep)
    assert taken == [ONE, ONE, TWO], "the same one twice at the most, which the ledger knows"
