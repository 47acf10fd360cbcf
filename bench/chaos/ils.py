"""What a day of chaos needs of an ILS: what it holds, its desk, its staff, its faults, and a gate that counts exchanges."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bridge.domain.capabilities import Capabilities
from bridge.domain.commands import Command

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


@dataclass(frozen=True)
class Thing:
    """An object in the ILS that bears our mark, hangs on one that does, or was made through the API.

    ``kind``: bib, holding, item, hold, fee. ``live``: it stands; a hold that has ended tells ``why``, and ``ours`` says that we ended it.
    """

    kind: str
    id: str
    mark: str
    live: bool = True
    barcode: str = ""
    who: str = ""
    pickup: str = ""
    why: str = ""
    ours: bool = False


@dataclass(frozen=True)
class OwnItem:
    """How an item of the library's own stands. ``fixed``: what nobody but the library may change, comparable."""

    barcode: str
    loan: str
    due: str
    loans_by_bridge: int
    away: bool
    holds: tuple[str, ...]
    fixed: str


class House(Protocol):
    """One stand-in ILS: where it is, its desk, its faults, and everything it holds."""

    name: str
    gate: Gate
    untold: frozenset[str]
    """Stories that cannot end well in such an ILS, as its class says why."""

    @property
    def capabilities(self) -> Capabilities:
        """What the connector declares with this house's settings."""
        ...

    def start(self) -> None:
        """Listen."""
        ...

    def stop(self) -> None:
        """Stop listening."""
        ...

    def configuration(self) -> str:
        """Its table ``[ils.NAME]`` and what libraries on it are configured with, as TOML."""
        ...

    def desk(self, act: str, barcode: str, more: Mapping[str, Any]) -> bool:
        """Somebody acts by hand; answers whether the ILS let them."""
        ...

    def by_hand(self, command: Command) -> bool:
        """Staff do what the bridge asks of them, and find done what was; answers whether they could."""
        ...

    def fault(self, fields: Mapping[str, Any]) -> None:
        """Order a fault."""
        ...

    def spell(self, kind: str, fields: Mapping[str, Any], *, on: bool) -> None:
        """Begin or end a trouble that lasts."""
        ...

    def calm(self) -> None:
        """End all faults and spells."""
        ...

    def things(self) -> tuple[Thing, ...]:
        """Everything that is ours, or that was made through the API."""
        ...

    def own(self) -> dict[str, OwnItem]:
        """The own items that stories are about, by barcode."""
        ...

    def bystanders(self) -> Mapping[str, object]:
        """Everything that no story is about; must not change. Comparable values by a name for people."""
        ...


@dataclass
class Gate:
    """Counts exchanges, and can be asked to do something before or after one of them; the caller then gets no answer that counts."""

    app: WSGIApplication
    counts: Callable[[str], bool]
    exchanges: int = 0
    _before: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    _after: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def before(self, count: int, act: Callable[[], None]) -> None:
        """Act when so many more exchanges have begun, before anything is done for the last of them."""
        with self._guard:
            self._before.append((self.exchanges + count, act))

    def after(self, count: int, act: Callable[[], None]) -> None:
        """Act when that exchange's work is done and nobody was told."""
        with self._guard:
            self._after.append((self.exchanges + count, act))

    def forget(self) -> None:
        """Nothing is to be done any more."""
        with self._guard:
            self._before.clear()
            self._after.clear()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Let an exchange through, and count it (WSGI)."""
        if not self.counts(environ.get("PATH_INFO", "")):
            return self.app(environ, start_response)
        with self.passing():
            return self.app(environ, start_response)

    @contextmanager
    def passing(self) -> Iterator[None]:
        """One exchange; what is due before it is done now, what is due after it once its work is done."""
        with self._guard:
            self.exchanges += 1
            number = self.exchanges
            first, last = self._due(self._before, number), self._due(self._after, number)
        for act in first:
            act()
        yield
        for act in last:
            act()

    @staticmethod
    def _due(waiting: list[tuple[int, Callable[[], None]]], number: int) -> list[Callable[[], None]]:
        found = [act for at, act in waiting if at <= number]
        waiting[:] = [(at, act) for at, act in waiting if at > number]
        return found
