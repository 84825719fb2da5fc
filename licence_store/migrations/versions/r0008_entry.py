"""Scan entry, cases and proof documents."""

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in with the work it belongs to."""


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
