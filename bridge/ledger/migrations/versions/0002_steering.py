"""Steering: pauses, quotas, batches of orders, requests to be looked at afresh; longer names of steps.

Only adds, so that the previous release reads the schema after a rollback.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = {"type_": sa.String(length=300), "existing_nullable": False}


def upgrade() -> None:
    with op.batch_alter_table("step") as batch_op:
        batch_op.alter_column("key", existing_type=sa.String(length=200), **TEXT)
    with op.batch_alter_table("history") as batch_op:
        batch_op.alter_column("step", existing_type=sa.String(length=200), existing_server_default="", **TEXT)
    deletions = sa.text("verb = 'delete_temporary_item'")
    op.create_index("step_deletions", "step", ["started_at"], sqlite_where=deletions, postgresql_where=deletions)
    op.add_column("request", sa.Column("afresh", sa.Integer(), server_default="0", nullable=False))
    op.add_column("lane", sa.Column("closed_at", sa.BigInteger(), nullable=True))
    op.add_column("lane", sa.Column("held_until", sa.BigInteger(), nullable=True))
    op.add_column("lane", sa.Column("held_why", sa.Text(), server_default="", nullable=False))
    op.add_column("staff_order", sa.Column("batch", sa.String(length=60), server_default="", nullable=False))
    op.add_column("staff_order", sa.Column("taken_at", sa.BigInteger(), nullable=True))
    batched = sa.text("batch != ''")
    op.create_index("staff_order_batch", "staff_order", ["batch"], sqlite_where=batched, postgresql_where=batched)
    op.create_table(
        "library",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("held_until", sa.BigInteger(), nullable=True),
        sa.Column("held_why", sa.Text(), server_default="", nullable=False),
        sa.Column("held_cause", sa.String(length=40), server_default="", nullable=False),
        sa.Column("quota_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
