"""Reading a list in order of time, page by page, while it changes under our hands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Listing:
    """Rows of a list, and whether the list goes on behind them."""

    rows: Sequence[Any]
    more: bool


def by_time(
    ask: Callable[[datetime | None, int], Listing],
    moment: Callable[[Any], datetime | None],
    name: Callable[[Any], str],
    *,
    since: datetime | None,
    pages: int,
) -> Iterator[Sequence[Any]]:
    """Pages of all rows changed since a moment, oldest first.

    ``ask`` answers rows changed at or after a moment (to the second) in order of time, from an offset on. Each page is asked for from the
    second of the last row of the page before, so that a row which changes meanwhile, and with it its place, moves no other out of sight.
    Within one second an offset is needed: it goes back by one row, and where that row is not found again, something moved and the
    second is read anew.
    """
    offset, last = 0, ""
    for _ in range(pages):
        listing = ask(since, offset)
        if last and last not in {name(row) for row in listing.rows}:
            offset, last = 0, ""
            continue
        yield listing.rows
        if not listing.more or not listing.rows:
            return
        newest = moment(listing.rows[-1])
        second = newest.replace(microsecond=0) if newest is not None else since
        if second is not None and (since is None or second > since):
            since, offset, last = second, 0, ""
        else:
            offset, last = offset + max(len(listing.rows) - 1, 1), name(listing.rows[-1])
