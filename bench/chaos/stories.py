"""The stories: what may happen to one request, from the first word to an end that a librarian would call right. Made from chance alone."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from random import Random

from bench.chaos.acts import PREFIX, Act, Ask, Desk, Facts, Rest, Story, Tell, When
from bridge.ledger import State

CLOSED = frozenset({State.CLOSED})
IN_STEP = frozenset({State.IN_STEP})
STAFF = frozenset({State.STAFF})
PARKED = frozenset({State.PARKED})
LOST = STAFF | IN_STEP
"""Staff declare it lost in the ILS, unless the word came before anything was made there."""
PATRONS = tuple(f"CP{number}" for number in range(1, 25))
ACCOUNTS = {"XYZ": "ILL-XYZ", "ABC": "ILL-ABC"}
DUE = ("2027-01-15", "2027-02-15", "2027-03-15")


@dataclass
class Teller:
    """Writes one story, act by act."""

    random: Random
    number: str
    lane: str
    kind: str = "main"
    role: str = "borrower"
    own: str = ""
    acts: list[Act] = field(default_factory=list)
    ends: frozenset[State] = CLOSED
    lent_on: str = ""

    @property
    def library(self) -> str:
        """The library's name in the configuration."""
        return f"{self.lane}-{self.kind}"

    @property
    def barcode(self) -> str:
        """The temporary item's barcode, or the own item's."""
        return self.own or f"{PREFIX[self.kind]}{self.number}"

    def often(self, share: float) -> bool:
        """True in this share of cases."""
        return self.random.random() < share

    def patron(self) -> str:
        """Anybody."""
        return self.random.choice(PATRONS)

    def tell(self, word: str, *, rest: float = 0.5, **facts: object) -> None:
        """The service says something: sometimes doubled, sometimes late; sometimes nothing else happens until it is worked off."""
        copies = 1 + self.often(0.2) + self.often(0.05)
        late = self.random.randrange(1, 40) if self.often(0.15) else 0
        self.acts.append(Tell(word, facts, copies, late))
        if not late and self.often(rest):
            self.acts.append(Rest())

    def rest(self) -> None:
        """Nothing happens until the request has come to rest."""
        self.acts.append(Rest())

    def desk(self, act: str, when: When | None = None, **more: object) -> None:
        """The desk acts on the story's item."""
        chosen = when or self.random.choice((When.NOW, When.SOON, When.SOON, When.REST, When.REST))
        self.acts.append(Desk(act, self.barcode, more, chosen))

    def staff(self, kind: str) -> None:
        """Staff ask the bridge for something."""
        self.acts.append(Ask(kind))

    def asked(self, **more: object) -> Facts:
        """What a borrowing request says of itself."""
        return {
            "partner": self.random.choice(tuple(ACCOUNTS)),
            "patron": {"id": self.patron()},
            "pickup_location": self.random.choice(("MAIN", "BRANCH")),
            "item": {"title": f"A title of {self.number}", "author": "Le Guin, Ursula K."},
            **more,
        }

    def story(self, name: str, channel: str) -> Story:
        """What was written."""
        return Story(
            number=self.number,
            name=name,
            lane=self.lane,
            library=self.library,
            role=self.role,
            acts=tuple(self.acts),
            ends=self.ends,
            channel=channel,
            sequence=channel != "webhook" or self.often(0.7),
            own=self.own,
            lent_on=self.lent_on,
        )


def until_received(teller: Teller, **more: object) -> str:
    """Requested, shipped, received; answers the patron."""
    asked = teller.asked(**more)
    teller.tell("Requested", **asked)
    teller.tell("Shipped", due_date=DUE[0], item={"barcode": f"SUP-{teller.number}"})
    teller.tell("Received")
    return str(asked["patron"]["id"])


def back(teller: Teller) -> None:
    """Returned and completed."""
    teller.tell("Returned")
    teller.tell("Completed")


def about_the_desk(teller: Teller, patron: str) -> None:
    """What the desk may do with a temporary item that is a right thing to do."""
    ways: tuple[tuple[str, ...], ...] = (
        ("lend",),
        ("lend", "renew"),
        ("lend", "check_in"),
        ("check_in", "lend"),
        ("expire_hold",),
        ("cancel_hold",),
        (),
    )
    for act in teller.random.choice(ways):
        if act == "lend":
            teller.desk(act, patron=patron)
        else:
            teller.desk(act)


def borrowed(teller: Teller) -> None:
    """The whole way of a borrowed item, the desk doing its part."""
    teller.kind = teller.random.choice(("main", "early"))
    patron = until_received(teller)
    about_the_desk(teller, patron)
    for due in DUE[1 : 1 + teller.random.randrange(3)]:
        teller.tell("Renewed", due_date=due)
    back(teller)


def still_here(teller: Teller) -> None:
    """Received, and still with the patron when the day ends."""
    patron = until_received(teller)
    about_the_desk(teller, patron)
    teller.tell("Renewed", due_date=DUE[1])
    teller.ends = IN_STEP


