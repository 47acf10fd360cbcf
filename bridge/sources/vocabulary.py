"""What the words of known systems mean: package data in ``words/SYSTEM.toml``, each word overridable by configuration (``words``)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bridge.domain.change import Closure, Condition, Phase
from bridge.domain.identity import Role
from bridge.domain.words import Meaning, folded_word

Words = Mapping[tuple[Role | None, str], Meaning | None]
"""``None``: the word is not known, whatever it means elsewhere."""
ROLES: Mapping[str, Role | None] = {"both": None, "borrower": Role.BORROWER, "lender": Role.LENDER}


class Word(BaseModel):
    """What a word of the service means. ``role`` confines it to one side of a loan."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phase: Phase | None = Field(default=None, description="The phase it means, if any.", examples=["shipped"])
    closure: Closure | None = Field(
        default=None, description="How the request ended, where the word says.", examples=["returned"]
    )
    raises: tuple[Condition, ...] = Field(default=(), description="Conditions it brings.", examples=[["lost"]])
    clears: tuple[Condition, ...] = Field(default=(), description="Conditions it ends.", examples=[["overdue"]])
    notification: bool = Field(
        default=False, description="Whether it only notifies, and changes nothing.", examples=[True]
    )
    unknown: bool = Field(
        default=False,
        description="Whether it means nothing that could be acted on: what comes with it is kept and shown.",
        examples=[True],
    )
    role: Role | None = Field(
        default=None, description="Our side of the loan for which it means this; left out: both.", examples=["borrower"]
    )

    def meaning(self) -> Meaning | None:
        """As the domain has it; ``None`` for a word that is not known."""
        if self.unknown:
            return None
        return Meaning(self.phase, self.closure, self.raises, self.clears, self.notification)


def _listed(value: object) -> object:
    return (value,) if isinstance(value, dict | Word) else value


Explained = Annotated[tuple[Word, ...], BeforeValidator(_listed)]
"""What a word means, for both sides at once or for each side by itself."""


@cache
def words_of(system: str) -> Words:
    """The words of this system, as they come with the bridge; none where it has no table."""
    path = files("bridge.sources") / "words" / f"{system}.toml"
    if not system or not path.is_file():
        return {}
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    return {**words_of(raw.pop("same_as", "")), **dict(_table(raw))}


def _table(raw: dict[str, Any]) -> list[tuple[tuple[Role | None, str], Meaning | None]]:
    return [
        ((ROLES[side], folded_word(word)), Word.model_validate(said).meaning())
        for side, words in raw.items()
        for word, said in words.items()
    ]
