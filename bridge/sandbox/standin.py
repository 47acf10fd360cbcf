"""What every vendor's stand-in offers to the test that made it."""

from typing import ClassVar, Generic, TypeVar

from flask import Flask
from pydantic import BaseModel

from bridge.sandbox.control import House, Objects, switch
from bridge.sandbox.faults import Faults
from bridge.sandbox.memory import Call, Memory

M = TypeVar("M", bound=Memory)


class StandIn(Generic[M]):
    """A stand-in: `.app` is served by bridge.sandbox.server.Server, `.state` is what it holds, `.faults` what it does amiss."""

    house: ClassVar[House]  # type: ignore[type-arg]  # a class variable cannot know M

    def __init__(self, state: M, app: Flask, faults: Faults) -> None:
        self.state = state
        self.app = app
        self.faults = faults

    def plant(self, seed: BaseModel) -> None:
        """Adds to the seed."""
        with self.state.lock:
            self.house.plant(self.state, seed)

    def calls(self) -> list[Call]:
        """The calls so far."""
        with self.state.lock:
            return list(self.state.calls)

    def forget_calls(self) -> None:
        """Starts counting anew."""
        with self.state.lock:
            self.state.calls.clear()

    def behave(self, **changes: object) -> None:
        """Changes switches of Behaviour by name."""
        with self.state.lock:
            switch(self.state, changes)

    def objects(self) -> Objects:
        """Every object with who made it."""
        with self.state.lock:
            return self.house.objects(self.state)

    def report(self, *, mark: str = "", barcode: str = "", expect: dict[str, BaseModel] | None = None) -> Objects:
        """Orphans, duplicates, foreign_touched and leftovers."""
        asked = self.house.asked.model_validate({"mark": mark, "barcode": barcode, "expect": expect or {}})
        with self.state.lock:
            return self.house.report(self.state, asked)