def cancelled(teller: Teller) -> None:
    """Cancelled or unfilled before anything was shipped; item and hold may have been made early."""
    teller.kind = "early"
    teller.tell("Requested", **teller.asked())
    teller.tell(teller.random.choice(("Cancelled", "Unfilled")))


def cancelled_too_late(teller: Teller) -> None:
    """Cancelled after it had moved: only staff can see where it is."""
    until_received(teller)
    teller.tell("Cancelled")
    teller.ends = STAFF


def deleted_by_hand(teller: Teller) -> None:
    """Somebody deletes the temporary item; later it is renewed and goes back all the same."""
    until_received(teller)
    teller.desk("delete")
    teller.tell("Renewed", due_date=DUE[1])
    back(teller)


def relabelled_by_hand(teller: Teller) -> None:
    """Somebody puts another barcode on the temporary item: it is not deleted then, until staff put the right one back."""
    until_received(teller)
    teller.rest()
    teller.desk("relabel", When.REST, new_barcode=f"X-{teller.number}")
    back(teller)
    teller.rest()
    teller.acts.append(Desk("relabel", f"X-{teller.number}", {"new_barcode": teller.barcode}, When.REST))
    teller.staff("resync")


def edited(teller: Teller) -> None:
    """Patron, pickup location, due date or barcode are changed at the service while work goes on."""
    teller.kind = teller.random.choice(("main", "early"))
    patron = until_received(teller)
    for _ in range(teller.random.randrange(1, 4)):
        edit: Facts = teller.random.choice(
            (
                {"patron": {"id": teller.patron()}},
                {"pickup_location": teller.random.choice(("MAIN", "BRANCH"))},
                {"due_date": teller.random.choice(DUE)},
                {"temporary_barcode": f"TYPED-{teller.number}-{teller.random.randrange(3)}"},
            )
        )
        teller.tell("Updated", rest=0.3, **edit)
        act = teller.random.choice(("cancel_hold", "expire_hold", "lend", "", "", ""))
        if act == "lend":
            teller.desk(act, patron=patron)
        elif act:
            teller.desk(act)
    back(teller)


def unknown_patron(teller: Teller) -> None:
    """The patron is unknown until the service corrects the id."""
    until_received(teller, patron={"id": f"nobody-{teller.number}"})
    teller.tell("Updated", patron={"id": teller.patron()})
    if teller.often(0.5):
        back(teller)
    else:
        teller.ends = IN_STEP


def registered_later(teller: Teller) -> None:
    """The patron is unknown until the desk registers them, and staff ask for another try."""
    patron = f"NEW-{teller.number}"
    until_received(teller, patron={"id": patron})
    teller.acts.append(Desk("add_patron", "", {"patron": patron}, When.REST))
    teller.staff("retry")
    teller.ends = IN_STEP


def taken_back(teller: Teller) -> None:
    """The service takes "received" back after the item had moved: only staff can see where it is."""
    until_received(teller)
    teller.tell("Requested")
    teller.ends = STAFF


def nobody(teller: Teller) -> None:
    """The patron stays unknown."""
    until_received(teller, patron={"id": f"nobody-{teller.number}"})
    teller.ends = PARKED


def volumes(teller: Teller) -> None:
    """Two volumes; both come back, named one by one."""
    teller.kind = teller.random.choice(("main", "early"))
    until_received(teller, volumes=[{"id": "1"}, {"id": "2"}])
    for volume in teller.random.sample(("1", "2"), 2):
        teller.tell("Returned", volume=volume)
    teller.tell("Completed")


def volume_unnamed(teller: Teller) -> None:
    """Two volumes that come back as a whole: nobody named them, so staff decide."""
    until_received(teller, volumes=[{"id": "1"}, {"id": "2"}])
    back(teller)
    teller.ends = STAFF


def second_supplier(teller: Teller) -> None:
    """The first supplier cannot supply, the second can; late news of the first changes nothing."""
    teller.kind = teller.random.choice(("main", "early"))
    teller.tell("Requested", **teller.asked())
    teller.tell("Will supply", leg="FIRST")
    teller.tell("Unfilled", leg="FIRST")
    teller.tell("Will supply", leg="SECOND")
    teller.tell("Shipped", leg="SECOND", due_date=DUE[0])
    teller.tell("Received", leg="SECOND")
    teller.tell("Returned", leg="SECOND")
    teller.tell("Completed", leg="SECOND")


def lost(teller: Teller) -> None:
    """Declared lost; it is found and goes back, or is paid for, or nobody ever hears of it again."""
    patron = until_received(teller)
    teller.desk("lend", patron=patron)
    teller.tell("Lost")
    end = teller.random.choice(("found", "returned", "paid", "gone"))
    if end == "found":
        teller.tell("Found")
    if end in {"found", "returned"}:
        back(teller)
    if end == "paid":
        teller.tell("Fee paid")
        teller.tell("Completed lost paid")
        teller.ends = STAFF
    if end == "gone":
        teller.ends = LOST


