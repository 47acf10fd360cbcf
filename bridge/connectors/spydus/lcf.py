"""LCF, BIC's open standard, version 1 over REST: the only place that speaks HTTP to a Spydus.

Source: bic-org-uk/bic-lcf, REST web service specification and XML bindings (koha-wms-spydus.md section C.1). What of it a Spydus accepts is
not public. References to other entities are their addresses.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from lxml import etree

from bridge.connectors.base import Surroundings
from bridge.connectors.refusals import Refusals
from bridge.connectors.spydus.settings import LcfSettings
from bridge.domain.masking import vendor_words
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.http import Answer, HttpRules, Sending, words_of

SAYS = Refusals("Spydus")
NAMESPACE = "http://ns.bic.org/lcf/1.0"
PAGE = 100
ON_LOAN = frozenset({"04", "05", "07", "11", "12"})
"""Circulation statuses of what somebody has, or may have: on loan, recalled, claimed returned, lost (code list CIS)."""
WAITING = frozenset({"", "01", "02"})
"""Statuses of reservations that are not over (code list RVS); none is no sign that one is."""
PERMANENT = "01"
"""An item's permanent location, among those it has to do with (code list LAT)."""
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
_ADVICE = "See to user and secret of lcf, and to what Spydus's API Manager lets this vendor do."


@dataclass(frozen=True)
class LcfItem:
    """An item: its identifier, which is its barcode, what its notes say, and where it belongs."""

    identifier: str
    notes: str
    status: str
    location: str = ""

    @property
    def may_be_on_loan(self) -> bool:
        """Whether somebody has it, or may have it."""
        return self.status in ON_LOAN


@dataclass(frozen=True)
class LcfReservation:
    """A reservation by its identifier; ``waits`` unless it is said to be filled or ended."""

    identifier: str
    patron: str
    pickup: str
    waits: bool


Fields = tuple[tuple[str, "str | Fields"], ...]


def written(name: str, fields: Fields) -> bytes:
    """An entity as XML, its elements in the order given, which must be the schema's; empty ones are left out."""
    names: dict[Any, str] = {None: NAMESPACE}
    root = etree.Element(f"{{{NAMESPACE}}}{name}", nsmap=names)
    _grow(root, fields)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _grow(parent: etree._Element, fields: Fields) -> None:
    for name, content in fields:
        if not content:
            continue
        child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
        if isinstance(content, str):
            child.text = "".join(sign for sign in content if sign.isprintable())
        else:
            _grow(child, content)


