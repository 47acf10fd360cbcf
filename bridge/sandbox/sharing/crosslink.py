"""A stand-in CrossLink broker: its patron requests of both sides, told by last update.

Source: the broker's OpenAPI and its default state model (the actions a library takes, and where they lead).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Response, jsonify, request

from bridge.sandbox.routes import StandInApp
from bridge.sandbox.sharing.shelf import Row, Shelf

SINCE = re.compile(r'updated_at\s*>=\s*"([^"]*)"')
ACTIONS: Mapping[tuple[str, str], str] = {
    ("borrowing", "receive"): "RECEIVED",
    ("borrowing", "check-out"): "CHECKED_OUT",
    ("borrowing", "check-in"): "CHECKED_IN",
    ("borrowing", "ship-return"): "SHIPPED_RETURNED",
    ("lending", "will-supply"): "WILL_SUPPLY",
    ("lending", "ship"): "SHIPPED",
    ("lending", "mark-received"): "COMPLETED",
    ("lending", "cannot-supply"): "UNFILLED",
}
SYMBOL = {"borrowing": "requesterSymbol", "lending": "supplierSymbol"}


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


class CrossLinkStandIn:
    """A broker on loopback. Tests change its ``shelf``; rows hold ``side``, ``state``, symbols and the request as the broker has them."""

    def __init__(
        self, clock: Callable[[], datetime] = utc_now, *, user: str = "bridge", password: str = "cross-link"
    ) -> None:
        self.shelf = Shelf()
        self.embeds_items = False
        self.loses_answers = False
        self.zoned = True
        self.fails: set[str] = set()
        self._clock = clock
        self._login = (user, password)
        self.app = StandInApp("crosslink")
        add = self.app.add_url_rule
        add("/patron_requests", view_func=self._list)
        add("/patron_requests/<name>/items", view_func=self._items)
        add("/patron_requests/<name>/internal_note", view_func=self._annotate, methods=["PUT"])
        add("/patron_requests/<name>/action", view_func=self._act, methods=["POST"])
        self.app.before_request(self._let_in)

    def _let_in(self) -> tuple[Response, int] | None:
        given = request.authorization
        known = given is not None and (given.username, given.password) == self._login
        return None if known else (jsonify(error="unauthorized"), 401)

    def _list(self) -> Response | tuple[Response, int]:
        arguments = dict(request.args)
        self.shelf.asked.append({**arguments, "tenant": request.headers.get("X-Okapi-Tenant", "")})
        cql = arguments.get("cql", "")
        found = SINCE.search(cql)
        try:
            since = datetime.fromisoformat(found[1]) if found else None
            limit, offset = int(arguments.get("limit", "10")), int(arguments.get("offset", "0"))
        except ValueError as wrong:
            return jsonify(error=str(wrong)), 400
        aware = since.replace(tzinfo=since.tzinfo or UTC) if since else None
        rows = [self._told(name, at, row) for name, at, row in self.shelf.since(aware) if self._mine(row, arguments)]
        if "sortby updated_at" not in cql:
            rows.sort(key=lambda row: (str(row["createdAt"]), str(row["id"])))
        answer = jsonify(about={"count": len(rows)}, items=rows[offset : offset + limit])
        self.shelf.meanwhile()
        return answer

    @staticmethod
    def _mine(row: Row, arguments: Mapping[str, str]) -> bool:
        side, symbol = arguments.get("side"), arguments.get("symbol")
        number, requester = arguments.get("requester_req_id"), arguments.get("requester_symbol")
        if (number and row.get("requesterRequestId") != number) or (
            requester and row.get("requesterSymbol") != requester
        ):
            return False
        return (not side or row.get("side") == side) and (
            not symbol or row.get(SYMBOL.get(str(row.get("side")), "")) == symbol
        )

    def _told(self, name: str, at: datetime, row: Row) -> Row:
        known: dict[str, Any] = {"createdAt": "2026-11-01T08:00:00Z", "terminalState": False, "needsAttention": False}
        told = {**known, "id": name, "itemsLink": f"/patron_requests/{name}/items", **row}
        if not self.embeds_items:
            told.pop("items", None)
        return {
            **told,
            "updatedAt": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + ("000Z" if self.zoned else ""),
        }

    def _items(self, name: str) -> Response | tuple[Response, int]:
        row = self.shelf.row(name)
        if name in self.fails:
            return jsonify(error="internal"), 500
        if row is None:
            return jsonify(error="not found"), 404
        items = row.get("items", [])
        return jsonify(about={"count": len(items)}, items=items)

    def _annotate(self, name: str) -> tuple[Response | str, int]:
        """Replaces the internal note; that is a change like any other."""
        if self.shelf.row(name) is None:
            return jsonify(error="not found"), 404
        text = str(request.get_json(force=True).get("internalNote", ""))
        self.shelf.put(name, self._clock(), internalNote=text)
        return (jsonify(error="lost"), 500) if self.loses_answers else ("", 204)

    def _act(self, name: str) -> Response | tuple[Response, int]:
        row = self.shelf.row(name)
        if row is None:
            return jsonify(error="not found"), 404
        body = request.get_json(force=True)
        leads_to = ACTIONS.get((str(row.get("side")), str(body.get("action"))))
        if leads_to is None:
            return jsonify(result="ERROR", outcome="failure", message="no such action"), 400
        self.shelf.put(name, self._clock(), state=leads_to, **body.get("actionParams", {}))
        return jsonify(result="SUCCESS", outcome="success", fromState=row.get("state"), toState=leads_to)
