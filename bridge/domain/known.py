"""What a source may ask of the bridge's own memory: which of its requests are open, and how far one has come. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.domain.change import Phase
from bridge.domain.identity import RequestKey, Role


@dataclass(frozen=True)
class KnownRequest:
    """An open request. ``vanished``: the service no longer showed it when it was last worked on."""

    key: RequestKey
    vanished: bool = False


class Known(Protocol):
    """The requests of one service."""

    def open(self) -> Sequence[KnownRequest]:
        """Those that are not finished, oldest first."""
        ...

    def phase(self, number: str, role: Role) -> Phase | None:
        """How far the request of this number has come on our side; ``None`` where there is none."""
        ...


class NothingKnown:
    """For commands that only look."""

    def open(self) -> Sequence[KnownRequest]:
        """None."""
        return ()

    def phase(self, number: str, role: Role) -> Phase | None:  # noqa: ARG002 - nothing is known
        """None."""
        return None
