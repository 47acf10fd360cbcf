"""What the clockwork knows of a source that it asks: pages of messages, each with the cursor to store with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

from pydantic import Field

from bridge.domain.arrival import Arrival
from bridge.domain.finding import CLOCK_LIMIT, Finding
from bridge.domain.known import Known
from bridge.sources.base import SourceSettings


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


class PolledSettings(SourceSettings):
    """Settings that every source has which is asked by the clock."""

    interval_seconds: float = Field(default=60, gt=0, description="Seconds between polls.", examples=[60])


@dataclass(frozen=True)
class Page:
    """Messages, and the cursor to store with them."""

    arrivals: tuple[Arrival, ...]
    cursor: str


class PolledSource(Protocol):
    """A source that is asked. The page after this one is asked for only when the ledger has taken this one."""

    name: str

    @property
    def settings(self) -> PolledSettings:
        """Its settings."""
        ...

    def poll(self, cursor: str | None) -> Iterator[Page]:
        """Pages of messages since the cursor. Raises ``IlsError`` and ``RefusedInput``."""
        ...

    def check(self, clock: Callable[[], datetime], *, limit: timedelta = CLOCK_LIMIT) -> tuple[Finding, ...]:
        """How it stands, read-only. Never raises ``BridgeError``."""
        ...

    def replayed(self, text: str) -> Arrival:
        """A kept message, as it is understood now; never raises."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


@runtime_checkable
class Knowing(Protocol):
    """A source that asks what the bridge knows of its service's requests."""

    def learn(self, known: Known) -> None:
        """From now on ask this memory."""
        ...