def copy(teller: Teller) -> None:
    """A copy never touches circulation."""
    teller.tell("Requested", service_type="copy", **teller.asked())
    teller.tell("Received")
    teller.tell("Completed")


def until_lent(teller: Teller, barcode: str = "") -> None:
    """An own item is asked for and shipped."""
    teller.role = "lender"
    partner = teller.random.choice(tuple(ACCOUNTS))
    teller.tell("Requested", partner=partner, item={"title": "An own title", "barcode": barcode or teller.own})
    teller.tell("Shipped", due_date=DUE[0])


def lent(teller: Teller) -> None:
    """The whole way of a lent item."""
    teller.kind = teller.random.choice(("main", "early"))
    until_lent(teller)
    for due in DUE[1 : 1 + teller.random.randrange(3)]:
        teller.tell("Renewed", due_date=due)
    if teller.often(0.2):
        teller.desk("renew")
    back(teller)


def wrong_barcode(teller: Teller) -> None:
    """The item's barcode is wrong until the service corrects it."""
    until_lent(teller, f"WRONG-{teller.number}")
    teller.tell("Updated", item={"barcode": teller.own})
    if teller.often(0.5):
        back(teller)
    else:
        teller.ends = IN_STEP


def lent_still_out(teller: Teller) -> None:
    """Lent, and still away when the day ends."""
    until_lent(teller)
    teller.tell("Renewed", due_date=DUE[1])
    teller.ends = IN_STEP


def desk_was_first(teller: Teller) -> None:
    """The desk checks the item in before the service says that it is back."""
    until_lent(teller)
    teller.rest()
    teller.tell("Returned")
    teller.desk("check_in")
    teller.tell("Completed")


def lent_on(teller: Teller) -> None:
    """The desk checks the item in and lends it to somebody else before "completed" comes: that loan stays."""
    until_lent(teller)
    teller.rest()
    teller.tell("Returned")
    teller.desk("check_in", When.REST)
    teller.lent_on = teller.patron()
    teller.desk("lend", When.NOW, patron=teller.lent_on)
    if teller.often(0.3):
        teller.desk("renew", When.NOW)
    teller.tell("Completed")


def wanted_at_home(teller: Teller) -> None:
    """A patron places a hold on the item while it is away: that hold waits for it and is not ours."""
    until_lent(teller)
    teller.desk("place_hold", patron=teller.patron())
    back(teller)


def not_lent(teller: Teller) -> None:
    """Cancelled before it was shipped; the hold on the own item goes."""
    teller.kind, teller.role = "early", "lender"
    teller.tell("Requested", partner="XYZ", item={"title": "An own title", "barcode": teller.own})
    teller.tell(teller.random.choice(("Cancelled", "Unfilled")))


def cancelled_when_away(teller: Teller) -> None:
    """Cancelled after it was shipped: only staff can see where it is."""
    until_lent(teller)
    teller.tell("Cancelled")
    teller.ends = STAFF


def lost_by_borrower(teller: Teller) -> None:
    """The borrower lost it; it turns up, or it does not."""
    until_lent(teller)
    teller.tell("Lost")
    if teller.often(0.5):
        teller.tell("Found")
        back(teller)
    else:
        teller.ends = LOST


def on_loan_already(teller: Teller) -> None:
    """A patron has the item when it is said to be shipped: that loan stays, and staff see to it."""
    teller.lent_on = teller.patron()
    teller.desk("lend", When.NOW, patron=teller.lent_on)
    until_lent(teller)
    teller.ends = PARKED


Write = Callable[[Teller], None]
BORROWING: tuple[tuple[Write, int], ...] = (
    (borrowed, 6),
    (still_here, 3),
    (cancelled, 2),
    (cancelled_too_late, 1),
    (deleted_by_hand, 2),
    (relabelled_by_hand, 1),
    (edited, 3),
    (unknown_patron, 1),
    (registered_later, 1),
    (taken_back, 1),
    (nobody, 1),
    (volumes, 2),
    (volume_unnamed, 1),
    (second_supplier, 2),
    (lost, 2),
    (copy, 1),
)
LENDING: tuple[tuple[Write, int], ...] = (
    (lent, 5),
    (lent_still_out, 2),
    (wrong_barcode, 1),
    (desk_was_first, 2),
    (lent_on, 2),
    (wanted_at_home, 1),
    (not_lent, 1),
    (cancelled_when_away, 1),
    (lost_by_borrower, 2),
    (on_loan_already, 1),
)


def written(random: Random, number: str, lane: str, own: str, without: Collection[str] = ()) -> Story:
    """One story, by chance. ``own``: the item it is about of a lending one; ``without``: names of stories not told there."""
    lending = random.random() < 0.4
    known = [(write, weight) for write, weight in (LENDING if lending else BORROWING) if write.__name__ not in without]
    (write,) = random.choices([each for each, _ in known], [weight for _, weight in known])
    teller = Teller(random, number, lane, own=own if lending else "")
    write(teller)
    return teller.story(write.__name__, random.choices(("webhook", "both", "feed"), (6, 2, 2))[0])
