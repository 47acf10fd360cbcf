"""Bibs, calls, items, patrons, bills: made, found, changed, deleted."""

from typing import Any

import pytest

from bridge.sandbox.symphony import SymphonyStandIn
from bridge.sandbox.symphony.seed import Seed, SeedItem
from tests.sandbox.symphony.client import OWN, PATRON, SymphonyClient, bib_body, code, link


@pytest.fixture
def ready(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> SymphonyClient:
    stand_in.behave(busy_writes=0, index_looks=0)
    return symphony


def put_item(symphony: SymphonyClient, which: str, /, **fields: Any) -> Any:
    key = symphony.get(f"/catalog/item/barcode/{which}")["key"]
    body = {"resource": "/catalog/item", "key": key, "fields": fields}
    return symphony.call("PUT", f"/catalog/item/key/{key}", body)


def test_one_call_makes_bib_call_and_item(ready: SymphonyClient) -> None:
    note = {"resource": "/catalog/item/customInformation", "fields": {"data": "mark"}}
    note["fields"] |= {"itemExtendedInformation": link("/policy/itemExtendedInformation", "ILLBRIDGE")}  # type: ignore[operator]
    price = {"currencyCode": "USD", "amount": "20.00"}
    key = ready.make(price=price, customInformation=[note])
    item = ready.item("ILL-1", "*,customInformation{*},call{*},bib{title,shadowed}")
    assert item["call"]["fields"]["callNumber"] == "ILL ILL-1"
    assert item["bib"]["fields"] == {"shadowed": True, "title": "A borrowed book"}
    assert item["price"] == price
    assert item["customInformation"][0]["fields"]["data"] == "mark"
    assert ready.get(f"/catalog/call/key/{key}:1", "itemList")["fields"]["itemList"] == [
        link("/catalog/item", f"{key}:1:1")
    ]


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"barcode": OWN}, 500),
    ({"itemType": link("/policy/itemType", "NONE")}, 404),
    ({"itemType": "ILL"}, 400),
    ({"homeLocation": None}, 400),
    ({"price": {"amount": 5}}, 400),
    ({"price": {"currencyCode": "USD", "amount": "much"}}, 400),
    ({"shadowed": "yes"}, 400),
    ({"barcode": 5}, 400),
    ({"colour": "red"}, 400),
    ({"customInformation": ["x"]}, 400),
]


