"""Which master key wraps a file's key."""

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled with the change it belongs to."""
