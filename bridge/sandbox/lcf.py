"""The LCF door of a small house: items and reservations over REST, as BIC's specification has them (bic-lcf; koha-wms-spydus.md C.1).

What a Spydus does was never seen. An item's identifier is its barcode, taken as it is given; a note comes back as it was sent.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

from flask import Response, g, request
from lxml import etree
from werkzeug.exceptions import HTTPException

from bridge.sandbox.faults import CONTROL_PREFIX, Faults, VendorAnswers, install_faults, was_hit
from bridge.sandbox.routes import StandInApp
from bridge.sandbox.sip2.house import CHARGED, LOST, Copy, House

BASE = "/lcf/1.0"
NAMESPACE = "http://ns.bic.org/lcf/1.0"
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True)
RECORD = "ILL"
"""The record (manifestation) that staff made for interlibrary loans; there is no other."""


@dataclass(frozen=True)
class Asked:
    """One call: its method, its route, and what met it."""

    method: str
    route: str
    status: int
    fault: str = ""


@dataclass
class Reserved:
    """A reservation; it waits while the patron stands in the item's queue."""

    barcode: str
    patron: str
    pickup: str
    note: str = ""


@dataclass
class LcfDoor:
    """Serves a house by LCF: `.app` is served by bridge.sandbox.server.Server.

    `renames`: items get identifiers of their own. `hidden`: no item is found by its identifier. Without `tells_status` no status is told.
    """

    house: House
    faults: Faults
    tell: Callable[[Asked], None] = lambda _: None
    user: str = "bridge"
    secret: str = "customer-key"
    renames: bool = False
    tells_status: bool = True
    hidden: bool = False
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    reserved: dict[str, Reserved] = field(default_factory=dict)
    reservations: int = 0

    def __post_init__(self) -> None:
        app = StandInApp("lcf")
        answers = VendorAnswers(_unauthorized, _throttled, _ordered)
        app.after_request(self._count)
        install_faults(app, answers, self.faults)
        app.before_request(self._enter)
        app.teardown_request(self._leave)
        app.register_error_handler(HTTPException, lambda error: _said(error.code or 500, error.name))
        for rule, method, view in (
            ("/manifestations/<name>", "GET", self._record),
            ("/manifestations/<name>/items", "GET", self._items),
            ("/items", "POST", self._make),
            ("/items/<name>", "GET", self._item),
            ("/items/<name>", "DELETE", self._delete),
            ("/items/<name>/reservations", "GET", self._queue),
            ("/reservations", "POST", self._reserve),
            ("/reservations/<name>", "GET", self._reservation),
            ("/reservations/<name>", "DELETE", self._withdraw),
        ):
            app.add_url_rule(f"{BASE}{rule}", f"{method} {rule}", view, methods=[method])
        self.app = app

    def _enter(self) -> Response | None:
        self.house.lock.acquire()
        g.locked = True
        given = request.authorization
        known = given is not None and (given.username, given.password) == (self.user, self.secret)
        return None if known or request.path.startswith(CONTROL_PREFIX) else _unauthorized()

    def _leave(self, _: BaseException | None) -> None:
        if g.pop("locked", False):
            self.house.lock.release()

    def _count(self, response: Response) -> Response:
        route = str(request.url_rule).removeprefix(BASE).replace("<name>", "{id}")
        self.tell(Asked(request.method, route, response.status_code, was_hit() or ""))
        return response

    def _record(self, name: str) -> Response:
        if name != RECORD:
            return _missing()
        return _entity("manifestation", {"identifier": name, "manifestation-status": "02"})

    def _items(self, name: str) -> Response:
        return _list("items", sorted(self.texts)) if name == RECORD else _missing()

    def _item(self, name: str) -> Response:
        copy = self.house.copies.get(name)
        if copy is None or self.hidden:
            return _missing()
        loan, told = self.house.loans.get(name), self.texts.get(name, {})
        status = LOST if copy.lost else CHARGED if loan else "03"
        fields = {"identifier": name, "manifestation-ref": told.get("manifestation-ref", "other")}
        return _entity("item", {**fields, **({"circulation-status": status} if self.tells_status else {})}, told)

    def _make(self) -> Response:
        root = etree.fromstring(request.get_data(), _PARSER)
        texts = {name: _text(root, name) for name in ("identifier", "manifestation-ref", "description", "location-ref")}
        texts["note-text"] = " ".join(each.text or "" for each in root.iter(f"{{{NAMESPACE}}}note-text"))
        barcode = texts["identifier"]
        if _last(texts["manifestation-ref"]) != RECORD:
            return _missing()
        if barcode in self.house.copies:
            return _said(409, "There is an item with this identifier.")
        barcode = f"9{len(self.house.copies):07}" if self.renames else barcode
        self.texts[barcode] = texts
        self.house.copies[barcode] = Copy(barcode, texts["description"], made_by="api")
        return _made("items", barcode)

    def _delete(self, name: str) -> Response:
        if name not in self.house.copies:
            return _missing()
        if name in self.house.loans:
            return _said(403, "The item is on loan.")
        self.forget(name)
        return Response(status=204)

    def forget(self, barcode: str) -> None:
        """An item goes, with all that hangs on it."""
        del self.house.copies[barcode]
        self.texts.pop(barcode, None)

    def _queue(self, name: str) -> Response:
        if name not in self.house.copies:
            return _missing()
        return _list("reservations", [key for key, each in self.reserved.items() if each.barcode == name])

    def _reserve(self) -> Response:
        root = etree.fromstring(request.get_data(), _PARSER)
        patron, barcode = _last(_text(root, "patron-ref")), _last(_text(root, "item-ref"))
        if self.house.patron(patron) is None or barcode not in self.house.copies:
            return _missing()
        self.reservations += 1
        key, pickup = f"R{self.reservations}", _last(_text(root, "pickup-location-ref"))
        self.house.hold(patron, barcode, pickup, add=True)
        self.reserved[key] = Reserved(barcode, patron, pickup, _text(root, "note-text"))
        return _made("reservations", key)

    def _reservation(self, name: str) -> Response:
        found = self.reserved.get(name)
        if found is None:
            return _missing()
        fields = {
            "identifier": name,
            "reservation-type": "3",
            "patron-ref": _address("patrons", found.patron),
            "item-ref": _address("items", found.barcode),
            "pickup-location-ref": _address("locations", found.pickup),
        }
        status = {"reservation-status": "01" if self.waits(found) else "05"} if self.tells_status else {}
        return _entity("reservation", {**fields, **status})

    def waits(self, found: Reserved) -> bool:
        """Whether the patron still waits for the item."""
        copy = self.house.copies.get(found.barcode)
        return copy is not None and found.patron.upper() in copy.held_for

    def _withdraw(self, name: str) -> Response:
        found = self.reserved.pop(name, None)
        if found is None or not self.waits(found):
            return _missing()
        self.house.hold(found.patron, found.barcode, "", add=False)
        return Response(status=204)


