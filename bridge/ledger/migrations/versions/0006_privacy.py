"""Since when a request is finished, whether its patron and title are gone, whether they are to go at its end; bodies that are still kept.

Only adds, so that the previous release reads the schema after a rollback.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("request", sa.Column("settled_at", sa.BigInteger(), nullable=True))
    op.add_column("request", sa.Column("purged_at", sa.BigInteger(), nullable=True))
    op.add_column("request", sa.Column("erase", sa.Integer(), server_default="0", nullable=False))
    purgeable = sa.text("state in ('closed', 'forgotten') and purged_at is null")
    erase = sa.text("erase = 1")
    body = sa.text("body != ''")
    op.create_index(
        "request_purge", "request", ["settled_at", "id"], sqlite_where=purgeable, postgresql_where=purgeable
    )
    op.create_index("request_erase", "request", ["id"], sqlite_where=erase, postgresql_where=erase)
    op.create_index("inbox_bodies", "inbox", ["received_at"], sqlite_where=body, postgresql_where=body)
