"""办件与纸质件的表: which case a licence came from, and on which pre-printed forms it was printed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base
from seal.models import SERIAL

LICENCE_ID = String(160)


class LicenceCase(Base):
    """办件关联: the case a version of a licence is the result of, as it was sealed; only ever added."""

    __tablename__ = "licence_case"

    licence_id: Mapped[str] = mapped_column(LICENCE_ID, primary_key=True)
    base: Mapped[str] = mapped_column(LICENCE_ID, index=True)
    number: Mapped[str] = mapped_column(String(200), index=True)
    """办件编号."""
    service_item: Mapped[str] = mapped_column(String(200))
    """事项编码."""
    result_document: Mapped[str] = mapped_column(String(200))
    """结果文书."""
    valid_until: Mapped[str] = mapped_column(String(10))
    """结果时效: last day, ``YYYY-MM-DD``; empty: none is stated."""


class PaperForm(Base):
    """纸质件: what became of one pre-printed form; only ever added."""

    __tablename__ = "paper_form"

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    type_code: Mapped[str] = mapped_column(String(21))
    form_number: Mapped[str] = mapped_column(String(60))
    """印制流水号 of the blank form."""
    use: Mapped[str] = mapped_column(String(16))
    """``printed`` or ``spoilt``."""
    licence_id: Mapped[str] = mapped_column(LICENCE_ID, index=True)
    base: Mapped[str] = mapped_column(LICENCE_ID, index=True)
    actor: Mapped[str] = mapped_column(String(100))
    department: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(String(500))
    happened: Mapped[datetime]
    """When it was printed or spoilt."""
    recorded: Mapped[datetime]

    __table_args__ = (Index("uq_paper_form_number", "type_code", "form_number", "use", unique=True),)
