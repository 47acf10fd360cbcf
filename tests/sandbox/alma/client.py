"""A plain client for the stand-in, with the few bodies that the tests send again and again."""

import re
from dataclasses import dataclass
from typing import Any, Self

import requests
from lxml import etree

LEADER = "00000nam a2200000 a 4500"
HOLDING_LEADER = "00000nx  a2200000zn 4500"
XML = {"Accept": "application/xml", "Content-Type": "application/xml"}
MAIN_DESK = {"library": {"value": "MAIN"}, "circ_desk": {"value": "DEFAULT_CIRC_DESK"}}
RS_DESK = {"library": {"value": "RS"}, "circ_desk": {"value": "RSDESK"}}
HOLD = {"request_type": "HOLD", "pickup_location_type": "LIBRARY", "pickup_location_library": "MAIN"}
OWN = "39000000000001"


def bib_xml(
    title: str = "A borrowed book", *, mark: str = "(BRIDGE)M-1", leader: str = LEADER, suppressed: str = "true"
) -> str:
    return (
        f"<bib><suppress_from_publishing>{suppressed}</suppress_from_publishing><record><leader>{leader}</leader>"
        '<controlfield tag="008">000101s2000    xx            000 0 eng d</controlfield>'
        f'<datafield tag="035" ind1=" " ind2=" "><subfield code="a">{mark}</subfield></datafield>'
        f'<datafield tag="245" ind1="0" ind2="0"><subfield code="a">{title}</subfield></datafield></record></bib>'
    )


def holding_xml(library: str = "RS", location: str = "ILLTEMP") -> str:
    return (
        f"<holding><record><leader>{HOLDING_LEADER}</leader>"
        f'<datafield tag="852" ind1="0" ind2=" "><subfield code="b">{library}</subfield>'
        f'<subfield code="c">{location}</subfield><subfield code="h">ILL 1</subfield></datafield></record>'
        "<suppress_from_publishing>true</suppress_from_publishing></holding>"
    )


def item_body(barcode: str = "ILL-1", **more: Any) -> dict[str, Any]:
    data = {"barcode": barcode, "policy": {"value": "ILL"}, "physical_material_type": {"value": "BOOK"}}
    return {"item_data": data | more}


@dataclass(frozen=True)
class Made:
    """The ids of a temporary item."""

    mms_id: str
    holding_id: str
    pid: str

    @property
    def path(self) -> str:
        return f"/bibs/{self.mms_id}/holdings/{self.holding_id}/items/{self.pid}"


class AlmaClient:
    """Sends requests with the key; JSON is asked unless headers say otherwise."""

    def __init__(self, address: str, *, key: str) -> None:
        self.address = address
        self.session = requests.Session()
        self.exchanges: list[requests.Response] = []
        self.session.headers.update({"Accept": "application/json", "Authorization": f"apikey {key}"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        answer = self.session.request(method, f"{self.address}/almaws/v1{path}", timeout=10, **more)
        self.exchanges += [*answer.history, answer]
        return answer

    def get(self, path: str, **params: str) -> requests.Response:
        return self.call("GET", path, params=params)

    def post(self, path: str, body: Any = None, **params: str) -> requests.Response:
        return self.call("POST", path, params=params, json=body)

    def put(self, path: str, body: Any, **params: str) -> requests.Response:
        return self.call("PUT", path, params=params, json=body)

    def delete(self, path: str, **params: str) -> requests.Response:
        return self.call("DELETE", path, params=params)

    def send_xml(self, method: str, path: str, body: str, **params: str) -> requests.Response:
        return self.call(method, path, params=params, data=body.encode(), headers=XML)

    def control(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self.session.request(method, f"{self.address}/_sandbox{path}", json=body, timeout=10)

    def desk(self, action: str, **order: Any) -> dict[str, Any]:
        answer = self.control("POST", f"/desk/{action}", order)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def make_bib(self, **about: str) -> str:
        answer = self.send_xml("POST", "/bibs", bib_xml(**about))
        assert answer.status_code == 200, answer.text
        return xml_text(answer, "mms_id")

    def make_item(self, barcode: str = "ILL-1", *, mark: str = "(BRIDGE)M-1", **more: Any) -> Made:
        mms_id = self.make_bib(mark=mark)
        holding_id = xml_text(self.send_xml("POST", f"/bibs/{mms_id}/holdings", holding_xml()), "holding_id")
        answer = self.post(f"/bibs/{mms_id}/holdings/{holding_id}/items", item_body(barcode, **more))
        assert answer.status_code == 200, answer.text
        return Made(mms_id, holding_id, answer.json()["item_data"]["pid"])

    def own(self, barcode: str = OWN) -> Made:
        item = self.get("/items", item_barcode=barcode).json()
        return Made(item["bib_data"]["mms_id"], item["holding_data"]["holding_id"], item["item_data"]["pid"])

    def lend(self, barcode: str = OWN, patron: str = "P1001", desk: Any = None) -> requests.Response:
        return self.post(f"/users/{patron}/loans", desk or MAIN_DESK, item_barcode=barcode)

    def hold(self, made: Made, patron: str = "P1001", **changes: str) -> requests.Response:
        self.post(f"/users/{patron}/requests", HOLD | changes, item_pid=made.pid)  # 401129, as ever on a new item
        return self.post(f"/users/{patron}/requests", HOLD | changes, item_pid=made.pid)

    def scan(self, made: Made, library: str = "RS", desk: str = "RSDESK", **more: str) -> requests.Response:
        return self.post(made.path, op="scan", library=library, circ_desk=desk, **more)


def xml_text(answer: requests.Response, path: str) -> str:
    found = etree.fromstring(answer.content).findtext(path)
    assert found is not None, answer.text
    return found


def code_of(answer: requests.Response) -> str:
    """The error code in a body of any shape; "" if there is none."""
    found = re.search(r'errorCode(?:": ?"|>)(\w+)', answer.text)
    return found.group(1) if found else ""


def code(answer: requests.Response) -> str:
    """The error code of a plain JSON answer; the status must be 400."""
    assert answer.status_code == 400, answer.text
    found: str = answer.json()["errorList"]["error"][0]["errorCode"]
    return found


def message(answer: requests.Response) -> str:
    found: str = answer.json()["errorList"]["error"][0]["errorMessage"]
    return found
