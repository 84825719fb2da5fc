"""电子证明的表: kinds of proof as data, and who asked for one, why, and what came of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base
from seal.models import ACCOUNT, DIGEST


class ProofType(Base):
    """电子证明类型: one version of one definition; never changed afterwards."""

    __tablename__ = "proof_type"

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(DIGEST)
    definition: Mapped[str] = mapped_column(Text)
    imported: Mapped[datetime]
    imported_by: Mapped[str] = mapped_column(ACCOUNT)


class ProofRequest(Base):
    """证明申请: who asked, and what came of it; only ever added."""

    __tablename__ = "proof_request"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    proof_code: Mapped[str] = mapped_column(String(40))
    proof_version: Mapped[int]
    type_code: Mapped[str] = mapped_column(ForeignKey("licence_type.code"))
    department_id: Mapped[str] = mapped_column(String(32))
    licence_id: Mapped[str] = mapped_column(String(160), index=True)
    """The proof as it was sealed; empty: none was made."""
    outcome: Mapped[str] = mapped_column(String(100))
    """``made``, or the code of why not."""
    actor: Mapped[str] = mapped_column(ACCOUNT)
    reason: Mapped[str] = mapped_column(String(500))
    recorded: Mapped[datetime]

    __table_args__ = (Index("ix_proof_request_recorded", "proof_code", "recorded", "id"),)
