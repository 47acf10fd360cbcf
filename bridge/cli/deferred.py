"""Commands that are imported when they are run: what all of them need together takes longer to load than most of them to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True)
class Place:
    """Where a command stands: its function, or the ``typer.Typer`` of a group, as ``module:name``, and the line that lists it.

    ``line`` is the first paragraph of its help, which a test sees to.
    """

    name: str
    at: str
    line: str


class Deferred(TyperCommand):
    """A command as it is listed; only when it is run, completed or asked for its own help is its module imported."""

    def __init__(self, place: Place) -> None:
        super().__init__(name=place.name, help=place.line)
        self._place = place

    @cached_property
    def whole(self) -> Any:  # noqa: ANN401 - typer keeps the class of its commands to itself
        """The command itself, or the group."""
        module, _, name = self._place.at.partition(":")
        found = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        alone = typer.Typer(add_completion=False)
        alone.command(self._place.name)(found)
        return typer.main.get_command(alone)

    def make_context(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        """The context of the command itself, in which typer parses, completes and runs it."""
        return self.whole.make_context(*arguments, **named)


def deferred(places: Sequence[Place]) -> type[TyperGroup]:
    """A group of these commands, in their order: ``typer.Typer(cls=…)``."""

    class Group(TyperGroup):
        def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - whatever typer gives
            super().__init__(**attributes)
            for place in places:
                self.add_command(Deferred(place))

    return Group
