"""The life of a licence type."""

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in with the work it belongs to."""


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
