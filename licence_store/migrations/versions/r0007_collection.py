"""Collection, cleansing and quarantine."""

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in with the work it belongs to."""


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
