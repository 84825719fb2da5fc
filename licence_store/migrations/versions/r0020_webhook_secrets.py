"""Secrets of webhooks under the region's key, and their renewal."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Those there are come along as they stand; whoever opens the register next locks them away."""
    op.create_table(
        "webhook_secret",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("contact_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("master", sa.BigInteger(), nullable=True),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("ends", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_webhook_secret_contact_id_contact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_secret")),
    )
    op.create_index(op.f("ix_webhook_secret_contact_id"), "webhook_secret", ["contact_id"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        op.execute("PRAGMA secure_delete = ON")  # what is dropped here is not left in free pages
    op.execute(
        "INSERT INTO webhook_secret (id, contact_id, sealed, created) "
        "SELECT id, id, secret, created FROM contact WHERE secret <> '' AND ended IS NULL"
    )
    op.drop_column("contact", "secret")


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
