"""A plain client for the stand-in, with the few bodies that the tests send again and again."""

from __future__ import annotations

from typing import Any, Self

import requests

from bridge.sandbox.symphony import SymphonyStandIn

V1, V2 = "application/json", "application/vnd.sirsidynix.roa.resource.v2+json"
OWN, BRANCH, REFERENCE, SCHOOL = "39000000000001", "39000000000101", "39000000000103", "39000000000201"
PATRON, OTHER, BLOCKED = "21000000001001", "21000000001002", "21000000001005"


class SymphonyClient:
    """Logs in when it is made; sends every header that is needed, unless a call says otherwise (None leaves one out)."""

    def __init__(self, address: str, stand_in: SymphonyStandIn) -> None:
        self.address, self.stand_in = address, stand_in
        self.session = requests.Session()
        self.session.headers.update(
            {
                "x-sirs-clientID": stand_in.client_id,
                "SD-Originating-App-Id": "tests",
                "SD-Preferred-Role": "STAFF",
                "SD-Working-LibraryID": "MAIN",
                "Accept": V1,
                "Content-Type": V1,
            }
        )
        self.session.headers["x-sirs-sessionToken"] = self.log_in().json()["sessionToken"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def call(self, method: str, path: str, body: Any = None, include: str = "", **headers: Any) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        params = {"includeFields": include} if include else {}
        url = f"{self.address}/symws{path}"
        return self.session.request(method, url, json=body, params=params, headers=named, timeout=10)

    def log_in(self, password: str = "") -> requests.Response:
        body = {"login": self.stand_in.login, "password": password or self.stand_in.password}
        return self.call("POST", "/user/staff/login", body)

    def get(self, path: str, include: str = "", **headers: Any) -> Any:
        answer = self.call("GET", path, include=include, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def item(self, barcode: str, include: str = "*,circRecord{*},transit{*},holdRecordList{*}") -> dict[str, Any]:
        return dict(self.get(f"/catalog/item/barcode/{barcode}", include)["fields"])

    def make(self, barcode: str = "ILL-1", *, location: str = "ILL", library: str = "MAIN", **item: Any) -> str:
        answer = self.call("POST", "/catalog/bib", bib_body(barcode, location=location, library=library, **item))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["key"])

    def hold(self, barcode: str = "ILL-1", patron: str = PATRON, **changes: Any) -> requests.Response:
        headers = {name: changes.pop(name) for name in list(changes) if name.startswith("SD_")}
        body = {
            "itemBarcode": barcode,
            "patronBarcode": patron,
            "holdType": "COPY",
            "holdRange": "SYSTEM",
            "recallStatus": "NO",
            "pickupLibrary": link("/policy/library", "MAIN"),
            **changes,
        }
        return self.call("POST", "/circulation/holdRecord/placeHold", body, "holdRecord{*}", **headers)

    def lend(self, barcode: str = OWN, patron: str = PATRON, due: str = "", **headers: Any) -> requests.Response:
        body = {"itemBarcode": barcode, "patronBarcode": patron} | ({"dueDate": due} if due else {})
        return self.call("POST", "/circulation/circRecord/checkOut", body, "circRecord{*}", **headers)

    def check_in(self, barcode: str = OWN, **headers: Any) -> requests.Response:
        return self.call("POST", "/circulation/circRecord/checkIn", {"itemBarcode": barcode}, **headers)

    def receive(self, barcode: str, library: str) -> requests.Response:
        body = {"itemBarcode": barcode}
        return self.call("POST", "/circulation/transit/untransit", body, SD_Working_LibraryID=library)

    def control(self, method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(method, f"{self.address}/_sandbox{path}", json=body, timeout=10)

    def desk(self, act: str, **order: Any) -> dict[str, Any]:
        answer = self.control("POST", f"/desk/{act}", order)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def link(resource: str, key: str) -> dict[str, str]:
    return {"resource": resource, "key": key}


def bib_body(barcode: str, *, location: str = "ILL", library: str = "MAIN", **item: Any) -> dict[str, Any]:
    fields = {
        "barcode": barcode,
        "itemType": link("/policy/itemType", "ILL"),
        "homeLocation": link("/policy/location", location),
        **item,
    }
    call = {
        "callNumber": f"ILL {barcode}",
        "library": link("/policy/library", library),
        "itemList": [{"resource": "/catalog/item", "fields": fields}],
    }
    marc = [
        {"tag": "008", "subfields": [{"code": "_", "data": " " * 40}]},
        {"tag": "245", "inds": "10", "subfields": [{"code": "a", "data": "A borrowed book"}]},
        {"tag": "500", "inds": "  ", "subfields": [{"code": "a", "data": "ILLB-0123456789abcdef"}]},
    ]
    bib = {"standard": "MARC21", "type": "BIB", "leader": "00000nam a2200000 a 4500", "fields": marc}
    calls = [{"resource": "/catalog/call", "fields": call}]
    return {"resource": "/catalog/bib", "fields": {"shadowed": True, "bib": bib, "callList": calls}}


def code(answer: requests.Response, status: int = 500) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["messageList"][0]["code"])


def prompt(answer: requests.Response) -> str:
    code(answer)
    return str(answer.json().get("dataMap", {}).get("promptType", ""))
