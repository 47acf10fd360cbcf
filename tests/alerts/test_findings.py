"""What the audit found, as alerts and digest tell it: grouped, in full once, then by number. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bridge.alerts.digest import digest
from bridge.alerts.episodes import Told, notice_due
from bridge.alerts.facts import Facts
from bridge.alerts.model import IMMEDIATE, Kind, Stage
from bridge.alerts.troubles import troubles
from bridge.domain.audit import FindingGroup, KeptFinding
from tests.alerts.situations import HOUR, NOW, RULES, SINCE

AT_ONCE = RULES.model_copy(update={"immediate": (*IMMEDIATE, Kind.AUDIT)})


def found(id_: int, **more: object) -> KeptFinding:
    sentence = f"The hold on item ILL-{id_} is gone, and nobody has the item on loan."
    known: dict[str, object] = {
        "id": id_,
        "subject": f"R{id_}:::hold_gone",
        "library": "main",
        "lane": "alma",
        "kind": "hold_gone",
        "request_id": id_,
        "barcode": f"ILL-{id_}",
        "sentence": sentence,
        "repair": "",
        "advice": "Place one by hand.",
        "first_seen": NOW - HOUR,
        "last_seen": NOW,
        "number": f"10{id_}",
    }
    return KeptFinding(**{**known, **more})  # type: ignore[arg-type]


def many(count: int, fresh: int | None = None, named: int = 20, **more: object) -> FindingGroup:
    members = tuple(found(number) for number in range(1, count + 1))
    known = FindingGroup(
        "main",
        "hold_gone",
        count,
        count if fresh is None else fresh,
        NOW - HOUR,
        members[:named],
        tuple(each.subject for each in members),
    )
    return replace(known, **more)  # type: ignore[arg-type]


ORPHAN = found(
    9,
    subject="alma:mark:ILLB-0:99",
    library="",
    kind="orphan",
    request_id=None,
    barcode="",
    number="",
    sentence="A temporary record (99) bears our mark for request 404, which the bridge does not know.",
)
NOBODYS = FindingGroup("", "orphan", 1, 1, NOW - HOUR, (ORPHAN,), (ORPHAN.subject,))


class TestAtOnce:
    def test_one_trouble_a_library_and_kind(self) -> None:
        (trouble, orphan) = troubles(Facts(NOW, findings=(many(2), NOBODYS)), AT_ONCE)
        assert (trouble.subject, trouble.library, trouble.title) == (
            "audit:main:hold_gone",
            "main",
            "2 findings of the audit of main: hold gone",
        )
        assert trouble.lines == (
            "R1 (101): The hold on item ILL-1 is gone, and nobody has the item on loan.",
            "R2 (102): The hold on item ILL-2 is gone, and nobody has the item on loan.",
            "Next: ill-bridge audit --last --library main",
        )
        assert [(item.what, item.name, item.cause) for item in trouble.items] == [
            ("request", "R1", "hold_gone"),
            ("request", "R2", "hold_gone"),
        ]
        assert orphan.title == "1 finding of the audit: orphan"
        assert orphan.lines[0].startswith("alma: A temporary record (99)")
        assert orphan.items[0].what == "object"

    def test_of_many_some_are_named(self) -> None:
        (trouble,) = troubles(Facts(NOW, findings=(many(30),)), AT_ONCE)
        assert trouble.lines[10] == "and 20 more"
        assert trouble.items[-1].count == 10

    def test_it_waits_for_the_digest_unless_it_is_asked_for(self) -> None:
        (trouble,) = troubles(Facts(NOW, findings=(many(1),)), RULES)
        past = Told(NOW - HOUR)
        assert notice_due(trouble, past, NOW, RULES) is None
        assert notice_due(trouble, past, NOW, AT_ONCE) is not None

    def test_what_was_told_is_told_again_only_with_one_more(self) -> None:
        (one,) = troubles(Facts(NOW, findings=(many(1),)), AT_ONCE)
        (two,) = troubles(Facts(NOW, findings=(many(2),)), AT_ONCE)
        past = Told(NOW - timedelta(days=9), NOW - timedelta(days=2), one.cause, one.members)
        assert notice_due(one, past, NOW, AT_ONCE) is None
        told = notice_due(two, past, NOW, AT_ONCE)
        assert told is not None
        assert told.stage is Stage.STANDS


class TestDigest:
    def told(self, *groups: FindingGroup, library: str = "") -> str:
        return digest(Facts(NOW, findings=groups), RULES, since=SINCE, library=library).text

    def test_what_is_new_stands_in_full(self) -> None:
        assert self.told(many(2, fresh=1)).splitlines()[2:] == [
            "Library main",
            "  1 new finding of the audit, hold gone, 1 from before:",
            "    R1 (101): The hold on item ILL-1 is gone, and nobody has the item on loan.",
            "    Next: ill-bridge audit --last --library main",
        ]

    def test_what_was_told_before_only_by_number(self) -> None:
        older = many(3, fresh=0)
        notice = digest(Facts(NOW, findings=(older,)), RULES, since=SINCE)
        assert notice.text.splitlines()[3] == "  Findings of the audit that stand, none of them new: 3 hold gone"
        assert notice.items == ()

    def test_of_many_some_are_named(self) -> None:
        assert "    and 5 more" in self.told(many(15)).splitlines()

    def test_what_is_no_librarys_has_a_part_of_its_own(self) -> None:
        assert "\nAudit\n  1 new finding of the audit, orphan:\n    alma: A temporary record (99)" in self.told(NOBODYS)
        assert "orphan" not in self.told(NOBODYS, many(1), library="main")
