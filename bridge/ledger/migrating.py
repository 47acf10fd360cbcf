"""The schema's versions: bringing a database to this release's, and standing one that a newer release left behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select, update

from bridge.errors import ConfigurationError
from bridge.ledger.schema import meta

MIGRATIONS = Path(__file__).with_name("migrations")
READABLE_BY = "0001"
"""The oldest schema version whose release can work on what this release writes.

It is raised, together with a migration (an empty one will do), only by a release that breaks with an older one: by its schema, or by a word
in a document that the older one cannot read.
"""
TOO_OLD = (
    "ledger: its schema ({newer}) is of a newer release, and this one ({head}) is too old to work on it (it takes {oldest}): "
    "run a newer release, or restore the backup made before the upgrade"
)


@dataclass(frozen=True)
class Revision:
    """Where a schema stands, and where this release's does. ``newer``: a later release was here."""

    stands: str
    head: str
    newer: bool

    @property
    def current(self) -> bool:
        """Whether it is this release's."""
        return self.stands == self.head


def revision(connection: Connection) -> Revision:
    """Where the schema of this database stands; nowhere (empty) where there is none yet."""
    script = ScriptDirectory(str(MIGRATIONS))
    stands = MigrationContext.configure(connection).get_current_revision() or ""
    known = {each.revision for each in script.walk_revisions()}
    return Revision(stands, str(script.get_current_head()), newer=bool(stands) and stands not in known)


def migrate(connection: Connection) -> Revision:
    """Bring the schema to this release's version; safe to run again. Answers where it stood.

    A schema that a newer release left behind is kept as it is, since migrations only add. Raises ``ConfigurationError`` where that
    release wrote that this one is too old for its ledger.
    """
    before = revision(connection)
    if before.newer:
        oldest = _said(connection) or ""
        if before.head < oldest:
            raise ConfigurationError((TOO_OLD.format(newer=before.stands, head=before.head, oldest=oldest),))
        return before
    if not before.current:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    _say(connection)
    return before


def _said(connection: Connection) -> str | None:
    found = connection.execute(select(meta.c.value).where(meta.c.name == "readable_by")).scalar()
    return None if found is None else str(found)


def _say(connection: Connection) -> None:
    """Write down who can work on this ledger; what a later release with the same schema wrote is kept."""
    said = _said(connection)
    if said is None:
        connection.execute(insert(meta).values(name="readable_by", value=READABLE_BY))
    elif said < READABLE_BY:
        connection.execute(update(meta).where(meta.c.name == "readable_by").values(value=READABLE_BY))
