"""The audit: when a request was last looked at, what was found, and how far the list of what bears our mark has been read.

Only adds, so that the previous release reads the schema after a rollback.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("request", sa.Column("audited_at", sa.BigInteger(), nullable=True))
    calm = sa.text("state in ('in_step', 'observed', 'staff', 'parked')")
    closed = sa.text("state = 'closed'")
    for name, columns, where in (
        ("request_audit", ["library", "audited_at", "created_at"], calm),
        ("request_closed", ["library", "updated_at", "audited_at"], closed),
    ):
        op.create_index(name, "request", columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "audit_finding",
        sa.Column("id", key, autoincrement=True, nullable=False),
        sa.Column("subject", sa.String(length=400), nullable=False),
        sa.Column("library", sa.String(length=100), server_default="", nullable=False),
        sa.Column("lane", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("request_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("barcode", sa.String(length=200), server_default="", nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("repair", sa.Text(), server_default="", nullable=False),
        sa.Column("advice", sa.Text(), server_default="", nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    stands = sa.text("gone_at is null")
    op.create_index(
        "audit_finding_stands", "audit_finding", ["subject"], unique=True, sqlite_where=stands, postgresql_where=stands
    )
    op.create_index("audit_finding_of", "audit_finding", ["request_id"], sqlite_where=stands, postgresql_where=stands)
    op.create_index("audit_finding_gone", "audit_finding", ["gone_at"])
    op.create_table(
        "audit_list",
        sa.Column("lane", sa.String(length=100), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=True),
        sa.Column("following", sa.Text(), server_default="", nullable=False),
        sa.Column("listed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("lane"),
    )
