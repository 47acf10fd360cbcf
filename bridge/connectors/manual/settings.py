"""Settings of the manual connector."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from bridge.domain.commands import Verb


class ManualSettings(BaseModel):
    """A library whose ILS is worked by hand; nothing needs to be set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    not_done: tuple[Verb, ...] = Field(
        default=(),
        description="Verbs that this library does not do at all: they are passed over with a line in the history, instead of being "
        "asked of staff.",
        examples=[["note_item", "move_item", "restore_item"]],
    )