def test_an_item_that_is_refused_leaves_nothing_behind(ready: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    before = len(stand_in.state.bibs)
    for item, status in REFUSED:
        body = bib_body("X")
        body["fields"]["callList"][0]["fields"]["itemList"][0]["fields"] |= item
        assert ready.call("POST", "/catalog/bib", body).status_code == status, item
    assert len(stand_in.state.bibs) == before


NO_MARC: list[Any] = [
    None,
    {"leader": "short", "fields": []},
    {"leader": " " * 24, "fields": [{"tag": "245"}]},
    {"leader": " " * 24, "fields": [{"tag": "245", "subfields": [{"code": "a", "data": "T"}]}]},
    {"leader": " " * 24, "fields": [{"tag": "245", "inds": "10", "subfields": [{"code": "a"}]}]},
    {"leader": " " * 24, "fields": [{"tag": "008", "inds": "  ", "subfields": [{"code": "_", "data": "T"}]}]},
]


def test_a_record_that_is_no_marc_is_refused(ready: SymphonyClient) -> None:
    for marc in NO_MARC:
        body = bib_body("X")
        body["fields"]["bib"] = marc
        assert code(ready.call("POST", "/catalog/bib", body), 400) == "unableToParse", marc


def test_a_call_number_needs_its_library(ready: SymphonyClient) -> None:
    body = bib_body("X")
    del body["fields"]["callList"][0]["fields"]["library"]
    assert ready.call("POST", "/catalog/bib", body).status_code == 400


def test_calls_and_items_are_added_to_what_is_there(ready: SymphonyClient) -> None:
    bib = ready.make()
    call = {"bib": link("/catalog/bib", bib), "callNumber": "AUTO", "library": link("/policy/library", "BRANCH")}
    made = ready.call("POST", "/catalog/call", {"resource": "/catalog/call", "fields": call}).json()
    assert made["key"] == f"{bib}:2"
    fields = {
        "call": link("/catalog/call", made["key"]),
        "itemType": link("/policy/itemType", "ILL"),
        "barcode": "AUTO",
    }
    fields["homeLocation"] = link("/policy/location", "ILL")
    item = ready.call("POST", "/catalog/item", {"resource": "/catalog/item", "fields": fields}).json()
    assert (item["key"], item["fields"]["library"]["key"]) == (f"{bib}:2:1", "BRANCH")


def test_a_key_that_cannot_be_one(ready: SymphonyClient) -> None:
    for key in ("a6066288", "6066288:1:1:1", "x:1:1"):
        assert code(ready.call("GET", f"/catalog/item/key/{key}"), 400) == "keyParseError"


def test_what_is_not_there_is_404(ready: SymphonyClient) -> None:
    for path in ("item/barcode/none", "item/key/1:1:1", "bib/key/1", "shelf/key/1"):
        assert code(ready.call("GET", f"/catalog/{path}"), 404) == "recordNotFound"


def test_a_title_is_found_by_words_once_it_is_indexed(ready: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    stand_in.behave(index_looks=1)
    key = ready.make()
    path = "/catalog/bib/search?q=GENERAL:ILLB-0123456789abcdef,TITLE:book&rw=1&ct=5&includeFields=title"
    assert ready.get(path)["totalResults"] == 0
    assert [one["key"] for one in ready.get(path)["result"]] == [key]
    stand_in.behave(search_sees_shadowed=False)
    assert ready.get(path)["totalResults"] == 0
    for query in ("q=", "q=word", "q=NONE:word", "q=TITLE:x&ct=many"):
        assert ready.call("GET", f"/catalog/bib/search?{query}").status_code == 400


def test_an_item_is_moved_by_its_home_location_not_by_where_it_is(
    ready: SymphonyClient, stand_in: SymphonyStandIn
) -> None:
    told = put_item(ready, OWN, homeLocation=link("/policy/location", "ILL-LENT")).json()["fields"]
    assert (told["homeLocation"]["key"], told["currentLocation"]["key"]) == ("ILL-LENT", "ILL-LENT")
    now = {"currentLocation": link("/policy/location", "STACKS")}
    assert put_item(ready, OWN, **now).json()["fields"]["currentLocation"]["key"] == "ILL-LENT"
    stand_in.behave(location_writes="refused")
    assert code(put_item(ready, OWN, **now)).startswith("hatErrorResponse.9")
    stand_in.behave(location_writes="obeyed")
    assert put_item(ready, OWN, **now).json()["fields"]["currentLocation"]["key"] == "STACKS"


def test_a_whole_record_may_be_sent_back_changed(ready: SymphonyClient) -> None:
    whole = ready.get(f"/catalog/item/barcode/{OWN}", "*,customInformation{*}")["fields"]
    entry = {"itemExtendedInformation": link("/policy/itemExtendedInformation", "ILLBRIDGE"), "data": "kept"}
    whole["customInformation"] = [{"resource": "/catalog/item/customInformation", "fields": entry}]
    answer = put_item(ready, OWN, **(whole | {"barcode": "39-NEW", "price": {"currencyCode": "USD", "amount": "1.00"}}))
    assert answer.status_code == 200, answer.text
    item = ready.item("39-NEW", "*,customInformation{*}")
    assert (item["price"]["amount"], item["customInformation"][0]["fields"]["data"]) == ("1.00", "kept")
    assert code(put_item(ready, "39-NEW", barcode="39000000000002")).startswith("hatErrorResponse.9")


def test_call_and_bib_are_changed(ready: SymphonyClient) -> None:
    bib = ready.make()
    body = {"resource": "/catalog/call", "key": f"{bib}:1", "fields": {"callNumber": "ILL 2", "shadowed": True}}
    assert ready.call("PUT", f"/catalog/call/key/{bib}:1", body).json()["fields"]["dispCallNumber"] == "ILL 2"
    marc = ready.get(f"/catalog/bib/key/{bib}")["fields"]["bib"]
    loud = marc | {"leader": marc["leader"][:17] + "I" + marc["leader"][18:]}
    put = {"resource": "/catalog/bib", "key": bib, "fields": {"bib": loud, "shadowed": False}}
    assert ready.call("PUT", f"/catalog/bib/key/{bib}", put).status_code == 400
    put["fields"] = {"bib": marc, "shadowed": False}
    assert ready.call("PUT", f"/catalog/bib/key/{bib}", put).json()["fields"]["shadowed"] is False


def delete(symphony: SymphonyClient, kind: str, key: str) -> Any:
    return symphony.call("DELETE", f"/catalog/{kind}/key/{key}")


def test_item_call_and_bib_are_deleted_in_this_order(ready: SymphonyClient) -> None:
    bib = ready.make()
    for kind, key in (("bib", bib), ("call", f"{bib}:1")):
        assert code(delete(ready, kind, key)).startswith("hatErrorResponse.9")
    for kind, key in (("item", f"{bib}:1:1"), ("call", f"{bib}:1"), ("bib", bib)):
        assert delete(ready, kind, key).status_code == 204
        assert delete(ready, kind, key).status_code == 404
    assert ready.stand_in.report()["leftovers"] == []


def test_what_is_charged_held_or_billed_is_not_deleted(ready: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    key = f"{ready.make()}:1:1"
    ready.hold()
    assert code(delete(ready, "item", key)).startswith("hatErrorResponse.9")
    ready.lend("ILL-1")
    assert code(delete(ready, "item", key)).startswith("hatErrorResponse.9")
    ready.check_in("ILL-1")
    patron = stand_in.state.patron_by("ID", PATRON)[0].key
    bill = {"patron": link("/user/patron", patron), "block": link("/policy/block", "DAMAGED")}
    bill |= {"amount": {"currencyCode": "USD", "amount": "5.00"}, "item": link("/catalog/item", key)}
    made = ready.call("POST", "/circulation/block", {"resource": "/circulation/block", "fields": bill}).json()
    assert code(delete(ready, "item", key)).startswith("hatErrorResponse.9")
    pay: dict[str, Any] = {"blockKey": made["key"], "amount": {"currencyCode": "USD", "amount": "9.00"}}
    assert ready.call("POST", "/circulation/block/addPayment", pay).status_code == 400
    pay["paymentType"] = link("/policy/paymentType", "CASH")
    assert code(ready.call("POST", "/circulation/block/addPayment", pay)).startswith("hatErrorResponse.9")
    pay["amount"]["amount"] = "5.00"
    assert ready.call("POST", "/circulation/block/addPayment", pay).ok
    assert ready.get(f"/circulation/block/key/{made['key']}")["fields"]["owed"]["amount"] == "0.00"
    assert delete(ready, "item", key).status_code == 204


def test_a_site_may_cascade_or_refuse_deletions(ready: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    bib = ready.make()
    stand_in.behave(deletes="refused")
    assert code(delete(ready, "bib", bib)).startswith("hatErrorResponse.9")
    stand_in.behave(deletes="allowed", delete_cascades=True)
    ready.hold()
    assert code(delete(ready, "bib", bib)).startswith("hatErrorResponse.9")
    ready.desk("cancel_hold", barcode="ILL-1")
    assert delete(ready, "bib", bib).status_code == 204
    assert ready.call("GET", "/catalog/item/barcode/ILL-1").status_code == 404
    stand_in.behave(delete_cascades=False, last_item_takes_title=True)
    bib = ready.make()
    assert delete(ready, "item", f"{bib}:1:1").status_code == 204
    assert delete(ready, "bib", bib).status_code == 404


def test_bills_are_made_where_the_site_takes_them(ready: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    patron = stand_in.state.patron_by("ID", PATRON)[0].key
    bill: dict[str, Any] = {"patron": link("/user/patron", patron), "amount": {"currencyCode": "USD", "amount": "2.50"}}
    assert ready.call("POST", "/circulation/block", bill).status_code == 400
    bill["block"] = link("/policy/block", "ILLFEE")
    assert ready.call("POST", "/circulation/block", bill).json()["key"] == f"{patron}:1"
    for how, status in (("refused", 500), ("missing", 405)):
        stand_in.behave(bills=how)
        assert ready.call("POST", "/circulation/block", bill).status_code == status


def test_a_patron_is_found_by_what_the_site_knows(ready: SymphonyClient) -> None:
    by_barcode = ready.get(f"/user/patron/barcode/{PATRON}", "barcode,standing,address1")["fields"]
    assert by_barcode["standing"]["key"] == "OK"
    assert {"data": "p1001@example.org", "code": link("/policy/patronAddress1", "EMAIL")} in [
        one["fields"] for one in by_barcode["address1"]
    ]
    key = ready.get("/user/patron/alternateID/P1001")["key"]
    assert ready.get(f"/user/patron/key/{key}")["fields"]["displayName"] == "ASHBY, ADA"
    assert ready.get(f"/user/patronStatusInfo/key/{key}")["fields"]["amountOwed"]["amount"] == "0.00"
    assert ready.call("GET", "/user/patron/barcode/none").status_code == 404
    assert ready.get("/user/patron/search?q=ALT_ID:P1090&rw=1&ct=1")["totalResults"] == 2
    assert ready.get("/user/patron/search?q=ALT_ID:P1090,name:two")["totalResults"] == 1
    assert ready.get("/user/patron/search?q=ALT_ID:P1001,ID:21000000001002&j=OR")["totalResults"] == 2
    assert ready.get("/user/patron/search?q=ID:none")["result"] == []


def test_the_judgement_sees_what_is_left_twice_orphaned_and_touched(
    ready: SymphonyClient, stand_in: SymphonyStandIn
) -> None:
    ready.make("ILL-1")
    bib = ready.make("ILL-2")
    ready.hold("ILL-2")
    ready.lend("ILL-1")
    put_item(ready, OWN, price={"currencyCode": "USD", "amount": "1.00"}, shadowed=True)
    found = ready.control("GET", "/report").json()
    assert {one["kind"] for one in found["leftovers"]} == {"bib", "item", "hold", "loan"}
    assert found["duplicates"][0] == {"kind": "bib mark", "id": "ILLB-0123456789abcdef", "count": 2}
    assert [(one["barcode"], one["what"]) for one in found["foreign_touched"]] == [(OWN, "shadowed")]
    del stand_in.state.items[f"{bib}:1:1"]
    assert {one["kind"] for one in stand_in.report(barcode="ILL-1")["orphans"]} == {"bib", "hold"}
    assert [one["kind"] for one in stand_in.report(barcode="ILL-1")["leftovers"]] == ["item", "loan"]
    assert len(ready.control("GET", "/objects").json()["items"]) == len(stand_in.state.items)


def test_a_judgement_is_told_what_to_expect(ready: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    stand_in.plant(Seed(items=[SeedItem(barcode="SEED-1", title="Seeded")]))
    ready.lend(OWN, "ILL-XYZ")
    ready.lend("SEED-1", "ILL-XYZ")
    expect = {OWN: {"loan": "ILL-XYZ"}, "SEED-1": {"charges": ["ILL-XYZ"]}}
    touched = ready.control("POST", "/report", {"expect": expect}).json()["foreign_touched"]
    assert [(one["barcode"], one["what"]) for one in touched] == [("SEED-1", "current"), ("SEED-1", "loan")]
    ready.check_in("SEED-1")
    ready.call("DELETE", f"/catalog/item/key/{ready.get('/catalog/item/barcode/SEED-1')['key']}")
    assert stand_in.report(expect={OWN: {"loan": "ILL-XYZ"}, "SEED-1": {"gone": True}})["foreign_touched"] == []  # type: ignore[dict-item]


def test_a_site_may_keep_items_to_their_owner(ready: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    stand_in.behave(own_items_only=True)
    key = f"{ready.make(library='BRANCH')}:1:1"
    body = {"resource": "/catalog/item", "key": key, "fields": {"shadowed": True}}
    for method in ("PUT", "DELETE"):
        assert code(ready.call(method, f"/catalog/item/key/{key}", body)).startswith("hatErrorResponse.9")
        assert ready.call(method, f"/catalog/item/key/{key}", body, SD_Working_LibraryID="BRANCH").ok
