"""The resource-sharing service: its book of events, delivered at least once until each is acknowledged."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.chaos.acts import Story, Tell
from bridge.sandbox.server import Server
from bridge.sandbox.service import ServiceStandIn
from bridge.sandbox.service.events import Event

SECRET = "a secret of the chaos"
REQUESTER = "CHAOS"
SOURCES = """
[sources.hook]
kind = "webhook"
service = "svc"
libraries = {{ {libraries} }}
timezone = "Europe/Berlin"
secret = "{secret}"
[sources.changes]
kind = "feed"
service = "svc"
libraries = {{ {libraries} }}
timezone = "Europe/Berlin"
url = "{url}/changes"
token = "feed-token"
interval_seconds = 0.1
overlap_seconds = 2
"""


@dataclass
class Post:
    """A delivery to be made in this turn or after it."""

    turn: int
    event: Event
    answered: int = 0


@dataclass
class Service:
    """Tells stories' words through a webhook, a feed, or both. ``acknowledged``: keys that the bridge said it had taken."""

    port: int
    standin: ServiceStandIn = field(default_factory=ServiceStandIn)
    posts: list[Post] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    told: dict[str, list[str]] = field(default_factory=dict)
    feed: set[str] = field(default_factory=set)
    delivered: int = 0
    refused: list[str] = field(default_factory=list)
    _sendings: int = 0
    _at_sending: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        self._server = Server(self.standin.app)

    def start(self) -> None:
        """Serve the feed."""
        self._server.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.stop()

    def configuration(self, libraries: list[str]) -> str:
        """The two sources, as TOML."""
        named = ", ".join(f'{name} = "{name}"' for name in libraries)
        return SOURCES.format(libraries=named, secret=SECRET, url=self._server.url)

    def tell(self, story: Story, tell: Tell, turn: int) -> None:
        """A word is said now; it is heard now or later, once or more."""
        event = self._said(story, tell)
        self.told.setdefault(story.number, []).append(event.event_id)
        if story.channel != "webhook":
            self.feed.add(event.event_id)
        if story.channel == "feed":
            return
        for copy in range(tell.copies):
            self.posts.append(Post(turn + tell.late + 3 * copy, event))
        self.deliver(turn)

    def at_sending(self, count: int, act: Callable[[], None] | None) -> None:
        """Act when so many more messages have been sent and the last of them is not answered yet."""
        self._sendings, self._at_sending = count, act

    def _sent(self) -> None:
        self._sendings -= 1
        if self._sendings == 0 and self._at_sending is not None:
            act, self._at_sending = self._at_sending, None
            act()

    def _said(self, story: Story, tell: Tell) -> Event:
        order = len(self.told.get(story.number, ()))
        time_said = {"time": f"2026-11-24T08:{order:02d}:00Z"} if story.channel == "webhook" else {}
        facts = {**tell.facts, **time_said}
        if order:
            event = self.standin.book.advance(story.number, {"status": tell.word, **facts})
        else:
            first = {"number": story.number, "requester": REQUESTER, "library": story.library, "role": story.role}
            self.standin.book.open({**first, "channel": story.channel, "silent": True, **facts})
            event = self.standin.book.advance(story.number, {"status": tell.word, **facts})
        if not story.sequence:
            event.message.pop("sequence", None)
        return event

    def deliver(self, turn: int) -> None:
        """Make the deliveries that are due; what is not taken is tried again some turns later."""
        for post in [each for each in self.posts if each.turn <= turn]:
            self.posts.remove(post)
            if not self._posted(post.event):
                self.posts.append(Post(turn + 4, post.event))

    def settle(self) -> None:
        """Deliver what still waits. Raises ``TimeoutError`` where the bridge does not take it."""
        deadline = time.monotonic() + 60
        while self.posts:
            self.deliver(max(post.turn for post in self.posts))
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.posts)} messages were not taken within a minute.")

    def _posted(self, event: Event) -> bool:
        body = json.dumps(event.message).encode()
        stamp = str(int(datetime.now(UTC).timestamp()))
        signature = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"X-ILL-Bridge-Timestamp": stamp, "X-ILL-Bridge-Signature": f"sha256={signature}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", "/sources/hook/events", body, headers)
            self._sent()
            status = connection.getresponse().status
        except OSError:
            time.sleep(0.02)
            return False
        except http.client.HTTPException:
            return False
        finally:
            connection.close()
        self.delivered += 1
        if status == 202:
            self.acknowledged.add(event.event_id)
        elif status < 500:
            self.refused.append(f"{event.event_id}: HTTP {status}")
        return status < 500
