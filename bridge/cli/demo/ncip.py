"""An ILS behind an NCIP responder on the demonstration's stage, and the staff who do what NCIP has no message for."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from bridge.cli.demo.standin import BERLIN, StandInStage
from bridge.domain import commands as do
from bridge.domain.commands import Command
from bridge.sandbox.ncip import NcipStandIn

SPEAKS = {"ncip": "generic"}
"""Connectors whose responder has another name."""
KEY = "demo-ncip-key"


class NcipStage(StandInStage):
    """A stand-in that speaks as one ILS does, on loopback."""

    config = Path(__file__).with_name("demo-ncip.toml")

    def __init__(self, connector: str) -> None:
        self.connector = connector
        with_tokens = connector == "wms"
        self._stand_in = NcipStandIn(SPEAKS.get(connector, connector), api_key=KEY, tokens=with_tokens)
        super().__init__(self._stand_in.app)

    def settings(self) -> dict[str, Any]:
        """Where the connector finds it; its waits are milliseconds here."""
        url = self._server.url
        found: dict[str, Any] = {"url": f"{url}/ncip", "api_key": KEY, "first_wait": 0.02}
        if self.connector == "wms":
            found |= {"key": self._stand_in.client, "secret": self._stand_in.client_secret}
            found |= {"token_url": f"{url}/token", "scim_url": f"{url}/scim/v2/Users/.search"}
        return found

    def by_hand(self, command: Command) -> bool:
        """Delete, cancel and place holds, renew, as staff do; what a scenario shows is left to it."""
        match command:
            case do.DeleteTemporaryItem(target=target):
                return self._at("delete", target.barcode)
            case do.CancelHold(target=target):
                return self._at("cancel_hold", target.barcode)
            case do.PlaceHold(target=target, patron_id=patron):
                return self._at("place_hold", target.barcode, patron=patron)
            case do.SetDueDate(target=target):
                return self._at("renew", target.barcode)
            case do.RelabelItem(target=target, new_barcode=barcode):
                return self._at("relabel", target.barcode, new_barcode=barcode)
        return False

    def _at(self, what: str, barcode: str, **more: str) -> bool:
        """What is not there any more needs nothing done to it."""
        item = next((each for each in self._get("/objects")["items"] if each["barcode"] == barcode), None)
        idle = item is None or (what == "renew" and not item["loan"]) or (what == "cancel_hold" and not item["holds"])
        if not idle:
            self._post(f"/desk/{what}", {"barcode": barcode, **more})
        return True

    def due_of(self, barcode: str) -> str:
        """The day on which an item on loan is due; empty where it is not on loan."""
        found = self._get("/objects")
        keys = {item["id"] for item in found["items"] if item["barcode"] == barcode}
        dues = (loan["due"] for loan in found["loans"] if loan["open"] and loan["item"] in keys)
        return next((_day(due) for due in dues), "")


def _day(text: str) -> str:
    return parsedate_to_datetime(text).astimezone(BERLIN).date().isoformat()
