"""What bears a mark in Symphony: the bibs that an index finds by the word all of ours bear, a page at a time (symphony.md section 2.5)."""

from __future__ import annotations

from bridge.connectors.symphony import marc
from bridge.connectors.symphony import models as symphony
from bridge.connectors.symphony.client import SymphonyClient
from bridge.connectors.symphony.settings import SymphonySettings
from bridge.domain.commands import ListMarked, VendorIds
from bridge.domain.record import MarkedObject, MarkedPage

NO_INDEX = "Symphony finds what bears our mark by an index: name it in search_index."
PAGE = 50


class Listing:
    """The temporary bibs of one Symphony."""

    def __init__(self, client: SymphonyClient, settings: SymphonySettings) -> None:
        self._client = client
        self._settings = settings

    def page(self, asked: ListMarked) -> MarkedPage:
        """Fifty bibs; one call."""
        row = int(asked.after or 1)
        found = self._client.search_bibs(self._settings.search_index, marc.WORD, row, PAGE)
        objects = tuple(each for bib in found.found for each in self._marked(bib))
        more = found.found and row + PAGE <= found.total
        return MarkedPage(objects, str(row + PAGE) if more else "")

    def _marked(self, bib: symphony.Bib) -> tuple[MarkedObject, ...]:
        item = bib.items[0] if bib.items else symphony.Copy()
        call = bib.calls[0].key if bib.calls else ""
        ids = VendorIds(bib.key, call, item.key)
        return tuple(MarkedObject(mark, ids, item.barcode) for mark in marc.marks_of(bib, self._settings.mark_tag))
