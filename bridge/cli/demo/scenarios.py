"""Scenarios a library knows, each with how it should end; the lost and recalled ones are in ``losses``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.cli.demo.stage import Stage
from bridge.domain.commands import Verb
from bridge.ledger import State
from bridge.ledger.model import Row

TITLE = {"title": "The Left Hand of Darkness", "author": "Le Guin, Ursula K.", "isbn": "9780441478125"}
PATRON = "21000000001001"
OTHER_PATRON = "P1002"


@dataclass
class Ending:
    """How a scenario ended: the request, what was not as it should be, and which own items should be on loan to whom.

    ``beside`` is the other side's request, where both are ours.
    """

    row: Row
    wrong: list[str] = field(default_factory=list)
    loans: dict[str, str] = field(default_factory=dict)
    beside: Row | None = None

    def expect(self, what: str, *, holds: bool) -> None:
        """Note what does not hold."""
        if not holds:
            self.wrong.append(what)


@dataclass(frozen=True)
class Scenario:
    """A scenario: what it shows, our role, and how it is played. ``by_machine``: it shows what comes of asking an ILS by machine;
    ``charges_twice``: of one that can charge an item twice; ``needs``: of one that does this itself.
    """

    name: str
    role: str
    number: str
    play: Callable[[Stage, str], Ending]
    channel: str = "webhook"
    by_machine: bool = False
    charges_twice: bool = False
    needs: tuple[Verb, ...] = ()


def borrowed(stage: Stage, number: str, **facts: object) -> None:
    """A borrowing request, ready to be moved along."""
    known: dict[str, object] = {
        "role": "borrower",
        "library": "main",
        "service_type": "loan",
        "partner": "XYZ",
        "patron": {"id": PATRON},
        "pickup_location": "Main library",
        "item": TITLE,
        "channel": "webhook",
    }
    stage.ask(number, **{**known, **facts})


def lent(stage: Stage, number: str, barcode: str, **facts: object) -> None:
    """A lending request for an own item."""
    known: dict[str, object] = {
        "role": "lender",
        "library": "main",
        "service_type": "loan",
        "partner": "XYZ",
        "item": {**TITLE, "barcode": barcode},
        "channel": "feed",
    }
    stage.ask(number, **{**known, **facts})


def closed(row: Row) -> bool:
    """Whether nothing more is expected of a request."""
    return row.state is State.CLOSED


def sent_home(stage: Stage, number: str, ending: Ending) -> Ending:
    """Returned, then completed."""
    stage.tell(number, "Returned")
    stage.settled(number)
    stage.tell(number, "Completed")
    ending.row = stage.settled(number)
    ending.expect("the request is closed", holds=closed(ending.row))
    return ending


def borrowing(stage: Stage, number: str) -> Ending:
    """Requested, shipped, received, lent by the desk, renewed, returned, completed."""
    borrowed(stage, number)
    stage.tell(number, "Shipped", due_date="2027-01-15", item={"barcode": "SUP-1"})
    row = stage.settled(number)
    before = stage.ils.calls().all
    stage.tell(number, "Received")
    row = stage.settled(number)
    stage.ils.lend(f"ILL-{number}", PATRON)
    stage.tell(number, "Renewed", due_date="2027-02-15")
    stage.settled(number)
    stage.tell(number, "Returned")
    stage.settled(number)
    stage.tell(number, "Completed")
    row = stage.settled(number)
    ending = Ending(row)
    ending.expect("the request is closed", holds=closed(row))
    ending.expect("nothing was done before the item was received", holds=stage.ils.calls().all > before)
    return ending


def lending(stage: Stage, number: str) -> Ending:
    """Requested, shipped, renewed, returned, completed."""
    lent(stage, number, "39000000000001")
    stage.tell(number, "Shipped", due_date="2027-01-20")
    row = stage.settled(number)
    ending = Ending(row)
    ending.expect("the item is on loan to the ILL account", holds=stage.ils.loan_of("39000000000001") == "ILL-XYZ")
    stage.tell(number, "Renewed", due_date="2027-02-20")
    stage.settled(number)
    stage.tell(number, "Returned")
    stage.settled(number)
    stage.tell(number, "Completed")
    ending.row = stage.settled(number)
    ending.expect("the request is closed", holds=closed(ending.row))
    ending.expect("the item is back", holds=not stage.ils.loan_of("39000000000001"))
    return ending


def cancelled(stage: Stage, number: str) -> Ending:
    """Cancelled before shipment, after item and hold had been made."""
    borrowed(stage, number, library="early")
    row = stage.settled(number)
    ending = Ending(row)
    ending.expect("a hold had been made", holds=bool(row.record.items and row.record.items[0].hold))
    stage.tell(number, "Cancelled")
    ending.row = stage.settled(number)
    ending.expect("the request is closed", holds=closed(ending.row))
    return ending


def copy(stage: Stage, number: str) -> Ending:
    """A copy never touches circulation."""
    before = stage.ils.calls().all
    borrowed(stage, number, service_type="copy")
    stage.tell(number, "Received")
    stage.settled(number)
    stage.tell(number, "Completed")
    ending = Ending(stage.settled(number))
    ending.expect("no call was made to the ILS", holds=stage.ils.calls().all == before)
    ending.expect("the request is closed", holds=closed(ending.row))
    return ending


def unknown_patron(stage: Stage, number: str) -> Ending:
    """A patron the ILS does not know: parked, corrected at the service, then on its way."""
    borrowed(stage, number, patron={"id": "no-such-patron"})
    stage.tell(number, "Received")
    row = stage.settled(number)
    ending = Ending(row)
    ending.expect("it was parked for the unknown patron", holds=row.parked.cause == "unknown_patron")
    stage.tell(number, "Updated", patron={"id": PATRON})
    row = stage.settled(number)
    ending.expect("after the correction it is in step", holds=row.state is State.IN_STEP)
    return sent_home(stage, number, ending)


def outage(stage: Stage, number: str) -> Ending:
    """The ILS goes down in the middle, and comes up again."""
    borrowed(stage, number)
    stage.settled(number)
    stage.ils.outage(on=True)
    stage.tell(number, "Received")
    row = stage.settled(number, until=lambda _: any(lane.paused_until for lane in stage.ledger.lanes.all()))
    ending = Ending(row)
    ending.expect("no attempt was burned", holds=row.attempts == 0)
    stage.ils.outage(on=False)
    row = stage.settled(number)
    ending.expect("after the outage it is in step", holds=row.state is State.IN_STEP)
    return sent_home(stage, number, ending)


def repeated(stage: Stage, number: str) -> Ending:
    """The same change three times, and two in the wrong order."""
    borrowed(stage, number)
    stage.settled(number)
    shipped = stage.tell(number, "Shipped", due_date="2027-01-15", send="hold")
    received = stage.tell(number, "Received", send="hold")
    statuses = stage.send(number, [received, shipped], times=3)
    row = stage.settled(number)
    ending = Ending(row)
    ending.expect("every delivery was accepted", holds=set(statuses) == {202})
    ending.expect("one item was made", holds=len(row.record.items) == 1)
    ending.expect("the request is received", holds=row.status.startswith("received"))
    return sent_home(stage, number, ending)


def desk_first(stage: Stage, number: str) -> Ending:
    """The desk checked the own item in and lent it to somebody else before "completed" arrived; that loan survives.

    Where an ILS does not show who has an item, the desk waits with lending it on until then.
    """
    barcode = "39000000000002"
    lent(stage, number, barcode, channel="webhook", partner="ABC")
    stage.tell(number, "Shipped", due_date="2027-01-20")
    stage.settled(number)
    stage.tell(number, "Returned")
    stage.settled(number)
    stage.ils.check_in(barcode)
    if stage.sees_loans:
        stage.ils.lend(barcode, OTHER_PATRON)
    stage.tell(number, "Completed")
    ending = Ending(stage.settled(number), loans={barcode: OTHER_PATRON})
    if not stage.sees_loans:
        stage.ils.lend(barcode, OTHER_PATRON)
    ending.expect("the request is closed", holds=closed(ending.row))
    ending.expect("the other loan survives", holds=bool(stage.ils.loan_of(barcode)))
    return ending


def two_volumes(stage: Stage, number: str) -> Ending:
    """Two volumes; the temporary barcode of one is taken, which holds up that one only until staff correct it."""
    volumes = [{"id": "1"}, {"id": "2", "temporary_barcode": TAKEN_BARCODE}]
    borrowed(stage, number, volumes=volumes)
    stage.tell(number, "Received")
    row = stage.settled(number)
    ending = Ending(row)
    made = [item.volume for item in row.record.items if item.hold]
    ending.expect("volume 1 was made although volume 2 failed", holds=made == ["1"])
    ending.expect("it was parked for the taken barcode", holds=row.parked.cause == "barcode_taken")
    stage.tell(number, "Updated", volume="2", temporary_barcode=f"ILL-{number}-2")
    row = stage.settled(number)
    ending.expect("after the correction both are in step", holds=row.state is State.IN_STEP)
    stage.tell(number, "Returned", volume="1")
    stage.tell(number, "Returned", volume="2")
    stage.settled(number)
    stage.tell(number, "Completed")
    ending.row = stage.settled(number)
    ending.expect("the request is closed", holds=closed(ending.row))
    return ending


TAKEN_BARCODE = "39000000000003"
