"""Jobs and their schedule."""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in with the work it belongs to."""


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
