"""The stage: stand-ins on loopback ports of their own choice, and the daemon between them, spoken to over HTTP only."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import requests

from bridge.cli.demo.config import demo_configuration
from bridge.daemon import Daemon
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.commands import Command, Verb
from bridge.domain.goal import goal_for
from bridge.domain.plan import StaffTask, next_step
from bridge.engine.asked import Asked, Asking
from bridge.jobs.orders import ASKED
from bridge.ledger import Ledger, State
from bridge.ledger.model import NewOrder, Row
from bridge.sandbox.server import Server
from bridge.sandbox.service import ServiceStandIn
from bridge.wiring import capabilities_of

PATIENCE = 60.0
LOOK_EVERY = 0.01
SECRET = "demo-webhook-secret"  # noqa: S105 - of a stand-in on loopback
QUIET = {State.IN_STEP, State.CLOSED, State.PARKED, State.STAFF}


class Stuck(Exception):
    """A request did not come to rest in time."""


@dataclass(frozen=True)
class Calls:
    """Calls counted at the stand-in; transient ones only waited for the ILS to catch up."""

    all: int
    transient: int


@dataclass(frozen=True)
class Remains:
    """What is left in the ILS that should not be."""

    leftovers: int = 0
    duplicates: int = 0
    foreign_touched: int = 0


class IlsStage(Protocol):
    """A stand-in ILS as the demonstration needs it: where it is, its desk, its faults, its judgement."""

    connector: str
    config: Path
    """The demonstration's configuration for it."""
    by_machine: bool
    """Whether the bridge asks it anything."""

    def start(self) -> None:
        """Listen."""
        ...

    def stop(self) -> None:
        """Stop listening."""
        ...

    def settings(self) -> dict[str, Any]:
        """Where the connector finds it (host and key, say)."""
        ...

    def lend(self, barcode: str, patron: str) -> None:
        """The desk lends an item."""
        ...

    def check_in(self, barcode: str) -> None:
        """The desk checks an item in."""
        ...

    def scan_once(self, barcode: str, library: str) -> None:
        """Staff of this library scan an item in once, and never look whether it is charged a second time."""
        ...

    def lose(self, barcode: str) -> None:
        """The desk declares a loan lost."""
        ...

    def find(self, barcode: str) -> None:
        """The desk takes back that a loan was declared lost."""
        ...

    def discard(self, barcode: str) -> None:
        """Staff delete an item by hand, with its loan."""
        ...

    def outage(self, *, on: bool) -> None:
        """The ILS goes down, or comes up again."""
        ...

    def calls(self) -> Calls:
        """Calls so far."""
        ...

    def remains(self, *, expected_loans: dict[str, str]) -> Remains:
        """Judge what is there; ``expected_loans``: barcode of an own item → the patron who should have it."""
        ...

    def loan_of(self, barcode: str) -> str:
        """Who has an item; empty where nobody has."""
        ...

    def due_of(self, barcode: str) -> str:
        """The day (ISO 8601, the library's) on which an item on loan is due; empty where it is not on loan."""
        ...

    def by_hand(self, command: Command) -> bool:
        """Staff do what the bridge asks of them; false where this is left to the scenario."""
        ...


