"""A poll ends where the feed does, or where the daemon stops; each page that was taken stays taken."""

from __future__ import annotations

from collections.abc import Iterator

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
