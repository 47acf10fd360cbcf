"""Asking after known requests one by one: one that cannot be had keeps none of the others waiting, and all have their turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bridge.domain.known import KnownRequest
from bridge.errors import Rejected, Retry, Unavailable

FEW = 3
"""Requests that cannot be had after which the others are left for the next poll: then it is the service, and not they."""


class Following:
    """Where a source stands in its turn."""

    def __init__(self) -> None:
        self._next = 0

    def turn(
        self, known: Sequence[KnownRequest], most: int, ask: Callable[[KnownRequest], list[object]]
    ) -> Iterator[list[object]]:
        """Rows of so many requests, from where the poll before ended.

        Raises at the end what stood in the way of the first that could not be had; ``CredentialsRejected`` at once.
        """
        start = self._next if self._next < len(known) else 0
        problems: list[Unavailable | Retry | Rejected] = []
        for place, request in enumerate(known[start : start + most], start + 1):
            self._next = place
            try:
                rows = ask(request)
            except (Unavailable, Retry, Rejected) as problem:
                problems.append(problem)
                if len(problems) >= FEW:
                    break
            else:
                yield rows
        if problems:
            raise problems[0]