class Stage:
    """One connector's stage, set up for all scenarios."""

    def __init__(self, ils: IlsStage, folder: Path, config: Path | None = None) -> None:
        self.ils = ils
        self._config = config or ils.config
        self._can = Capabilities()
        self._folder = folder
        self._service = ServiceStandIn()
        self._service_server = Server(self._service.app)
        self._daemon: Daemon | None = None
        self._changes: dict[str, int] = {}
        self._sides: dict[str, tuple[str, object]] = {}

    def start(self) -> None:
        """Start the stand-ins, then the daemon, then tell the service where its webhook goes."""
        self.ils.start()
        self._service_server.start()
        self._known = known = demo_configuration(
            self._config, self._folder, self.ils, feed=f"{self._service_server.url}/changes", secret=SECRET
        )
        (self._can,) = (capabilities_of(known, lane) for lane in known.settings.ils)
        self._daemon = Daemon(known)
        self._daemon.start()
        self._post("/_control/webhook", {"url": f"{self._daemon.url}/sources/hook/events", "secret": SECRET})

    def stop(self) -> None:
        """Stop everything; what has been kept stays in the folder."""
        if self._daemon is not None:
            self._daemon.stop()
        self._service_server.stop()
        self.ils.stop()

    def can(self, verb: Verb) -> bool:
        """Whether the ILS itself does this as it is asked to."""
        return self._can.of(verb) is Ability.YES

    @property
    def charges_twice(self) -> bool:
        """Whether the ILS can charge an item twice, as in-system loans do."""
        return self._can.double_charge

    @property
    def sees_loans(self) -> bool:
        """Whether the ILS shows who has an own item."""
        return self._can.own_loans_guarded

    @property
    def ledger(self) -> Ledger:
        """The daemon's ledger, to read."""
        if self._daemon is None:
            raise Stuck("the stage is not set")
        return self._daemon.ledger

    def ask(self, number: str, **facts: object) -> None:
        """A request is made at the service; ``name`` tells the two sides of one number apart, and stands for it then."""
        self._post("/requests", {"number": number, "requester": "DEMO", **facts})
        name = str(facts.get("name", number))
        self._sides[name] = number, facts.get("role") if "name" in facts else None
        number = name
        volumes = facts.get("volumes")
        lines = 1 + (len(volumes) if isinstance(volumes, list) else 0)
        self._changes[number] = self._changes.get(number, 0) + (lines if facts.get("silent") is not True else 0)

    def tell(self, number: str, status: str, **facts: object) -> str:
        """The service moves a request along; answers the id of the event."""
        answer = self._post(f"/requests/{number}/advance", {"status": status, **facts})
        if facts.get("send") != "hold":
            self._changes[number] += 1
        return str(answer["id"])

    def send(self, number: str, events: list[str], *, times: int) -> list[int]:
        """The service sends events by webhook, in this order and this often; answers the statuses it got."""
        answer = self._post("/_control/send", {"events": events, "times": times})
        self._changes[number] += len(events)
        return [int(status) for status in answer["statuses"]]

    def resolve(self, number: str, note: str) -> None:
        """A librarian settles what staff were asked, as ``ill-bridge resolve`` does; waits until the daemon went on. Raises ``Stuck``."""
        self._resolved(self.settled(number), note)

    def _resolved(self, row: Row, note: str) -> None:
        asked = Asked(Asking.RESOLVE, row.id, by="librarian", note=note)
        order = NewOrder(asked.kind.value, asked.request_id, ASKED.dump_json(asked).decode(), asked.by)
        given = self.ledger.orders.give(order)
        deadline = time.monotonic() + PATIENCE
        while self.ledger.orders.one(given).done_at is None:
            if time.monotonic() > deadline:
                raise Stuck(f"nobody carried out what was asked for request {row.request.key.number}")
            time.sleep(LOOK_EVERY)

    def settled(self, number: str, *, until: Callable[[Row], bool] = lambda row: row.state in QUIET) -> Row:
        """The request, once all its changes are in, staff have done what they can, and it has come to rest. Raises ``Stuck``."""
        row = self._rested(number, until)
        while row.state is State.STAFF and self._task_done(row):
            self._resolved(row, "done by hand")
            row = self._rested(number, until)
        return row

    def _task_done(self, row: Row) -> bool:
        goal = goal_for(row.request, self._known.settings.policy(row.request.key.library))
        task = next_step(goal, row.record, self._can)
        command = task.command if isinstance(task, StaffTask) else None
        return command is not None and self.ils.by_hand(command)

    def _rested(self, number: str, until: Callable[[Row], bool]) -> Row:
        deadline = time.monotonic() + PATIENCE
        row = None
        while time.monotonic() < deadline:
            heard = self._heard(number)
            row = self._row(number)
            if row is not None and heard >= self._changes[number] and until(row):
                return row
            time.sleep(LOOK_EVERY)
        where = f"it is {row.state.value}: {row.parked.reason}" if row else "it never arrived"
        raise Stuck(f"request {number} did not come to rest within {PATIENCE:.0f} s; {where}")

    def _heard(self, number: str) -> int:
        """Changes that came in so far; counted before the request is read, so that the request is not older than the count."""
        row = self._row(number)
        return sum(line.kind == "change" for line in self.ledger.requests.history(row.id)) if row else 0

    def _row(self, name: str) -> Row | None:
        number, role = self._sides.get(name, (name, None))
        found = self.ledger.requests.find(number)
        return next((row for row in found if role in {None, row.request.key.role.value}), None)

    def _post(self, path: str, body: dict[str, object]) -> dict[str, Any]:
        answer = requests.post(self._service_server.url + path, json=body, timeout=30)
        answer.raise_for_status()
        found = answer.json() if answer.content else {}
        return found if isinstance(found, dict) else {}
