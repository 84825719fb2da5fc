"""The life of a licence type: drafts, events, retirement. What was imported and granted so far becomes events."""

import sqlalchemy as sa
from alembic import op

from licence_store.migrations.guards import append_only

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("licence_type", sa.Column("state", sa.String(length=16), server_default="PUBLISHED", nullable=False))
    op.create_table(
        "type_draft",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("department", sa.String(length=32), nullable=False),
        sa.Column("hands", sa.Text(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("opened", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_type_draft")),
    )
    op.create_index(op.f("ix_type_draft_code"), "type_draft", ["code"], unique=False)
    op.create_index(op.f("ix_type_draft_state"), "type_draft", ["state"], unique=False)
    op.create_table(
        "type_event",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("department", sa.String(length=32), nullable=False),
        sa.Column("draft", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("recorded", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_type_event")),
    )
    op.create_index("ix_type_event_code_seq", "type_event", ["code", "seq"], unique=False)
    op.create_index("ix_type_event_draft", "type_event", ["draft"], unique=False)
    _remember()
    append_only("type_event")


def _remember() -> None:
    """Events for the versions and grants at hand."""
    columns = "INSERT INTO type_event (code, kind, state, version, digest, department, draft, actor, reason, recorded) "
    op.execute(
        columns + "SELECT code, 'import', 'PUBLISHED', version, digest, '', '', imported_by, '', imported "
        "FROM licence_type_version ORDER BY imported, code, version"
    )
    op.execute(
        columns + "SELECT g.type_code, 'grant', 'PUBLISHED', t.version, '', g.department_id, '', 'system', '', g.granted "
        "FROM issuing_grant g JOIN licence_type t ON t.code = g.type_code ORDER BY g.granted, g.type_code, g.department_id"
    )


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
