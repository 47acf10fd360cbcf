"""Cards' endpoints, one method each: the only place that speaks HTTP, always through ``bridge.http`` and so at the lane's pace."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from bridge.connectors.base import Surroundings
from bridge.http import Answer, Http, HttpRules, Sending
from ill_bridge_cards.errors import error_of, nonsense
from ill_bridge_cards.settings import CardsSettings


class Payload(BaseModel):
    """Fields that we do not read are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Patron(Payload):
    """Who may borrow; no name is read."""

    card: str
    barred: bool = False
    expires: date | None = None


class Loan(Payload):
    """A loan."""

    id: str
    card: str
    due: date


class Item(Payload):
    """An item, with its loan."""

    barcode: str
    loan: Loan | None = None


class Status(Payload):
    """That it is there."""

    ok: bool


M = TypeVar("M", bound=Payload)


class CardsClient:
    """One Cards."""

    def __init__(
        self, settings: CardsSettings, surroundings: Surroundings, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        secret = settings.token.get_secret_value()
        self._http = Http(
            settings.base_url,
            name=surroundings.ils,
            pace=surroundings.pace,
            tell=surroundings.tell,
            headers=lambda: {"Authorization": f"Bearer {secret}"},
            rules=HttpRules(read_timeout=settings.read_timeout, first_wait=settings.first_wait),
            sleep=sleep,
        )

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def status(self) -> Status:
        """Whether it is there."""
        return self._parsed("look whether it is there", Sending("GET", "/status", "/status", repeatable=True), Status)

    def patron(self, card: str) -> Patron:
        """A patron. Raises ``Missing``."""
        path = f"/patrons/{quote(card, safe='')}"
        return self._parsed("find the patron", Sending("GET", path, "/patrons/{card}", repeatable=True), Patron)

    def item(self, barcode: str) -> Item:
        """An item. Raises ``Missing``."""
        path = f"/items/{quote(barcode, safe='')}"
        return self._parsed("find the item", Sending("GET", path, "/items/{barcode}", repeatable=True), Item)

    def lend(self, barcode: str, card: str, due: date | None) -> Loan:
        """Check out, or date a loan anew. Raises ``OnLoan``, ``Missing``."""
        body = json.dumps({"card": card} | ({"due": due.isoformat()} if due else {})).encode()
        sending = Sending(
            "PUT",
            f"/items/{quote(barcode, safe='')}/loan",
            "/items/{barcode}/loan",
            body=body,
            headers={"Content-Type": "application/json"},
        )
        return self._parsed("check the item out", sending, Loan)

    def take_back(self, barcode: str, loan_id: str) -> None:
        """End this very loan; a success that says anything is none of Cards'. Raises ``Missing``."""
        path = f"/items/{quote(barcode, safe='')}/loan/{quote(loan_id, safe='')}"
        sending = Sending("DELETE", path, "/items/{barcode}/loan/{id}")
        answer = self._sent("check the item in", sending)
        if answer.body:
            raise nonsense("check the item in", answer, repeatable=sending.repeatable)

    def _parsed(self, doing: str, sending: Sending, model: type[M]) -> M:
        answer = self._sent(doing, sending)
        try:
            return model.model_validate_json(answer.body)
        except ValidationError as odd:
            raise nonsense(doing, answer, repeatable=sending.repeatable) from odd

    def _sent(self, doing: str, sending: Sending) -> Answer:
        answer = self._http.send(sending)
        if not 200 <= answer.status < 300:
            raise error_of(doing, answer, repeatable=sending.repeatable)
        return answer
