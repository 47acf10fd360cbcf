"""A stand-in of OCLC's side: a token server, and ILL requests by status and last edit, whole by number.

Source: OCLC's public example of ``illRequest`` and its GET by number. The lists are this stand-in's own: OCLC documents none in public.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Response, jsonify, request

from bridge.sandbox.routes import StandInApp
from bridge.sandbox.sharing.shelf import Row, Shelf

BRIEF = ("requestId", "requestStatus", "edited")


class OclcStandIn:
    """WorldShare ILL on loopback. Tests change its ``shelf``; ``expire()`` ends every token, ``fails`` names requests that answer 500."""

    def __init__(self, *, key: str = "wskey", secret: str = "ws-secret", scope: str = "ill") -> None:
        self.shelf = Shelf()
        self.fails: set[str] = set()
        self.tokens = 0
        self.single = 0
        self._scope = scope
        self._login = "Basic " + b64encode(f"{key}:{secret}".encode()).decode()
        self._token = ""
        self.app = StandInApp("oclc")
        add = self.app.add_url_rule
        add("/token", view_func=self._give_token, methods=["POST"])
        add("/ill/borrowing", view_func=self._borrowing)
        add("/ill/lending", view_func=self._lending)
        add("/ill/request/data/<name>", view_func=self._one)

    def expire(self) -> None:
        """Tokens given before are refused."""
        self._token = ""

    def _give_token(self) -> tuple[Response, int]:
        if request.headers.get("Authorization") != self._login:
            return jsonify(code=401, message="WSKey is invalid"), 401
        if request.form.get("grant_type") != "client_credentials" or request.form.get("scope") != self._scope:
            return jsonify(code=400, message="unknown scope"), 400
        self.tokens += 1
        self._token = f"tk_{self.tokens}"
        return jsonify(access_token=self._token, token_type="bearer", expires_in=1199), 200

    def _refused(self) -> tuple[Response, int] | None:
        if self._token and request.headers.get("Authorization") == f"Bearer {self._token}":
            return None
        return jsonify(response={"error": {"message": "token expired"}}), 401

    def _borrowing(self) -> Response | tuple[Response, int]:
        return self._list("borrowing")

    def _lending(self) -> Response | tuple[Response, int]:
        return self._list("lending")

    def _list(self, side: str) -> Response | tuple[Response, int]:
        if (refused := self._refused()) is not None:
            return refused
        arguments: Mapping[str, str] = dict(request.args)
        self.shelf.asked.append({"side": side, **arguments})
        since = datetime.fromisoformat(arguments["editedSince"]) if "editedSince" in arguments else None
        status = arguments.get("status")
        rows = [
            {field: value for field, value in self._told(name, at, row).items() if field in BRIEF}
            for name, at, row in self.shelf.since(since)
            if row.get("side") == side and status in {None, row.get("requestStatus")}
        ]
        size, offset = int(arguments.get("limit", "50")), int(arguments.get("offset", "0"))
        rows.reverse()
        answer = jsonify(response={"illRequests": rows[offset : offset + size], "total": len(rows)})
        self.shelf.meanwhile()
        return answer

    def _one(self, name: str) -> Response | tuple[Response, int]:
        if (refused := self._refused()) is not None:
            return refused
        self.single += 1
        row = self.shelf.row(name)
        if row is None:
            return jsonify(response={"error": {"message": "not found", "detail": [{"failureCode": 30001}]}}), 404
        if name in self.fails:
            return jsonify(response={"error": {"message": "internal"}}), 500
        return jsonify(response={"illRequest": self._told(name, self.shelf.time(name), row)})

    @staticmethod
    def _told(name: str, at: datetime, row: Row) -> Row:
        told: dict[str, Any] = {field: value for field, value in row.items() if field != "side"}
        edited = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}+0000"
        return {**told, "requestId": int(name), "edited": edited, "created": "2026-11-01T00:00:00.000+0000"}
