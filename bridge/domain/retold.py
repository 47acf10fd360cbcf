"""A request told anew from its messages, after a table of words was corrected. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields

from bridge.domain.change import Change
from bridge.domain.request import Facts, Request, Stamped, fold


def retold(before: Request, changes: Iterable[Change]) -> Request:
    """What these changes alone tell of the request; corrections by staff stay."""
    after = Request(before.key, corrections=before.corrections)
    for change in changes:
        after = fold(after, change)
    return after


def told_elsewhere(request: Request, keys: Collection[str]) -> tuple[str, ...]:
    """Keys of changes that the request has something from and that are of none of these messages: without them it cannot be told anew.

    A message's change has the message's key; those of its volumes have it with the volume behind.
    """
    known = {key for node in request.nodes for key in (node.first.key, *_keys(node.facts))}
    return tuple(sorted(key for key in known if key not in keys and key.rpartition("#")[0] not in keys))


def _keys(facts: Facts) -> Iterator[str]:
    for field in fields(facts):
        value = getattr(facts, field.name)
        if isinstance(value, Stamped):
            yield value.stamp.key
    yield from (stamped.stamp.key for _, stamped in facts.conditions)
    yield from (stamped.stamp.key for stamped in facts.dues)
    yield from (stamp.key for _, stamp in facts.reached)
