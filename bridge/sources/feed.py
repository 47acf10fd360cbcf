"""Polled feeds: a service's list of changes, read page by page since the last one seen. Fields and words are configuration, not code."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from bridge.errors import RefusedInput, Rejected
from bridge.http import Sending
from bridge.sources.listed import ListedSettings, ListedSource, Pile
from bridge.sources.mapping import FieldMap, KeyPattern, at_path, mapped


class FeedSettings(ListedSettings):
    """Settings of a polled feed."""

    parameters: dict[str, str] = Field(
        default_factory=dict, description="Parameters sent with every call.", examples=[{}]
    )
    since_parameter: str = Field(default="since", description="Parameter for 'changed since'.", examples=["since"])
    since_format: Literal["iso", "epoch", "epoch_ms"] = Field(
        default="iso",
        description="How it is written.",
        examples=["iso"],
    )
    page_parameter: str = Field(
        default="page",
        description="Parameter for the page; empty where there is one page.",
        examples=["page"],
    )
    next_path: str = Field(
        default="next_page",
        description="Where an answer names the next page: a number, or a whole address.",
        examples=["next_page"],
    )
    items_path: str = Field(
        default="changes",
        description="Where the list stands in an answer; empty: it is the answer.",
        examples=["changes"],
    )
    fields: FieldMap = Field(
        default_factory=dict,
        description="Our field = path in the service's change, where the two differ; '=TEXT' is the same text for every change.",
        examples=[{"request.number": "requestId"}],
    )
    key: KeyPattern = Field(
        default="",
        description="How to make a key for changes that have no id, from our fields in braces.",
        examples=["{request.number}/{status}/{time}"],
    )


class FeedSource(ListedSource[FeedSettings]):
    """One feed. Its cursor moves with the last page of a poll only, since a feed need not be in order of time."""

    LIST_ADVICE = "Correct items_path, or the address: it must answer with JSON."

    def _piles(self, name: str, since: datetime | None) -> Iterator[Pile]:  # noqa: ARG002 - there is one list
        page: Sending | None = self._since(since)
        times: list[datetime] = []
        for _ in range(self.settings.max_pages):
            if page is None:
                return
            body = self._asked.json(page)
            rows = self._items(body)
            times += [at for at in map(self._moment, rows) if at is not None]
            page = self._following(page, body)
            yield Pile(rows, settled=page is None)
        if page is not None:
            yield self._cut_off(times, since)

    def _cut_off(self, times: list[datetime], since: datetime | None) -> Pile:
        """A feed goes on behind ``max_pages``: one in order of time is read on from there, of another something would be lost.

        Where the next poll would begin where this one did (rows without a time, or all within the overlap) nothing behind would ever be
        read.
        """
        onward = times and times[-1] - timedelta(seconds=self.settings.overlap_seconds) > (since or times[0])
        if times == sorted(times) and onward:
            return Pile((), settled=True)
        why = "its rows say no time, or nearly the same" if times == sorted(times) else "is not in order of time"
        said = f"Source {self.name}: its list goes on behind {self.settings.max_pages} pages and {why}."
        raise Rejected(said, advice="Raise max_pages, or begin later (start).")

    def _since(self, since: datetime | None) -> Sending:
        parameters = {**self._asked.query, **self.settings.parameters}
        if since is not None:
            parameters[self.settings.since_parameter] = _written(since, self.settings.since_format)
        return Sending("GET", self._asked.path, self._asked.path, params=parameters, repeatable=True)

    def _items(self, body: object) -> list[Any]:
        found = at_path(body, self.settings.items_path)
        if not isinstance(found, list):
            raise RefusedInput(f"Source {self.name}: there is no list at '{self.settings.items_path}' in the answer.")
        return found

    def _following(self, sending: Sending, body: object) -> Sending | None:
        following = at_path(body, self.settings.next_path) if self.settings.page_parameter else None
        if following in (None, "", False):
            return None
        if isinstance(following, str) and "://" in following:
            return self._asked.at(following)
        return Sending(
            "GET",
            sending.path,
            self._asked.path,
            params={**sending.params, self.settings.page_parameter: str(following)},
            repeatable=True,
        )

    def _said(self, row: dict[str, Any]) -> dict[str, Any]:
        return mapped(row, self.settings.fields, self.settings.key)

    def _keyed(self, said: dict[str, Any]) -> dict[str, Any]:
        """A change names itself, or the configuration says how it is named."""
        return said


def _written(moment: datetime, style: str) -> str:
    if style == "iso":
        return moment.isoformat()
    return str(int(moment.timestamp() * (1000 if style == "epoch_ms" else 1)))