class LcfClient:
    """One Spydus over LCF. Safe to use from several threads."""

    def __init__(
        self, settings: LcfSettings, surroundings: Surroundings, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        log_in = f"{settings.user}:{settings.secret.get_secret_value()}"
        self._log_in = f"Basic {base64.b64encode(log_in.encode()).decode()}"
        rules = HttpRules(
            connect_timeout=settings.connect_timeout, read_timeout=settings.read_timeout, ca_file=settings.ca_file
        )
        self._http = surroundings.http(settings.url, rules, sleep)

    def ref(self, entities: str, identifier: str) -> str:
        """The address of an entity, by which others refer to it."""
        return f"{self._http.base_url}{_path(entities, identifier)}"

    def record(self, identifier: str) -> bool:
        """Whether there is this record (manifestation)."""
        return self._read("manifestations", identifier) is not None

    def item(self, identifier: str) -> LcfItem | None:
        """An item."""
        found = self._read("items", identifier)
        if found is None:
            return None
        notes = " ".join(_texts(found, "note-text"))
        places = (each for each in found.iter("{*}associated-location") if _text(each, "association-type") == PERMANENT)
        location = next((_last(_text(each, "location-ref")) for each in places), "")
        return LcfItem(_text(found, "identifier") or identifier, notes, _text(found, "circulation-status"), location)

    def reservation(self, identifier: str) -> LcfReservation | None:
        """A reservation."""
        found = self._read("reservations", identifier)
        if found is None:
            return None
        patron, pickup = (_last(_text(found, name)) for name in ("patron-ref", "pickup-location-ref"))
        return LcfReservation(identifier, patron, pickup, _text(found, "reservation-status") in WAITING)

    def reservations_on(self, item: str) -> Iterator[LcfReservation]:
        """The reservations that wait for an item, one call each."""
        for identifier in self.listed("items", item, "reservations", most=PAGE):
            found = self.reservation(identifier)
            if found is not None and found.waits:
                yield found

    def listed(self, entities: str, identifier: str, what: str, *, most: int) -> tuple[str, ...]:
        """What hangs on an entity, by identifier: at most this many and one. Nothing, where the entity is not there."""
        found: list[str] = []
        while len(found) <= most:
            params = {"os:count": str(PAGE), "os:startIndex": str(len(found))}
            path, template = f"{_path(entities, identifier)}/{what}", f"/{entities}/{{id}}/{what}"
            root = self._got(Sending("GET", path, template, params=params, repeatable=True))
            hrefs = [] if root is None else [each.get("href", "") for each in root.iter("{*}entity")]
            fresh = [each for each in map(_last, hrefs) if each and each not in found]
            found += fresh
            if len(hrefs) < PAGE or not fresh:
                break
        return tuple(found[: most + 1])

    def create(self, entities: str, body: bytes) -> str:
        """Make an entity; its identifier. Done twice it may be there twice."""
        headers = {"Content-Type": "application/xml"}
        answer = self._sent(Sending("POST", f"/{entities}", f"/{entities}", body=body, headers=headers))
        if answer.status >= 300:
            raise _error(f"make {entities}", answer, repeatable=False)
        made = _last(answer.header("Location"))
        if not made:
            raise OutcomeUnknown(f"Spydus does not say which of {entities} it made by LCF (HTTP {answer.status}).")
        return made

    def delete(self, entities: str, identifier: str) -> bool:
        """Delete an entity; whether it was there."""
        answer = self._sent(Sending("DELETE", _path(entities, identifier), f"/{entities}/{{id}}", repeatable=True))
        if answer.status == 404:
            return False
        if answer.status >= 300:
            raise _error(f"delete of {entities}", answer, repeatable=True)
        if answer.body.strip():  # a proxy's page says nothing of what was deleted
            _parsed(answer, f"delete of {entities}")
        return True

    def _read(self, entities: str, identifier: str) -> etree._Element | None:
        return self._got(Sending("GET", _path(entities, identifier), f"/{entities}/{{id}}", repeatable=True))

    def _got(self, sending: Sending) -> etree._Element | None:
        answer = self._sent(sending)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _error(f"read {sending.template}", answer, repeatable=True)
        return _parsed(answer, sending.template)

    def _sent(self, sending: Sending) -> Answer:
        headers = {"Authorization": self._log_in, "Accept": "application/xml", **sending.headers}
        return self._http.send(replace(sending, headers=headers))

    def close(self) -> None:
        """Close connections."""
        self._http.close()


def _parsed(answer: Answer, doing: str) -> etree._Element:
    """The XML of an answer. Raises ``Retry`` for one that cannot be read, or is a page for people."""
    unread = Retry(f"Spydus's answer by LCF ({doing}) cannot be read.", cause="nonsense")
    try:
        root = etree.fromstring(answer.body, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as odd:
        raise unread from odd
    if etree.QName(root).localname.lower() == "html":
        raise unread
    return root


def _path(entities: str, identifier: str) -> str:
    return f"/{entities}/{quote(identifier, safe='')}"


def _last(address: str) -> str:
    """The identifier at the end of an address; a bare identifier is itself."""
    return unquote(urlsplit(address.strip()).path.rstrip("/").rpartition("/")[2])


def _texts(root: etree._Element, name: str) -> Iterator[str]:
    return ((each.text or "").strip() for each in root.iter(f"{{*}}{name}"))


def _text(root: etree._Element, name: str) -> str:
    return next(_texts(root, name), "")


def _error(doing: str, answer: Answer, *, repeatable: bool) -> IlsError:
    """Our error for a status that is none of success (specification, sections 1 and 7)."""
    words = vendor_words(words_of(answer.body))
    said = f"Spydus answered by LCF with HTTP {answer.status} ({doing})."
    said = f"{said} It says: {words}" if words else said
    if answer.status == 401:
        return CredentialsRejected(said, advice=_ADVICE)
    if answer.status >= 500:
        return Unavailable(said) if repeatable else OutcomeUnknown(said, cause="server_error")
    return Rejected(said, cause="refused", advice="See to it in Spydus; the text says why.")
