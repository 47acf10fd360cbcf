"""A small ISO 18626 peer: writes messages of both schema generations, posts them, and confirms what is posted to it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import requests
from flask import Response, request
from lxml import etree

from bridge.sandbox.routes import StandInApp

NAMESPACE = "http://illtransactions.org/2013/iso18626"
MEDIA_TYPE = "application/xml; charset=utf-8"
Tree = dict[str, "str | Tree | list[Tree]"]


@dataclass(frozen=True)
class Talk:
    """One conversation: who asks whom about which request, in which version."""

    requester: str
    supplier: str
    number: str
    version: str = "1.2"

    @property
    def new(self) -> bool:
        """Whether the schema of 2021 is spoken."""
        return "2021" in self.version

    def request(self, *, at: str, patron: str = "", title: str = "A title", kind: str = "Loan", **more: str) -> bytes:
        """A request. ``more``: ``author``, ``isbn``, ``line1`` (delivery address), ``type``, ``previous``."""
        item: Tree = {"title": title, "author": more.get("author", "")}
        if "isbn" in more:
            code: Tree = {"bibliographicItemIdentifierCode": "ISBN"}
            number: Tree = {"bibliographicItemIdentifier": more["isbn"]}
            item["bibliographicItemId"] = {**code, **number} if self.new else {**number, **code}
        service: Tree = {"requestType": more.get("type", "New")}
        if "previous" in more:
            service["requestingAgencyPreviousRequestId"] = more["previous"]
        body: Tree = {"bibliographicInfo": item, "serviceInfo": {**service, "serviceType": kind}}
        if "line1" in more:
            body["requestedDeliveryInfo"] = {"address": {"physicalAddress": {"line1": more["line1"]}}}
        if patron:
            body["patronInfo"] = {"patronId": patron}
        return self._written("request", at, body)

    def supplied(self, status: str, *, at: str, reason: str = "StatusChange", **more: str) -> bytes:
        """A supplyingAgencyMessage. ``more``: ``answer``, ``note``, ``due``, ``item``, ``via``, ``condition``, ``changed``."""
        info: Tree = {"reasonForMessage": reason}
        info |= {name: more[key] for name, key in (("answerYesNo", "answer"), ("note", "note")) if key in more}
        state: Tree = {"status": status}
        state |= {"dueDate": more["due"]} if "due" in more else {}
        body: Tree = {"messageInfo": info, "statusInfo": {**state, "lastChange": more.get("changed", at)}}
        if "item" in more or "condition" in more:
            means = "deliveryMethod" if self.new else "sentVia"
            told = (("itemId", "item"), (means, "via"), ("loanCondition", "condition"))
            body["deliveryInfo"] = {"dateSent": at, **{name: more[key] for name, key in told if key in more}}
        return self._written("supplyingAgencyMessage", at, body)

    def acted(self, action: str, *, at: str, note: str = "") -> bytes:
        """A requestingAgencyMessage."""
        body: Tree = {"action": action, **({"note": note} if note else {})}
        return self._written("requestingAgencyMessage", at, body)

    def _written(self, kind: str, at: str, body: Tree) -> bytes:
        header: Tree = {"supplyingAgencyId": _agency(self.supplier), "requestingAgencyId": _agency(self.requester)}
        header |= {} if self.new else {"multipleItemRequestId": ""}
        header |= {"timestamp": at, "requestingAgencyRequestId": self.number}
        inner = _xml({kind: {"header": header, **body}})
        root = f'<ISO18626Message xmlns="{NAMESPACE}" xmlns:ill="{NAMESPACE}" ill:version="{self.version}">'
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}{inner}</ISO18626Message>'.encode()


def _agency(symbol: str) -> Tree:
    return {"agencyIdType": "ISIL", "agencyIdValue": symbol}


def _xml(tree: Tree) -> str:
    parts = ((name, each) for name, value in tree.items() for each in (value if isinstance(value, list) else [value]))
    return "".join(f"<{name}>{_xml(each) if isinstance(each, dict) else escape(each)}</{name}>" for name, each in parts)


@dataclass
class IsoPeer:
    """A library or broker on ISO 18626: ``POST /iso18626``; what came stands in ``heard``, oldest first.

    ``refuses`` has it answer ERROR with this value, ``status`` another HTTP status with an empty body. ``headers`` go with what it sends.
    """

    headers: dict[str, str] = field(default_factory=dict)
    refuses: str = ""
    status: int = 200
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._guard = threading.Lock()
        self._session = requests.Session()
        self._session.trust_env = False
        self.app = StandInApp("iso18626")
        self.app.add_url_rule("/iso18626", view_func=self._take, methods=["POST"])

    def post(self, url: str, message: bytes, **headers: str) -> requests.Response:
        """Send a message."""
        told = {"Content-Type": MEDIA_TYPE, **self.headers, **headers}
        return self._session.post(url, data=message, headers=told, timeout=70)

    def close(self) -> None:
        """Hang up."""
        self._session.close()

    def _take(self) -> Response:
        body = request.get_data()
        with self._guard:
            self.heard.append((dict(request.headers), body))
        if self.status != 200:
            return Response(b"", self.status)
        return Response(self._confirmation(body), 200, mimetype="application/xml")

    def _confirmation(self, body: bytes) -> bytes:
        message = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))[0]
        kind = etree.QName(message).localname
        names = ("requestingAgencyRequestId", "timestamp")
        number, sent = (message.findtext(f"{{*}}header/{{*}}{name}") or "" for name in names)
        echo = {"supplyingAgencyMessage": "reasonForMessage", "requestingAgencyMessage": "action"}.get(kind, "")
        said = message.findtext(f".//{{*}}{echo}") if echo else None
        header: Tree = {"timestamp": datetime.now(UTC).isoformat(), "requestingAgencyRequestId": number}
        header |= {"timestampReceived": sent, "messageStatus": "ERROR" if self.refuses else "OK"}
        made: Tree = {"confirmationHeader": header, **({echo: said} if said else {})}
        if self.refuses:
            made["errorData"] = {"errorType": "UnrecognisedDataValue", "errorValue": self.refuses}
        return f'<ISO18626Message xmlns="{NAMESPACE}">{_xml({f"{kind}Confirmation": made})}</ISO18626Message>'.encode()
