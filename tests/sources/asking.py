"""What tests of sources that are asked have in common."""

from __future__ import annotations

from bridge.domain.arrival import Arrival
from bridge.domain.change import Change
from bridge.domain.goal import Goal, goal_for
from bridge.domain.request import Request, fold
from bridge.jobs.poll import PollJob
from bridge.ledger import Ledger
from bridge.sources.polled import Page, PolledSource
from tests.domain.build import POLICY


def arrivals(pages: list[Page]) -> list[Arrival]:
    return [arrival for page in pages for arrival in page.arrivals]


def changes(pages: list[Page]) -> list[Change]:
    return [change for arrival in arrivals(pages) for change in arrival.changes]


def goal_of(found: list[Change]) -> Goal:
    """What should be in the ILS after these changes of one request."""
    request = Request(found[0].request)
    for change in found:
        request = fold(request, change)
    return goal_for(request, POLICY)


def poll(source: PolledSource, ledger: Ledger) -> None:
    """One poll by the daemon's own job."""
    PollJob(source.name, source, ledger, lambda _: "alma", taken=lambda: None).run()
