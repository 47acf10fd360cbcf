"""Lines of the history that are still to be told to a service have a table of their own.

Only adds, so that the previous release works on the schema after a rollback.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    unsent = sa.text("sent_at is null and dropped_at is null")
    op.create_table(
        "note",
        sa.Column("id", key, primary_key=True, autoincrement=True),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("request_id", key, sa.ForeignKey("request.id"), nullable=False),
        sa.Column("history_id", key, nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("unsure", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("taken_until", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("dropped_at", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False, server_default=""),
        sa.UniqueConstraint("source", "history_id", name="note_once"),
    )
    op.create_index("note_unsent", "note", ["source", "due_at"], sqlite_where=unsent, postgresql_where=unsent)
    op.create_index("note_order", "note", ["request_id", "id"], sqlite_where=unsent, postgresql_where=unsent)
