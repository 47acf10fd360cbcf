"""A poll ends where the feed does, or where the daemon stops; each page that was taken stays taken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from bridge.domain.arrival import POLL_FAULT
from bridge.jobs.poll import PollJob
from bridge.ledger import Ledger
from bridge.sources.polled import Page
from tests.ledger.sample import arrival


class Endless:
    """A feed with ever more pages."""

    def poll(self, cursor: str | None) -> Iterator[Page]:
        page = int(cursor or 0)
        while True:
            page += 1
            yield Page((arrival(f"e{page}"),), str(page))


def polled(ledger: Ledger, *, pages: int) -> str | None:
    """The cursor after a poll that the daemon's end cuts short."""
    taken: list[str] = []
    job = PollJob(
        "feed",
        Endless(),  # type: ignore[arg-type]
        ledger,
        lambda _: "alma",
        taken=lambda: None,
        received=lambda source, _arrivals, _receipts: taken.append(source),
        stopping=lambda: len(taken) == pages,
    )
    job.run()
    return ledger.inbox.cursor("feed")


def test_a_poll_of_many_pages_goes_on_behind_the_last_when_the_daemon_is_back(ledger: Ledger) -> None:
    assert polled(ledger, pages=2) == "2"
    assert polled(ledger, pages=3) == "5"


class Odd:
    """A feed whose second page is one that nobody foresaw, until it is mended."""

    def __init__(self) -> None:
        self.mended = False

    def poll(self, cursor: str | None) -> Iterator[Page]:
        if not cursor:
            yield Page((arrival("e1"),), "1")
        if not self.mended:
            raise KeyError("patron 21000000001001")
        yield Page((arrival("e2"),), "2")


def test_a_fault_of_ours_is_that_sources_trouble_told_once_and_tried_again(ledger: Ledger) -> None:
    feed = Odd()
    job = PollJob("feed", feed, ledger, lambda _: "alma", taken=lambda: None)  # type: ignore[arg-type]
    with capture_logs() as logs:
        for _ in range(2):
            with pytest.raises(KeyError):
                job.run()
    assert [(each["event"], each["source"], each["why"]) for each in logs] == [("source.silent", "feed", POLL_FAULT)]
    ((name, _, problem, came),) = ledger.inbox.sources()
    assert (name, problem, came, ledger.inbox.cursor("feed")) == ("feed", POLL_FAULT, 1, "1")
    assert "report" in POLL_FAULT.casefold()
    feed.mended = True
    job.run()
    ((_, _, problem, came),) = ledger.inbox.sources()
    assert (problem, came, ledger.inbox.cursor("feed")) == ("", 2, "2")
