"""What is particular to LCF: one record for all temporary items, references that are addresses, statuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests

from bridge.connectors.base import Call
from bridge.connectors.spydus import SpydusSettings, temporary
from bridge.connectors.spydus.connector import capabilities_of
from bridge.connectors.spydus.lcf import written
from bridge.connectors.spydus.settings import LcfSettings
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability
from bridge.domain.commands import Verb
from bridge.domain.record import OutcomeKind
from bridge.errors import CredentialsRejected, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.sandbox.lcf import BASE, RECORD, LcfDoor
from tests.connectors.spydus.bench import LcfBench
from tests.contract.bench import a_mark, creating
from tests.contract.suite import CALL, made

AGAIN = Call(verify=True)
MADE = (Verb.CREATE_TEMPORARY_ITEM, Verb.PLACE_HOLD, Verb.CANCEL_HOLD, Verb.DELETE_TEMPORARY_ITEM)


@pytest.fixture
def lcf() -> Iterator[LcfBench]:
    bench = LcfBench()
    bench.start()
    try:
        yield bench
    finally:
        bench.stop()


def holding(bench: LcfBench, target: do.Target) -> do.PlaceHold:
    return do.PlaceHold(target, bench.patron, bench.pickup)


def test_sip2_alone_leaves_items_and_holds_to_staff() -> None:
    sip = SpydusSettings.model_validate({"host": "sip.example.org", "timezone": "UTC"})
    lcf = LcfSettings.model_validate({"url": "https://x/lcf/1.0/", "user": "u", "secret": "s", "record": "1"})
    alone, both = capabilities_of(sip), capabilities_of(sip.model_copy(update={"lcf": lcf}))
    assert {alone.of(verb) for verb in MADE} == {Ability.STAFF}
    assert all("lcf" in alone.reasons[verb] for verb in MADE)
    assert {both.of(verb) for verb in MADE} == {Ability.YES}
    with pytest.raises(ValueError, match="https"):
        LcfSettings.model_validate({"url": "x", "user": "u", "secret": "s", "record": "1"})


def test_an_item_is_a_copy_of_the_record_with_our_mark_in_a_note(lcf: LcfBench) -> None:
    target, _ = made(lcf, "1")
    told = lcf.door.texts["ILL-1"]
    assert told["manifestation-ref"].endswith(f"/lcf/1.0/manifestations/{RECORD}")
    assert target.mark.code in told["note-text"]
    assert told["description"] == "A title & <more> / Writer, A."
    assert [(each.method, each.route) for each in lcf.asked[-2:]] == [("GET", "/items/{id}"), ("POST", "/items")]


def test_elements_are_in_the_schemas_order_and_empty_ones_left_out() -> None:
    text = written("item", (("identifier", "1\x0b"), ("description", ""), ("note", (("note-text", "x"),)))).decode()
    assert text.endswith(
        'xmlns="http://ns.bic.org/lcf/1.0"><identifier>1</identifier><note><note-text>x</note-text></note></item>'
    )


def test_a_barcode_given_otherwise_is_told_and_found_after_an_unclear_end(lcf: LcfBench) -> None:
    lcf.door.renames = True
    _, outcome = made(lcf, "1")
    assert outcome.learned.barcode != "ILL-1"
    assert "instead of ILL-1" in " ".join(outcome.notes)
    lcf.drop_after_next_write()
    with pytest.raises(OutcomeUnknown):
        lcf.connector.create_temporary_item(creating(lcf, "2"), CALL)
    again = lcf.connector.create_temporary_item(creating(lcf, "2"), AGAIN)
    assert again.kind is OutcomeKind.ALREADY
    assert lcf.bibs_with_mark(a_mark("2")) == 1


def test_too_many_items_to_look_through_are_left_to_staff(lcf: LcfBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary, "MOST", 1)
    for number in ("1", "2"):
        made(lcf, number)
    with pytest.raises(Rejected) as refused:
        lcf.connector.create_temporary_item(creating(lcf, "3"), AGAIN)
    assert refused.value.cause == "cannot_look"
    assert lcf.items_with_barcode("ILL-3") == 0


def test_long_lists_are_read_page_by_page(lcf: LcfBench) -> None:
    for number in range(101):
        lcf.put_back(f"S-{number:03}", a_mark(str(number)))
    found = lcf.connector.create_temporary_item(
        replace(creating(lcf, "100"), target=creating(lcf, "100", "NEW").target), AGAIN
    )
    assert found.learned.barcode == "S-100"


def test_a_hold_is_ours_by_its_patron(lcf: LcfBench) -> None:
    target, _ = made(lcf, "1")
    lcf.house.hold(lcf.other_patron, target.barcode, "", add=True)
    first = lcf.connector.place_hold(holding(lcf, target), CALL).learned.hold
    assert first is not None
    again = lcf.connector.place_hold(holding(lcf, target), AGAIN)
    assert (again.kind, again.learned.hold) == (OutcomeKind.ALREADY, first)
    seen = lcf.connector.inspect(do.Inspect(target, patron_id=lcf.patron), CALL)
    assert seen.hold is not None
    assert lcf.connector.cancel_hold(do.CancelHold(target, lcf.patron, ""), CALL).kind is OutcomeKind.DONE
    assert lcf.connector.cancel_hold(do.CancelHold(target, lcf.patron, ""), CALL).kind is OutcomeKind.ALREADY
    assert lcf.house.copies[target.barcode].held_for == [lcf.other_patron]


def test_what_is_not_ours_or_in_use_is_not_deleted(lcf: LcfBench) -> None:
    target, _ = made(lcf, "1")
    lcf.lend(target.barcode, lcf.patron)
    with pytest.raises(Rejected) as lent:
        lcf.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
    lcf.check_in(target.barcode)
    lcf.move(target.barcode, lcf.lending_place, for_good=True)
    with pytest.raises(Rejected, match="now at OUT"):
        lcf.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
    lcf.erase_mark(target.barcode)
    with pytest.raises(Rejected) as erased:
        lcf.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
    assert (lent.value.cause, erased.value.cause) == ("item_in_use", "not_ours")


def test_what_is_not_told_is_not_taken_for_over(lcf: LcfBench) -> None:
    target, _ = made(lcf, "1")
    lcf.connector.place_hold(holding(lcf, target), CALL)
    lcf.door.tells_status = False
    assert lcf.connector.place_hold(holding(lcf, target), AGAIN).kind is OutcomeKind.ALREADY
    assert len(lcf.door.reserved) == 1
    with pytest.raises(Rejected) as refused:
        lcf.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
    assert refused.value.cause == "cannot_look"
    assert lcf.items_with_barcode(target.barcode) == 1


def test_what_sip2_still_knows_is_not_taken_for_deleted(lcf: LcfBench) -> None:
    target, _ = made(lcf, "1")
    lcf.door.hidden = True
    seen = lcf.connector.inspect(do.Inspect(target, patron_id=lcf.patron), CALL)
    assert (seen.item_present, seen.hold_seen) == (None, False)
    assert "does not by LCF" in " ".join(seen.notes)
    with pytest.raises(Rejected) as refused:
        lcf.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
    assert refused.value.cause == "cannot_look"
    lcf.delete_by_hand(target.barcode)
    assert lcf.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL).kind is OutcomeKind.ALREADY


def test_the_record_is_looked_at(lcf: LcfBench) -> None:
    assert [(each.subject, each.ok) for each in lcf.connector.probe()] == [("SIP2", True), ("LCF", True)]
    lcf.fault("vendor_error", "/lcf/", method="GET", status=404)
    assert [each.ok for each in lcf.connector.probe()] == [True, False]
    lcf.fault("garbage", "/lcf/", method="GET")
    assert [each.ok for each in lcf.connector.probe()] == [True, False]
    lcf.fault("unauthorized", "/lcf/", method="GET")
    with pytest.raises(CredentialsRejected):
        lcf.connector.probe()


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, Rejected), (404, Rejected), (409, Rejected), (500, OutcomeUnknown), (401, CredentialsRejected)],
)
def test_statuses_of_what_writes(lcf: LcfBench, status: int, error: type[Exception]) -> None:
    lcf.fault("vendor_error", "/lcf/", method="POST", status=status, message="Not here")
    with pytest.raises(error, match="Not here"):
        lcf.connector.create_temporary_item(creating(lcf, "1"), CALL)


def test_what_cannot_be_read_is_no_success(lcf: LcfBench) -> None:
    lcf.fault("garbage", "/lcf/", method="POST")
    with pytest.raises(OutcomeUnknown):
        lcf.connector.create_temporary_item(creating(lcf, "1"), CALL)
    lcf.fault("garbage", "/lcf/", method="GET")
    with pytest.raises(Retry):
        lcf.connector.create_temporary_item(creating(lcf, "1"), CALL)
    target, _ = made(lcf, "2")
    for page in ("", "<html><body><p>Log in</p></body></html>"):
        lcf.fault("garbage", "/lcf/", method="DELETE", body=page)
        with pytest.raises(Retry):
            lcf.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
        assert target.barcode in lcf.house.copies
    lcf.fault("status", "/lcf/", method="DELETE", status=502, times=9)
    with pytest.raises(Unavailable):
        lcf.connector.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)


def test_the_key_is_told_nowhere(lcf: LcfBench) -> None:
    made(lcf, "1")
    assert LcfDoor.secret not in repr(lcf.heard.exchanges) + repr(lcf.settings)
    assert lcf.patron not in repr([each.template for each in lcf.heard.exchanges])


def test_the_stand_in_refuses_what_is_not_there_twice_or_in_use(lcf: LcfBench) -> None:
    target, _ = made(lcf, "1")
    lcf.lend(target.barcode, lcf.patron)
    record = f"{lcf.web.url}{BASE}/manifestations/{RECORD}"
    twice = written("item", (("identifier", target.barcode), ("manifestation-ref", record)))
    other = written("item", (("identifier", "X"), ("manifestation-ref", f"{record}S")))
    nobody = written("reservation", (("patron-ref", "nobody"), ("item-ref", target.barcode)))
    asked = (
        ("GET", "/manifestations/other/items", b"", 404),
        ("POST", "/items", twice, 409),
        ("POST", "/items", other, 404),
        ("DELETE", "/items/X", b"", 404),
        ("DELETE", f"/items/{target.barcode}", b"", 403),
        ("GET", "/items/X/reservations", b"", 404),
        ("POST", "/reservations", nobody, 404),
        ("GET", "/reservations/R9", b"", 404),
        ("GET", "/nowhere", b"", 404),
    )
    for method, path, body, status in asked:
        url, auth = f"{lcf.web.url}{BASE}{path}", (lcf.door.user, lcf.door.secret)
        assert requests.request(method, url, data=body, auth=auth, timeout=10).status_code == status
    assert requests.get(record, timeout=10).status_code == 401
    lcf.fault("throttle", "/lcf/", method="GET")
    lcf.connector.probe()


def test_no_reservation_is_called_like_another(lcf: LcfBench) -> None:
    first, _ = made(lcf, "1")
    second, _ = made(lcf, "2")
    gone = lcf.connector.place_hold(holding(lcf, first), CALL).learned.hold
    kept = lcf.connector.place_hold(holding(lcf, second), CALL).learned.hold
    assert gone is not None
    lcf.connector.cancel_hold(do.CancelHold(first, lcf.patron, gone.hold_id), CALL)
    again = lcf.connector.place_hold(holding(lcf, first), CALL).learned.hold
    assert again is not None
    assert kept is not None
    assert (again.hold_id, lcf.door.reserved[kept.hold_id].barcode) != (kept.hold_id, "ILL-1")
    assert len(lcf.door.reserved) == 2


def test_a_reservation_for_a_library_on_an_own_item_is_seen(lcf: LcfBench) -> None:
    """A cancelled request whose reservation nobody heard of does not leave it behind."""
    target = do.Target(a_mark("9"), do.Origin.OWN, lcf.own_barcode)
    before = lcf.connector.inspect(do.Inspect(target, patron_id=lcf.account), CALL)
    lcf.connector.place_hold(do.PlaceHold(target, lcf.account, lcf.pickup, notify=False), CALL)
    seen = lcf.connector.inspect(do.Inspect(target, patron_id=lcf.account), CALL)
    assert (before.hold_seen, before.hold) == (True, None)
    assert seen.hold is not None
    assert (seen.hold.patron_id, seen.hold_seen) == (lcf.account, True)
    assert not lcf.connector.inspect(do.Inspect(target), CALL).hold_seen, "nobody is named"
