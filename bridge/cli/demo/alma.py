"""The Alma stand-in on the demonstration's stage."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from bridge.cli.demo.standin import BERLIN, StandInStage
from bridge.sandbox.alma import AlmaStandIn


class AlmaStage(StandInStage):
    """A stand-in Alma on loopback."""

    connector = "alma"
    config = Path(__file__).with_name("demo.toml")

    def __init__(self) -> None:
        self._stand_in = AlmaStandIn()
        super().__init__(self._stand_in.app)

    def settings(self) -> dict[str, Any]:
        """Where the connector finds it; its waits are milliseconds here."""
        return {
            "host": self._server.url,
            "api_key": self._stand_in.key,
            "visibility_wait": 0.02,
            "first_wait": 0.02,
        }

    def due_of(self, barcode: str) -> str:
        """The day on which an item on loan is due; empty where it is not on loan."""
        found = self._get("/objects")
        pids = {item["id"] for item in found["items"] if item["barcode"] == barcode}
        dues = (loan["due"] for loan in found["loans"] if loan["open"] and loan["pid"] in pids)
        return next((parsedate_to_datetime(due).astimezone(BERLIN).date().isoformat() for due in dues), "")
