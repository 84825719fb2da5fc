"""The use ledger, presentations and disputes."""

import sqlalchemy as sa
from alembic import op

from licence_store.migrations.guards import append_only

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _ledger()
    _presentations()
    _disputes()
    append_only("use_entry")
    append_only("dispute_event")
    _forward("use_head")


def _ledger() -> None:
    op.create_table(
        "use_entry",
        sa.Column("holder_code", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("who_id", sa.String(length=100), nullable=False),
        sa.Column("department", sa.String(length=32), nullable=False),
        sa.Column("why", sa.String(length=500), nullable=False),
        sa.Column("result", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("holder_code", "seq", name=op.f("pk_use_entry")),
    )
    op.create_index("ix_use_entry_subject", "use_entry", ["holder_code", "subject", "seq"])
    op.create_table(
        "use_head",
        sa.Column("holder_code", sa.String(length=64), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("holder_code", name=op.f("pk_use_head")),
    )


def _presentations() -> None:
    op.create_table(
        "presentation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("holder_code", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=100), nullable=False),
        sa.Column("base", sa.String(length=160), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("verifier", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("made", MOMENT, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.Column("opened", MOMENT, nullable=True),
        sa.Column("opened_by", sa.String(length=200), nullable=False),
        sa.Column("claim_digest", sa.String(length=64), nullable=False),
        sa.Column("ended", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presentation")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_presentation_token_digest")),
    )
    op.create_index("ix_presentation_holder", "presentation", ["holder_code", "made"])
    op.create_index("ix_presentation_code", "presentation", ["code_digest", "expires"])


def _disputes() -> None:
    op.create_table(
        "dispute",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("holder_code", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("entry_seq", sa.BigInteger(), nullable=True),
        sa.Column("entry_digest", sa.String(length=64), nullable=False),
        sa.Column("field", sa.String(length=100), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("opened", MOMENT, nullable=False),
        sa.Column("deadline", MOMENT, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("closed", MOMENT, nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
    )
    op.create_index("ix_dispute_department", "dispute", ["department_id", "state", "deadline"])
    op.create_index("ix_dispute_holder", "dispute", ["holder_code", "opened"])
    op.create_table(
        "dispute_event",
        sa.Column("dispute_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dispute_id"], ["dispute.id"], name=op.f("fk_dispute_event_dispute_id_dispute")),
        sa.PrimaryKeyConstraint("dispute_id", "number", name=op.f("pk_dispute_event")),
    )


def _forward(table: str) -> None:
    """Only ever counted up: the database refuses to take a head back or away."""
    if op.get_bind().dialect.name == "sqlite":
        back = "NEW.count <= OLD.count OR NEW.holder_code <> OLD.holder_code"
        for act, when in (("UPDATE", f"WHEN {back}"), ("DELETE", "")):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} {when} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_forward BEFORE UPDATE ON {table} FOR EACH ROW "
        "WHEN (NEW.count <= OLD.count OR NEW.holder_code <> OLD.holder_code) EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_kept BEFORE DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
