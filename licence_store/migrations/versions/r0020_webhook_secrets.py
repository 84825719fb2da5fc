"""Secrets of webhooks under the region's key, and their renewal."""

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled with the change it belongs to."""
