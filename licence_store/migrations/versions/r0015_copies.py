"""Purpose-limited copies: grants, links, uses."""

import sqlalchemy as sa
from alembic import op

from licence_store.migrations.guards import append_only

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
GROWING = ("copy_grant", "copy_end", "copy_use", "copy_refusal", "copy_link", "copy_link_end")


def upgrade() -> None:
    _grants()
    _uses()
    _links()
    for table in GROWING:
        append_only(table)


def _grants() -> None:
    op.create_table(
        "copy_grant",
        _text("copy_id", 40),
        _text("holder_code", 64),
        _text("holder_kind", 16),
        _text("source_kind", 16),
        _text("source_id", 160),
        _text("title", 400),
        _text("type_code", 21),
        _text("level", 1),
        _text("recipient", 200),
        _text("purpose", 200),
        _text("service_item", 200),
        _text("case_number", 100),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("original_check", sa.Boolean(), nullable=False),
        _text("form", 8),
        sa.Column("terms", sa.Text(), nullable=False),
        _text("digest", 64),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("made", MOMENT, nullable=False),
        _text("made_by", 100),
        sa.PrimaryKeyConstraint("copy_id", name=op.f("pk_copy_grant")),
        sa.UniqueConstraint("copy_id", "uses", name=op.f("uq_copy_grant_copy_id_uses")),
    )
    op.create_index("ix_copy_grant_holder_code_made", "copy_grant", ["holder_code", "made"])
    op.create_index("ix_copy_grant_source_kind_source_id", "copy_grant", ["source_kind", "source_id"])
    op.create_index(op.f("ix_copy_grant_digest"), "copy_grant", ["digest"])
    op.create_table(
        "copy_file",
        _text("copy_id", 40),
        _text("file", 64),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        _of_grant("copy_file"),
        sa.PrimaryKeyConstraint("copy_id", name=op.f("pk_copy_file")),
    )
    op.create_index(op.f("ix_copy_file_file"), "copy_file", ["file"])
    op.create_index(op.f("ix_copy_file_until"), "copy_file", ["until"])
    op.create_table(
        "copy_end",
        _text("copy_id", 40),
        sa.Column("at", MOMENT, nullable=False),
        _text("actor", 100),
        _text("reason", 500),
        _of_grant("copy_end"),
        sa.PrimaryKeyConstraint("copy_id", name=op.f("pk_copy_end")),
    )


def _uses() -> None:
    op.create_table(
        "copy_use",
        _text("copy_id", 40),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        _text("actor", 100),
        _text("department", 32),
        _text("recipient", 200),
        _text("purpose", 200),
        _text("service_item", 200),
        _text("case_number", 100),
        sa.Column("original_seen", sa.Boolean(), nullable=False),
        _text("digest", 64),
        _text("key", 200),
        sa.CheckConstraint("number >= 1 AND (uses = 0 OR number <= uses)", name=op.f("ck_copy_use_within")),
        sa.ForeignKeyConstraint(
            ["copy_id", "uses"],
            ["copy_grant.copy_id", "copy_grant.uses"],
            name=op.f("fk_copy_use_copy_id_uses_copy_grant"),
        ),
        sa.PrimaryKeyConstraint("copy_id", "number", name=op.f("pk_copy_use")),
    )
    op.create_index("uq_copy_use_key", "copy_use", ["copy_id", "actor", "key"], unique=True)
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "copy_refusal",
        sa.Column("id", serial, autoincrement=True, nullable=False),
        _text("copy_id", 40),
        sa.Column("at", MOMENT, nullable=False),
        _text("actor", 100),
        _text("department", 32),
        _text("recipient", 200),
        _text("purpose", 200),
        _text("case_number", 100),
        _text("code", 64),
        _text("reason", 500),
        _of_grant("copy_refusal"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_copy_refusal")),
    )
    op.create_index(op.f("ix_copy_refusal_copy_id"), "copy_refusal", ["copy_id"])


def _links() -> None:
    op.create_table(
        "copy_link",
        _text("id", 40),
        _text("copy_id", 40),
        _text("digest", 64),
        sa.Column("made", MOMENT, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        _text("made_by", 100),
        _of_grant("copy_link"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_copy_link")),
        sa.UniqueConstraint("digest", name=op.f("uq_copy_link_digest")),
    )
    op.create_index(op.f("ix_copy_link_copy_id"), "copy_link", ["copy_id"])
    op.create_table(
        "copy_link_end",
        _text("link_id", 40),
        _text("kind", 16),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["copy_link.id"], name=op.f("fk_copy_link_end_link_id_copy_link")),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk_copy_link_end")),
    )


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _of_grant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["copy_id"], ["copy_grant.copy_id"], name=op.f(f"fk_{table}_copy_id_copy_grant"))


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
