"""Staff, who do by hand in the ILS what the bridge asks of them, and say so."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.chaos.ils import House
from bridge.domain.goal import goal_for
from bridge.domain.policy import Policy
from bridge.domain.preview import tasks_ahead
from bridge.domain.steps import StaffTask
from bridge.engine.asked import Asked, Asking
from bridge.ledger.model import Row


def asked(kind: str, row: Row, *, note: str = "", whole: bool = False) -> Asked:
    """Something asked of the bridge for a request, as the command of this name asks it."""
    return Asked(Asking(kind), row.id, by=getpass.getuser(), note=note, whole=whole)


@dataclass(frozen=True)
class Staff:
    """The staff of all houses."""

    houses: Mapping[str, House]
    policy: Callable[[str], Policy]

    def settled(self, row: Row) -> Asked | None:
        """Do what a request waits for, as far as it can be done by hand; answers what to tell the bridge, if anything was done."""
        tasks = self._tasks(row)
        done = 0
        for task in tasks:
            if task.command is None or not self.houses[row.lane].by_hand(task.command):
                break
            done += 1
        if not done:
            return None
        return asked("resolve", row, note="done by hand", whole=done == len(tasks))

    def _tasks(self, row: Row) -> tuple[StaffTask, ...]:
        goal = goal_for(row.request, self.policy(row.request.key.library))
        return tasks_ahead(goal, row.record, self.houses[row.lane].capabilities)
