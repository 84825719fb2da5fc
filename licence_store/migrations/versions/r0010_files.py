"""Search: what of one department has run out, and its licences of one type, each along an index of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

EXPIRED_AND_SAID = "next_change IS NULL AND ends <> '' AND state || '' IN ('CURRENT', 'LOST', 'SUSPENDED')"


def upgrade() -> None:
    op.create_index("ix_licence_department_id_type_code_place", "licence", ["department_id", "type_code", "place"])
    said = sa.text(EXPIRED_AND_SAID)
    op.create_index(
        "ix_licence_department_expired", "licence", ["department_id", "place"], sqlite_where=said, postgresql_where=said
    )


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
