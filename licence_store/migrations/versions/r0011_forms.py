"""Forms of a version: PDF beside OFD or instead of it, and their later states."""

import sqlalchemy as sa
from alembic import op

from licence_store.migrations.guards import append_only

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "licence_file",
        sa.Column("licence_id", sa.String(length=160), nullable=False),
        sa.Column("form", sa.String(length=8), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("renew_by", MOMENT, nullable=True),
        sa.Column("recorded", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["licence_id"], ["licence_version.licence_id"], name=op.f("fk_licence_file_licence_id_licence_version")
        ),
        sa.PrimaryKeyConstraint("licence_id", "form", "number", name=op.f("pk_licence_file")),
    )
    op.create_index("ix_licence_file_digest", "licence_file", ["digest"])
    op.create_index("ix_licence_file_renew_by", "licence_file", ["renew_by"])
    op.create_index("ix_licence_file_level", "licence_file", ["level", "recorded"])
    op.add_column("issue_intent", sa.Column("forms", sa.String(length=16), server_default="ofd", nullable=False))
    append_only("licence_file")


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
