"""Sharing: callers, nonces, applications for access, calls."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
APPEND_ONLY = ("sharing_tier", "sharing_application", "sharing_decision", "sharing_call")


def upgrade() -> None:
    op.create_table('sharing_call',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('at', MOMENT, nullable=False),
        sa.Column('client_id', sa.String(length=64), nullable=False),
        sa.Column('region', sa.String(length=12), nullable=False),
        sa.Column('operation', sa.String(length=16), nullable=False),
        sa.Column('type_code', sa.String(length=21), nullable=False),
        sa.Column('department_id', sa.String(length=32), nullable=False),
        sa.Column('subject', sa.String(length=160), nullable=False),
        sa.Column('holder_code', sa.String(length=64), nullable=False),
        sa.Column('purpose', sa.Text(), nullable=False),
        sa.Column('result', sa.String(length=100), nullable=False),
        sa.Column('request', sa.String(length=64), nullable=False),
        sa.Column('answer', sa.String(length=64), nullable=False),
        sa.Column('address', sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sharing_call'))
    )
    op.create_index('ix_sharing_call_client_id', 'sharing_call', ['client_id', 'id'], unique=False)
    op.create_index('ix_sharing_call_department_id', 'sharing_call', ['department_id', 'id'], unique=False)
    op.create_index('ix_sharing_call_holder_code', 'sharing_call', ['holder_code', 'id'], unique=False)
    op.create_index('ix_sharing_call_result', 'sharing_call', ['result', 'id'], unique=False)
    op.create_table('sharing_client',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=200), nullable=False),
        sa.Column('organisation', sa.String(length=200), nullable=False),
        sa.Column('organisation_code', sa.String(length=18), nullable=False),
        sa.Column('region', sa.String(length=12), nullable=False),
        sa.Column('operations', sa.Text(), nullable=False),
        sa.Column('types', sa.Text(), nullable=False),
        sa.Column('regions', sa.Text(), nullable=False),
        sa.Column('rate', sa.Integer(), nullable=False),
        sa.Column('quota', sa.Integer(), nullable=False),
        sa.Column('certificate', sa.String(length=64), nullable=False),
        sa.Column('created', MOMENT, nullable=False),
        sa.Column('created_by', sa.String(length=100), nullable=False),
        sa.Column('suspended', MOMENT, nullable=True),
        sa.Column('ended', MOMENT, nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sharing_client'))
    )
    op.create_table('sharing_nonce',
        sa.Column('caller', sa.String(length=100), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('expires', MOMENT, nullable=False),
        sa.PrimaryKeyConstraint('caller', 'digest', name=op.f('pk_sharing_nonce'))
    )
    op.create_index(op.f('ix_sharing_nonce_expires'), 'sharing_nonce', ['expires'], unique=False)
    op.create_table('sharing_usage',
        sa.Column('client_id', sa.String(length=64), nullable=False),
        sa.Column('period', sa.String(length=16), nullable=False),
        sa.Column('count', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('client_id', 'period', name=op.f('pk_sharing_usage'))
    )
    op.create_table('sharing_application',
        sa.Column('id', sa.String(length=32), nullable=False),
        sa.Column('client_id', sa.String(length=64), nullable=False),
        sa.Column('type_code', sa.String(length=21), nullable=False),
        sa.Column('department_id', sa.String(length=32), nullable=False),
        sa.Column('operations', sa.Text(), nullable=False),
        sa.Column('items', sa.Text(), nullable=False),
        sa.Column('basis', sa.String(length=500), nullable=False),
        sa.Column('reason', sa.String(length=500), nullable=False),
        sa.Column('account', sa.String(length=100), nullable=False),
        sa.Column('recorded', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(['client_id'], ['sharing_client.id'], name=op.f('fk_sharing_application_client_id_sharing_client')),
        sa.ForeignKeyConstraint(['department_id'], ['department.id'], name=op.f('fk_sharing_application_department_id_department')),
        sa.ForeignKeyConstraint(['type_code'], ['licence_type.code'], name=op.f('fk_sharing_application_type_code_licence_type')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sharing_application'))
    )
    op.create_index('ix_sharing_application_client_id', 'sharing_application', ['client_id', 'type_code'], unique=False)
    op.create_index(op.f('ix_sharing_application_department_id'), 'sharing_application', ['department_id'], unique=False)
    op.create_table('sharing_key',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('client_id', sa.String(length=64), nullable=False),
        sa.Column('kind', sa.String(length=8), nullable=False),
        sa.Column('public', sa.Text(), nullable=False),
        sa.Column('added', MOMENT, nullable=False),
        sa.Column('added_by', sa.String(length=100), nullable=False),
        sa.Column('ended', MOMENT, nullable=True),
        sa.ForeignKeyConstraint(['client_id'], ['sharing_client.id'], name=op.f('fk_sharing_key_client_id_sharing_client')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sharing_key'))
    )
    op.create_index(op.f('ix_sharing_key_client_id'), 'sharing_key', ['client_id'], unique=False)
    op.create_table('sharing_provider',
        sa.Column('name', sa.String(length=40), nullable=False),
        sa.Column('kind', sa.String(length=8), nullable=False),
        sa.Column('type_code', sa.String(length=21), nullable=False),
        sa.Column('department_id', sa.String(length=32), nullable=False),
        sa.Column('definition', sa.Text(), nullable=False),
        sa.Column('added', MOMENT, nullable=False),
        sa.Column('added_by', sa.String(length=100), nullable=False),
        sa.Column('ended', MOMENT, nullable=True),
        sa.ForeignKeyConstraint(['department_id'], ['department.id'], name=op.f('fk_sharing_provider_department_id_department')),
        sa.ForeignKeyConstraint(['type_code'], ['licence_type.code'], name=op.f('fk_sharing_provider_type_code_licence_type')),
        sa.PrimaryKeyConstraint('name', name=op.f('pk_sharing_provider'))
    )
    op.create_index(op.f('ix_sharing_provider_type_code'), 'sharing_provider', ['type_code'], unique=False)
    op.create_table('sharing_tier',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('type_code', sa.String(length=21), nullable=False),
        sa.Column('department_id', sa.String(length=32), nullable=False),
        sa.Column('tier', sa.String(length=16), nullable=False),
        sa.Column('reason', sa.String(length=500), nullable=False),
        sa.Column('account', sa.String(length=100), nullable=False),
        sa.Column('recorded', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(['department_id'], ['department.id'], name=op.f('fk_sharing_tier_department_id_department')),
        sa.ForeignKeyConstraint(['type_code'], ['licence_type.code'], name=op.f('fk_sharing_tier_type_code_licence_type')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sharing_tier'))
    )
    op.create_index('ix_sharing_tier_type_code', 'sharing_tier', ['type_code', 'department_id', 'id'], unique=False)
    op.create_table('sharing_token',
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('client_id', sa.String(length=64), nullable=False),
        sa.Column('operations', sa.Text(), nullable=False),
        sa.Column('types', sa.Text(), nullable=False),
        sa.Column('regions', sa.Text(), nullable=False),
        sa.Column('issued', MOMENT, nullable=False),
        sa.Column('expires', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(['client_id'], ['sharing_client.id'], name=op.f('fk_sharing_token_client_id_sharing_client')),
        sa.PrimaryKeyConstraint('digest', name=op.f('pk_sharing_token'))
    )
    op.create_index(op.f('ix_sharing_token_expires'), 'sharing_token', ['expires'], unique=False)
    op.create_table('sharing_decision',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('application_id', sa.String(length=32), nullable=False),
        sa.Column('decision', sa.String(length=16), nullable=False),
        sa.Column('until', MOMENT, nullable=True),
        sa.Column('reason', sa.String(length=500), nullable=False),
        sa.Column('department_id', sa.String(length=32), nullable=False),
        sa.Column('account', sa.String(length=100), nullable=False),
        sa.Column('recorded', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(['application_id'], ['sharing_application.id'], name=op.f('fk_sharing_decision_application_id_sharing_application')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sharing_decision'))
    )
    op.create_index(op.f('ix_sharing_decision_application_id'), 'sharing_decision', ['application_id'], unique=False)
    for table in APPEND_ONLY:
        _guard(table)


def _guard(table: str) -> None:
    """Only ever added: the database refuses to change or delete a row."""
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
