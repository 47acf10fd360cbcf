"""What bears a mark in Alma, read from a set of titles that staff made (Alma OpenAPI conf.json, Sets; bibs.json).

Alma's API has no search by a part of a number or note. A logical set follows its query by itself, and its members are read a hundred at a
time, with their records in a second call.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from bridge.connectors.alma.client import AlmaClient, ids_of
from bridge.connectors.alma.errors import Missing
from bridge.connectors.alma.marc import AGENCY
from bridge.connectors.alma.settings import AlmaSettings
from bridge.domain.commands import ListMarked, VendorIds
from bridge.domain.identity import Mark
from bridge.domain.record import MarkedObject, MarkedPage
from bridge.errors import Rejected

NO_SET = "Alma lists what bears our mark only through a set of titles: make one as the connector's page says, and name it in audit_set."


class Listing:
    """The set of one institution."""

    def __init__(self, client: AlmaClient, settings: AlmaSettings) -> None:
        self._client = client
        self._settings = settings

    def page(self, asked: ListMarked) -> MarkedPage:
        """A hundred titles of the set; two calls, and one more for each title whose note was changed."""
        offset = int(asked.after or 0)
        try:
            members = self._client.set_members(self._settings.audit_set, offset)
        except Missing:  # the set has shrunk meanwhile
            return MarkedPage()
        numbers = [member.id for member in members.member if member.id]
        following = offset + len(members.member)
        more = bool(members.member) and following < (members.total_record_count or 0)
        return MarkedPage(tuple(self._marked(numbers)), str(following) if more else "")

    def _marked(self, numbers: list[str]) -> Iterator[MarkedObject]:
        if not numbers:
            return
        try:
            bibs = self._client.bibs(numbers)
        except Missing:
            bibs = ()
        if not bibs:
            raise Rejected(
                f"No member of set {self._settings.audit_set} is a title.",
                cause="audit_set",
                advice="Make it a set of titles, as the connector's page says.",
            )
        for bib in bibs:
            code = _code(bib)
            if code:
                yield self._object(bib, code)

    def _object(self, bib: etree._Element, code: str) -> MarkedObject:
        mms_id = _child(bib, "mms_id")
        text = next((said[said.index(code) :] for said in _subfields(bib, "500", "a") if code in said), "")
        if text:
            return MarkedObject(Mark(code, text), VendorIds(mms_id))
        return self._by_item(mms_id, code)

    def _by_item(self, mms_id: str, code: str) -> MarkedObject:
        """The mark as an item of the title bears it, where the title's own note was changed."""
        try:
            items = self._client.items(mms_id, "ALL").item
        except Missing:
            items = []
        for item in items:
            said = getattr(item.item_data, self._settings.mark_field)
            if code in said:
                return MarkedObject(Mark(code, said[said.index(code) :]), ids_of(item), item.item_data.barcode)
        return MarkedObject(Mark(code, ""), VendorIds(mms_id))


def _code(bib: etree._Element) -> str:
    """The code of a bridge's mark in 035, whichever bridge left it."""
    said = (number for number in _subfields(bib, "035", "a") if number.startswith(AGENCY))
    return next(said, "").removeprefix(AGENCY)


def _child(bib: etree._Element, name: str) -> str:
    return next(((node.text or "").strip() for node in bib.iter("{*}" + name)), "")


def _subfields(bib: etree._Element, tag: str, code: str) -> list[str]:
    found = bib.iterfind(f".//{{*}}datafield[@tag='{tag}']/{{*}}subfield[@code='{code}']")
    return [(node.text or "").strip() for node in found]
