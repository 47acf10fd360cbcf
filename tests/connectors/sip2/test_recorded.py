"""What running servers said, read with the meaning the reference states (recorded/, ncip-sip2.md part 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bridge.connectors.sip2.answers import WIDTHS, Can, Circulation, Done, Item, Loan, Patron, Return, Status
from bridge.connectors.sip2.message import Corrupt, Message, checksum, decoded
from tests.reference import REFERENCE, needs_reference

pytestmark = needs_reference

ZONE = ZoneInfo("UTC")
RECORDED = REFERENCE / "recorded"
TRANSCRIPTS = ("koha-sip2", "evergreen-sip2", "koha-rest")


@dataclass(frozen=True)
class Turn:
    """One exchange: what the step is, what was sent, what came."""

    step: str
    sent: str
    came: str


def turns(path: Path) -> Iterator[Turn]:
    step = sent = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            step = line[2:]
        elif line.startswith("> "):
            sent = line[2:]
        elif line.startswith("< "):
            for each in line[2:].replace("<LF>", "").split("<CR>"):
                if each:
                    yield Turn(step, sent, each)


def transcripts() -> list[Path]:
    return [path for folder in TRANSCRIPTS for path in sorted((RECORDED / folder).glob("*.txt"))]


def read(text: str) -> Message:
    return decoded(text.encode(), "utf-8", WIDTHS)


def only(name: str, step: str, nth: int = 0) -> Message:
    found = [turn for turn in turns(RECORDED / name) if turn.step.startswith(step)]
    return read(found[nth].came)


def test_every_answer_of_both_servers_is_read_with_its_checksum() -> None:
    count = 0
    for path in transcripts():
        for turn in turns(path):
            message = read(turn.came)
            assert message.code in WIDTHS
            count += 1
    assert count > 120


def test_what_was_sent_has_the_checksums_that_ours_have() -> None:
    for path in transcripts():
        for turn in turns(path):
            line = turn.sent.replace("<CR>", "").replace("<LF>", "")
            if line[-6:-4] == "AZ" and "checksum" not in turn.step and line.count("AZ") == 1:
                assert checksum(line[:-4].encode()) == line[-4:], turn


def test_the_constructed_exchange_is_read_whole() -> None:
    lines = (REFERENCE / "ncip-sip2" / "sip2" / "constructed-exchange.txt").read_text(encoding="utf-8").splitlines()
    answers = [read(line) for said, line in pairwise(lines) if said.startswith("# ACS:") and line[:2] in WIDTHS]
    by_code: dict[str, list[Message]] = {}
    for each in answers:
        by_code.setdefault(each.code, []).append(each)
    status = Status.read(by_code["98"][0])
    assert status.can == frozenset(Can)
    assert status.library == "Example Library"
    good, unknown = (Patron.read(each, ZONE) for each in by_code["64"])
    assert (good.known, good.charged, good.against) == (True, ("31234000000017",), ())
    assert not unknown.known
    made, refused = (Loan.read(each, ZONE) for each in by_code["12"])
    assert (made.ok, made.due) == (True, date(2026, 12, 21))
    assert (refused.ok, refused.words) == (False, ("Item is on hold",))
    back, nothing, trapped = (Return.read(each, ZONE) for each in by_code["10"])
    assert (back.ok, back.patron_id) == (True, "ILL-OTHER")
    assert (nothing.ok, nothing.words) == (False, ("Item not checked out",))
    assert (trapped.traps_hold, trapped.held_for) == (True, "P0001")
    assert all(Done.read(each, ZONE).ok for each in (*by_code["16"], *by_code["38"]))


SAMPLES = {
    "sierra_valid_login": (True, ()),
    "sierra_invalid_login": (True, ("charge privileges are denied",)),
    "evergreen_active_user": (True, ()),
    "evergreen_expired_card": (True, ("charge privileges are denied", "hold privileges are denied")),
    "evergreen_card_reported_lost": (True, ("the card is reported lost",)),
    "polaris_valid_pin": (True, ()),
    "polaris_no_such_patron": (False, ("charge privileges are denied", "hold privileges are denied")),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_patrons_of_other_systems(name: str) -> None:
    lines = (REFERENCE / "ncip-sip2" / "sip2" / "patron-information-responses.txt").read_text(encoding="utf-8")
    text = lines.split(f"# {name}\n", 1)[1].split("\n", 1)[0]
    found = Patron.read(read(text.rpartition("AY")[0]), ZONE)  # the source's redaction made the checksums wrong
    known, against = SAMPLES[name]
    assert found.known is known
    assert set(against) <= set(found.against)
    assert bool(found.against) == bool(against)
    if name == "polaris_valid_pin":
        assert found.expires == date(2018, 6, 9)  # PX; its PA is something else


def test_a_message_that_was_changed_on_its_way_is_no_answer() -> None:
    name = f"{KOHA}02-checkout.txt"
    (first,) = [turn.came for turn in turns(RECORDED / name) if turn.step.startswith("check-out, no-block N")]
    with pytest.raises(Corrupt, match="checksum"):
        read(first.replace("20261207", "20261208"))


KOHA = "koha-sip2/"


class TestKoha:
    def test_patrons(self) -> None:
        blocked = Patron.read(only(f"{KOHA}01-status-patron-item.txt", "patron information, over the fine limit"), ZONE)
        assert {"charge privileges are denied", "too many fines", "too many fees"} <= set(blocked.against)
        assert not Patron.read(only(f"{KOHA}01-status-patron-item.txt", "patron information, unknown card"), ZONE).known
        charged = Patron.read(only(f"{KOHA}01-status-patron-item.txt", "patron information with charged items"), ZONE)
        assert (charged.charged, charged.charged_count, charged.charged_in_full) == (("SIPA0003",), 1, True)

    @pytest.mark.parametrize(
        ("step", "stands"),
        [
            ("item information: available", Circulation.AVAILABLE),
            ("item information: on hold for somebody", Circulation.AVAILABLE),
            ("item information: on the hold shelf", Circulation.ON_SHELF),
            ("item information: on loan", Circulation.CHARGED),
        ],
    )
    def test_items(self, step: str, stands: Circulation) -> None:
        assert Item.read(only(f"{KOHA}01-status-patron-item.txt", step), ZONE).circulation is stands

    def test_an_unknown_item_is_told_from_one_that_is_there(self) -> None:
        assert not Item.read(only(f"{KOHA}01-status-patron-item.txt", "item information: unknown"), ZONE).known
        named = Item.read(only(f"{KOHA}01-status-patron-item.txt", "item information: non-ASCII"), ZONE)
        assert named.title == "Żółta książka"

    def test_check_outs(self) -> None:
        name = f"{KOHA}02-checkout.txt"
        first = Loan.read(only(name, "check-out, no-block N"), ZONE)
        assert (first.ok, first.renewed, first.due) == (True, False, date(2026, 12, 7))
        for step in ("the same check-out again, renewal policy Y", "the same check-out again, renewal policy N"):
            assert Loan.read(only(name, step), ZONE).renewed
        mistaken = Loan.read(only(name, "no-block Y with our due date"), ZONE)
        assert (mistaken.ok, mistaken.due) == (True, None)
        refused = Loan.read(only(name, "check-out to another patron"), ZONE)
        assert (refused.ok, refused.words) == (False, ("Item checked out to another patron",))

    def test_check_ins(self) -> None:
        name = f"{KOHA}03-checkin.txt"
        assert Return.read(only(name, "check-in"), ZONE).patron_id == "23529000105040"
        again = Return.read(only(name, "repeated"), ZONE)
        assert (again.ok, again.patron_id) == (True, "")
        held = Return.read(only(name, "check-in of an item with a hold placed meanwhile"), ZONE)
        assert (held.traps_hold, held.held_for, held.alert_type) == (True, "23529000445172", "01")
        assert "Daniels" not in repr(held)
        elsewhere = Return.read(only(name, "check-in of an item with a hold for pickup at another branch"), ZONE)
        assert (elsewhere.alert_type, elsewhere.destination) == ("02", "MPL")
        unknown = Return.read(only(name, "unknown item"), ZONE)
        assert (unknown.ok, unknown.alert_type, unknown.traps_hold) == (False, "99", False)
        strict = [turn for turn in turns(RECORDED / KOHA / "06-other-account.txt") if "not checked out" in turn.came]
        assert not Return.read(read(strict[0].came), ZONE).ok

    def test_an_empty_media_type_and_a_printed_object_are_survived(self) -> None:
        name = f"{KOHA}04-hold-renew-fee.txt"
        renewed = Loan.read(only(name, "renew, no-block N"), ZONE)
        assert (renewed.ok, renewed.due) == (True, date(2026, 12, 21))
        assert read(only(name, "renew all").code + only(name, "renew all").fixed).code == "66"
        assert not Done.read(only(name, "cancel the hold by barcode"), ZONE).ok


def test_evergreen() -> None:
    name = "evergreen-sip2/01-basics.txt"
    status = Status.read(only(name, "SC status"))
    assert status.can is not None
    assert Can.ITEM in status.can
    assert Patron.read(only(name, "patron information, AD left out"), ZONE).expires == date(2050, 12, 31)
    again = Return.read(only(name, "check-in again"), ZONE)
    assert (again.ok, again.words) == (False, ())
