"""Digest and alerts: troubles that stand, notices to be sent, ILL accounts, since when a request is parked.

Only adds, so that the previous release reads the schema after a rollback.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("request", sa.Column("parked_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "alert",
        sa.Column("id", key, autoincrement=True, nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("library", sa.String(length=100), server_default="", nullable=False),
        sa.Column("cause", sa.String(length=60), server_default="", nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.Column("told", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    standing = sa.text("ended_at is null")
    op.create_index(
        "alert_standing", "alert", ["subject"], unique=True, sqlite_where=standing, postgresql_where=standing
    )
    op.create_index("alert_ended", "alert", ["ended_at"])
    op.create_table(
        "notice",
        sa.Column("id", key, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("audience", sa.String(length=100), server_default="", nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("taken_until", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("dropped_at", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key", "channel", "audience", name="notice_once"),
    )
    unsent = sa.text("sent_at is null and dropped_at is null")
    op.create_index("notice_unsent", "notice", ["due_at"], sqlite_where=unsent, postgresql_where=unsent)
    op.create_table(
        "ill_account",
        sa.Column("lane", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("ask_at", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.String(length=10), server_default="", nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("lane", "name"),
    )
