"""The stand-in service's HTTP side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from flask import Response, jsonify, request

from bridge.sandbox.memory import utc_now
from bridge.sandbox.routes import StandInApp
from bridge.sandbox.service.events import Book, Event, Fields, Unknown
from bridge.sandbox.service.sender import Sender


class ServiceStandIn:
    """A resource-sharing service on loopback.

    ``POST /requests`` makes a request, ``POST /requests/NUMBER/advance`` moves it along (a ``name`` in its facts takes the number's place
    there, since both sides of an in-system loan have one number); ``GET /changes?since=&page=&limit=`` is the
    feed (bearer token); ``POST /_control/webhook`` subscribes, ``POST /_control/send`` repeats and reorders.
    """

    def __init__(self, clock: Callable[[], datetime] = utc_now, *, token: str = "feed-token") -> None:
        self.book = Book(clock)
        self.sender = Sender()
        self.token = token
        self.app = StandInApp("service")
        self._routes()

    def _routes(self) -> None:
        add = self.app.add_url_rule
        add("/requests", view_func=self._open, methods=["POST"])
        add("/requests", view_func=self._list, methods=["GET"])
        add("/requests/<number>", view_func=self._show, methods=["GET"])
        add("/requests/<number>/advance", view_func=self._advance, methods=["POST"])
        add("/changes", view_func=self._changes, methods=["GET"])
        add("/_control/webhook", view_func=self._subscribe, methods=["POST"])
        add("/_control/send", view_func=self._send, methods=["POST"])
        add("/_control/deliveries", view_func=self._deliveries, methods=["GET"])
        add("/_control/idle", view_func=self._idle, methods=["POST"])
        self.app.register_error_handler(Unknown, lambda unknown: (jsonify(error=str(unknown)), 404))

    def _emitted(self, event: Event) -> None:
        if event.channel in {"webhook", "both"}:
            self.sender.later(event)

    def _open(self) -> tuple[Response, int]:
        opened, event = self.book.open(self._body())
        if event is not None:
            self._emitted(event)
        return jsonify(number=opened.number, id=event.event_id if event else None), 201

    def _list(self) -> Response:
        return jsonify([{"number": each.number, **each.facts, "events": each.events} for each in self.book.requests()])

    def _show(self, number: str) -> Response:
        found = self.book.request(number)
        return jsonify({"number": found.number, **found.facts, "events": found.events})

    def _advance(self, number: str) -> Response:
        event = self.book.advance(number, self._body())
        self._emitted(event)
        return jsonify(event.message)

    def _changes(self) -> Response | tuple[Response, int]:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return jsonify(error="a bearer token is needed"), 401
        try:
            since = request.args.get("since")
            moment = datetime.fromisoformat(since) if since else None
            page, limit = int(request.args.get("page", "1")), int(request.args.get("limit", "50"))
        except ValueError as wrong:
            return jsonify(error=str(wrong)), 400
        events = self.book.since(moment)
        start = (page - 1) * limit
        following = page + 1 if start + limit < len(events) else None
        messages = [event.message for event in events[start : start + limit]]
        return jsonify(changes=messages, next_page=following, now=self.book.now().isoformat())

    def _subscribe(self) -> tuple[Response, int]:
        body = self._body()
        self.sender.subscribe(str(body["url"]), str(body["secret"]))
        return jsonify(subscribed=True), 201

    def _send(self) -> Response:
        body = self._body()
        events = [self.book.event(str(event_id)) for event_id in body["events"]]
        statuses = [
            status for _ in range(int(body.get("times", 1))) for event in events for status in self.sender.now(event)
        ]
        return jsonify(statuses=statuses)

    def _deliveries(self) -> Response:
        return jsonify([asdict(delivery) for delivery in self.sender.deliveries()])

    def _idle(self) -> Response:
        self.sender.wait()
        return jsonify(idle=True)

    @staticmethod
    def _body() -> Fields:
        body = request.get_json(force=True)
        return body if isinstance(body, dict) else {}
