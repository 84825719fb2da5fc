"""The life of a licence: how each stands, what its events say besides, which lists are out of date."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
EVENTS_OF_TIME = "kind IN ('expire', 'overdue')"


def upgrade() -> None:
    _standing()
    _events()
    _versions()
    _backfill()


def _standing() -> None:
    """The projection on the licence."""
    for column in (
        sa.Column('state', sa.String(length=32), server_default='CURRENT', nullable=False),
        sa.Column('since', MOMENT, server_default='1970-01-01 00:00:00.000000', nullable=False),
        sa.Column('ends', sa.String(length=10), server_default='', nullable=False),
        sa.Column('inspect_year', sa.Integer(), nullable=True),
        sa.Column('inspect_by', MOMENT, nullable=True),
        sa.Column('next_change', MOMENT, nullable=True),
        sa.Column('predecessor', sa.String(length=160), server_default='', nullable=False),
        sa.Column('successor', sa.String(length=160), server_default='', nullable=False),
    ):
        op.add_column('licence', column)
    for name, columns, where in (
        ('ix_licence_next_change', ['next_change'], 'next_change IS NOT NULL'),
        ('ix_licence_inspect', ['type_code', 'inspect_year', 'base'], 'inspect_year IS NOT NULL'),
    ):
        op.create_index(
            name, 'licence', columns, unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )


def _events() -> None:
    for column in (
        sa.Column('role', sa.String(length=16), server_default='officer', nullable=False),
        sa.Column('basis', sa.String(length=500), server_default='', nullable=False),
        sa.Column('due_year', sa.Integer(), nullable=True),
        sa.Column('due', MOMENT, nullable=True),
        sa.Column('period', sa.String(length=10), server_default='', nullable=False),
        sa.Column('result', sa.String(length=32), server_default='', nullable=False),
        sa.Column('remarks', sa.Text(), server_default='', nullable=False),
        sa.Column('evidence', sa.String(length=64), server_default='', nullable=False),
        sa.Column('evidence_name', sa.String(length=200), server_default='', nullable=False),
    ):
        op.add_column('licence_event', column)
    where = sa.text("evidence <> ''")
    op.create_index(
        'ix_licence_event_evidence', 'licence_event', ['evidence'], sqlite_where=where, postgresql_where=where
    )
    op.create_index(
        'uq_licence_event_time', 'licence_event', ['base', 'version', 'kind', 'effective'], unique=True,
        sqlite_where=sa.text(EVENTS_OF_TIME), postgresql_where=sa.text(EVENTS_OF_TIME),
    )


def _versions() -> None:
    """What a reservation is for; paper copies; the count of changes of each status list."""
    op.add_column('issue_intent', sa.Column('kind', sa.String(length=16), server_default='issue', nullable=False))
    op.execute("UPDATE issue_intent SET kind = 'reseal' WHERE version > 1")
    for table in ('issue_intent', 'licence_version'):
        op.add_column(table, sa.Column('paper', sa.Text(), server_default='', nullable=False))
    op.add_column('status_list_index', sa.Column('changes', sa.BigInteger(), server_default='0', nullable=False))


def _backfill() -> None:
    """Licences issued before: how each stands follows from its events and its newest version."""
    last = (
        "SELECT {column} FROM licence_event e WHERE e.base = licence.base ORDER BY e.effective DESC, e.id DESC LIMIT 1"
    )
    first = (
        "SELECT min(e.effective) FROM licence_event e WHERE e.base = licence.base AND e.state = licence.state "
        "AND NOT EXISTS (SELECT 1 FROM licence_event o WHERE o.base = e.base AND o.state <> licence.state "
        "AND (o.effective > e.effective OR (o.effective = e.effective AND o.id > e.id)))"
    )
    newest = "SELECT v.valid_to FROM licence_version v WHERE v.base = licence.base AND v.version = licence.version"
    end = (
        "ends || ' 16:00:00.000000'"
        if op.get_bind().dialect.name == "sqlite"
        else "(ends || ' 16:00:00+00')::timestamptz"
    )  # midnight in Beijing, after the last valid day
    op.execute(f"UPDATE licence SET state = ({last.format(column='e.state')}), ends = ({newest})")
    op.execute(f"UPDATE licence SET since = ({first})")
    op.execute(
        f"UPDATE licence SET next_change = {end} WHERE ends <> '' AND state NOT IN "
        "('REVOKED', 'ANNULLED', 'CANCELLED', 'TRANSFERRED', 'SUPERSEDED')"
    )


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
