"""Materials of a holder's space: levels, checks, provenance."""

import sqlalchemy as sa
from alembic import op

from licence_store.migrations.guards import append_only

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
MATERIAL_ID = sa.String(length=40)


def upgrade() -> None:
    op.create_table(
        "material",
        sa.Column("id", MATERIAL_ID, nullable=False),
        sa.Column("holder_code", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("upload_id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("type_code", sa.String(length=21), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=False),
        sa.Column("uploaded_by", sa.String(length=100), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_material")),
        sa.UniqueConstraint("upload_id", name=op.f("uq_material_upload_id")),
    )
    op.create_index("ix_material_holder_code_id", "material", ["holder_code", "id"])
    op.create_index("ix_material_digest", "material", ["digest"])
    _of_material("material_words", sa.Column("title", sa.String(length=200), nullable=False),
                 sa.Column("stated_number", sa.String(length=100), nullable=False))  # fmt: skip
    _of_material(
        "material_standing",
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.Column("better", sa.String(length=160), nullable=False),
        sa.Column("changed", MOMENT, nullable=False),
    )
    op.create_index(
        "ix_material_standing_waiting", "material_standing", ["material_id"],
        sqlite_where=sa.text("waiting"), postgresql_where=sa.text("waiting"),
    )  # fmt: skip
    _events()
    _cases()
    for table in ("material", "material_event", "case_material"):
        append_only(table)


def _of_material(name: str, *columns: sa.Column) -> None:
    """A table with one row for each material."""
    op.create_table(
        name,
        sa.Column("material_id", MATERIAL_ID, nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["material_id"], ["material.id"], name=op.f(f"fk_{name}_material_id_material")),
        sa.PrimaryKeyConstraint("material_id", name=op.f(f"pk_{name}")),
    )


def _events() -> None:
    op.create_table(
        "material_event",
        sa.Column("material_id", MATERIAL_ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["material_id"], ["material.id"], name=op.f("fk_material_event_material_id_material")),
        sa.PrimaryKeyConstraint("material_id", "number", name=op.f("pk_material_event")),
    )


def _cases() -> None:
    op.create_table(
        "case_material",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_number", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("received", sa.String(length=16), nullable=False),
        sa.Column("holder_code", sa.String(length=64), nullable=False),
        sa.Column("service_item", sa.String(length=200), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=False),
        sa.Column("recorded", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_material")),
    )
    op.create_index("ix_case_material_subject", "case_material", ["subject"])
    op.create_index("uq_case_material_subject", "case_material", ["case_number", "subject", "title"], unique=True)


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
