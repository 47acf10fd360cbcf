"""A day of chaos is the same for the same seed, and its judge sees what is wrong."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import requests

from bench.chaos.acts import Fault, Kill, Script, Spell
from bench.chaos.alma import AlmaHouse
from bench.chaos.conductor import Conductor
from bench.chaos.houses import HOUSES, UNTOLD
from bench.chaos.judge import Judge
from bench.chaos.manual import ManualHouse
from bench.chaos.script import STRUCK, script_of
from bench.chaos.service import Service
from bench.chaos.staff import Staff
from bridge.domain import commands as do
from bridge.domain.identity import RequestKey, Role, mark_for
from bridge.domain.policy import Policy
from bridge.ledger import Ledger


class Silent:
    """A daemon that never ran."""

    faults: tuple[str, ...] = ()


def test_the_same_seed_makes_the_same_script_and_another_one_another() -> None:
    first, again, other = (script_of(20, 5, seed, ["alma"]) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert sum(isinstance(turn.act, Kill) for turn in first.turns) == 5
    for index, story in enumerate(first.stories):
        assert tuple(turn.act for turn in first.turns if turn.story == index) == story.acts


def test_stories_that_a_house_cannot_end_are_not_told_and_troubles_strike_some_lanes() -> None:
    lanes = sorted(HOUSES)
    script = script_of(300, 10, 1, lanes, UNTOLD)
    told = {lane: {story.name for story in script.stories if story.lane == lane} for lane in lanes}
    assert not any(told[lane] & UNTOLD[lane] for lane in lanes)
    assert "relabelled_by_hand" in told["manual"] | told["alma"] | told["koha"]
    struck = [turn.act.lanes for turn in script.turns if isinstance(turn.act, Fault | Spell)]
    assert {len(each) for each in struck} == {STRUCK}
    assert {lane for each in struck for lane in each} == set(lanes)


@pytest.mark.parametrize("name", sorted(HOUSES))
def test_a_house_tells_what_it_holds_and_what_its_desk_does(name: str) -> None:
    house = HOUSES[name](["OWN-1", "OWN-2"])
    house.start()
    try:
        before = house.bystanders()
        assert tomllib.loads(house.configuration())["libraries"].keys() == {f"{name}-main", f"{name}-early"}
        assert [*house.things()] == []
        assert sum(key.startswith("loan ") for key in before) == sum(key.startswith("hold ") for key in before) == 8
        assert house.desk("lend", "OWN-1", {"patron": "CP1"})
        assert house.desk("place_hold", "OWN-2", {"patron": "CP2"})
        house.spell("unauthorized", {}, on=True)
        house.fault({"kind": "drop_before", "method": "POST", "times": 1, "skip": 0})
        house.calm()
        own = house.own()
        assert (own["OWN-1"].loan, own["OWN-1"].loans_by_bridge, own["OWN-2"].holds) == ("CP1", 0, ("CP2",))
        assert house.bystanders() == before
    finally:
        house.stop()


def test_staff_do_what_they_are_asked_once() -> None:
    house = ManualHouse(["OWN-1"])
    mark = mark_for("chaos", RequestKey("manual-main", "svc", Role.BORROWER, "R", "1"), "", "")
    ours, own = do.Target(mark, do.Origin.CREATED, "ILL-1"), do.Target(mark, do.Origin.OWN, "OWN-1")
    asked: list[do.Command] = [
        do.FindPatron("CP1"),
        do.CreateTemporaryItem(ours, do.Description("A title"), patron_id="CP1", pickup_location="MAIN"),
        do.PlaceHold(ours, "CP1", "MAIN"),
        do.ChargeFee(ours, "CP1", "fee", do.Money(Decimal("2.50"), "EUR")),
        do.RelabelItem(ours, "ILL-2"),
        do.MoveItem(own, do.Place(location="ILLOUT")),
        do.CheckOut(own, "ILL-XYZ", date(2027, 1, 15)),
        do.SetDueDate(own, date(2027, 2, 15)),
        do.MarkLost(own),
    ]
    house.start()
    try:
        for command in asked:
            assert house.by_hand(command), command
            assert house.by_hand(command), command
        found = [(thing.kind, thing.mark, thing.barcode) for thing in house.things()]
        assert found == [("item", mark.code, "ILL-2"), ("hold", mark.code, ""), ("fee", mark.code, "")]
        lent = house.own()["OWN-1"]
        assert (lent.loan, lent.due, lent.loans_by_bridge, lent.away) == ("ILL-XYZ", "2027-02-15", 1, True)
        assert not house.by_hand(do.CheckOut(own, "ILL-ABC")), "somebody else has it"
        assert not house.by_hand(do.FindPatron("nobody"))
        assert not house.by_hand(do.CheckOut(do.Target(mark, do.Origin.OWN, "GONE"), "ILL-ABC"))
        ended: list[do.Command] = [
            do.MarkFound(own),
            do.CheckIn(own, account="ILL-XYZ"),
            do.RestoreItem(own, do.Place(), do.Place()),
            do.CancelHold(ours, "CP1", ""),
            do.DeleteTemporaryItem(ours),
        ]
        assert all(house.by_hand(command) and house.by_hand(command) for command in ended)
        assert [(thing.kind, thing.live) for thing in house.things()] == [("hold", False), ("fee", True)]
        back = house.own()["OWN-1"]
        assert (back.loan, back.away) == ("", False)
    finally:
        house.stop()


def test_what_nobody_wants_and_what_was_touched_is_seen(tmp_path: Path) -> None:
    house, service = AlmaHouse(["OWN-1"]), Service(0)
    ledger = Ledger(f"sqlite:///{tmp_path / 'chaos.db'}")
    ledger.upgrade()
    house.start()
    try:
        staff = Staff({"alma": house}, Policy)
        conductor = Conductor(Script((), ()), {"alma": house}, service, Silent(), ledger, staff)  # type: ignore[arg-type]
        judge = Judge(conductor, {"alma": house.own()}, {"alma": house.bystanders()})
        assert judge.violations() == []
        url = house.configuration().partition('host = "')[2].partition('"')[0]
        headers = {"Authorization": "apikey sandbox-key", "Content-Type": "application/xml"}
        field = '<datafield tag="{}" ind1=" " ind2=" "><subfield code="a">{}</subfield></datafield>'
        record = field.format("035", "(ILLB)ILLB-0123456789abcdef") + field.format("245", "T")
        body = f"<bib><record><leader>00000nam a2200000 i 4500</leader>{record}</record></bib>"
        for _ in range(2):
            requests.post(f"{url}/almaws/v1/bibs", data=body, headers=headers, timeout=10).raise_for_status()
        assert house.desk("renew", "BY-01", {})
        assert house.desk("check_in", "BY-03", {})
        found = [(each.kind, each.what.partition(":")[0].rstrip("0123456789 ")) for each in judge.violations()]
    finally:
        house.stop()
        service.stop()
        ledger.close()
    assert sorted({kind for kind, _ in found}) == ["duplicates", "foreign_touched", "orphans"]
    assert len([kind for kind, _ in found if kind == "orphans"]) == 2
