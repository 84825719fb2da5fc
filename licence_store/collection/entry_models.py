"""采集单的表: scans as evidence, what was read off them, who compared what, and where a licence came from."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base
from seal.models import ACCOUNT, DIGEST

ID = String(32)


class Evidence(Base):
    """采集凭据: one scan, kept by its digest and never published; only ever added."""

    __tablename__ = "evidence"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    digest: Mapped[str] = mapped_column(DIGEST, index=True)
    """SM3 of the file as it came."""
    media: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(200))
    size: Mapped[int]
    pages: Mapped[int]
    department_id: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(ACCOUNT)
    recorded: Mapped[datetime]


class EntrySheet(Base):
    """采集单: one scan on its way to becoming a licence. What it holds of a person is wiped when it is closed."""

    __tablename__ = "entry_sheet"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    mode: Mapped[str] = mapped_column(String(16))
    """``scan`` 证照录入, ``material`` 申请材料电子化, ``result`` 审批结果电子化."""
    type_code: Mapped[str] = mapped_column(ForeignKey("licence_type.code"))
    department_id: Mapped[str] = mapped_column(ForeignKey("department.id"))
    batch: Mapped[str] = mapped_column(String(32))
    """What was uploaded together."""
    place: Mapped[int]
    """Its place in the batch, from 1."""
    state: Mapped[str] = mapped_column(String(16))
    """``open``, ``checking``, ``sealing``, ``issued`` or ``discarded``."""
    evidence_id: Mapped[str] = mapped_column(ForeignKey("evidence.id"))
    content: Mapped[str] = mapped_column(Text)
    """Canonical JSON: values, suggestions, confirmed fields, what was compared; empty once closed."""
    entered_by: Mapped[str] = mapped_column(ACCOUNT)
    entered: Mapped[datetime | None]
    checked_by: Mapped[str] = mapped_column(ACCOUNT)
    checked: Mapped[datetime | None]
    licence_id: Mapped[str] = mapped_column(String(160))
    """The version it became."""
    reason: Mapped[str] = mapped_column(String(500))
    """Why it was sent back or discarded."""
    created: Mapped[datetime]
    changed: Mapped[datetime]

    __table_args__ = (Index("ix_entry_sheet_department_state", "department_id", "state", "created", "id"),)


class LicenceOrigin(Base):
    """证照来源: how a version entered the register from paper; only ever added."""

    __tablename__ = "licence_origin"

    licence_id: Mapped[str] = mapped_column(String(160), primary_key=True)
    base: Mapped[str] = mapped_column(String(160), index=True)
    mode: Mapped[str] = mapped_column(String(16))
    credibility: Mapped[str] = mapped_column(String(1))
    """``A``: the issuing body confirmed it against its archive; ``B``: checked against the original."""
    sheet_id: Mapped[str] = mapped_column(ID)
    evidence_digest: Mapped[str] = mapped_column(DIGEST)
    original: Mapped[str] = mapped_column(String(200))
    """What it was compared with."""
    entered_by: Mapped[str] = mapped_column(ACCOUNT)
    checked_by: Mapped[str] = mapped_column(ACCOUNT)
    department_id: Mapped[str] = mapped_column(String(32))
    recorded: Mapped[datetime]
