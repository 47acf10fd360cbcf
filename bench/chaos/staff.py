"""Staff, who do by hand in the ILS what the bridge asks of them, and say so."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile

from bench.chaos.ils import House
from bench.chaos.stories import ACCOUNTS
from bench.chaos.tables import BRIDGE
from bench.chaos.undoing import undoing
from bridge.domain import commands as do
from bridge.domain.commands import Command, Verb
from bridge.domain.goal import goal_for
from bridge.domain.identity import Role, mark_for
from bridge.domain.parking import Mend, mended_by
from bridge.domain.policy import Policy
from bridge.domain.preview import step_parked_on, tasks_ahead
from bridge.domain.record import Entrusted, Unseen
from bridge.domain.steps import StaffTask
from bridge.engine.asked import Asked, Asking
from bridge.ledger import State
from bridge.ledger.model import Row

Order = tuple[Command, ...] | None
"""What one task comes to; ``None``: staff cannot do it."""


def asked(kind: str, row: Row, *, note: str = "", whole: bool = False) -> Asked:
    """Something asked of the bridge for a request, as the command of this name asks it."""
    by, parked = getpass.getuser(), row.parked
    return Asked(Asking(kind), row.id, by=by, note=note, whole=whole, goal=parked.goal, stop=parked.fingerprint)


@dataclass(frozen=True)
class Staff:
    """The staff of all houses."""

    houses: Mapping[str, House]
    policy: Callable[[str], Policy]

    def settled(self, row: Row) -> Asked | None:
        """Do what a request waits for, as far as it can be done by hand; answers what to tell the bridge, if anything was done."""
        if row.state is State.PARKED and not mended_by(row.parked.cause, Mend.RESOLVE):
            return None
        orders = self._orders(row)
        done = tuple(takewhile(self._done_in(row.lane), orders))
        if not done:
            return None
        return asked("resolve", row, note="done by hand", whole=len(done) == len(orders))

    def _done_in(self, lane: str) -> Callable[[Order], bool]:
        by_hand = self.houses[lane].by_hand
        return lambda order: order is not None and all(by_hand(command) for command in order)

    def _orders(self, row: Row) -> tuple[Order, ...]:
        """What staff are asked to do one after the other, or the one step that the ILS did not show or refused."""
        goal, can = goal_for(row.request, self.policy(row.request.key.library)), self.houses[row.lane].capabilities
        if row.state is State.STAFF:
            return tuple(_of_task(row, task) for task in tasks_ahead(goal, row.record, can))
        step = step_parked_on(goal, row.record, can)
        if step is not None:
            return ((step.command,),)
        return tuple(_undone(row, *volume, unseen) for volume, unseen in row.record.unseen.items())


def _of_task(row: Row, task: StaffTask) -> Order:
    """A task; before one that was asked in other words, what may have been done so is undone."""
    if task.withdrawn is not None:
        return undoing(row, task.withdrawn)
    if task.command is None:
        return None
    before = [each for each in row.record.entrusted if each.task_id == task.task_id and _differs(each, task.command)]
    return (*(command for each in before for command in undoing(row, each)), task.command)


def _differs(entrusted: Entrusted, command: Command) -> bool:
    """Whether doing it so is in the way of doing it as it is wanted now; hands bring dates and labels to what is asked."""
    if isinstance(command, do.FindPatron | do.CreateTemporaryItem):
        return False
    return isinstance(command, do.PlaceHold) or entrusted.barcode != command.target.barcode


def _undone(row: Row, leg: str, volume: str, unseen: Unseen) -> tuple[Command, ...]:
    """What staff do about a step that may have been done, and is not wanted any more."""
    mark = mark_for(BRIDGE, row.request.key, leg, volume)
    own = row.request.key.role is Role.LENDER
    target = do.Target(mark, do.Origin.OWN if own else do.Origin.CREATED, unseen.barcode)
    if unseen.verb is Verb.CREATE_TEMPORARY_ITEM:
        return (do.CheckIn(target), do.DeleteTemporaryItem(target))
    if unseen.verb is Verb.PLACE_HOLD:
        return (do.CancelHold(target, "", ""),)
    return tuple(do.CheckIn(target, account=account) for account in ACCOUNTS.values())
