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
    ("upload_key", "owner"),
    ("presentation", "holder_code"),
    ("dispute", "holder_code"),
)
"""By which a holder is found; what was sealed, and entries that are only ever added, stay as they were."""
_LONGEST = 64
"""Characters a column takes."""


def upgrade() -> None:
    op.add_column("holder_session", sa.Column("word", sa.Text(), nullable=False, server_default=""))
    for table, column in COLUMNS:
        _tidy(table, column)
    _tidy_contacts()


def _tidy(table: str, column: str) -> None:
    """Half-width, capitals, no blanks at either end: almost every number is so already."""
    col: sa.ColumnClause[str] = sa.column(column)
    rows = sa.table(table, col)
    for written, plain in _odd(sa.select(col).select_from(rows), col):
        op.get_bind().execute(sa.update(rows).where(col == written).values({column: plain}))


def _tidy_contacts() -> None:
    """A holder's; where the same address stands under the plain number already, the other reaches nobody and stays."""
    rows = sa.table("contact", *(sa.column(one) for one in ("party_kind", "party", "channel", "address", "ended")))
    twin = rows.alias("twin")
    same = (twin.c[one] == rows.c[one] for one in ("party_kind", "channel", "address"))
    there = sa.exists().where(*same, twin.c.ended.is_(None)).where(rows.c.ended.is_(None))
    theirs = rows.c.party_kind == "holder"
    for written, plain in _odd(sa.select(rows.c.party).where(theirs), rows.c.party):
        free = sa.update(rows).where(theirs, rows.c.party == written, ~there.where(twin.c.party == plain))
        op.get_bind().execute(free.values(party=plain))


def _odd(query: sa.Select[str], col: sa.ColumnElement[str]) -> list[tuple[str, str]]:
    """Numbers that are written otherwise than they are compared, and how they are compared."""
    connection = op.get_bind()
    octets = (
        sa.func.length(sa.cast(col, sa.LargeBinary))
        if connection.dialect.name == "sqlite"
        else sa.func.octet_length(col)
    )
    odd = sa.or_(col != sa.func.upper(sa.func.trim(col)), octets != sa.func.length(col))
    found = ((one, normalize("NFKC", one).strip().upper()) for one in connection.scalars(query.where(odd).distinct()))
    return [(written, plain) for written, plain in found if plain != written and len(plain) <= _LONGEST]
