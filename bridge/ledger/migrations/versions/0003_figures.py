"""Figures for those who watch: open requests by library, state and cause; when a source last spoke, and was last polled well.

Only adds, so that the previous release reads the schema after a rollback.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    unfinished = sa.text("state not in ('closed', 'forgotten')")
    op.create_index(
        "request_figures",
        "request",
        ["library", "state", "parked_cause", "lane", "due_at"],
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )
    op.create_index("inbox_heard", "inbox", ["source", "received_at"])
    op.add_column("cursor", sa.Column("succeeded_at", sa.BigInteger(), nullable=True))
