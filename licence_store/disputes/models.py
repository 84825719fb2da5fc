"""异议的表: each dispute as it stands, and append-only what happened to it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base
from seal.models import ACCOUNT, DIGEST


class Dispute(Base):
    """异议."""

    __tablename__ = "dispute"
    __table_args__ = (
        Index("ix_dispute_department", "department_id", "state", "deadline"),
        Index("ix_dispute_holder", "holder_code", "opened"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    """Begins with the moment, so that ids are in that order."""
    holder_code: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[str] = mapped_column(ACCOUNT)
    kind: Mapped[str] = mapped_column(String(16))
    """``entry``: of the use ledger; ``licence``: what stands on a licence."""
    subject: Mapped[str] = mapped_column(String(160))
    """Licence base, material or copy."""
    entry_seq: Mapped[int | None] = mapped_column(BigInteger)
    entry_digest: Mapped[str] = mapped_column(DIGEST)
    """``entry``: which one, by its number and digest."""
    field: Mapped[str] = mapped_column(String(100))
    """``licence``: the field of the face that is wrong; empty: something else."""
    department_id: Mapped[str] = mapped_column(String(32))
    """Who answers."""
    words: Mapped[str] = mapped_column(Text)
    opened: Mapped[datetime]
    deadline: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    """``open``, ``upheld``, ``rejected``, ``withdrawn``."""
    closed: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(Text)


class DisputeEvent(Base):
    """异议办理: only ever added."""

    __tablename__ = "dispute_event"

    dispute_id: Mapped[str] = mapped_column(ForeignKey("dispute.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(ACCOUNT)
    act: Mapped[str] = mapped_column(String(16))
    """``open``, ``note``, ``uphold``, ``reject``, ``withdraw``."""
    words: Mapped[str] = mapped_column(Text)
