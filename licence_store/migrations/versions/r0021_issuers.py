"""Several issuers of sign-in."""

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled with the change it belongs to."""
