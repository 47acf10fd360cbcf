"""The stand-in's webhook sender: signed, in order, repeated a few times when the receiver does not take it."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
from dataclasses import dataclass

import requests

from bridge.sandbox.service.events import Event

TRIES = 5
PAUSE = 0.05


@dataclass(frozen=True)
class Subscription:
    """Where events go, and the secret they are signed with."""

    url: str
    secret: str


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver; status 0 where nobody answered."""

    event_id: str
    status: int
    attempt: int


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """``sha256=`` and the hex HMAC-SHA256 over timestamp, a dot, and the raw body."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Sender:
    """Delivers events to all subscriptions, from one thread, so in order."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._deliveries: list[Delivery] = []
        self._waiting: queue.Queue[Event] = queue.Queue()
        self._session = requests.Session()
        self._session.trust_env = False
        self._guard = threading.Lock()
        threading.Thread(target=self._run, name="service-sender", daemon=True).start()

    def subscribe(self, url: str, secret: str) -> None:
        """From now on events go there too."""
        self._subscriptions.append(Subscription(url, secret))

    def later(self, event: Event) -> None:
        """Deliver in the background."""
        self._waiting.put(event)

    def now(self, event: Event) -> list[int]:
        """Deliver at once, once; answers the statuses."""
        return [self._deliver(subscription, event, attempt=1) for subscription in self._subscriptions]

    def deliveries(self) -> list[Delivery]:
        """Every attempt so far."""
        with self._guard:
            return list(self._deliveries)

    def wait(self) -> None:
        """Wait until nothing is waiting to be delivered."""
        self._waiting.join()

    def _run(self) -> None:
        while True:
            event = self._waiting.get()
            for subscription in self._subscriptions:
                self._insist(subscription, event)
            self._waiting.task_done()

    def _insist(self, subscription: Subscription, event: Event) -> None:
        for attempt in range(1, TRIES + 1):
            if 0 < self._deliver(subscription, event, attempt=attempt) < 500:
                return
            time.sleep(PAUSE * attempt)

    def _deliver(self, subscription: Subscription, event: Event, *, attempt: int) -> int:
        body = json.dumps(event.message).encode()
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "X-ILL-Bridge-Timestamp": timestamp,
            "X-ILL-Bridge-Signature": signature(subscription.secret, timestamp, body),
        }
        try:
            status = self._session.post(subscription.url, data=body, headers=headers, timeout=10).status_code
        except requests.RequestException:
            status = 0
        with self._guard:
            self._deliveries.append(Delivery(event.event_id, status, attempt))
        return status
