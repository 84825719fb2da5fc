"""Sharing: callers, nonces, applications for access, calls."""

import sqlalchemy as sa
from alembic import op

from licence_store.migrations.guards import append_only

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
APPEND_ONLY = ("sharing_tier", "sharing_application", "sharing_decision", "sharing_call")


def upgrade() -> None:
    _calls()
    _callers()
    _applications()
    _keys()
    _providers()
    _tiers()
    _tokens()
    _decisions()
    for table in APPEND_ONLY:
        append_only(table)


def _calls() -> None:
    op.create_table(
        "sharing_call",
        _serial(),
        _moment("at"),
        _text("client_id", 64),
        _text("region", 12),
        _text("operation", 16),
        _text("type_code", 21),
        _text("department_id", 32),
        _text("subject", 160),
        _text("holder_code", 64),
        _text("purpose"),
        _text("result", 100),
        _text("request", 64),
        _text("answer", 64),
        _text("address", 100),
        _primary("sharing_call", "id"),
    )
    op.create_index("ix_sharing_call_client_id", "sharing_call", ["client_id", "id"])
    op.create_index("ix_sharing_call_department_id", "sharing_call", ["department_id", "id"])
    op.create_index("ix_sharing_call_holder_code", "sharing_call", ["holder_code", "id"])
    op.create_index("ix_sharing_call_result", "sharing_call", ["result", "id"])


def _callers() -> None:
    op.create_table(
        "sharing_client",
        _text("id", 64),
        _text("name", 200),
        _text("organisation", 200),
        _text("organisation_code", 18),
        _text("region", 12),
        _text("operations"),
        _text("types"),
        _text("regions"),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=False),
        _text("certificate", 64),
        _moment("created"),
        _text("created_by", 100),
        _moment("suspended", nullable=True),
        _moment("ended", nullable=True),
        _primary("sharing_client", "id"),
    )
    op.create_table(
        "sharing_nonce",
        _text("caller", 100),
        _text("digest", 64),
        _moment("expires"),
        _primary("sharing_nonce", "caller", "digest"),
    )
    op.create_index(op.f("ix_sharing_nonce_expires"), "sharing_nonce", ["expires"])
    op.create_table(
        "sharing_usage",
        _text("client_id", 64),
        _text("period", 16),
        sa.Column("count", sa.Integer(), nullable=False),
        _primary("sharing_usage", "client_id", "period"),
    )


def _applications() -> None:
    op.create_table(
        "sharing_application",
        _text("id", 32),
        _text("client_id", 64),
        _text("type_code", 21),
        _text("department_id", 32),
        _text("operations"),
        _text("items"),
        _text("basis", 500),
        _text("reason", 500),
        _text("account", 100),
        _moment("recorded"),
        _foreign("sharing_application", "client_id", "sharing_client.id"),
        _foreign("sharing_application", "department_id", "department.id"),
        _foreign("sharing_application", "type_code", "licence_type.code"),
        _primary("sharing_application", "id"),
    )
    op.create_index("ix_sharing_application_client_id", "sharing_application", ["client_id", "type_code"])
    op.create_index(op.f("ix_sharing_application_department_id"), "sharing_application", ["department_id"])


def _keys() -> None:
    op.create_table(
        "sharing_key",
        _text("id", 64),
        _text("client_id", 64),
        _text("kind", 8),
        _text("public"),
        _moment("added"),
        _text("added_by", 100),
        _moment("ended", nullable=True),
        _foreign("sharing_key", "client_id", "sharing_client.id"),
        _primary("sharing_key", "id"),
    )
    op.create_index(op.f("ix_sharing_key_client_id"), "sharing_key", ["client_id"])


def _providers() -> None:
    op.create_table(
        "sharing_provider",
        _text("name", 40),
        _text("kind", 8),
        _text("type_code", 21),
        _text("department_id", 32),
        _text("definition"),
        _moment("added"),
        _text("added_by", 100),
        _moment("ended", nullable=True),
        _foreign("sharing_provider", "department_id", "department.id"),
        _foreign("sharing_provider", "type_code", "licence_type.code"),
        _primary("sharing_provider", "name"),
    )
    op.create_index(op.f("ix_sharing_provider_type_code"), "sharing_provider", ["type_code"])


def _tiers() -> None:
    op.create_table(
        "sharing_tier",
        _serial(),
        _text("type_code", 21),
        _text("department_id", 32),
        _text("tier", 16),
        _text("reason", 500),
        _text("account", 100),
        _moment("recorded"),
        _foreign("sharing_tier", "department_id", "department.id"),
        _foreign("sharing_tier", "type_code", "licence_type.code"),
        _primary("sharing_tier", "id"),
    )
    op.create_index("ix_sharing_tier_type_code", "sharing_tier", ["type_code", "department_id", "id"])


def _tokens() -> None:
    op.create_table(
        "sharing_token",
        _text("digest", 64),
        _text("client_id", 64),
        _text("operations"),
        _text("types"),
        _text("regions"),
        _moment("issued"),
        _moment("expires"),
        _foreign("sharing_token", "client_id", "sharing_client.id"),
        _primary("sharing_token", "digest"),
    )
    op.create_index(op.f("ix_sharing_token_expires"), "sharing_token", ["expires"])


def _decisions() -> None:
    op.create_table(
        "sharing_decision",
        _serial(),
        _text("application_id", 32),
        _text("decision", 16),
        _moment("until", nullable=True),
        _text("reason", 500),
        _text("department_id", 32),
        _text("account", 100),
        _moment("recorded"),
        _foreign("sharing_decision", "application_id", "sharing_application.id"),
        _primary("sharing_decision", "id"),
    )
    op.create_index(op.f("ix_sharing_decision_application_id"), "sharing_decision", ["application_id"])


def _text(name: str, length: int | None = None) -> sa.Column:
    return sa.Column(name, sa.String(length=length) if length else sa.Text(), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, MOMENT, nullable=nullable)


def _serial() -> sa.Column:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def _primary(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _foreign(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target.partition('.')[0]}")
    return sa.ForeignKeyConstraint([column], [target], name=name)


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
