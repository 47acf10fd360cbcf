"""Due-date alignment: temporary items whose loan by the desk is watched, and requests that are to be looked at for it.

Only adds, so that the previous release reads the schema after a rollback.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("request", sa.Column("look", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "loan_watch",
        sa.Column("request_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("item", sa.String(length=100), nullable=False),
        sa.Column("barcode", sa.String(length=300), nullable=False),
        sa.Column("lane", sa.String(length=100), nullable=False),
        sa.Column("look_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"]),
        sa.PrimaryKeyConstraint("request_id", "item", "barcode"),
    )
    op.create_index("loan_watch_item", "loan_watch", ["lane", "item"])
    op.create_index("loan_watch_barcode", "loan_watch", ["lane", "barcode"])
    to_look = sa.text("look_at is not null")
    op.create_index("loan_watch_due", "loan_watch", ["lane", "look_at"], sqlite_where=to_look, postgresql_where=to_look)
