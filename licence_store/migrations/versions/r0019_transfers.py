"""Transfers between regions and events to subscribers."""

import sqlalchemy as sa
from alembic import op

from licence_store.migrations.guards import append_only

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
APPEND_ONLY = ("transfer_paper",)


def upgrade() -> None:
    _crossing()
    op.create_table(
        "transfer",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("region_name", sa.String(length=200), nullable=False),
        sa.Column("licence_id", sa.String(length=160), nullable=False),
        sa.Column("file_digest", sa.String(length=64), nullable=False),
        sa.Column("type_code", sa.String(length=21), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("successor", sa.String(length=160), nullable=False),
        sa.Column("successor_digest", sa.String(length=64), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("changed", MOMENT, nullable=False),
        sa.Column("unsent", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", MOMENT, nullable=True),
        sa.Column("failure", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"], ["department.id"], name=op.f("fk_transfer_department_id_department")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
    )
    op.create_index("ix_transfer_department_id", "transfer", ["department_id", "created"], unique=False)
    op.create_index(op.f("ix_transfer_licence_id"), "transfer", ["licence_id"], unique=False)
    op.create_index(op.f("ix_transfer_successor"), "transfer", ["successor"], unique=False)
    op.create_table(
        "transfer_paper",
        sa.Column("transfer_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("recorded", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfer.id"], name=op.f("fk_transfer_paper_transfer_id_transfer")
        ),
        sa.PrimaryKeyConstraint("transfer_id", "kind", name=op.f("pk_transfer_paper")),
    )
    op.create_table(
        "event_subscription",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("scheme", sa.String(length=8), nullable=False),
        sa.Column("departments", sa.Text(), nullable=False),
        sa.Column("types", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("paused", MOMENT, nullable=True),
        sa.Column("ended", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_subscription")),
    )
    for table in APPEND_ONLY:
        append_only(table)


def _crossing() -> None:
    op.create_table(
        "known_elsewhere",
        sa.Column("licence", sa.String(length=160), nullable=False),
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("address", sa.String(length=500), nullable=False),
        sa.Column("place", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("licence", name=op.f("pk_known_elsewhere")),
    )


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
