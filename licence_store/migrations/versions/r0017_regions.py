"""Regions: the trust list, peers, what lower nodes report."""

import sqlalchemy as sa
from alembic import op

from licence_store.migrations.guards import append_only

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NAME = sa.String(400).with_variant(sa.String(400, collation="C"), "postgresql")


def upgrade() -> None:
    _lists()
    _peers()
    _upward()
    op.add_column("status_list_index", sa.Column("type_code", sa.String(length=21), server_default="", nullable=False))
    for table in ("trust_list", "trust_list_refused", "upward_batch"):
        append_only(table)


def _lists() -> None:
    op.create_table(
        "trust_list",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("issued", MOMENT, nullable=False),
        sa.Column("next_update", MOMENT, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("accepted", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_trust_list")),
        sa.UniqueConstraint("digest", name=op.f("uq_trust_list_digest")),
    )
    op.create_table(
        "trust_list_refused",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column("refused", MOMENT, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trust_list_refused")),
    )
    op.create_index("uq_trust_list_refused_digest_code", "trust_list_refused", ["digest", "code"], unique=True)


def _peers() -> None:
    op.create_table(
        "peer_evidence",
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=500), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), server_default="", nullable=False),
        sa.Column("issued", MOMENT, nullable=True),
        sa.Column("next_update", MOMENT, nullable=True),
        sa.Column("got", MOMENT, nullable=True),
        sa.Column("asked", MOMENT, nullable=True),
        sa.Column("failure", sa.String(length=64), server_default="", nullable=False),
        sa.Column("failing_since", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("region", "kind", "address", name=op.f("pk_peer_evidence")),
    )


def _upward() -> None:
    op.create_table(
        "upward_sent",
        sa.Column("upper", sa.String(length=6), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("event", sa.BigInteger(), nullable=False),
        sa.Column("sent", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("upper", name=op.f("pk_upward_sent")),
    )
    op.create_table(
        "upward_batch",
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("event", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("made", MOMENT, nullable=False),
        sa.Column("received", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("region", "number", name=op.f("pk_upward_batch")),
    )
    op.create_table(
        "upward_licence",
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("base", sa.String(length=160), nullable=False),
        sa.Column("licence_id", sa.String(length=160), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("type_code", sa.String(length=21), nullable=False),
        sa.Column("number", sa.String(length=100), nullable=False),
        sa.Column("holder_name", NAME, nullable=False),
        sa.Column("holder_code", sa.String(length=64), nullable=False),
        sa.Column("holder_code_type", sa.String(length=3), nullable=False),
        sa.Column("issuer_name", sa.String(length=200), nullable=False),
        sa.Column("issuer_code", sa.String(length=18), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("ends", sa.String(length=10), nullable=False),
        sa.Column("file_digest", sa.String(length=64), nullable=False),
        sa.Column("status_list", sa.String(length=500), nullable=False),
        sa.Column("status_index", sa.Integer(), nullable=False),
        sa.Column("as_of", MOMENT, nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("region", "base", name=op.f("pk_upward_licence")),
    )
    op.create_index("ix_upward_licence_holder", "upward_licence", ["holder_code", "type_code"])
    op.create_index("ix_upward_licence_number", "upward_licence", ["type_code", "number"])
    op.create_index("ix_upward_licence_licence_id", "upward_licence", ["licence_id"])
    op.create_index("ix_upward_licence_type", "upward_licence", ["region", "type_code"])


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")
