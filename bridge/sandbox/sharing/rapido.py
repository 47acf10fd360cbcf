"""A stand-in Rapido server: circulation requests between two moments, latest state only, behind tokens that end.

Source: the calls of a published plugin for Koha that works with Rapido in production.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

from flask import Response, jsonify, request

from bridge.sandbox.routes import StandInApp
from bridge.sandbox.sharing.shelf import Row, Shelf

LASTS = timedelta(minutes=10)
STATUSES = {"PATRON_HOLD": "CREATED", "ITEM_HOLD": "CREATED", "FINAL_CHECKIN": "COMPLETED"}
CANCELS = ("BORROWING_SITE_CANCEL", "OWNING_SITE_CANCEL")


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


class RapidoStandIn:
    """A server on loopback. ``numbers``: times are seconds since 1970, as on the wire; else ISO 8601, as in its test server."""

    def __init__(
        self, clock: Callable[[], datetime] = utc_now, *, key: str = "bridge", secret: str = "rapid-secret"
    ) -> None:
        self.shelf = Shelf()
        self.numbers = True
        self._clock = clock
        self._login = (key, secret)
        self._tokens: dict[str, datetime] = {}
        self._count = count(1)
        self.app = StandInApp("rapido")
        self.app.add_url_rule("/view/broker/auth", view_func=self._auth, methods=["POST"])
        self.app.add_url_rule("/view/broker/circ/circrequests", view_func=self._list)

    def revoke(self) -> None:
        """All tokens end before their time."""
        self._tokens.clear()

    def circ(self, name: str, state: str, at: datetime, **more: object) -> None:
        """A request changes."""
        status = "CANCELED" if state in CANCELS else STATUSES.get(state, "ACTIVE")
        self.shelf.put(name, at, circId=name, lastCircState=state, **{"circStatus": status, **more})

    def _auth(self) -> Response | tuple[Response, int]:
        given = request.authorization
        if given is None or (given.username, given.password) != self._login:
            return jsonify(error="invalid_client"), 401
        if request.form.get("grant_type") != "client_credentials":
            return jsonify(error="unsupported_grant_type"), 400
        token = f"token-{next(self._count)}"
        self._tokens[token] = self._clock() + LASTS
        return jsonify(access_token=token, token_type="Bearer", expires_in=int(LASTS.total_seconds()))

    def _list(self) -> Response | tuple[Response, int]:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, datetime.min.replace(tzinfo=UTC)) <= self._clock():
            return jsonify(error="invalid_token"), 401
        arguments = dict(request.args)
        self.shelf.asked.append(arguments)
        try:
            begin, end = (datetime.fromtimestamp(int(arguments[name]), UTC) for name in ("startTime", "endTime"))
        except (KeyError, ValueError):
            return jsonify(error="startTime and endTime are mandatory"), 400
        rows = [(at, row) for _, at, row in self.shelf.since(begin) if at <= end]
        mine = [self._told(at, row) for at, row in rows if row.get("circStatus") == arguments.get("state")]
        self.shelf.meanwhile()
        return jsonify(data=mine)

    def _told(self, at: datetime, row: Row) -> Row:
        shown = int(at.timestamp()) if self.numbers else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {**row, "lastUpdated": row.get("lastUpdated", shown)}
