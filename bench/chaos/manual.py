"""A library without an API for a day of chaos: all its work is done by staff, in an ILS to which the bridge has no door."""

from __future__ import annotations

from bench.chaos.ncip import NcipHouse
from bench.chaos.sandboxed import Told
from bench.chaos.tables import Table


class ManualHouse(NcipHouse):
    """The ILS of the NCIP house behind a closed door, and its staff."""

    name = "manual"
    prefix = "/nowhere"
    untold = frozenset[str]()

    def settings(self) -> Table:
        """See ``Sandboxed``."""
        return {}

    def lending(self) -> Table:
        """See ``Sandboxed``."""
        return {"pickup_location": "MAIN", "temporary_place": {"location": "ILLOUT"}}

    def is_away(self, item: Told) -> bool:
        """See ``Sandboxed``."""
        return item["barcode"] in self.hands.away
