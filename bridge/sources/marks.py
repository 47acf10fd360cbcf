"""How far each list of a source was read: the newest time seen, by the source's own clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Marks:
    """List → newest time seen (aware). A source of one nameless list writes the time alone."""

    newest: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> Marks:
        """As a cursor has it; one that cannot be read, say of another kind of source, is none."""
        try:
            if not cursor:
                return cls()
            if cursor.startswith("{"):
                return cls({name: datetime.fromisoformat(at) for name, at in json.loads(cursor).items()})
            return cls({"": datetime.fromisoformat(cursor)})
        except (ValueError, TypeError, AttributeError):
            return cls()

    def at(self, name: str) -> datetime | None:
        """How far this list was read."""
        return self.newest.get(name)

    def moved(self, name: str, moment: datetime | None) -> Marks:
        """With this list read so far; never back."""
        known = self.at(name)
        if moment is None or (known is not None and known >= moment):
            return self
        return Marks({**self.newest, name: moment})

    def text(self) -> str:
        """For the ledger."""
        if not self.newest:
            return ""
        if set(self.newest) == {""}:
            return self.newest[""].isoformat()
        return json.dumps({name: at.isoformat() for name, at in sorted(self.newest.items())})
