"""Notes told by a service's own API: looked up by their mark before a second try, since such APIs know no keys."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from bridge.domain.notes import Note
from bridge.errors import RefusedInput, Rejected, Retry
from bridge.http import Sending
from bridge.sources.asked import Asked
from bridge.sources.notes import NoteChannel, NoteSettings, refuse
from bridge.sources.rows import in_path, text_at


class OwnNotes(ABC):
    """What such ways share: our log-in is the source's."""

    repeats = True

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    @abstractmethod
    def _texts(self, note: Note) -> list[str]:
        """The texts that stand at the note's request now. Raises ``IlsError`` and ``RefusedInput``."""

    @abstractmethod
    def send(self, note: Note) -> None:
        """Tell it. Raises as ``NoteChannel.send`` says."""

    def has(self, note: Note) -> bool:
        """Whether a text there bears the note's mark. Raises as ``send``."""
        try:
            return any(note.mark in text for text in self._texts(note))
        except RefusedInput as odd:
            raise Retry(str(odd)) from odd

    def close(self) -> None:
        """Close connections."""
        self._asked.close()

    def _write(
        self, method: str, path: str, body: Mapping[str, Any], *, params: Mapping[str, str] | None = None
    ) -> None:
        """Write once: a repeat would stand there twice."""
        sending = Sending(
            method,
            f"{self._asked.path.rstrip('/')}{path}",
            "[notes]",
            params=params or {},
            body=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        refuse(self._asked.answer(sending), self._asked.name, repeat_is_known=False)


class IlliadNotes(NoteSettings):
    """Settings of notes to ILLiad: staff notes of the transaction."""

    note_type: str = Field(default="Staff", description="Type of the note.", examples=["Staff"])
    path: str = Field(
        default="/Transaction/{number}/notes",
        description="Route of a transaction's notes, below url: POST adds one, GET lists them. Unverified for your release.",
        examples=["/Transaction/{number}/Note"],
    )


class IlliadChannel(OwnNotes):
    """Staff notes of ILLiad transactions. Nothing is routed: a routed status would fire your own rules."""

    def __init__(self, asked: Asked, settings: IlliadNotes) -> None:
        super().__init__(asked)
        self._settings = settings

    def _path(self, note: Note) -> str:
        return self._settings.path.replace("{number}", in_path(note.request.number))

    def _texts(self, note: Note) -> list[str]:
        rows = self._asked.get(self._path(note), template="[notes]")
        if not isinstance(rows, list):
            raise RefusedInput(f"Source {self._asked.name}: the notes are no list.")
        return [text_at(row, "Note") for row in rows]

    def send(self, note: Note) -> None:
        """Add it."""
        self._write("POST", self._path(note), {"Note": note.text, "NoteType": self._settings.note_type})


class KohaNotes(NoteSettings):
    """Settings of notes to Koha: comments of the ILL request, by a plugin's route, since Koha itself has none."""

    path: str = Field(
        description="Route of a plugin, below url, for a request's comments: POST adds one, GET lists them; {number} is the request's.",
        examples=["/api/v1/contrib/bridge/requests/{number}/comments"],
    )
    field: str = Field(default="comment", description="Field that holds the text, in both.", examples=["comment"])


class KohaChannel(OwnNotes):
    """Comments of Koha's ILL requests."""

    def __init__(self, asked: Asked, settings: KohaNotes) -> None:
        super().__init__(asked)
        self._settings = settings

    def _path(self, note: Note) -> str:
        return self._settings.path.replace("{number}", in_path(note.request.number))

    def _texts(self, note: Note) -> list[str]:
        rows = self._asked.get(self._path(note), template="[notes]")
        if not isinstance(rows, list):
            raise RefusedInput(f"Source {self._asked.name}: the comments are no list.")
        return [text_at(row, self._settings.field) for row in rows]

    def send(self, note: Note) -> None:
        """Add it."""
        self._write("POST", self._path(note), {self._settings.field: note.text})


class CrossLinkNotes(NoteSettings):
    """Settings of notes to CrossLink: the internal note of the patron request, which only our own staff see."""


class CrossLinkChannel(OwnNotes):
    """The internal note is one text that is written whole: what stands there stays, and our line goes below it."""

    def _row(self, note: Note) -> Mapping[str, Any]:
        """The patron request; the broker's own id differs from the number. Raises ``Rejected`` where it is not there."""
        side = {"borrower": "borrowing", "lender": "lending"}[note.request.role.value]
        params = {"side": side, "requester_req_id": note.request.number, "limit": "2"}
        if note.request.requester:
            params["requester_symbol"] = note.request.requester
        body = self._asked.get("/patron_requests", params)
        rows = body.get("items") if isinstance(body, dict) else None
        if not isinstance(rows, list) or len(rows) > 1:
            raise RefusedInput(f"Source {self._asked.name}: the answer names no one request.")
        return rows[0] if rows and isinstance(rows[0], dict) else {}

    def _texts(self, note: Note) -> list[str]:
        return [text_at(self._row(note), "internalNote")]

    def send(self, note: Note) -> None:
        """Read what stands there, and write it with the line."""
        try:
            row = self._row(note)
        except RefusedInput as odd:
            raise Retry(str(odd)) from odd
        if not text_at(row, "id"):
            raise Rejected(f"Source {self._asked.name} has no patron request of number {note.request.number}.")
        before = text_at(row, "internalNote")
        if note.mark in before:
            return
        text = f"{before}\n{note.text}" if before else note.text
        params = {"side": text_at(row, "side")}
        self._write(
            "PUT",
            f"/patron_requests/{in_path(text_at(row, 'id'))}/internal_note",
            {"internalNote": text},
            params=params,
        )


def own_channel(asked: Asked, settings: NoteSettings) -> NoteChannel:
    """The way that these settings describe. Raises ``TypeError`` for settings of none."""
    match settings:
        case IlliadNotes():
            return IlliadChannel(asked, settings)
        case KohaNotes():
            return KohaChannel(asked, settings)
        case CrossLinkNotes():
            return CrossLinkChannel(asked)
        case _:
            raise TypeError(type(settings).__name__)
