"""Alma's endpoints, one method each: the only place that speaks HTTP to Alma (Alma OpenAPI bibs.json, users.json, conf.json)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import structlog
from lxml import etree
from pydantic import ValidationError

from bridge.connectors.alma import models as alma
from bridge.connectors.alma.errors import Endpoint, day_used_up, error_of, nonsense
from bridge.connectors.alma.settings import AlmaSettings
from bridge.connectors.base import Surroundings, http_rules
from bridge.domain.commands import VendorIds
from bridge.http import Answer, Http, Sending

log = structlog.get_logger(__name__)
V1 = "/almaws/v1"
JSON = {"Accept": "application/json", "Content-Type": "application/json"}
XML = {"Accept": "application/xml", "Content-Type": "application/xml"}
ITEM = "/bibs/{mms_id}/holdings/{holding_id}/items/{item_pid}"
FULL = "100"
"""The most rows a page of Alma's can hold."""
MOST_DIGITS = 9
"""Of a number of calls left that is believed."""
M = TypeVar("M", bound=alma.Payload)


def safe(part: str) -> str:
    """A value as one piece of a path; user ids hold ``@``, ``/`` and blanks (alma.md section 2)."""
    return quote(part, safe="")


class AlmaClient:
    """One Alma institution over its REST API."""

    def __init__(self, settings: AlmaSettings, surroundings: Surroundings, sleep: Callable[[float], None]) -> None:
        self._settings = settings
        self._pace = surroundings.pace
        self._warned = False
        self._http = Http(
            settings.host,
            name=surroundings.ils,
            pace=surroundings.pace,
            tell=surroundings.tell,
            headers=self._key,
            rules=http_rules(settings),
            used_up=day_used_up,
            sleep=sleep,
        )

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def user(self, user_id: str) -> alma.User:
        """A user by any identifier, with blocks and roles."""
        return self._read(Endpoint.USER, f"/users/{safe(user_id)}", "/users/{user_id}", alma.User)

    def item_by_barcode(self, barcode: str) -> alma.Item:
        """An item by barcode: a redirect, so it costs two calls (alma.md section 1, "Redirect cost")."""
        raw = self.raw_item_by_barcode(barcode)
        return alma.Item.model_validate(raw)

    def raw_item_by_barcode(self, barcode: str) -> dict[str, Any]:
        """The same, with every field Alma sent."""
        sending = Sending(
            "GET", f"{V1}/items", "/items", params={"item_barcode": barcode}, headers=JSON, repeatable=True, cost=2
        )
        return self._whole_item(Endpoint.ITEM_BY_BARCODE, sending)

    def raw_item(self, ids: VendorIds) -> dict[str, Any]:
        """An item by its ids, with every field Alma sent."""
        sending = Sending("GET", V1 + _item(ids), ITEM, headers=JSON, repeatable=True)
        return self._whole_item(Endpoint.ITEM, sending)

    def item(self, ids: VendorIds) -> alma.Item:
        """An item by its ids."""
        return alma.Item.model_validate(self.raw_item(ids))

    def bib_of_mark(self, number: str) -> str:
        """MMS id of the bib with this system number in 035, or the empty text."""
        sending = Sending(
            "GET",
            f"{V1}/bibs",
            "/bibs",
            params={"other_system_id": number, "view": "brief"},
            headers=XML,
            repeatable=True,
        )
        answer = self._sent(Endpoint.BIBS, sending)
        if xml_root(answer) != "bibs":
            raise nonsense(Endpoint.BIBS, answer, repeatable=True)
        return xml_text(answer, "mms_id")

    def bibs(self, mms_ids: Sequence[str]) -> tuple[etree._Element, ...]:
        """The bibs with these MMS ids that are there, a hundred at most, with their records (bibs.json, parameter ``mms_id``)."""
        parameters = {"mms_id": ",".join(mms_ids), "view": "full"}
        answer = self._sent(
            Endpoint.BIBS, Sending("GET", f"{V1}/bibs", "/bibs", params=parameters, headers=XML, repeatable=True)
        )
        root = _tree(answer)
        if root is None or _name(root) != "bibs":
            raise nonsense(Endpoint.BIBS, answer, repeatable=True)
        return tuple(node for node in root if _name(node) == "bib")

    def set_members(self, set_id: str, offset: int) -> alma.MemberList:
        """A hundred members of a set, from this one on (conf.json, Retrieve Set Members)."""
        path, template = f"/conf/sets/{safe(set_id)}/members", "/conf/sets/{set_id}/members"
        parameters = {"limit": FULL, "offset": str(offset)}
        return self._read(Endpoint.SET, path, template, alma.MemberList, parameters)

    def create_bib(self, body: bytes) -> str:
        """Create a bib; answers its MMS id."""
        sending = Sending("POST", f"{V1}/bibs", "/bibs", body=body, headers=XML)
        return self._xml_id(Endpoint.BIBS, sending, "mms_id")

    def create_holding(self, mms_id: str, body: bytes) -> str:
        """Create a holding; answers its id."""
        sending = Sending(
            "POST", f"{V1}/bibs/{safe(mms_id)}/holdings", "/bibs/{mms_id}/holdings", body=body, headers=XML
        )
        return self._xml_id(Endpoint.HOLDINGS, sending, "holding_id")

    def holdings(self, mms_id: str) -> alma.HoldingList:
        """Holdings of a bib."""
        path = f"/bibs/{safe(mms_id)}/holdings"
        return self._read(Endpoint.HOLDINGS, path, "/bibs/{mms_id}/holdings", alma.HoldingList)

    def items(self, mms_id: str, holding_id: str) -> alma.ItemList:
        """Items of a holding; ``ALL`` lists those of all holdings."""
        path = f"/bibs/{safe(mms_id)}/holdings/{safe(holding_id)}/items"
        template = "/bibs/{mms_id}/holdings/{holding_id}/items"
        return self._read(Endpoint.ITEMS, path, template, alma.ItemList, {"limit": FULL})

    def create_item(self, mms_id: str, holding_id: str, item_data: Mapping[str, object]) -> alma.Item:
        """Create an item; its holding's id is wanted in the body too (bib.wadl, type item)."""
        body = {"holding_data": {"holding_id": holding_id}, "item_data": item_data}
        path = f"{V1}/bibs/{safe(mms_id)}/holdings/{safe(holding_id)}/items"
        sending = _posting(path, "/bibs/{mms_id}/holdings/{holding_id}/items", body)
        return self._made(Endpoint.ITEMS, sending, alma.Item)

    def update_item(self, ids: VendorIds, whole: Mapping[str, Any]) -> alma.Item:
        """Replace an item by the whole of what is sent: what is left out is blanked (alma.md section 3)."""
        sending = Sending("PUT", V1 + _item(ids), ITEM, body=_json(whole), headers=JSON, repeatable=True)
        return self._made(Endpoint.ITEM_UPDATE, sending, alma.Item)

    def scan_in(self, ids: VendorIds, library: str, desk: str) -> alma.Item:
        """Scan an item in at a desk (a POST without body). Ends a loan, fills a waiting request, or sends the item on."""
        parameters = {"op": "scan", "library": library, "circ_desk": desk, "register_in_house_use": "false"}
        sending = Sending("POST", V1 + _item(ids), ITEM, params=parameters, headers={"Accept": JSON["Accept"]})
        return self._made(Endpoint.SCAN_IN, sending, alma.Item)

    def delete_item(self, ids: VendorIds) -> None:
        """Delete an item with its holding and bib."""
        parameters = {"override": "true", "holdings": "delete", "bib": "delete"}
        self._gone(
            Endpoint.ITEM_DELETE,
            Sending("DELETE", V1 + _item(ids), ITEM, params=parameters, headers=JSON, repeatable=True),
        )

    def delete_holding(self, mms_id: str, holding_id: str) -> None:
        """Delete a holding that has no item, with its bib."""
        path, template = f"{V1}/bibs/{safe(mms_id)}/holdings/{safe(holding_id)}", "/bibs/{mms_id}/holdings/{holding_id}"
        sending = Sending("DELETE", path, template, params={"bib": "delete"}, headers=JSON, repeatable=True)
        self._gone(Endpoint.BIB, sending)

    def delete_bib(self, mms_id: str) -> None:
        """Delete a bib that has no holding."""
        sending = Sending(
            "DELETE",
            f"{V1}/bibs/{safe(mms_id)}",
            "/bibs/{mms_id}",
            params={"override": "true"},
            headers=JSON,
            repeatable=True,
        )
        self._gone(Endpoint.BIB, sending)

    def create_request(
        self, user_id: str, item_pid: str, body: Mapping[str, object], *, transient: bool
    ) -> alma.UserRequest:
        """Place a hold on an item; the parameter is ``item_pid`` (alma.md section 5)."""
        sending = _posting(
            f"{V1}/users/{safe(user_id)}/requests",
            "/users/{user_id}/requests",
            body,
            {"item_pid": item_pid},
            transient=transient,
        )
        return self._made(Endpoint.REQUEST_CREATE, sending, alma.UserRequest)

    def cancel_request(self, user_id: str, request_id: str) -> None:
        """Withdraw a hold without telling the patron: ``notify_user`` is true where nothing is said (alma.md section 5)."""
        parameters = {"reason": self._settings.cancellation_reason, "notify_user": "false"}
        path = f"{V1}/users/{safe(user_id)}/requests/{safe(request_id)}"
        template = "/users/{user_id}/requests/{request_id}"
        self._gone(
            Endpoint.REQUEST_CANCEL, Sending("DELETE", path, template, params=parameters, headers=JSON, repeatable=True)
        )

    def item_requests(self, ids: VendorIds) -> alma.UserRequestList:
        """Active holds of an item."""
        path, template = _item(ids) + "/requests", "/bibs/{mms_id}/holdings/{holding_id}/items/{item_id}/requests"
        return self._read(Endpoint.REQUESTS, path, template, alma.UserRequestList)

    def create_loan(self, user_id: str, item_pid: str, library: str, desk: str) -> alma.Loan:
        """Check an item out; Alma gives its own due date whatever is sent (alma.md section 6)."""
        body = {"library": {"value": library}, "circ_desk": {"value": desk}}
        sending = _posting(f"{V1}/users/{safe(user_id)}/loans", "/users/{user_id}/loans", body, {"item_pid": item_pid})
        return self._made(Endpoint.LOAN_CREATE, sending, alma.Loan)

    def update_due_date(self, user_id: str, loan_id: str, due: str) -> alma.Loan:
        """Set the due date of a loan (an instant in UTC), without telling the patron."""
        path, template = f"{V1}/users/{safe(user_id)}/loans/{safe(loan_id)}", "/users/{user_id}/loans/{loan_id}"
        sending = Sending(
            "PUT",
            path,
            template,
            params={"notify_user": "false"},
            body=_json({"due_date": due}),
            headers=JSON,
            repeatable=True,
        )
        return self._made(Endpoint.LOAN_UPDATE, sending, alma.Loan)

    def item_loans(self, ids: VendorIds) -> alma.LoanList:
        """Open loans of an item."""
        path, template = _item(ids) + "/loans", "/bibs/{mms_id}/holdings/{holding_id}/items/{item_id}/loans"
        return self._read(Endpoint.LOANS, path, template, alma.LoanList)

    def fees(self, user_id: str, status: str) -> alma.FeeList:
        """Fees of a user with this status: ACTIVE, INDISPUTE, EXPORTED or CLOSED (users.json, parameter ``status``)."""
        path, template = f"/users/{safe(user_id)}/fees", "/users/{user_id}/fees"
        return self._read(Endpoint.FEES, path, template, alma.FeeList, {"status": status})

    def create_fee(self, user_id: str, body: Mapping[str, object]) -> alma.Fee:
        """Charge a fee."""
        sending = _posting(f"{V1}/users/{safe(user_id)}/fees", "/users/{user_id}/fees", body)
        return self._made(Endpoint.FEE_CREATE, sending, alma.Fee)

    def look(self, path: str, template: str) -> Answer:
        """Read something of the configuration, for what a probe needs to know: that it is there, and that we may."""
        return self._sent(Endpoint.CONFIGURATION, Sending("GET", V1 + path, template, headers=JSON, repeatable=True))

    def try_writing(self, path: str) -> None:
        """Prove the right to write at a test endpoint of Alma's, which writes nothing (alma.md section 1, "Key scopes")."""
        self._sent(Endpoint.CONFIGURATION, Sending("POST", V1 + path, path, headers=JSON, repeatable=True))

    def libraries(self) -> alma.LibraryList:
        """All libraries of the institution."""
        return self._read(Endpoint.CONFIGURATION, "/conf/libraries", "/conf/libraries", alma.LibraryList)

    def locations(self, library: str) -> alma.LocationList:
        """The locations of a library."""
        path, template = f"/conf/libraries/{safe(library)}/locations", "/conf/libraries/{libraryCode}/locations"
        return self._read(Endpoint.CONFIGURATION, path, template, alma.LocationList)

    def desk(self, library: str, desk: str) -> alma.Desk:
        """A circulation desk with the locations of its library that it serves."""
        path = f"/conf/libraries/{safe(library)}/circ-desks/{safe(desk)}"
        template = "/conf/libraries/{libraryCode}/circ-desks/{circDeskCode}"
        return self._read(Endpoint.CONFIGURATION, path, template, alma.Desk)

    def desks(self, library: str) -> alma.DeskList:
        """The circulation desks of a library."""
        path, template = f"/conf/libraries/{safe(library)}/circ-desks/", "/conf/libraries/{libraryCode}/circ-desks/"
        return self._read(Endpoint.CONFIGURATION, path, template, alma.DeskList, {"limit": FULL})

    def code_table(self, name: str) -> alma.CodeTable:
        """A code table with all its rows."""
        path, template = f"/conf/code-tables/{safe(name)}", "/conf/code-tables/{codeTableName}"
        return self._read(Endpoint.CONFIGURATION, path, template, alma.CodeTable)

    def _key(self) -> Mapping[str, str]:
        return {"Authorization": f"apikey {self._settings.api_key.get_secret_value()}"}

    def _sent(self, endpoint: Endpoint, sending: Sending) -> Answer:
        answer = self._http.send(sending)
        self._count(answer)
        if not 200 <= answer.status < 300 or b"errorsExist" in answer.body[:300]:
            raise error_of(endpoint, answer, repeatable=sending.repeatable)
        return answer

    def _gone(self, endpoint: Endpoint, sending: Sending) -> None:
        """A deletion, which succeeds without a word (204); an answer with a body is not Alma's."""
        answer = self._sent(endpoint, sending)
        if answer.body.strip():
            raise nonsense(endpoint, answer, repeatable=True)

    def _count(self, answer: Answer) -> None:
        left = answer.header("X-Exl-Api-Remaining")
        if not (left.isascii() and left.isdigit() and len(left) <= MOST_DIGITS):
            return
        remaining = int(left)
        self._pace.remaining(remaining)
        few = remaining < self._settings.warn_remaining
        if few and not self._warned:
            log.warning("alma.calls_remaining", remaining=remaining, warn_below=self._settings.warn_remaining)
        self._warned = few

    def _read(
        self, endpoint: Endpoint, path: str, template: str, model: type[M], parameters: Mapping[str, str] | None = None
    ) -> M:
        sending = Sending("GET", V1 + path, template, params=parameters or {}, headers=JSON, repeatable=True)
        return self._parsed(endpoint, self._sent(endpoint, sending), model, repeatable=True)

    def _made(self, endpoint: Endpoint, sending: Sending, model: type[M]) -> M:
        return self._parsed(endpoint, self._sent(endpoint, sending), model, repeatable=sending.repeatable)

    def _parsed(self, endpoint: Endpoint, answer: Answer, model: type[M], *, repeatable: bool) -> M:
        raw = self._object(endpoint, answer, repeatable=repeatable)
        try:
            found = model.model_validate(raw)
        except (ValidationError, RecursionError) as odd:
            raise nonsense(endpoint, answer, repeatable=repeatable) from odd
        if not found.makes_sense():
            raise nonsense(endpoint, answer, repeatable=repeatable)
        return found

    def _whole_item(self, endpoint: Endpoint, sending: Sending) -> dict[str, Any]:
        """An item with every field Alma sent, once it is sure that it is one."""
        answer = self._sent(endpoint, sending)
        self._parsed(endpoint, answer, alma.Item, repeatable=True)
        return self._object(endpoint, answer, repeatable=True)

    @staticmethod
    def _object(endpoint: Endpoint, answer: Answer, *, repeatable: bool) -> dict[str, Any]:
        try:
            raw = json.loads(answer.body)
        except (ValueError, RecursionError) as odd:
            raise nonsense(endpoint, answer, repeatable=repeatable) from odd
        if not isinstance(raw, dict):
            raise nonsense(endpoint, answer, repeatable=repeatable)
        return raw

    def _xml_id(self, endpoint: Endpoint, sending: Sending, name: str) -> str:
        answer = self._sent(endpoint, sending)
        found = xml_text(answer, name)
        if not found:
            raise nonsense(endpoint, answer, repeatable=False)
        return found


