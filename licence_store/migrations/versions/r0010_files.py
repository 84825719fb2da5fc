"""Files beside the OFD."""

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in with the work it belongs to."""


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
