"""Whatever order the news of both sides come in, how often, how late, whatever the desks did first: home, and no charge of ours left."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.connectors.base import Call
from bridge.domain.change import Change, Closure, Edits, Phase, Stamp
from bridge.domain.goal import goal_for
from bridge.domain.identity import RequestKey, Role
from bridge.domain.learn import learn
from bridge.domain.plan import Step, VolumeKey, next_step, volume_key
from bridge.domain.record import Record
from bridge.domain.request import Request, fold
from bridge.domain.within import shared
from bridge.errors import IlsError
from tests.engine.district import ACCOUNT, BARCODE, BORROWER, OWNER, PATRON, POLICY, District
from tests.engine.pretend import DUE, LATER, START, Clock

STORY: dict[str, tuple[Role, Phase | None, int]] = {
    "shipped": (Role.LENDER, Phase.SHIPPED, 0),
    "received": (Role.BORROWER, Phase.RECEIVED, 3),
    "renewed": (Role.LENDER, None, 10),
    "renewed here": (Role.BORROWER, None, 10),
    "returned": (Role.BORROWER, Phase.RETURNED, 20),
    "on its way": (Role.LENDER, Phase.RETURNED, 20),
    "completed": (Role.LENDER, Phase.COMPLETED, 23),
    "completed here": (Role.BORROWER, Phase.COMPLETED, 23),
}
"""What the service says of one loan, by day."""
LENT_ON = 24
END = 40


def change_of(name: str) -> Change:
    role, phase, day = STORY[name]
    key = RequestKey("main", "svc", role, "REQ", "1")
    partner = OWNER if role is Role.BORROWER else "PARTNER"
    person = {"patron_id": "p1"} if role is Role.BORROWER else {}
    edits = Edits(barcode=BARCODE, partner=partner, due=LATER if phase is None else DUE, **person)  # type: ignore[arg-type]
    closed = Closure.RETURNED if phase is Phase.COMPLETED else None
    stamp = Stamp(0, START + timedelta(days=day), phase.rank if phase else 0, name)
    return Change(key=name, request=key, stamp=stamp, phase=phase, closure=closed, word=name, edits=edits)


@dataclass
class Side:
    """One request of the two, worked as the reconciler works it."""

    role: Role
    ils: District
    other: Side | None = None
    request: Request = field(init=False)
    record: Record = field(default_factory=Record)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.request = Request(RequestKey("main", "svc", self.role, "REQ", "1"))

    def told(self, name: str) -> None:
        self.request = fold(self.request, change_of(name))
        self.work()

    def work(self) -> None:
        if not self.request.nodes:
            return
        goal = goal_for(self.request, POLICY)
        if self.role is Role.BORROWER and goal.items[0].within is not None and self.other is not None:
            (item,) = shared([(self.record.item("", ""), BARCODE)], [self.other.record])
            self.record = self.record.with_item(item) if item.loans else self.record
        without: set[VolumeKey] = set()
        for _ in range(20):
            found = next_step(goal, self.record, self.ils.capabilities, without=frozenset(without))
            if not isinstance(found, Step):
                return
            try:
                outcome = getattr(self.ils, found.key.verb.value)(found.command, Call())
            except IlsError as problem:
                self.refused.append(problem.cause)
                without.add(volume_key(found.key))
                continue
            self.record = learn(self.record, found, outcome)
        raise AssertionError("does not settle")


@dataclass(frozen=True)
class Acts:
    """What people at the desks do; ``lent_on``: to whom the item goes when it is back."""

    charges_account: bool
    charges_patron: bool
    sends: bool
    scans_there: int
    scans_home: int
    lent_on: str


@dataclass
class Play:
    """One loan, day by day; ``foreign`` is the later loan that nobody may end."""

    sides: tuple[Role, ...]
    delays: dict[str, list[int]]
    acts: Acts
    foreign: str = ""

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.ils = District(self.clock)
        self.lender = Side(Role.LENDER, self.ils)
        self.borrower = Side(Role.BORROWER, self.ils, self.lender)
        self.by_the_desk = 0

    def run(self) -> None:
        events = [
            (day + delay, 1, name)
            for name, (role, _, day) in STORY.items()
            if role in self.sides
            for delay in self.delays[name]
        ]
        desks = [
            (day, 0, name) for day, name in ((0, "off"), (3, "there"), (19, "back"), (22, "home"), (LENT_ON, "on"))
        ]
        for day, kind, name in sorted([*events, *desks]):
            self.pass_to(START + timedelta(days=day, minutes=kind))
            if kind:
                side = self.lender if STORY[name][0] is Role.LENDER else self.borrower
                side.told(name)
            else:
                getattr(self, name)()
        for _ in range(3):
            self.pass_to(self.clock.now + timedelta(hours=1))
            self.borrower.work()
            self.lender.work()

    def pass_to(self, moment: datetime) -> None:
        self.clock.now = max(self.clock.now, moment)

    def off(self) -> None:
        if self.acts.charges_account:
            self.ils.lend(ACCOUNT)
        if self.acts.sends:
            self.ils.books[BARCODE].to = BORROWER

    def there(self) -> None:
        if self.acts.charges_patron and self.ils.books[BARCODE].on(ACCOUNT):
            self.ils.lend(PATRON)

    def back(self) -> None:
        for _ in range(self.acts.scans_there):
            self.ils.scan(BORROWER)

    def home(self) -> None:
        for _ in range(self.acts.scans_home):
            self.ils.scan(OWNER)

    def on(self) -> None:
        """The desk lends it to the next one, once nothing is charged any more."""
        if not self.acts.lent_on:
            return
        while self.ils.books[BARCODE].charges:
            self.ils.scan(OWNER)
        self.ils.scan(OWNER)
        self.foreign = self.ils.lend(self.acts.lent_on)


DELAYS = st.lists(st.sampled_from([0, 0, 0, 1, 4, 9, 15, 30]), min_size=1, max_size=2)
ACTS = st.builds(
    Acts,
    charges_account=st.booleans(),
    charges_patron=st.booleans(),
    sends=st.booleans(),
    scans_there=st.integers(0, 2),
    scans_home=st.integers(0, 1),
    lent_on=st.sampled_from(["", "stranger", PATRON]),
)


@given(
    sides=st.sampled_from([tuple(Role), (Role.BORROWER,)]),
    delays=st.fixed_dictionaries(dict.fromkeys(STORY, DELAYS)),
    acts=ACTS,
)
@settings(max_examples=150, deadline=None)
def test_home_in_the_end_and_nobody_elses_loan_ended(
    sides: tuple[Role, ...], delays: dict[str, list[int]], acts: Acts
) -> None:
    if sides == (Role.BORROWER,):
        acts = replace(acts, charges_account=True)
    play = Play(sides, delays, acts)
    play.run()
    book = play.ils.books[BARCODE]
    assert [each.loan_id for each in book.charges] == ([play.foreign] if play.foreign else []), play
    assert play.foreign not in play.ils.ended or not play.foreign
    if not play.foreign:
        assert book.home or (sides == (Role.BORROWER,) and book.to == OWNER), book


@given(delays=st.fixed_dictionaries(dict.fromkeys(STORY, DELAYS)), acts=ACTS)
@settings(max_examples=50, deadline=None)
def test_the_lending_side_alone_ends_its_own_charge_only(delays: dict[str, list[int]], acts: Acts) -> None:
    play = Play((Role.LENDER,), delays, acts)
    play.run()
    left = [each.account for each in play.ils.books[BARCODE].charges if each.loan_id != play.foreign]
    assert left in ([], [ACCOUNT, PATRON]), "a patron's charge that lies over ours is left to staff"
    assert not play.foreign or play.foreign not in play.ils.ended
