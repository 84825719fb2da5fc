"""The seal register: objects, requests, events, grants, the ledger of uses. Seals at hand are enrolled."""

import sqlalchemy as sa
from alembic import op

from licence_store.migrations.guards import append_only

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("seal_event", "seal_object", "seal_use")


def upgrade() -> None:
    _seal_columns()
    _objects()
    _events()
    _grants()
    _uses()
    _enrol()
    for table in APPEND_ONLY:
        append_only(table)


def _seal_columns() -> None:
    """What a seal says about itself and its holder."""
    for column in (
        sa.Column('kind', sa.String(length=32), server_default='special', nullable=False),
        sa.Column('purpose', sa.String(length=200), server_default='', nullable=False),
        sa.Column('holder_kind', sa.String(length=16), server_default='institution', nullable=False),
        sa.Column('holder_name', sa.String(length=200), server_default='', nullable=False),
        sa.Column('holder_code', sa.String(length=64), server_default='', nullable=False),
        sa.Column('state', sa.String(length=16), server_default='ACTIVE', nullable=False),
        sa.Column('object_number', sa.Integer(), server_default='1', nullable=False),
    ):
        op.add_column('seal', column)
    op.create_index(op.f('ix_seal_state'), 'seal', ['state'], unique=False)


def _objects() -> None:
    """Seal objects and requests."""
    op.create_table('seal_object',
    sa.Column('seal_id', sa.String(length=64), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('key_name', sa.String(length=100), nullable=False),
    sa.Column('origin', sa.String(length=16), nullable=False),
    sa.Column('effective', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(length=100), nullable=False),
    sa.ForeignKeyConstraint(['seal_id'], ['seal.id'], name=op.f('fk_seal_object_seal_id_seal')),
    sa.PrimaryKeyConstraint('seal_id', 'number', name=op.f('pk_seal_object')),
    sa.UniqueConstraint('digest', name=op.f('uq_seal_object_digest'))
    )
    op.create_table('seal_request',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('seal_id', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('basis_name', sa.String(length=200), nullable=False),
    sa.Column('basis_digest', sa.String(length=64), nullable=False),
    sa.Column('applicant', sa.String(length=100), nullable=False),
    sa.Column('applied', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('decided_by', sa.String(length=100), nullable=False),
    sa.Column('decided', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decision', sa.String(length=500), nullable=False),
    sa.ForeignKeyConstraint(['seal_id'], ['seal.id'], name=op.f('fk_seal_request_seal_id_seal')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_seal_request'))
    )
    op.create_index(op.f('ix_seal_request_seal_id'), 'seal_request', ['seal_id'], unique=False)


def _events() -> None:
    op.create_table('seal_event',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('seal_id', sa.String(length=64), nullable=False),
    sa.Column('step', sa.String(length=32), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('effective', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(length=100), nullable=False),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('basis_digest', sa.String(length=64), nullable=False),
    sa.Column('request_id', sa.String(length=32), nullable=False),
    sa.Column('object_number', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['seal_id'], ['seal.id'], name=op.f('fk_seal_event_seal_id_seal')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_seal_event'))
    )
    op.create_index('ix_seal_event_seal_id_id', 'seal_event', ['seal_id', 'id'], unique=False)


def _grants() -> None:
    op.create_table('seal_grant',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('seal_id', sa.String(length=64), nullable=False),
    sa.Column('account', sa.String(length=100), nullable=False),
    sa.Column('department_id', sa.String(length=32), nullable=False),
    sa.Column('types', sa.Text(), nullable=False),
    sa.Column('daily_limit', sa.Integer(), nullable=True),
    sa.Column('granted', sa.DateTime(timezone=True), nullable=False),
    sa.Column('granted_by', sa.String(length=100), nullable=False),
    sa.Column('ended', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_by', sa.String(length=100), nullable=False),
    sa.ForeignKeyConstraint(['department_id'], ['department.id'], name=op.f('fk_seal_grant_department_id_department')),
    sa.ForeignKeyConstraint(['seal_id'], ['seal.id'], name=op.f('fk_seal_grant_seal_id_seal')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_seal_grant'))
    )
    op.create_index(op.f('ix_seal_grant_seal_id'), 'seal_grant', ['seal_id'], unique=False)
    op.create_table('seal_day_count',
    sa.Column('grant_id', sa.String(length=32), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('used', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['grant_id'], ['seal_grant.id'], name=op.f('fk_seal_day_count_grant_id_seal_grant')),
    sa.PrimaryKeyConstraint('grant_id', 'day', name=op.f('pk_seal_day_count'))
    )


def _uses() -> None:
    op.create_table('seal_use',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('seal_id', sa.String(length=64), nullable=False),
    sa.Column('object_digest', sa.String(length=64), nullable=False),
    sa.Column('document', sa.String(length=64), nullable=False),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('type_code', sa.String(length=21), nullable=False),
    sa.Column('officer', sa.String(length=100), nullable=False),
    sa.Column('department', sa.String(length=32), nullable=False),
    sa.Column('used', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_seal_use'))
    )
    op.create_index('ix_seal_use_seal_id_used', 'seal_use', ['seal_id', 'used'], unique=False)


def _enrol() -> None:
    """Seals registered before: their object, the event that put them on the register, the right to use them, their uses."""
    second = (
        "substr(created, 1, 19) || '.000000'" if op.get_bind().dialect.name == "sqlite" else "date_trunc('second', created)"
    )
    op.execute(
        "UPDATE seal SET holder_name = (SELECT name FROM department WHERE id = seal.department_id), "
        "holder_code = (SELECT code FROM department WHERE id = seal.department_id)"
    )
    op.execute(
        "INSERT INTO seal_object (seal_id, number, digest, key_name, origin, effective, recorded, actor) "
        f"SELECT id, 1, digest, key_name, 'enrol', {second}, created, 'system' FROM seal"
    )
    op.execute(
        "INSERT INTO seal_event (seal_id, step, state, effective, recorded, actor, role, reason, basis_digest, "
        "request_id, object_number) "
        f"SELECT id, 'enrol', 'ACTIVE', {second}, created, 'system', 'system', '', '', '', 1 FROM seal ORDER BY id"
    )
    op.execute(
        "INSERT INTO seal_grant (id, seal_id, account, department_id, types, daily_limit, granted, granted_by, ended_by) "
        "SELECT 'enrol-' || substr(id, -20), id, '', department_id, '[\"*\"]', NULL, created, 'system', '' FROM seal"
        if op.get_bind().dialect.name == "sqlite"
        else "INSERT INTO seal_grant (id, seal_id, account, department_id, types, daily_limit, granted, granted_by, ended_by) "
        "SELECT 'enrol-' || right(id, 20), id, '', department_id, '[\"*\"]', NULL, created, 'system', '' FROM seal"
    )
    op.execute(
        "INSERT INTO seal_use (seal_id, object_digest, document, subject, type_code, officer, department, used, recorded) "
        "SELECT v.seal_id, s.digest, v.file_digest, v.licence_id, v.type_code, "
        "coalesce((SELECT e.actor FROM licence_event e WHERE e.base = v.base AND e.version = v.version AND e.kind = 'issue'), ''), "
        "s.department_id, v.sealed, v.recorded FROM licence_version v JOIN seal s ON s.id = v.seal_id "
        "ORDER BY v.recorded, v.licence_id"
    )


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
