"""A stand-in ILS behind an NCIP responder for a day of chaos, and staff who do what is not done over NCIP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.chaos.hands import Hands
from bench.chaos.sandboxed import BYSTANDERS, Sandboxed, Told, Words
from bench.chaos.stories import ACCOUNTS, PATRONS
from bench.chaos.tables import Table
from bridge.domain import commands as do
from bridge.sandbox.ncip import NcipStandIn
from bridge.sandbox.ncip.seed import Seed, SeedItem, SeedPatron

MESSAGES = {
    "GET": "Lookup",
    "POST": "(Accept|CheckOut|Request)Item",
    "PUT": "(Renew|CheckIn)Item|Fiscal",
    "DELETE": "(Delete|CancelRequest)Item",
}
"""Of which a fault is that would hit a method elsewhere: all messages are posted here."""


class NcipHouse(Sandboxed):
    """A responder that can be asked afterwards (LookupItem), with patrons, ILL accounts, own items, and loans and holds of others.

    It names items by their barcodes and nothing else: one that bears another is gone to the bridge, and comes back unasked for.
    """

    name = "ncip"
    speaks = "generic"
    tokens = False
    prefix = "/ncip"
    zone = "America/Chicago"
    untold = frozenset({"relabelled_by_hand"})
    words = Words(bib="", hold_text="request", fee_text="description", why="closed")

    def __init__(self, own: Sequence[str]) -> None:
        self._ncip = NcipStandIn(self.speaks, api_key="sesame", tokens=self.tokens)
        self.hands = Hands(self._ncip.state, self.zone)
        patrons = [SeedPatron(barcode=name) for name in PATRONS]
        bystanders = [SeedItem(barcode=barcode, title=f"Bystander {barcode}") for barcode in BYSTANDERS]
        stories = [SeedItem(barcode=barcode, title=f"Own title of {barcode}") for barcode in own]
        self._ncip.plant(Seed(patrons=patrons, items=[*bystanders, *stories]))
        super().__init__(self._ncip.app, own)

    def settings(self) -> Table:
        """See ``Sandboxed``."""
        return {
            "url": f"{self._server.url}{self.prefix}",
            "api_key": self._ncip.state.api_key,
            "timezone": self.zone,
            "from_agency": "ILL",
            "to_agency": "LIB",
            "first_wait": 0.02,
            "read_timeout": 5,
            **self.more(),
        }

    def more(self) -> Table:
        """Settings of this kind."""
        return {"charge_fees": True}

    def lending(self) -> Table:
        """See ``Sandboxed``."""
        return {"pickup_location": "MAIN"}

    def desk(self, act: str, barcode: str, more: Mapping[str, Any]) -> bool:
        """See ``House``."""
        if act == "add_patron":
            return self.posted("/seed", {"patrons": [{"barcode": more["patron"]}]}).ok
        return super().desk(act, barcode, more)

    def by_hand(self, command: do.Command) -> bool:
        """See ``House``."""
        return self.hands.settle(command)

    def fault(self, fields: Mapping[str, Any]) -> None:
        """See ``House``; a trouble of its own is told as a problem with HTTP 200, or by a page with HTTP 500."""
        hit = {"method": ".*", "path": f"^{self.prefix}/.*{MESSAGES.get(fields['method'], '')}"}
        worded = {"code": "Temporary Processing Failure", "message": "Try again later."}
        super().fault({**fields, **hit, **(worded if fields["kind"] == "vendor_error" else {})})

    def refuse_key(self, *, on: bool) -> None:
        """See ``Sandboxed``."""
        with self._ncip.state.lock:
            self._ncip.state.api_key = "changed" if on else "sesame"

    def is_ours(self, why: str) -> bool:
        """See ``Sandboxed``."""
        return why == "cancelled by the api"

    def is_away(self, item: Told) -> bool:
        """See ``Sandboxed``: no place is told, so that it is away while an ILL account has it."""
        return item["loan"] in ACCOUNTS.values()

    def fixed(self, item: Told, *, in_use: bool) -> dict[str, Any]:  # noqa: ARG002 - of others
        """See ``Sandboxed``."""
        return {key: item[key] for key in ("title", "call_number")}


class HorizonHouse(NcipHouse):
    """Horizon, at a site where the lists of LookupUser were seen."""

    name = speaks = "horizon"

    def more(self) -> Table:
        """See ``NcipHouse``."""
        return {"looks": "user"}


class MillenniumHouse(HorizonHouse):
    """Millennium, at such a site."""

    name = speaks = "millennium"


class FolioHouse(NcipHouse):
    """FOLIO, which shows nothing afterwards: what ended unclearly is seen to by staff.

    Nobody sees whose a loan is, so that one made at the desk moments ago ends with a check-in, or with a check-out that fails
    (docs/reference/connectors/folio.md).
    """

    name = speaks = "folio"
    untold = frozenset({"relabelled_by_hand", "lent_on", "on_loan_already"})

    def more(self) -> Table:
        """See ``NcipHouse``."""
        return {}


class WmsHouse(NcipHouse):
    """WMS, which shows nothing afterwards either. A loan that staff confirmed ends by its barcode, whoever has it by then."""

    name = speaks = "wms"
    untold = frozenset({"relabelled_by_hand", "lent_on"})
    tokens = True

    def more(self) -> Table:
        """See ``NcipHouse``."""
        return {
            "key": NcipStandIn.client,
            "secret": NcipStandIn.client_secret,
            "token_url": f"{self._server.url}/token",
            "scim_url": f"{self._server.url}/scim/v2/Users/.search",
        }
