"""A stand-in ILLiad Web Platform: transactions by number and by user, and their notes; no list of what changed.

Source: published clients of the API, Atlas's page of it, and recorded transactions.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, jsonify, request

from bridge.sandbox.routes import StandInApp
from bridge.sandbox.sharing.shelf import Row, Shelf

Answered = Response | tuple[Response, int]


class IlliadStandIn:
    """An ILLiad on loopback. Times are local and without offset; an unknown transaction is a 404."""

    def __init__(self, *, key: str = "illiad-key", zone: str = "America/New_York") -> None:
        self.shelf = Shelf()
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.loses_answers = False
        self.before_answer: Callable[[str], Answered | None] = lambda _: None
        self._key = key
        self._zone = ZoneInfo(zone)
        self.app = StandInApp("illiad")
        add = self.app.add_url_rule
        add("/ILLiadWebPlatform/Transaction/<name>", view_func=self._one)
        add("/ILLiadWebPlatform/Transaction/UserRequests/<user>", view_func=self._of_user)
        add("/ILLiadWebPlatform/Custom/Changed", view_func=self._changed)
        add("/ILLiadWebPlatform/Transaction/<name>/notes", view_func=self._notes)
        add("/ILLiadWebPlatform/Transaction/<name>/notes", view_func=self._note, methods=["POST"])
        self.app.before_request(self._let_in)

    def transaction(self, name: str, status: str, at: datetime, **more: Any) -> None:  # noqa: ANN401 - rows are JSON
        """A transaction is routed to a status."""
        self.shelf.put(name, at, TransactionStatus=status, **more)

    def edit(self, name: str, **more: Any) -> None:  # noqa: ANN401 - rows are JSON
        """Fields change; the date of the status does not."""
        self.shelf.put(name, self.shelf.time(name), **more)

    def _let_in(self) -> Answered | None:
        if request.headers.get("ApiKey") != self._key:
            return jsonify(Message="Unauthorized"), 401
        self.shelf.asked.append({"path": request.path, **request.args})
        return self.before_answer(request.path)

    def _one(self, name: str) -> Answered:
        row = self.shelf.row(name)
        return jsonify(self._told(name, row)) if row is not None else (jsonify(Message="Not found"), 404)

    def _of_user(self, user: str) -> Answered:
        rows = [(name, row) for name, _, row in self.shelf.since(None) if row.get("Username") == user]
        return jsonify([self._told(name, row) for name, row in rows])

    def _changed(self) -> Answered:
        """A list that a site has made for itself."""
        since = datetime.fromisoformat(request.args["since"]).replace(tzinfo=self._zone)
        return jsonify([self._told(name, row) for name, _, row in self.shelf.since(since.astimezone(UTC))])

    def _told(self, name: str, row: Row) -> Row:
        local = self.shelf.time(name).astimezone(self._zone).replace(tzinfo=None)
        known = {"ProcessType": "Borrowing", "RequestType": "Loan", "DueDate": None, "LendingLibrary": None}
        return {**known, **row, "TransactionNumber": int(name), "TransactionDate": local.isoformat()}

    def _notes(self, name: str) -> Answered:
        return jsonify([note for of, note in self.notes if of == name])

    def _note(self, name: str) -> Answered:
        if self.shelf.row(name) is None:
            return jsonify(Message="Not found"), 404
        self.notes.append((name, request.get_json(force=True)))
        if self.loses_answers:
            return jsonify(Message="lost"), 500
        return jsonify(self.notes[-1][1])
