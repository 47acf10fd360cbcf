"""Unfinished requests of which something special is true (recalled, overdue, lost …) are counted without reading the others.

Only adds, so that the previous release reads the schema after a rollback.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    special = sa.text("state not in ('closed', 'forgotten') and status != replace(status, '(', '')")
    op.create_index(
        "request_conditions", "request", ["library", "status"], sqlite_where=special, postgresql_where=special
    )
