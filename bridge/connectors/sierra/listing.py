"""What bears a mark in Sierra: the items of the locations for borrowed items, a page at a time (sierra.md section 4, item filters)."""

from __future__ import annotations

from bridge.connectors.sierra import models as sierra
from bridge.connectors.sierra.client import SierraClient
from bridge.connectors.sierra.settings import SierraSettings
from bridge.connectors.sierra.sight import ids_of
from bridge.domain.commands import ListMarked
from bridge.domain.identity import CODE, Mark
from bridge.domain.record import MarkedObject, MarkedPage

NO_LOCATIONS = "Sierra lists what bears our mark by location: name the locations of borrowed items in audit_locations."
PAGE = 200


class Listing:
    """The locations for borrowed items of one Sierra."""

    def __init__(self, client: SierraClient, settings: SierraSettings) -> None:
        self._client = client
        self._settings = settings

    def page(self, asked: ListMarked) -> MarkedPage:
        """Two hundred items; one call."""
        offset = int(asked.after or 0)
        items = self._client.items_at(self._settings.audit_locations, offset, PAGE)
        marked = (self._marked(item) for item in items)
        return MarkedPage(tuple(filter(None, marked)), str(offset + PAGE) if len(items) == PAGE else "")

    def _marked(self, item: sierra.Item) -> MarkedObject | None:
        for text in item.texts(self._settings.mark_tag):
            found = CODE.search(text)
            if found is not None and not item.deleted:
                return MarkedObject(Mark(found[0], text[found.start() :]), ids_of(item), item.barcode)
        return None
