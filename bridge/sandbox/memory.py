"""What every stand-in remembers beside its vendor's records: clocks, one lock, the calls it met, a limit of calls a second."""

import random
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, g, request
from pydantic import BaseModel, ConfigDict, Field

from bridge.sandbox.faults import was_hit


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


class Switches(BaseModel):
    """Switches of a stand-in's unpleasantness; changed by POST /_sandbox/settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_second: int = Field(default=0, ge=0, description="Calls a second before 429; 0: no limit.")


@dataclass(frozen=True)
class Call:
    """One call to the API; the `code` is the vendor's, `fault` the kind ordered by a test, `at` the monotonic clock's."""

    method: str
    template: str
    path: str
    query: tuple[str, ...]
    status: int
    code: str
    transient: bool
    cost: int
    fault: str | None
    at: float = 0.0


@dataclass
class Memory:
    """Hold `lock` while reading or changing it; `seed` makes ids repeatable, `clock` gives aware UTC times."""

    seed: int = 1
    clock: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    lock: threading.RLock = field(default_factory=threading.RLock)
    behaviour: Switches = field(default_factory=Switches)
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._recent: deque[float] = deque()

    def over_threshold(self) -> bool:
        """Counts one call against the per-second limit; True if it is over."""
        limit = self.behaviour.per_second
        now = self.monotonic()
        while self._recent and self._recent[0] <= now - 1.0:
            self._recent.popleft()
        if limit and len(self._recent) >= limit:
            return True
        self._recent.append(now)
        return False

    def note_call(self, response: Response, *, code: str, transient: bool, secret: str = "") -> None:
        """Counts the current call; a fault that met it is no fault of its caller. `secret`: a parameter not to be told."""
        fault = was_hit()
        call = Call(
            method=request.method,
            template=re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", request.url_rule.rule if request.url_rule else "?"),
            path=request.path,
            query=tuple(sorted(name for name in request.args if name != secret)),
            status=0 if g.get("dropped") else response.status_code,
            code=code,
            transient=transient or fault not in {None, "delay"},
            cost=1,
            fault=fault,
            at=self.monotonic(),
        )
        with self.lock:
            self.calls.append(call)


def one_at_a_time(app: Flask, memory: Memory) -> None:
    """From here on every call holds the memory's lock until it is answered; hooks added before run without it."""

    @app.before_request
    def enter() -> None:
        memory.lock.acquire()
        g.locked = True

    @app.teardown_request
    def leave(_: BaseException | None) -> None:
        if g.pop("locked", False):
            memory.lock.release()


def calls_json(calls: list[Call]) -> dict[str, Any]:
    """These calls, with counts by "METHOD template"."""
    return {
        "calls": [asdict(call) for call in calls],
        "total": sum(call.cost for call in calls),
        "transient": sum(call.cost for call in calls if call.transient),
        "by_route": dict(Counter(f"{call.method} {call.template}" for call in calls)),
    }
