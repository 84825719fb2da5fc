"""用证记录的表: append-only entries, chained per holder, and where each chain ends."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base
from seal.models import ACCOUNT, DIGEST

HOLDER_CODE = String(64)


class UseRecord(Base):
    """用证记录的一条; only ever added."""

    __tablename__ = "use_entry"

    holder_code: Mapped[str] = mapped_column(HOLDER_CODE, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    subject: Mapped[str] = mapped_column(String(160))
    act: Mapped[str] = mapped_column(String(16))
    who: Mapped[str] = mapped_column(String(200))
    who_id: Mapped[str] = mapped_column(ACCOUNT)
    department: Mapped[str] = mapped_column(String(32))
    why: Mapped[str] = mapped_column(String(500))
    result: Mapped[str] = mapped_column(String(100))
    digest: Mapped[str] = mapped_column(DIGEST)

    __table_args__ = (Index("ix_use_entry_subject", "holder_code", "subject", "seq"),)


class UseHead(Base):
    """链首 of one holder: the row that writers of this holder's ledger queue for. It only moves forward."""

    __tablename__ = "use_head"

    holder_code: Mapped[str] = mapped_column(HOLDER_CODE, primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(DIGEST)