def _child(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")


def _text(root: etree._Element, name: str) -> str:
    return next((each.text or "" for each in root.iter(f"{{{NAMESPACE}}}{name}")), "")


def _last(address: str) -> str:
    return unquote(address.rpartition("/")[2])


def _address(entities: str, name: str) -> str:
    return f"{request.host_url.rstrip('/')}{BASE}/{entities}/{name}"


def _entity(name: str, fields: dict[str, str], told: dict[str, str] | None = None) -> Response:
    root = etree.Element(f"{{{NAMESPACE}}}{name}")
    for tag, text in fields.items():
        _child(root, tag).text = text
    if told and told.get("location-ref"):
        place = _child(root, "associated-location")
        _child(place, "association-type").text = "01"
        _child(place, "location-ref").text = told["location-ref"]
    if told:
        _child(_child(root, "note"), "note-text").text = told["note-text"]
    return _xml(root)


def _list(entities: str, names: list[str]) -> Response:
    start, count = (
        int(request.args.get(f"os:{name}", default)) for name, default in (("startIndex", 0), ("count", 100))
    )
    root = etree.Element(f"{{{NAMESPACE}}}lcf-entity-list-response")
    _child(root, "entity-type").text = entities
    for name in names[start : start + count]:
        _child(root, "entity").set("href", _address(entities, name))
    return _xml(root)


def _xml(root: etree._Element) -> Response:
    answer = Response(etree.tostring(root), content_type="application/xml; charset=utf-8")
    answer.headers["lcf-version"] = "1.3.0"
    return answer


def _made(entities: str, name: str) -> Response:
    return Response(status=201, headers={"Location": _address(entities, name)})


def _said(status: int, words: str) -> Response:
    return Response(words, status=status, content_type="text/plain")


def _missing() -> Response:
    return _said(404, "There is no such entity.")


def _unauthorized() -> Response:
    return _said(401, "Terminal credentials were invalid.")


def _throttled() -> Response:
    return _said(429, "Too many requests.")


def _ordered(_code: str, message: str, status: int) -> Response:
    return _said(status, message)
