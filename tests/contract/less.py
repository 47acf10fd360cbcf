"""An ILS that for once shows less than it holds: each look of each play in turn finds nothing, as where an index lags.

What is not shown must not be taken for gone, or for never made: the play ends as it does undisturbed, or the request is parked, and ends so
when staff have it looked up anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

import pytest

from bridge.ledger import State
from tests.contract.bench import ContractBench
from tests.contract.crash import After, Stage, staged
from tests.contract.lives import BEFORE, Point, Watch
from tests.contract.matrix import Matrix
from tests.contract.plays import PLAYS

HIDDEN = "shown less"
EVERY_RUN = ("borrowed", "lent")


class LessBench(ContractBench, Protocol):
    """A bench whose stand-in can show less than it holds."""

    def show_less(self) -> None:
        """The next look finds every list empty."""
        ...


def hide(stage: Stage, matrix: Matrix, show_less: Callable[[], None], believed: Collection[str]) -> list[str]:
    """Have each look of each act find nothing, but those that are ``believed``; answers what went wrong."""
    failures = []
    calm = stage.calm()
    for at, act in enumerate(stage.play.acts):
        asked = zip(calm[at].points, calm[at].points[1:], strict=False)
        looks = [number for number, (point, then) in enumerate(asked, 1) if point.what == BEFORE and not then.writes]
        for number in looks if act.cut else ():
            point = calm[at].points[number]
            if f"{stage.play.role} {point.exchange}" in believed:
                continue
            watch = Watch()

            def arm(_: Point, number: int = number, watch: Watch = watch) -> None:
                if watch.passed == number:
                    show_less()

            watch.at_point = arm
            found = played(stage, at, watch)
            wrong = [what for end, each in zip(calm, found, strict=True) for what in amiss(end.after, each)]
            matrix.count(stage.play.role, Point(HIDDEN, point.verbs, point.exchange), ok=not wrong)
            failures += [f"{act.name}, {point}: {what}; {found[at].lines}" for what in wrong]
    return failures


def played(stage: Stage, at: int, watch: Watch) -> list[After]:
    """The whole play with this watch in the act numbered ``at``; what is parked there is resynced."""
    number = str(next(stage.numbers))
    found = []
    for index, act in enumerate(stage.play.acts):
        after = stage.run(act, number, watch if index == at else None)
        found.append(stage.resynced(number) if index == at and after.state is State.PARKED else after)
    return found


def amiss(calm: After, found: After) -> list[str]:
    """What is not as in the undisturbed play."""
    wrong = [] if found.state is calm.state else [f"it is {found.state}, not {calm.state}"]
    if found.standing != calm.standing:
        wrong.append(f"the ILS holds {found.standing}, not {calm.standing}")
    return wrong


class LessContract:
    """What every connector keeps whose stand-in can show less than it holds (``show_less`` of its bench).

    ``believed``: lists whose emptiness is taken at its word, by the side of the loan, since doubting them costs a call every time; each
    stands under the connector's known limits.
    """

    believed: Collection[str] = ()

    @pytest.mark.parametrize(
        "play", [pytest.param(name, marks=[] if name in EVERY_RUN else [pytest.mark.thorough]) for name in PLAYS]
    )
    def test_what_is_not_shown_is_not_taken_for_gone(
        self, bench: LessBench, sqlite_matrix: Matrix, sqlite_url: str, play: str
    ) -> None:
        with staged(bench, sqlite_url, play) as stage:
            failures = hide(stage, sqlite_matrix, bench.show_less, self.believed)
        assert not failures, "\n".join(failures)
