"""Parked requests that are tried again by themselves are found by an index of their own.

Only adds, so that the previous release works on the schema after a rollback; it does not look at them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    again = sa.text("state = 'parked' and due_at is not null")
    op.create_index("request_again", "request", ["lane", "due_at"], sqlite_where=again, postgresql_where=again)
