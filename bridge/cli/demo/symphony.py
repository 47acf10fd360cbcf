"""The Symphony stand-in on the demonstration's stage."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from bridge.cli.demo.standin import BERLIN, StandInStage
from bridge.sandbox.symphony import SymphonyStandIn


class SymphonyStage(StandInStage):
    """A stand-in Symphony on loopback."""

    connector = "symphony"
    config = Path(__file__).with_name("demo-symphony.toml")

    def __init__(self) -> None:
        self._stand_in = SymphonyStandIn(zone="Europe/Berlin")
        super().__init__(self._stand_in.app)

    def settings(self) -> dict[str, Any]:
        """Where the connector finds it; its waits are milliseconds here."""
        return {
            "base_url": f"{self._server.url}/symws",
            "client_id": self._stand_in.client_id,
            "login": self._stand_in.login,
            "password": self._stand_in.password,
            "busy_wait": 0.02,
            "index_wait": 0.02,
            "first_wait": 0.02,
        }

    def due_of(self, barcode: str) -> str:
        """The day on which an item on loan is due; empty where it is not on loan."""
        found = self._get("/objects")
        keys = {item["id"] for item in found["items"] if item["barcode"] == barcode}
        dues = (loan["due"] for loan in found["loans"] if loan["open"] and loan["item"] in keys)
        return next((parsedate_to_datetime(due).astimezone(BERLIN).date().isoformat() for due in dues), "")
