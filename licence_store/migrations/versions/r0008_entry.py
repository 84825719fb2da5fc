"""Scan entry, cases and proof documents."""

import sqlalchemy as sa
from alembic import op

from licence_store.migrations.guards import append_only

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

APPEND_ONLY = ("licence_case", "paper_form", "evidence", "licence_origin", "proof_type", "proof_request")


def upgrade() -> None:
    _cases()
    _entry()
    _proofs()
    for table in APPEND_ONLY:
        append_only(table)


def _cases() -> None:
    """Cases, and paper forms."""
    op.create_table('licence_case',
    sa.Column('licence_id', sa.String(length=160), nullable=False),
    sa.Column('base', sa.String(length=160), nullable=False),
    sa.Column('number', sa.String(length=200), nullable=False),
    sa.Column('service_item', sa.String(length=200), nullable=False),
    sa.Column('result_document', sa.String(length=200), nullable=False),
    sa.Column('valid_until', sa.String(length=10), nullable=False),
    sa.PrimaryKeyConstraint('licence_id', name=op.f('pk_licence_case'))
    )
    op.create_index(op.f('ix_licence_case_base'), 'licence_case', ['base'], unique=False)
    op.create_index(op.f('ix_licence_case_number'), 'licence_case', ['number'], unique=False)
    op.create_table('paper_form',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('type_code', sa.String(length=21), nullable=False),
    sa.Column('form_number', sa.String(length=60), nullable=False),
    sa.Column('use', sa.String(length=16), nullable=False),
    sa.Column('licence_id', sa.String(length=160), nullable=False),
    sa.Column('base', sa.String(length=160), nullable=False),
    sa.Column('actor', sa.String(length=100), nullable=False),
    sa.Column('department', sa.String(length=32), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('happened', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_paper_form'))
    )
    op.create_index(op.f('ix_paper_form_base'), 'paper_form', ['base'], unique=False)
    op.create_index(op.f('ix_paper_form_licence_id'), 'paper_form', ['licence_id'], unique=False)
    op.create_index('uq_paper_form_number', 'paper_form', ['type_code', 'form_number', 'use'], unique=True)


def _entry() -> None:
    """Scans, sheets, origins."""
    op.create_table('evidence',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('media', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('pages', sa.Integer(), nullable=False),
    sa.Column('department_id', sa.String(length=32), nullable=False),
    sa.Column('actor', sa.String(length=100), nullable=False),
    sa.Column('recorded', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_evidence'))
    )
    op.create_index(op.f('ix_evidence_digest'), 'evidence', ['digest'], unique=False)
    op.create_table('entry_sheet',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('mode', sa.String(length=16), nullable=False),
    sa.Column('type_code', sa.String(length=21), nullable=False),
    sa.Column('department_id', sa.String(length=32), nullable=False),
    sa.Column('batch', sa.String(length=32), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('evidence_id', sa.String(length=32), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.Column('entered_by', sa.String(length=100), nullable=False),
    sa.Column('entered', sa.DateTime(timezone=True), nullable=True),
    sa.Column('checked_by', sa.String(length=100), nullable=False),
    sa.Column('checked', sa.DateTime(timezone=True), nullable=True),
    sa.Column('licence_id', sa.String(length=160), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('created', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['department_id'], ['department.id'], name=op.f('fk_entry_sheet_department_id_department')),
    sa.ForeignKeyConstraint(['evidence_id'], ['evidence.id'], name=op.f('fk_entry_sheet_evidence_id_evidence')),
    sa.ForeignKeyConstraint(['type_code'], ['licence_type.code'], name=op.f('fk_entry_sheet_type_code_licence_type')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_entry_sheet'))
    )
    op.create_index('ix_entry_sheet_department_state', 'entry_sheet', ['department_id', 'state', 'created', 'id'], unique=False)
    op.create_table('licence_origin',
    sa.Column('licence_id', sa.String(length=160), nullable=False),
    sa.Column('base', sa.String(length=160), nullable=False),
    sa.Column('mode', sa.String(length=16), nullable=False),
    sa.Column('credibility', sa.String(length=1), nullable=False),
    sa.Column('sheet_id', sa.String(length=32), nullable=False),
    sa.Column('evidence_digest', sa.String(length=64), nullable=False),
    sa.Column('original', sa.String(length=200), nullable=False),
    sa.Column('entered_by', sa.String(length=100), nullable=False),
    sa.Column('checked_by', sa.String(length=100), nullable=False),
    sa.Column('department_id', sa.String(length=32), nullable=False),
    sa.Column('recorded', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('licence_id', name=op.f('pk_licence_origin'))
    )
    op.create_index(op.f('ix_licence_origin_base'), 'licence_origin', ['base'], unique=False)


def _proofs() -> None:
    """Kinds of proof, and requests for one."""
    op.create_table('proof_type',
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('definition', sa.Text(), nullable=False),
    sa.Column('imported', sa.DateTime(timezone=True), nullable=False),
    sa.Column('imported_by', sa.String(length=100), nullable=False),
    sa.PrimaryKeyConstraint('code', 'version', name=op.f('pk_proof_type'))
    )
    op.create_table('proof_request',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('proof_code', sa.String(length=40), nullable=False),
    sa.Column('proof_version', sa.Integer(), nullable=False),
    sa.Column('type_code', sa.String(length=21), nullable=False),
    sa.Column('department_id', sa.String(length=32), nullable=False),
    sa.Column('licence_id', sa.String(length=160), nullable=False),
    sa.Column('outcome', sa.String(length=100), nullable=False),
    sa.Column('actor', sa.String(length=100), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('recorded', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['type_code'], ['licence_type.code'], name=op.f('fk_proof_request_type_code_licence_type')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_proof_request'))
    )
    op.create_index(op.f('ix_proof_request_licence_id'), 'proof_request', ['licence_id'], unique=False)
    op.create_index('ix_proof_request_recorded', 'proof_request', ['proof_code', 'recorded', 'id'], unique=False)


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
