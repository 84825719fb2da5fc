"""转移的表: each transfer as this region knows it, and the signed papers that made it so."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from licence_store.models import LICENCE_ID
from seal.database import Base
from seal.models import ACCOUNT, DIGEST


class Transfer(Base):
    """转移."""

    __tablename__ = "transfer"
    __table_args__ = (Index("ix_transfer_department_id", "department_id", "created"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    """Given by the receiving region; the same in both."""
    direction: Mapped[str] = mapped_column(String(3))
    """``out`` or ``in``."""
    region: Mapped[str] = mapped_column(String(6))
    """The other region."""
    region_name: Mapped[str] = mapped_column(String(200))
    licence_id: Mapped[str] = mapped_column(LICENCE_ID, index=True)
    """Of the licence that leaves, its version included."""
    file_digest: Mapped[str] = mapped_column(DIGEST)
    type_code: Mapped[str] = mapped_column(String(21))
    department_id: Mapped[str] = mapped_column(ForeignKey("department.id"))
    """Of ours: which issued it, or is to issue its successor."""
    state: Mapped[str] = mapped_column(String(16))
    """A word of ``records.STATES``."""
    successor: Mapped[str] = mapped_column(LICENCE_ID, index=True)
    """Of the licence in the receiving region; empty: none yet."""
    successor_digest: Mapped[str] = mapped_column(DIGEST)
    changes: Mapped[str] = mapped_column(Text)
    """JSON, of one that comes in: what the successor says otherwise."""
    expires: Mapped[datetime]
    """Of the consent."""
    created: Mapped[datetime]
    changed: Mapped[datetime]
    unsent: Mapped[str] = mapped_column(String(16))
    """Kind of the paper that the other region does not have yet; empty: none."""
    attempts: Mapped[int]
    due: Mapped[datetime | None]
    failure: Mapped[str] = mapped_column(String(64))
    """Code of what went wrong when it was sent last."""


class TransferPaper(Base):
    """转移文书: one signed paper, or the file of the licence itself; never changed."""

    __tablename__ = "transfer_paper"

    transfer_id: Mapped[str] = mapped_column(ForeignKey("transfer.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    """A word of ``papers.FORMATS``, or ``licence``."""
    digest: Mapped[str] = mapped_column(DIGEST)
    """SM3 of what was signed; of the file, of the file."""
    data: Mapped[bytes] = mapped_column(LargeBinary)
    account: Mapped[str] = mapped_column(ACCOUNT)
    recorded: Mapped[datetime]
