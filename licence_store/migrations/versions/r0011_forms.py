"""Forms of a version: PDF beside OFD or instead of it, and their later states."""

import sqlalchemy as sa
from alembic import op

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
    _guard("licence_file")


def _guard(table: str) -> None:
    """Only ever added: the database refuses to change or delete a row."""
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
