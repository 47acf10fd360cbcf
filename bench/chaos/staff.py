"""Staff, who do by hand in the ILS what the bridge asks of them, and say so."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile

from bench.chaos.ils import House
from bench.chaos.stories import ACCOUNTS
from bench.chaos.tables import BRIDGE
from bridge.domain import commands as do
from bridge.domain.commands import Command, Verb
from bridge.domain.goal import goal_for
from bridge.domain.identity import Role, mark_for
from bridge.domain.parking import Mend, mended_by
from bridge.domain.policy import Policy
from bridge.domain.preview import step_parked_on, tasks_ahead
from bridge.domain.record import Unseen
from bridge.engine.asked import Asked, Asking
from bridge.ledger import State
from bridge.ledger.model import Row


def asked(kind: str, row: Row, *, note: str = "", whole: bool = False) -> Asked:
    """Something asked of the bridge for a request, as the command of this name asks it."""
    return Asked(Asking(kind), row.id, by=getpass.getuser(), note=note, whole=whole, goal=row.parked.goal)


@dataclass(frozen=True)
class Staff:
    """The staff of all houses."""

    houses: Mapping[str, House]
    policy: Callable[[str], Policy]

    def settled(self, row: Row) -> Asked | None:
        """Do what a request waits for, as far as it can be done by hand; answers what to tell the bridge, if anything was done."""
        if row.state is State.PARKED and not mended_by(row.parked.cause, Mend.RESOLVE):
            return None
        commands = self._commands(row)
        done = tuple(takewhile(self._done_in(row.lane), commands))
        if not done:
            return None
        return asked("resolve", row, note="done by hand", whole=len(done) == len(commands))

    def _done_in(self, lane: str) -> Callable[[Command | None], bool]:
        return lambda command: command is not None and self.houses[lane].by_hand(command)

    def _commands(self, row: Row) -> tuple[Command | None, ...]:
        """What staff are asked to do one after the other, or the one step that the ILS did not show or refused."""
        goal, can = goal_for(row.request, self.policy(row.request.key.library)), self.houses[row.lane].capabilities
        if row.state is State.STAFF:
            return tuple(task.command for task in tasks_ahead(goal, row.record, can))
        step = step_parked_on(goal, row.record, can)
        if step is not None:
            return (step.command,)
        return tuple(
            command for volume, unseen in row.record.unseen.items() for command in _undone(row, *volume, unseen)
        )


def _undone(row: Row, leg: str, volume: str, unseen: Unseen) -> tuple[Command, ...]:
    """What staff do about a step that may have been done, and is not wanted any more."""
    mark = mark_for(BRIDGE, row.request.key, leg, volume)
    own = row.request.key.role is Role.LENDER
    target = do.Target(mark, do.Origin.OWN if own else do.Origin.CREATED, unseen.barcode)
    if unseen.verb is Verb.CREATE_TEMPORARY_ITEM:
        return (do.DeleteTemporaryItem(target),)
    if unseen.verb is Verb.PLACE_HOLD:
        return (do.CancelHold(target, "", ""),)
    return tuple(do.CheckIn(target, account=account) for account in ACCOUNTS.values())
