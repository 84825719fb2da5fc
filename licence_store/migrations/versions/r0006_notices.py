"""Notices and their delivery."""

import sqlalchemy as sa
from alembic import op

from licence_store.migrations.guards import append_only

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _contacts()
    _notices()
    _deliveries()
    append_only("notice_attempt")


def _contacts() -> None:
    op.create_table('contact',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('party_kind', sa.String(length=16), nullable=False),
    sa.Column('party', sa.String(length=64), nullable=False),
    sa.Column('channel', sa.String(length=16), nullable=False),
    sa.Column('address', sa.String(length=500), nullable=False),
    sa.Column('language', sa.String(length=8), nullable=False),
    sa.Column('secret', sa.String(length=100), nullable=False),
    sa.Column('created', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.String(length=100), nullable=False),
    sa.Column('ended', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_by', sa.String(length=100), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_contact'))
    )
    valid = sa.text("ended IS NULL")
    op.create_index('uq_contact_valid', 'contact', ['party_kind', 'party', 'channel', 'address'], unique=True, sqlite_where=valid, postgresql_where=valid)


def _notices() -> None:
    op.create_table('notice',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('licence_id', sa.String(length=160), nullable=False),
    sa.Column('occasion', sa.String(length=64), nullable=False),
    sa.Column('party_kind', sa.String(length=16), nullable=False),
    sa.Column('party', sa.String(length=64), nullable=False),
    sa.Column('department', sa.String(length=32), nullable=False),
    sa.Column('facts', sa.Text(), nullable=False),
    sa.Column('created', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notice'))
    )
    op.create_index('uq_notice_occasion', 'notice', ['licence_id', 'occasion', 'party_kind', 'party'], unique=True)
    op.create_index('ix_notice_party', 'notice', ['party_kind', 'party', 'id'], unique=False)


def _deliveries() -> None:
    op.create_table('notice_delivery',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('notice_id', sa.String(length=32), nullable=False),
    sa.Column('channel', sa.String(length=16), nullable=False),
    sa.Column('contact_id', sa.String(length=32), nullable=False),
    sa.Column('language', sa.String(length=8), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('due', sa.DateTime(timezone=True), nullable=False),
    sa.Column('settled', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['notice_id'], ['notice.id'], name=op.f('fk_notice_delivery_notice_id_notice')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notice_delivery'))
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index('ix_notice_delivery_due', 'notice_delivery', ['due', 'id'], unique=False, sqlite_where=waiting, postgresql_where=waiting)
    op.create_index('ix_notice_delivery_state_id', 'notice_delivery', ['state', 'id'], unique=False)
    op.create_index('ix_notice_delivery_notice_id', 'notice_delivery', ['notice_id'], unique=False)
    op.create_table('notice_attempt',
    sa.Column('delivery_id', sa.String(length=40), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('error', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['delivery_id'], ['notice_delivery.id'], name=op.f('fk_notice_attempt_delivery_id_notice_delivery')),
    sa.PrimaryKeyConstraint('delivery_id', 'number', name=op.f('pk_notice_attempt'))
    )


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
