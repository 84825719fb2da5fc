"""Numbers of holders in one form: what several issuers of identities, and people, write in several. What an issuer is
shown by a terminal that signs somebody out.
"""

from unicodedata import normalize

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

COLUMNS = (
    ("licence", "holder_code"),
    ("holder_account", "code"),
    ("delegation", "holder_code"),
    ("delegation", "delegate_code"),
)
"""By which a holder is found; what was sealed, and entries that are only ever added, stay as they were."""


def upgrade() -> None:
    op.add_column("holder_session", sa.Column("word", sa.Text(), nullable=False, server_default=""))
    for table, column in COLUMNS:
        _tidy(table, column)


def _tidy(table: str, column: str) -> None:
    """Half-width, capitals, no blanks at either end: almost every number is so already."""
    connection = op.get_bind()
    col: sa.ColumnClause[str] = sa.column(column)
    octets = (
        sa.func.length(sa.cast(col, sa.LargeBinary))
        if connection.dialect.name == "sqlite"
        else sa.func.octet_length(col)
    )
    odd = sa.or_(col != sa.func.upper(sa.func.trim(col)), octets != sa.func.length(col))
    rows = sa.table(table, col)
    for written in connection.execute(sa.select(col).select_from(rows).where(odd).distinct()).scalars().all():
        plain = normalize("NFKC", written).strip().upper()
        if plain != written:
            connection.execute(sa.update(rows).where(col == written).values({column: plain}))
