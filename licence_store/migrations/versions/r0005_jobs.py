"""Jobs and their schedule; on PostgreSQL also the queue's tables."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _jobs()
    _parts()
    if op.get_bind().dialect.name == "postgresql":
        from licence_store.jobs.postgresql import install

        install(op.get_bind())


def _jobs() -> None:
    op.create_table('job',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=64), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('arguments', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('account', sa.String(length=100), nullable=False),
    sa.Column('department', sa.String(length=32), nullable=False),
    sa.Column('address', sa.String(length=100), nullable=False),
    sa.Column('channel', sa.String(length=16), nullable=False),
    sa.Column('enqueued', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due', sa.DateTime(timezone=True), nullable=False),
    sa.Column('started', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('holder', sa.String(length=64), nullable=False),
    sa.Column('stop_asked', sa.Boolean(), nullable=False),
    sa.Column('done', sa.BigInteger(), nullable=False),
    sa.Column('total', sa.BigInteger(), nullable=True),
    sa.Column('failed', sa.BigInteger(), nullable=False),
    sa.Column('position', sa.Text(), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=False),
    sa.Column('error', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_job'))
    )
    keyed, begun = sa.text("key <> ''"), sa.text("state IN ('waiting', 'running')")
    op.create_index('uq_job_kind_key', 'job', ['kind', 'key'], unique=True, sqlite_where=keyed, postgresql_where=keyed)
    op.create_index('ix_job_open', 'job', ['due', 'id'], unique=False, sqlite_where=begun, postgresql_where=begun)
    op.create_index('ix_job_state_id', 'job', ['state', 'id'], unique=False)
    op.create_index('ix_job_account_id', 'job', ['account', 'id'], unique=False)
    op.create_index(op.f('ix_job_finished'), 'job', ['finished'], unique=False)
    op.create_table('job_schedule',
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('period', sa.DateTime(timezone=True), nullable=False),
    sa.Column('taken', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_job_schedule'))
    )


def _parts() -> None:
    op.create_table('job_effect',
    sa.Column('job_id', sa.String(length=32), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['job_id'], ['job.id'], name=op.f('fk_job_effect_job_id_job'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('job_id', 'key', name=op.f('pk_job_effect'))
    )
    op.create_table('job_input',
    sa.Column('job_id', sa.String(length=32), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('data', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['job_id'], ['job.id'], name=op.f('fk_job_input_job_id_job'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('job_id', 'number', name=op.f('pk_job_input'))
    )
    op.create_table('job_result',
    sa.Column('job_id', sa.String(length=32), nullable=False),
    sa.Column('number', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('failed', sa.Boolean(), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['job_id'], ['job.id'], name=op.f('fk_job_result_job_id_job'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('job_id', 'number', name=op.f('pk_job_result'))
    )
    failed = sa.text("failed")
    op.create_index('ix_job_result_failed', 'job_result', ['job_id', 'number'], unique=False, sqlite_where=failed, postgresql_where=failed)


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
