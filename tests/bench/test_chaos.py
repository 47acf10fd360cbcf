"""A day of chaos is the same for the same seed, and its judge sees what is wrong."""

from __future__ import annotations

from pathlib import Path

import requests

from bench.chaos.acts import Kill, Script
from bench.chaos.alma import AlmaHouse
from bench.chaos.conductor import Conductor
from bench.chaos.judge import Judge
from bench.chaos.script import script_of
from bench.chaos.service import Service
from bench.chaos.staff import Staff
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
