"""Requests that age closed are found by an index of their own.

Only adds, so that the previous release works on the schema after a rollback.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    aged = sa.text("parked_cause = 'aged'")
    op.create_index("request_aged", "request", ["updated_at"], sqlite_where=aged, postgresql_where=aged)
