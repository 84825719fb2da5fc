"""Collection: sources, runs, what was delivered, what must not come twice, the quarantine."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _sources()
    _items()
    _quarantine()


def _sources() -> None:
    """Sources, their runs, and what the runs found."""
    op.create_table('collection_source',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('title', sa.String(length=100), nullable=False),
    sa.Column('type_code', sa.String(length=21), nullable=False),
    sa.Column('department_id', sa.String(length=32), nullable=False),
    sa.Column('authority', sa.Integer(), nullable=False),
    sa.Column('declaration', sa.Text(), nullable=False),
    sa.Column('run_as', sa.String(length=100), nullable=False),
    sa.Column('next_run', sa.DateTime(timezone=True), nullable=True),
    sa.Column('watermark', sa.String(length=200), nullable=False),
    sa.Column('declared', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['department_id'], ['department.id'],
        name=op.f('fk_collection_source_department_id_department')),
    sa.ForeignKeyConstraint(['type_code'], ['licence_type.code'],
        name=op.f('fk_collection_source_type_code_licence_type')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_collection_source'))
    )
    op.create_index(op.f('ix_collection_source_next_run'), 'collection_source', ['next_run'], unique=False)
    op.create_table('collection_run',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('source_id', sa.String(length=40), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('input', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('ticket', sa.String(length=32), nullable=False),
    sa.Column('position', sa.Text(), nullable=False),
    sa.Column('started', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished', sa.DateTime(timezone=True), nullable=True),
    sa.Column('actor', sa.String(length=100), nullable=False),
    sa.Column('department_id', sa.String(length=32), nullable=False),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=True),
    sa.Column('seen', sa.Integer(), nullable=False),
    sa.Column('unchanged', sa.Integer(), nullable=False),
    sa.Column('issued', sa.Integer(), nullable=False),
    sa.Column('revised', sa.Integer(), nullable=False),
    sa.Column('held', sa.Integer(), nullable=False),
    sa.Column('warned', sa.Integer(), nullable=False),
    sa.Column('gone', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['source_id'], ['collection_source.id'],
        name=op.f('fk_collection_run_source_id_collection_source')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_collection_run'))
    )
    op.create_index('uq_collection_run_number', 'collection_run', ['source_id', 'number'], unique=True)
    op.create_table('collection_tally',
    sa.Column('run_id', sa.String(length=32), nullable=False),
    sa.Column('rule', sa.String(length=64), nullable=False),
    sa.Column('code', sa.String(length=64), nullable=False),
    sa.Column('field', sa.String(length=40), nullable=False),
    sa.Column('severity', sa.String(length=16), nullable=False),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['collection_run.id'], name=op.f('fk_collection_tally_run_id_collection_run')),
    sa.PrimaryKeyConstraint('run_id', 'rule', 'code', 'field', name=op.f('pk_collection_tally'))
    )


def _items() -> None:
    """What sources have delivered, and marks of it."""
    op.create_table('collection_item',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('source_id', sa.String(length=40), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('licence_base', sa.String(length=160), nullable=False),
    sa.Column('run', sa.Integer(), nullable=False),
    sa.Column('row', sa.BigInteger(), nullable=False),
    sa.Column('gone', sa.Integer(), nullable=True),
    sa.Column('first_seen', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_collection_item'))
    )
    op.create_index('ix_collection_item_licence_base', 'collection_item', ['licence_base'], unique=False)
    op.create_index('uq_collection_item_key', 'collection_item', ['source_id', 'key'], unique=True)
    op.create_table('collection_mark',
    sa.Column('mark', sa.LargeBinary(length=16), nullable=False),
    sa.Column('item_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('says', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('mark', 'item_id', name=op.f('pk_collection_mark'))
    )
    op.create_index('ix_collection_mark_item_id', 'collection_mark', ['item_id'], unique=False)


def _quarantine() -> None:
    """What is held back, and why."""
    op.create_table('quarantine_row',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('source_id', sa.String(length=40), nullable=False),
    sa.Column('item_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('run_id', sa.String(length=32), nullable=False),
    sa.Column('row', sa.BigInteger(), nullable=False),
    sa.Column('type_code', sa.String(length=21), nullable=False),
    sa.Column('department_id', sa.String(length=32), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('held', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_by', sa.String(length=100), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('licence_id', sa.String(length=160), nullable=False),
    sa.ForeignKeyConstraint(['item_id'], ['collection_item.id'],
        name=op.f('fk_quarantine_row_item_id_collection_item')),
    sa.ForeignKeyConstraint(['source_id'], ['collection_source.id'],
        name=op.f('fk_quarantine_row_source_id_collection_source')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_quarantine_row'))
    )
    op.create_index('ix_quarantine_row_open', 'quarantine_row', ['source_id', 'state', 'held', 'id'], unique=False)
    op.create_index(op.f('ix_quarantine_row_run_id'), 'quarantine_row', ['run_id'], unique=False)
    op.create_index('uq_quarantine_row_item', 'quarantine_row', ['item_id'], unique=True)
    op.create_table('quarantine_finding',
    sa.Column('quarantine_id', sa.String(length=32), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('rule', sa.String(length=64), nullable=False),
    sa.Column('code', sa.String(length=64), nullable=False),
    sa.Column('field', sa.String(length=40), nullable=False),
    sa.Column('severity', sa.String(length=16), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['quarantine_id'], ['quarantine_row.id'],
        name=op.f('fk_quarantine_finding_quarantine_id_quarantine_row')),
    sa.PrimaryKeyConstraint('quarantine_id', 'number', name=op.f('pk_quarantine_finding'))
    )
    op.create_index(op.f('ix_quarantine_finding_rule'), 'quarantine_finding', ['rule'], unique=False)


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
