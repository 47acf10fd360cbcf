"""A stand-in Koha as the service: its ILL requests by REST, and a plugin's route for comments.

Source: Koha's REST API as one production Koha serves its specification, and the status graph of ``Koha/ILL/Request.pm``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, jsonify, request

from bridge.sandbox.routes import StandInApp
from bridge.sandbox.sharing.shelf import Row, Shelf

LASTS = timedelta(hours=1)
LEADS_TO = {
    "NEW": {"REQ", "GENREQ"},
    "REQ": {"REQREV", "COMP", "CHK"},
    "GENREQ": {"COMP", "CHK", "REQREV"},
    "REQREV": {"REQ", "GENREQ"},
    "QUEUED": {"REQ"},
    "CANCREQ": {"REQ"},
    "COMP": {"CHK"},
    "CHK": {"RET"},
    "RET": {"COMP"},
}
Answered = Response | tuple[Response, int]


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


class KohaIllStandIn:
    """A Koha on loopback, in a zone of its own. ``obeys``: whether it understands questions (parameter ``q``)."""

    def __init__(
        self,
        clock: Callable[[], datetime] = utc_now,
        *,
        client: tuple[str, str] = ("bridge", "koha-secret"),
        zone: str = "Europe/Berlin",
    ) -> None:
        self.shelf = Shelf()
        self.obeys = True
        self.comments: list[tuple[str, str]] = []
        self.loses_answers = False
        self._clock = clock
        self._client = client
        self._zone = ZoneInfo(zone)
        self._tokens: dict[str, datetime] = {}
        self._count = count(1)
        self.app = StandInApp("koha")
        add = self.app.add_url_rule
        add("/api/v1/oauth/token", view_func=self._token, methods=["POST"])
        add("/api/v1/ill/requests", view_func=self._list)
        add("/api/v1/contrib/bridge/requests/<name>/comments", view_func=self._comment, methods=["POST"])
        add("/api/v1/contrib/bridge/requests/<name>/comments", view_func=self._comments)

    def ill(self, name: str, status: str, at: datetime, **more: Any) -> None:  # noqa: ANN401 - rows are JSON
        """A request changes, by whatever way."""
        self.shelf.put(name, at, status=status, **more)

    def move(self, name: str, status: str, at: datetime) -> None:
        """A request changes as staff can have it do. Raises ``ValueError`` where Koha offers no such step."""
        row = self.shelf.row(name) or {}
        if status not in LEADS_TO.get(str(row.get("status")), set()):
            raise ValueError(f"{row.get('status')} does not lead to {status}")
        self.ill(name, status, at, status_av=None)

    def _token(self) -> Answered:
        if (request.form.get("client_id"), request.form.get("client_secret")) != self._client:
            return jsonify(error="unauthorized_client"), 403
        token = f"koha-{next(self._count)}"
        self._tokens[token] = self._clock() + LASTS
        return jsonify(access_token=token, token_type="Bearer", expires_in=3600)

    def _let_in(self) -> bool:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return self._tokens.get(token, datetime.min.replace(tzinfo=UTC)) > self._clock()

    def _list(self) -> Answered:
        if not self._let_in():
            return jsonify(error="Authentication required"), 401
        arguments = dict(request.args)
        self.shelf.asked.append(arguments)
        try:
            question = json.loads(arguments.get("q", "{}"))
            found = [each for each in self.shelf.since(None) if not self.obeys or self._asked(question, each)]
        except ValueError as wrong:
            return jsonify(error=str(wrong)), 400
        if "timestamp" not in arguments.get("_order_by", ""):
            found.sort(key=lambda each: int(each[0]))
        page, size = int(arguments.get("_page", "1")), int(arguments.get("_per_page", "20"))
        answer = jsonify([self._told(*each) for each in found[(page - 1) * size : page * size]])
        self.shelf.meanwhile()
        return answer

    def _asked(self, question: dict[str, Any], each: tuple[str, datetime, Row]) -> bool:
        name, at, _ = each
        since = question.get("timestamp", {}).get(">=")
        ids = question.get("ill_request_id", {}).get("-in")
        if since is not None:
            moment = datetime.fromisoformat(since)
            aware = moment if moment.tzinfo else moment.replace(tzinfo=self._zone)
            return at.replace(microsecond=0) >= aware
        return ids is None or name in {str(each) for each in ids}

    def _told(self, name: str, at: datetime, row: Row) -> Row:
        embeds = request.headers.get("x-koha-embed", "")
        local = at.astimezone(self._zone).replace(microsecond=0)
        told = {"ill_request_id": int(name), "timestamp": local.isoformat(), "status_av": None, **row}
        for part in ("patron", "library", "extended_attributes", "comments"):
            if part not in embeds:
                told.pop(part, None)
        return told

    def _comment(self, name: str) -> Answered:
        if not self._let_in():
            return jsonify(error="Authentication required"), 401
        if self.shelf.row(name) is None:
            return jsonify(error="Request not found"), 404
        self.comments.append((name, str(request.get_json(force=True)["comment"])))
        if self.loses_answers:
            return jsonify(error="lost"), 500
        return jsonify(comment_id=len(self.comments)), 201

    def _comments(self, name: str) -> Answered:
        if not self._let_in():
            return jsonify(error="Authentication required"), 401
        return jsonify([{"comment": text} for of, text in self.comments if of == name])
