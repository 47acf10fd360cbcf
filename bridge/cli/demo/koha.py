"""The Koha stand-in on the demonstration's stage."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from bridge.cli.demo.standin import BERLIN, StandInStage
from bridge.sandbox.koha import KohaStandIn


class KohaStage(StandInStage):
    """A stand-in Koha on loopback, with its SIP2 server."""

    connector = "koha"
    config = Path(__file__).with_name("demo-koha.toml")

    def __init__(self) -> None:
        self._stand_in = KohaStandIn()
        super().__init__(self._stand_in.app)

    def start(self) -> None:
        """Listen by HTTP and SIP2."""
        super().start()
        self._stand_in.sip.start()

    def stop(self) -> None:
        """Stop listening."""
        self._stand_in.sip.stop()
        super().stop()

    def settings(self) -> dict[str, Any]:
        """Where the connector finds it; its waits are milliseconds here."""
        habits = self._stand_in.sip.habits
        return {
            "base_url": self._server.url,
            "user": self._stand_in.user,
            "secret": self._stand_in.password,
            "first_wait": 0.02,
            "sip2": {
                "host": "127.0.0.1",
                "port": self._stand_in.sip.port,
                "login": habits.login,
                "password": habits.password,
                "location": "CPL",
                "institution": "CPL",
                "timezone": "Europe/Berlin",
            },
        }

    def due_of(self, barcode: str) -> str:
        """The day on which an item on loan is due; empty where it is not on loan."""
        found = self._get("/objects")
        numbers = {item["id"] for item in found["items"] if item["barcode"] == barcode}
        dues = (loan["due"] for loan in found["loans"] if loan["open"] and loan["item"] in numbers)
        return next((parsedate_to_datetime(due).astimezone(BERLIN).date().isoformat() for due in dues), "")
