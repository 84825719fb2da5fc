"""Holders: their accounts and sessions, and who may act for a company."""

import sqlalchemy as sa
from alembic import op

from licence_store.migrations.guards import append_only

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _accounts()
    _delegations()
    append_only("delegation_event")


def _accounts() -> None:
    op.create_table(
        "holder_account",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("code_type", sa.String(length=3), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("opened", MOMENT, nullable=False),
        sa.Column("closed", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holder_account")),
    )
    _open = sa.text("closed IS NULL")
    op.create_index(
        "uq_holder_account_subject",
        "holder_account",
        ["issuer", "subject"],
        unique=True,
        sqlite_where=_open,
        postgresql_where=_open,
    )
    op.create_index("ix_holder_account_code", "holder_account", ["code"])
    op.create_table(
        "holder_session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=100), nullable=False),
        sa.Column("opened", MOMENT, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.Column("assurance", sa.Integer(), nullable=False),
        sa.Column("proved", MOMENT, nullable=False),
        sa.Column("offices", sa.Text(), nullable=False),
        sa.Column("acting", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["holder_account.id"], name=op.f("fk_holder_session_account_id_holder_account")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_holder_session")),
    )
    op.create_index("ix_holder_session_account_id", "holder_session", ["account_id"])
    op.create_index("ix_holder_session_expires", "holder_session", ["expires"])
    op.create_table(
        "holder_sign_in",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("assurance", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["holder_account.id"], name=op.f("fk_holder_sign_in_account_id_holder_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holder_sign_in")),
    )
    op.create_index("ix_holder_sign_in_account_id", "holder_sign_in", ["account_id", "id"])
    op.create_table(
        "holder_attempt",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("browser", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_holder_attempt")),
    )
    op.create_index("ix_holder_attempt_expires", "holder_attempt", ["expires"])
    op.create_table(
        "holder_proof",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_holder_proof")),
    )
    op.create_index("ix_holder_proof_expires", "holder_proof", ["expires"])


def _delegations() -> None:
    op.create_table(
        "delegation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("root_id", sa.String(length=32), nullable=False),
        sa.Column("parent_id", sa.String(length=32), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("holder_code", sa.String(length=64), nullable=False),
        sa.Column("holder_code_type", sa.String(length=3), nullable=False),
        sa.Column("holder_name", sa.String(length=300), nullable=False),
        sa.Column("delegate_code", sa.String(length=64), nullable=False),
        sa.Column("delegate_code_type", sa.String(length=3), nullable=False),
        sa.Column("delegate_name", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("rights", sa.Text(), nullable=False),
        sa.Column("types", sa.Text(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("starts", MOMENT, nullable=False),
        sa.Column("ends", MOMENT, nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation")),
    )
    op.create_index("ix_delegation_delegate_code", "delegation", ["delegate_code", "state"])
    op.create_index("ix_delegation_holder_code", "delegation", ["holder_code", "id"])
    op.create_index("ix_delegation_root_id", "delegation", ["root_id"])
    op.create_table(
        "delegation_event",
        sa.Column("delegation_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["delegation_id"], ["delegation.id"], name=op.f("fk_delegation_event_delegation_id_delegation")
        ),
        sa.PrimaryKeyConstraint("delegation_id", "number", name=op.f("pk_delegation_event")),
    )


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
