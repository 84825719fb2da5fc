"""Which master key wraps a file's key, or a caller's secret: what an older one wraps is found and wrapped anew."""

from base64 import b64decode

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_HEAD = 4
"""What is wrapped begins with the master's number in so many octets."""


def upgrade() -> None:
    for table in ("upload_key", "copy_file"):
        op.add_column(table, sa.Column("master", sa.BigInteger(), server_default="0", nullable=False))
        _fill(table)
        op.create_index(op.f(f"ix_{table}_master"), table, ["master"])
    op.add_column("sharing_key", sa.Column("master", sa.BigInteger(), nullable=True))
    _fill_secrets()


def _fill(table: str) -> None:
    """There are as many heads as there were masters: few."""
    bind = op.get_bind()
    head = f"substr(wrapped, 1, {_HEAD})"
    named = sa.text(f"UPDATE {table} SET master = :number WHERE {head} = :head")  # noqa: S608 - names of ours
    for (found,) in bind.execute(sa.text(f"SELECT DISTINCT {head} FROM {table}")).all():  # noqa: S608
        if not found:  # spoilt: nothing opens it, and it stops nothing
            continue
        bind.execute(named, {"number": int.from_bytes(found, "big"), "head": bytes(found)})


def _fill_secrets() -> None:
    bind = op.get_bind()
    named = sa.text("UPDATE sharing_key SET master = :number WHERE id = :id")
    for key_id, wrapped in bind.execute(sa.text("SELECT id, public FROM sharing_key WHERE kind = 'hmac'")).all():
        bind.execute(named, {"number": int.from_bytes(b64decode(wrapped)[:_HEAD], "big"), "id": key_id})


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
