"""What every source shares: the service it speaks for, whose request a message is of, what its words and dates mean."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bridge.domain.words import PLAIN_WORDS, WordTable, folded_word
from bridge.sources.notes import HookNotes, NoteSettings
from bridge.sources.vocabulary import Explained, Words, words_of
from bridge.values import zone_name


class System(StrEnum):
    """Resource-sharing systems that a source can say it speaks for."""

    UNSAID = ""
    ALMA = "alma"
    CROSSLINK = "crosslink"
    RESHARE = "reshare"
    TIPASA = "tipasa"
    WORLDSHARE = "worldshare"
    ILLIAD = "illiad"
    RELAIS = "relais"
    VDX = "vdx"
    KOHA = "koha"
    SPYDUS = "spydus"
    RAPIDO = "rapido"
    OTHER = "other"


class SourceSettings(BaseModel):
    """Settings that every kind of source has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: str = Field(
        min_length=1,
        max_length=100,
        description="Name of the resource-sharing service; a poll and a webhook of one service name the same one.",
        examples=["tipasa"],
    )
    system: System = Field(
        default=System.UNSAID,
        description="The resource-sharing system behind it, so that `ill-bridge check` knows what it may do to your ILS by itself: "
        f"{', '.join(filter(None, System))}.",
        examples=["tipasa"],
    )
    circulation_by_service: bool | tuple[str, ...] | None = Field(
        default=None,
        description="Whether the service does the circulation in the ILS itself (its own NCIP or API is on): false, true, or the names of "
        "our libraries for which it does. Where it does, the bridge must not do it too.",
        examples=[False],
    )
    library: str = Field(default="", description="Our library, where a message names none.", examples=["main"])
    libraries: dict[str, str] = Field(
        default_factory=dict, description="The service's name of a library = our name of it.", examples=[{}]
    )
    requester: str = Field(
        default="", description="The requesting agency, where a message names none.", examples=["OCLC-ABC"]
    )
    timezone: str = Field(
        default="UTC",
        description="Zone (IANA) of times without one, and of the day a due date that comes as an instant stands for.",
        examples=["Europe/Berlin"],
    )
    partner_timezones: dict[str, str] = Field(
        default_factory=dict, description="Zones of partners whose due dates stand in their own.", examples=[{}]
    )
    words: dict[str, Explained] = Field(
        default_factory=dict,
        description="The service's words and what they mean, beside and above those that the bridge knows; one that means different things "
        "on the two sides of a loan takes a list with a role each.",
        examples=[{}],
    )

    notes: HookNotes | None = Field(
        default=None,
        description="Lines of the history posted to the service, a table of its own; left out: none are.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.notes is not None and getattr(self, "own_notes", None) is not None:
            raise ValueError("notes and own_notes are two ways to tell the same: keep one")
        return self

    @property
    def note_settings(self) -> NoteSettings | None:
        """How lines of the history are told to this service, if at all."""
        return self.notes

    def circulates(self, library: str) -> bool | None:
        """Whether the service itself circulates for this library of ours; ``None`` where nobody has said."""
        said = self.circulation_by_service
        return library in said if isinstance(said, tuple) else said

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return zone_name(value)

    @field_validator("partner_timezones")
    @classmethod
    def _known_zones(cls, value: dict[str, str]) -> dict[str, str]:
        return {partner: zone_name(zone) for partner, zone in value.items()}

    @cached_property
    def table(self) -> WordTable:
        """The service's words over those of its system, and these over the plain ones."""
        own = self.own_words
        for_both = {word for role, word in own if role is None}
        known = {**PLAIN_WORDS.words, **words_of(self.system)}
        kept = {named: meaning for named, meaning in known.items() if named[1] not in for_both}
        return WordTable({**kept, **own})

    @property
    def own_words(self) -> Words:
        """The words that the configuration explains."""
        return {(each.role, folded_word(name)): each.meaning() for name, said in self.words.items() for each in said}

    def zone(self, partner: str = "") -> ZoneInfo:
        """The zone in which this partner's dates stand."""
        return ZoneInfo(self.partner_timezones.get(partner, self.timezone))

    def instant(self, value: datetime) -> datetime:
        """An aware instant in UTC; a time without a zone stands in the source's."""
        aware = value if value.tzinfo else value.replace(tzinfo=self.zone())
        return aware.astimezone(UTC)

    def day(self, value: date | datetime, partner: str = "") -> date:
        """The calendar day a due date stands for: an instant is the day in the partner's zone at that instant (rule 11)."""
        if not isinstance(value, datetime):
            return value
        return value.astimezone(self.zone(partner)).date() if value.tzinfo else value.date()
