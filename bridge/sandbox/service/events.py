"""What the stand-in service remembers: its requests, and every event it ever told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Fields = dict[str, Any]
PASSED_ON = (
    "kind",
    "leg",
    "volume",
    "due_date",
    "partner",
    "patron",
    "pickup_location",
    "temporary_barcode",
    "item",
    "volumes",
    "fee",
    "conditions",
    "note",
    "notification",
    "service_type",
)
IDENTITY = ("library", "role", "service_type")


@dataclass
class ServiceRequest:
    """A request at the service; ``name`` tells the two sides of one number apart, where both are here."""

    name: str
    number: str
    facts: Fields
    channel: str = "both"
    events: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Event:
    """One event: its message, and when it may be heard by which channel."""

    event_id: str
    at: datetime
    message: Fields
    channel: str


class Unknown(Exception):
    """There is no such request or event."""


class Book:
    """All requests and events; every method may be called from any thread."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._guard = threading.RLock()
        self._last = datetime(1970, 1, 1, tzinfo=UTC)
        self._requests: dict[str, ServiceRequest] = {}
        self._events: dict[str, Event] = {}

    def open(self, facts: Fields) -> tuple[ServiceRequest, Event | None]:
        """A request is made; answers it and its first event, unless it is made silently."""
        with self._guard:
            number = str(facts.get("number") or len(self._requests) + 1)
            name = str(facts.get("name") or number)
            request = ServiceRequest(name, number, dict(facts), str(facts.get("channel", "both")))
            self._requests[name] = request
            if facts.get("silent"):
                return request, None
            known = {name: facts[name] for name in (*PASSED_ON, *IDENTITY) if name in facts}
            return request, self._told(request, "Requested", known, {}, hold=False)

    def advance(self, name: str, facts: Fields) -> Event:
        """A request is moved along. Raises ``Unknown``."""
        with self._guard:
            request = self.request(name)
            given = {name: facts[name] for name in PASSED_ON if name in facts}
            request.facts.update(given)
            hold = facts.get("send", "now") != "now"
            return self._told(request, str(facts.get("status", "")), given, facts, hold=hold)

    def request(self, name: str) -> ServiceRequest:
        """A request by its name, which is its number where none was given. Raises ``Unknown``."""
        with self._guard:
            if name not in self._requests:
                raise Unknown(f"there is no request {name}")
            return self._requests[name]

    def requests(self) -> list[ServiceRequest]:
        """All requests."""
        with self._guard:
            return list(self._requests.values())

    def event(self, event_id: str) -> Event:
        """An event by its id. Raises ``Unknown``."""
        with self._guard:
            if event_id not in self._events:
                raise Unknown(f"there is no event {event_id}")
            return self._events[event_id]

    def since(self, moment: datetime | None) -> list[Event]:
        """Events of the feed from this moment on, oldest first."""
        with self._guard:
            heard = (event for event in self._events.values() if event.channel in {"feed", "both"})
            return sorted(
                (event for event in heard if moment is None or event.at >= moment), key=lambda event: event.at
            )

    def now(self) -> datetime:
        """The service's time."""
        return self._clock()

    def _told(self, request: ServiceRequest, status: str, given: Fields, facts: Fields, *, hold: bool) -> Event:
        at = max(self._clock(), self._last + timedelta(microseconds=1))
        self._last = at
        sequence = len(request.events) + 1
        message: Fields = {
            "id": f"{request.name}-{sequence}",
            "time": facts.get("time", at.isoformat()),
            "sequence": sequence,
            "request": {"number": request.number, "requester": request.facts.get("requester", "DEMO")},
            "status": status,
            **{name: request.facts[name] for name in IDENTITY if name in request.facts},
            **given,
        }
        event = Event(message["id"], at, message, "held" if hold else request.channel)
        request.events.append(event.event_id)
        self._events[event.event_id] = event
        return event
