"""What a Spydus does by LCF, put together: items, holds, and what is seen of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bridge.connectors.base import Surroundings
from bridge.connectors.spydus.lcf import LcfClient
from bridge.connectors.spydus.settings import LcfSettings
from bridge.connectors.spydus.temporary import Reservations, TemporaryItems
from bridge.domain import commands as do
from bridge.domain.finding import Finding, failed, well
from bridge.domain.record import HoldRecord, Sighting
from bridge.errors import Rejected, Retry

ONLY_BY_SIP = "Spydus knows the item by SIP2, and does not by LCF"


class Lcf:
    """The LCF side of one Spydus."""

    def __init__(self, settings: LcfSettings, surroundings: Surroundings, sleep: Callable[[float], None]) -> None:
        self._client = LcfClient(settings, surroundings, sleep)
        self._record = settings.record
        self.items = TemporaryItems(self._client, settings)
        self.holds = Reservations(self._client)

    def seen(self, by_sip: Sighting, asked: do.Inspect) -> Sighting:
        """What SIP2 saw of a temporary item, with what LCF shows of it and of our hold. Gone is what neither knows."""
        item = self.items.item(asked.target)
        if item is None and by_sip.barcode:
            return replace(by_sip, notes=(f"{ONLY_BY_SIP}.",))
        if item is None:
            return Sighting(item_present=False, hold_seen=True, loans_seen=True)
        found = replace(
            by_sip,
            item_present=True,
            ids=do.VendorIds(item=item.identifier),
            barcode=asked.target.barcode,
            marked=asked.target.mark.code in item.notes,
            place=do.Place(location=item.location) if item.location else None,
        )
        if asked.loans_only or not asked.patron_id:
            return found
        return self._with_hold(found, asked)

    def seen_own(self, by_sip: Sighting, asked: do.Inspect) -> Sighting:
        """What SIP2 saw of an own item, with the reservation that waits for it for an account."""
        if asked.loans_only or not asked.patron_id:
            return by_sip
        return self._with_hold(by_sip, asked)

    def _with_hold(self, seen: Sighting, asked: do.Inspect) -> Sighting:
        hold = self.holds.of(asked.target, asked.patron_id)
        record = HoldRecord(hold.identifier, asked.patron_id, hold.pickup) if hold else None
        return replace(seen, hold=record, hold_seen=True)

    def finding(self) -> Finding:
        """Whether it answers, and knows the record under which items are made. Raises ``Unavailable`` and ``CredentialsRejected``."""
        advice = "See to lcf.record, and to what Spydus's API Manager lets this vendor do."
        try:
            known = self._client.record(self._record)
        except (Rejected, Retry) as refused:
            return failed("LCF", refused.reason, advice)
        if not known:
            return failed("LCF", f"Spydus knows no record {self._record}.", advice)
        return well("LCF", "The LCF interface answers, and knows the record for interlibrary loans.")

    def close(self) -> None:
        """Close connections."""
        self._client.close()
