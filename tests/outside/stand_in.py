"""A stand-in Cards: what its author brings to the contract suite; faults and server are the project's own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from flask import Flask, Response, jsonify, request

from bridge.sandbox.faults import VendorAnswers, install_faults, was_hit

TOKEN = "cards-token"


@dataclass
class Loan:
    """A loan."""

    id: str
    card: str
    due: date


@dataclass
class Cards:
    """Patrons (card → barred), items (barcode → loan), and what was called."""

    today: Callable[[], date]
    patrons: dict[str, bool] = field(default_factory=dict)
    items: dict[str, Loan | None] = field(default_factory=dict)
    writes: list[tuple[str, bool]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._last = 0
        self.app = Flask("cards")
        self.faults = install_faults(self.app, VendorAnswers(_unauthorized, _throttled, _error))
        self.app.before_request(_let_in)
        self.app.after_request(self._count)
        self.app.get("/api/status")(lambda: jsonify(ok=True))
        self.app.get("/api/patrons/<card>")(self.patron)
        self.app.get("/api/items/<barcode>")(self.item)
        self.app.put("/api/items/<barcode>/loan")(self.lend)
        self.app.delete("/api/items/<barcode>/loan/<loan_id>")(self.take_back)

    def _count(self, response: Response) -> Response:
        fault = was_hit() or ""
        if request.method in {"PUT", "DELETE"}:
            done = fault.endswith("_after") if fault else response.status_code < 400
            template = "/items/{barcode}/loan" + ("/{id}" if request.method == "DELETE" else "")
            self.writes.append((f"{request.method} {template}", done))
        return response

    def patron(self, card: str) -> Response:
        """A patron."""
        if card not in self.patrons:
            return _refused(404, "no_such", "There is no such patron.")
        return jsonify(card=card, barred=self.patrons[card], expires="2099-12-31")

    def item(self, barcode: str) -> Response:
        """An item, with its loan."""
        if barcode not in self.items:
            return _refused(404, "no_such", "There is no such item.")
        return jsonify(barcode=barcode, loan=_shown(self.items[barcode]))

    def lend(self, barcode: str) -> Response:
        """Check out, or date anew for the same card; doing it twice is doing it once."""
        with self.lock:
            body = request.get_json()
            loan, card = self.items.get(barcode), body["card"]
            if barcode not in self.items or card not in self.patrons:
                return _refused(404, "no_such", "There is no such item or patron.")
            if loan is not None and loan.card != card:
                return _refused(409, "on_loan", "Somebody else has it.")
            due = date.fromisoformat(body["due"]) if "due" in body else self.today() + timedelta(days=28)
            return jsonify(_shown(self.put(barcode, card, due)))

    def put(self, barcode: str, card: str, due: date) -> Loan:
        """A loan, by whoever."""
        loan = self.items.get(barcode)
        if loan is None or loan.card != card:
            self._last += 1
            loan = Loan(f"L{self._last}", card, due)
        loan.due = due
        self.items[barcode] = loan
        return loan

    def take_back(self, barcode: str, loan_id: str) -> Response:
        """End this very loan."""
        with self.lock:
            loan = self.items.get(barcode)
            if loan is None or loan.id != loan_id:
                return _refused(404, "no_such", "There is no such loan.")
            self.items[barcode] = None
            return Response(status=204)


def _shown(loan: Loan | None) -> dict[str, str] | None:
    return {"id": loan.id, "card": loan.card, "due": loan.due.isoformat()} if loan else None


def _refused(status: int, code: str, message: str) -> Response:
    answer = jsonify(code=code, message=message)
    answer.status_code = status
    return answer


def _let_in() -> Response | None:
    if request.path.startswith("/_sandbox") or request.headers.get("Authorization") == f"Bearer {TOKEN}":
        return None
    return _unauthorized()


def _unauthorized() -> Response:
    return _refused(401, "who", "Who are you?")


def _throttled() -> Response:
    return Response("slow down", status=429)


def _error(_code: str, message: str, status: int) -> Response:
    return _refused(status, "odd", message)
