"""Small facts about the ledger itself: who it is, and how far it had come."""

from __future__ import annotations

import uuid
from contextlib import suppress

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from bridge.ledger import schema
from bridge.ledger.database import Database

META = schema.meta


class Meta:
    """Named values, and the ledger's high-water mark."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def identity(self) -> str:
        """The ledger's own name, made when it is first asked for; a restored copy keeps it."""
        with self._database.write() as connection:
            query = select(META.c.value).where(META.c.name == "identity").with_for_update()
            found = connection.execute(query).scalar()
            if found is None:
                with suppress(IntegrityError), connection.begin_nested():  # another daemon was quicker
                    connection.execute(insert(META).values(name="identity", value=uuid.uuid4().hex))
                found = connection.execute(query).scalar_one()
        return str(found)

    def high_water(self) -> int:
        """The id of the latest history line: it only grows, unless an older copy is put in the ledger's place."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.max(schema.history.c.id))).scalar() or 0)
