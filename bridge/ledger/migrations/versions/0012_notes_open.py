"""Notes that were not told are counted at every look: a partial index holds them, so that those of the last month are not read.

Only adds, so that the previous release works on the schema after a rollback.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    open_ = sa.text("sent_at is null")
    op.create_index("note_open", "note", ["source", "dropped_at", "at"], sqlite_where=open_, postgresql_where=open_)