def _item(ids: VendorIds) -> str:
    return f"/bibs/{safe(ids.bib)}/holdings/{safe(ids.holding)}/items/{safe(ids.item)}"


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _posting(
    path: str, template: str, body: object, parameters: Mapping[str, str] | None = None, *, transient: bool = False
) -> Sending:
    return Sending("POST", path, template, params=parameters or {}, body=_json(body), headers=JSON, transient=transient)


def _tree(answer: Answer) -> etree._Element | None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        return etree.fromstring(answer.body, parser=parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _name(node: etree._Element) -> str:
    return etree.QName(node).localname if isinstance(node.tag, str) else ""


def xml_root(answer: Answer) -> str:
    """The name of an XML answer's root, or the empty text where there is no XML."""
    root = _tree(answer)
    return etree.QName(root).localname if root is not None else ""


def xml_text(answer: Answer, name: str) -> str:
    """The first element of this name in an XML answer, or the empty text where there is none or no XML."""
    root = _tree(answer)
    if root is None:
        return ""
    nodes = (node for node in root.iter() if isinstance(node.tag, str) and etree.QName(node).localname == name)
    return next(((node.text or "").strip() for node in nodes), "")


def ids_of(item: alma.Item) -> VendorIds:
    """The ids of an item that Alma answered with."""
    return VendorIds(item.bib_data.mms_id, item.holding_data.holding_id, item.item_data.pid)
