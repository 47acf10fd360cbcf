"""A stand-in ReShare tenant behind Okapi: log-in, and its patron requests by last update.

Source: mod-rs (domain class PatronRequest, the list parameters of its web toolkit), Okapi's log-in module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Response, jsonify, request

from bridge.sandbox.routes import StandInApp
from bridge.sandbox.sharing.shelf import Row, Shelf

SINCE = re.compile(r"lastUpdated>=(.+)")


class ReShareStandIn:
    """A tenant on loopback. Tests change its ``shelf``; ``expire()`` ends every token given so far."""

    def __init__(self, *, tenant: str = "our_tenant", user: str = "bridge", password: str = "re-share") -> None:
        self.shelf = Shelf()
        self.stats = True
        self.log_ins = 0
        self._tenant = tenant
        self._login = {"username": user, "password": password}
        self._token = ""
        self.app = StandInApp("reshare")
        self.app.add_url_rule("/authn/login", view_func=self._log_in, methods=["POST"])
        self.app.add_url_rule("/rs/patronrequests", view_func=self._list)

    def expire(self) -> None:
        """Tokens given before are refused."""
        self._token = ""

    def _log_in(self) -> tuple[Response, int]:
        if request.headers.get("X-Okapi-Tenant") != self._tenant or request.get_json(force=True) != self._login:
            return jsonify(errors=[{"code": "username.incorrect"}]), 422
        self.log_ins += 1
        self._token = f"okapi-{self.log_ins}"
        answer = jsonify(okapiToken=self._token)
        answer.headers["X-Okapi-Token"] = self._token
        return answer, 201

    def _list(self) -> Response | tuple[Response, int]:
        token = request.headers.get("X-Okapi-Token", "")
        if not self._token or token != self._token or request.headers.get("X-Okapi-Tenant") != self._tenant:
            return jsonify(error="token expired"), 401
        arguments = dict(request.args)
        self.shelf.asked.append(arguments)
        found = SINCE.match(arguments.get("filters", ""))
        try:
            since = datetime.fromisoformat(found[1]).astimezone(UTC) if found else None
            size, offset = int(arguments.get("perPage", "10")), int(arguments.get("offset", "0"))
        except ValueError as wrong:
            return jsonify(error=str(wrong)), 400
        rows = [self._told(name, at, row) for name, at, row in self.shelf.since(since)]
        page: list[Row] = rows[offset : offset + size]
        body: Any = {"results": page, "total": len(rows), "pageSize": size} if self._stats(arguments) else page
        answer = jsonify(body)
        self.shelf.meanwhile()
        return answer

    def _stats(self, arguments: Mapping[str, str]) -> bool:
        return self.stats and arguments.get("stats") == "true"

    @staticmethod
    def _told(name: str, at: datetime, row: Row) -> Row:
        told = {"dateCreated": "2026-11-01T08:00:00Z", **row, "id": name}
        return {**told, "lastUpdated": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
