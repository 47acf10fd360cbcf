"""A copy put in the ledger's place: every open request is looked up in the ILS before anything is done, and nothing is doubled."""

from __future__ import annotations

import shutil

import pytest

from tests.cli.house import House, daemon


def restored(house: House) -> None:
    """A request is worked on after the copy was made, which then is put back."""
    live, copy = house.folder / "bridge.db", house.folder / "copy.db"
    with daemon(house) as url:
        house.post(url)
        house.settled("in_step")
        house.post(url, request={"number": "1002", "requester": "ABC"}, patron={"id": "nobody"})
        house.settled("parked", "1002")
    shutil.copy(live, copy)
    with daemon(house) as url:
        house.post(url, status="Returned")
        house.settled("in_step")
    for leftover in house.folder.glob("bridge.db-*"):
        leftover.unlink()
    shutil.copy(copy, live)


def lines(house: House, number: str) -> list[str]:
    (shown,) = house.asked("show", number)
    return [line["line"] for line in shown["history"]]


def looked_up(house: House, number: str) -> bool:
    return any("was corrected from the ILS" in line or line.startswith("Looked up") for line in lines(house, number))


def test_every_open_request_is_looked_up_first(house: House) -> None:
    restored(house)
    with daemon(house) as url:
        house.settled("parked", "1002")
        house.post(url, status="Returned")
        house.settled("in_step")
    assert looked_up(house, "1001")
    assert looked_up(house, "1002")
    report = house.alma.report()
    assert (report["duplicates"], report["orphans"], report["leftovers"]) == ([], [], [])


@pytest.mark.parametrize(("wanted", "done"), [("always", True), ("never", False)])
def test_it_can_be_had_always_or_never(house: House, wanted: str, done: bool) -> None:
    house.change("[engine]", f'[engine]\nverify_on_start = "{wanted}"')
    with daemon(house) as url:
        house.post(url)
        house.settled("in_step")
    with daemon(house):
        house.settled("in_step")
    assert looked_up(house, "1001") is done


def test_a_start_after_an_orderly_end_looks_nothing_up(house: House) -> None:
    with daemon(house) as url:
        house.post(url)
        house.settled("in_step")
    before = len(house.alma.calls())
    with daemon(house):
        house.settled("in_step")
    assert len(house.alma.calls()) == before
