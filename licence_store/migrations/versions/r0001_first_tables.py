"""The first tables: register, journal, accounts; and the guards of what may only grow."""

import sqlalchemy as sa
from alembic import op

from licence_store.migrations.guards import append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("journal_entry", "licence_event", "licence_type_version", "licence_version")


def upgrade() -> None:
    _authority()
    _reservations()
    _licences()
    _journal()
    _staff()
    for table in APPEND_ONLY:
        _guard(table)


def _authority() -> None:
    """Departments, seals, types and grants."""
    op.create_table('department',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('code', sa.String(length=18), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('created', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_department')),
    sa.UniqueConstraint('code', name=op.f('uq_department_code'))
    )
    op.create_table('seal',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('department_id', sa.String(length=32), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('key_name', sa.String(length=100), nullable=False),
    sa.Column('created', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['department_id'], ['department.id'], name=op.f('fk_seal_department_id_department')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_seal'))
    )
    op.create_index(op.f('ix_seal_department_id'), 'seal', ['department_id'], unique=False)
    op.create_table('licence_type',
    sa.Column('code', sa.String(length=21), nullable=False),
    sa.Column('slug', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_licence_type')),
    sa.UniqueConstraint('slug', name=op.f('uq_licence_type_slug'))
    )
    op.create_table('licence_type_version',
    sa.Column('code', sa.String(length=21), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('definition', sa.Text(), nullable=False),
    sa.Column('imported', sa.DateTime(timezone=True), nullable=False),
    sa.Column('imported_by', sa.String(length=100), nullable=False),
    sa.ForeignKeyConstraint(['code'], ['licence_type.code'], name=op.f('fk_licence_type_version_code_licence_type')),
    sa.PrimaryKeyConstraint('code', 'version', name=op.f('pk_licence_type_version'))
    )
    op.create_table('issuing_grant',
    sa.Column('type_code', sa.String(length=21), nullable=False),
    sa.Column('department_id', sa.String(length=32), nullable=False),
    sa.Column('seal_id', sa.String(length=64), nullable=False),
    sa.Column('granted', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['department_id'], ['department.id'], name=op.f('fk_issuing_grant_department_id_department')),
    sa.ForeignKeyConstraint(['seal_id'], ['seal.id'], name=op.f('fk_issuing_grant_seal_id_seal')),
    sa.ForeignKeyConstraint(['type_code'], ['licence_type.code'], name=op.f('fk_issuing_grant_type_code_licence_type')),
    sa.PrimaryKeyConstraint('type_code', 'department_id', name=op.f('pk_issuing_grant'))
    )


def _reservations() -> None:
    """Intents, sequences, indices."""
    op.create_table('issue_intent',
    sa.Column('licence_id', sa.String(length=160), nullable=False),
    sa.Column('base', sa.String(length=160), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('type_code', sa.String(length=21), nullable=False),
    sa.Column('type_version', sa.Integer(), nullable=False),
    sa.Column('department_id', sa.String(length=32), nullable=False),
    sa.Column('seal_id', sa.String(length=64), nullable=False),
    sa.Column('record_key', sa.String(length=80), nullable=False),
    sa.Column('number', sa.String(length=100), nullable=False),
    sa.Column('number_held', sa.Boolean(), nullable=False),
    sa.Column('status_list', sa.String(length=32), nullable=False),
    sa.Column('status_index', sa.Integer(), nullable=False),
    sa.Column('payload', sa.LargeBinary(), nullable=True),
    sa.Column('actor', sa.String(length=100), nullable=False),
    sa.Column('address', sa.String(length=100), nullable=False),
    sa.Column('channel', sa.String(length=16), nullable=False),
    sa.Column('reserved', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.PrimaryKeyConstraint('licence_id', name=op.f('pk_issue_intent'))
    )
    op.create_index('ix_issue_intent_open', 'issue_intent', ['reserved'], unique=False, sqlite_where=sa.text("state = 'reserved'"), postgresql_where=sa.text("state = 'reserved'"))
    op.create_index('uq_issue_intent_number', 'issue_intent', ['type_code', 'number'], unique=True, sqlite_where=sa.text('number_held'), postgresql_where=sa.text('number_held'))
    op.create_index('uq_issue_intent_record', 'issue_intent', ['type_code', 'record_key'], unique=True, sqlite_where=sa.text("state <> 'void' AND version = 1"), postgresql_where=sa.text("state <> 'void' AND version = 1"))
    op.create_index('uq_issue_intent_status', 'issue_intent', ['status_list', 'status_index'], unique=True)
    op.create_table('number_sequence',
    sa.Column('scope', sa.String(length=200), nullable=False),
    sa.Column('next', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('scope', name=op.f('pk_number_sequence'))
    )
    op.create_table('status_list_index',
    sa.Column('list_id', sa.String(length=32), nullable=False),
    sa.Column('secret', sa.LargeBinary(), nullable=False),
    sa.Column('taken', sa.Integer(), nullable=False),
    sa.Column('created', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('list_id', name=op.f('pk_status_list_index'))
    )


def _licences() -> None:
    """Licences, versions, events."""
    name = sa.String(400).with_variant(sa.String(400, collation="C"), "postgresql")
    op.create_table('licence',
    sa.Column('base', sa.String(length=160), nullable=False),
    sa.Column('type_code', sa.String(length=21), nullable=False),
    sa.Column('department_id', sa.String(length=32), nullable=False),
    sa.Column('number', sa.String(length=100), nullable=False),
    sa.Column("holder_name", name, nullable=False),
    sa.Column('holder_code', sa.String(length=64), nullable=False),
    sa.Column('holder_code_type', sa.String(length=3), nullable=False),
    sa.Column('record_key', sa.String(length=80), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('issued', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['department_id'], ['department.id'], name=op.f('fk_licence_department_id_department')),
    sa.ForeignKeyConstraint(['type_code'], ['licence_type.code'], name=op.f('fk_licence_type_code_licence_type')),
    sa.PrimaryKeyConstraint('base', name=op.f('pk_licence'))
    )
    op.create_index(op.f('ix_licence_department_id'), 'licence', ['department_id'], unique=False)
    op.create_index(op.f('ix_licence_holder_code'), 'licence', ['holder_code'], unique=False)
    op.create_index(op.f('ix_licence_holder_name'), 'licence', ['holder_name'], unique=False)
    op.create_index('ix_licence_issued_base', 'licence', ['issued', 'base'], unique=False)
    op.create_index(op.f('ix_licence_number'), 'licence', ['number'], unique=False)
    op.create_index('uq_licence_type_record', 'licence', ['type_code', 'record_key'], unique=True)
    op.create_table('licence_version',
    sa.Column('licence_id', sa.String(length=160), nullable=False),
    sa.Column('base', sa.String(length=160), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('type_code', sa.String(length=21), nullable=False),
    sa.Column('type_version', sa.Integer(), nullable=False),
    sa.Column('seal_id', sa.String(length=64), nullable=False),
    sa.Column('file_digest', sa.String(length=64), nullable=False),
    sa.Column('file_size', sa.Integer(), nullable=False),
    sa.Column('message', sa.LargeBinary(), nullable=False),
    sa.Column('issued_on', sa.String(length=10), nullable=False),
    sa.Column('valid_from', sa.String(length=10), nullable=False),
    sa.Column('valid_to', sa.String(length=10), nullable=False),
    sa.Column('status_list', sa.String(length=32), nullable=False),
    sa.Column('status_index', sa.Integer(), nullable=False),
    sa.Column('sealed', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['base'], ['licence.base'], name=op.f('fk_licence_version_base_licence')),
    sa.PrimaryKeyConstraint('licence_id', name=op.f('pk_licence_version'))
    )
    op.create_index('ix_licence_version_file_digest', 'licence_version', ['file_digest'], unique=False)
    op.create_index('ix_licence_version_valid_to', 'licence_version', ['valid_to'], unique=False)
    op.create_index('uq_licence_version_base_version', 'licence_version', ['base', 'version'], unique=True)
    op.create_index('uq_licence_version_status', 'licence_version', ['status_list', 'status_index'], unique=True)
    op.create_table('licence_event',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('base', sa.String(length=160), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('state', sa.String(length=32), nullable=False),
    sa.Column('effective', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(length=100), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.ForeignKeyConstraint(['base'], ['licence.base'], name=op.f('fk_licence_event_base_licence')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_licence_event'))
    )
    op.create_index('ix_licence_event_base_effective', 'licence_event', ['base', 'effective'], unique=False)


def _journal() -> None:
    """The journal and its head."""
    op.create_table('journal_entry',
    sa.Column('seq', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(length=100), nullable=False),
    sa.Column('department', sa.String(length=32), nullable=False),
    sa.Column('address', sa.String(length=100), nullable=False),
    sa.Column('channel', sa.String(length=16), nullable=False),
    sa.Column('action', sa.String(length=64), nullable=False),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('result', sa.String(length=100), nullable=False),
    sa.Column('details', sa.Text(), nullable=False),
    sa.Column('previous', sa.String(length=64), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_journal_entry'))
    )
    op.create_index(op.f('ix_journal_entry_actor'), 'journal_entry', ['actor'], unique=False)
    op.create_index(op.f('ix_journal_entry_at'), 'journal_entry', ['at'], unique=False)
    op.create_index(op.f('ix_journal_entry_subject'), 'journal_entry', ['subject'], unique=False)
    op.create_table('journal_head',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_journal_head'))
    )
    op.execute(f"INSERT INTO journal_head (id, seq, digest) VALUES (1, 0, '{'0' * 64}')")


def _staff() -> None:
    """Accounts, sessions, tokens, idempotency."""
    op.create_table('account',
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('display_name', sa.String(length=100), nullable=False),
    sa.Column('department_id', sa.String(length=32), nullable=True),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('password_hash', sa.String(length=200), nullable=False),
    sa.Column('created', sa.DateTime(timezone=True), nullable=False),
    sa.Column('disabled', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['department_id'], ['department.id'], name=op.f('fk_account_department_id_department')),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_account'))
    )
    op.create_table('sign_in_failure',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('last', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_sign_in_failure'))
    )
    op.create_table('staff_session',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('account_name', sa.String(length=64), nullable=False),
    sa.Column('address', sa.String(length=100), nullable=False),
    sa.Column('opened', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_name'], ['account.name'], name=op.f('fk_staff_session_account_name_account')),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_staff_session'))
    )
    op.create_index(op.f('ix_staff_session_account_name'), 'staff_session', ['account_name'], unique=False)
    op.create_index(op.f('ix_staff_session_expires'), 'staff_session', ['expires'], unique=False)
    op.create_table('api_token',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('label', sa.String(length=100), nullable=False),
    sa.Column('account_name', sa.String(length=64), nullable=False),
    sa.Column('scopes', sa.Text(), nullable=False),
    sa.Column('departments', sa.Text(), nullable=False),
    sa.Column('types', sa.Text(), nullable=False),
    sa.Column('created', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_name'], ['account.name'], name=op.f('fk_api_token_account_name_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_token')),
    sa.UniqueConstraint('digest', name=op.f('uq_api_token_digest'))
    )
    op.create_index(op.f('ix_api_token_account_name'), 'api_token', ['account_name'], unique=False)
    op.create_table('idempotency_record',
    sa.Column('caller', sa.String(length=100), nullable=False),
    sa.Column('key', sa.String(length=128), nullable=False),
    sa.Column('body_digest', sa.String(length=64), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('content_type', sa.String(length=100), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('begun', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('caller', 'key', name=op.f('pk_idempotency_record'))
    )
    op.create_index(op.f('ix_idempotency_record_expires'), 'idempotency_record', ['expires'], unique=False)


def _guard(table: str) -> None:
    """Append-only, with the function by which PostgreSQL refuses."""
    if op.get_bind().dialect.name != "sqlite":
        op.execute(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
    append_only(table)


def downgrade() -> None:
    raise RuntimeError("the first revision has nothing below it: a register is not unmade")
