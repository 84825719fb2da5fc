"""目录编制的表: drafts of licence types, and what happened to each type."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base
from seal.models import SERIAL


class TypeDraft(Base):
    """目录草稿: a definition being written; it need not be sound until it is handed in."""

    __tablename__ = "type_draft"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(40), index=True)
    """As written; a draft may still lack one."""
    slug: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    definition: Mapped[str] = mapped_column(Text)
    """JSON."""
    state: Mapped[str] = mapped_column(String(16), index=True)
    """``DRAFT``, ``REVIEW``, ``PUBLISHED`` or ``WITHDRAWN``."""
    department: Mapped[str] = mapped_column(String(32))
    """Whose officers may go on with it; empty: the administrators'."""
    hands: Mapped[str] = mapped_column(Text)
    """Canonical JSON list of the accounts that wrote or handed in: none of them may publish it."""
    base_version: Mapped[int]
    """The type's newest version when this was handed in; 0: a new type."""
    revision: Mapped[int]
    """Counts the savings, so that nobody saves over another's work."""
    opened: Mapped[datetime]
    changed: Mapped[datetime]


class TypeEvent(Base):
    """目录事件: a step in the life of a type or its draft; only ever added, in the order of commits."""

    __tablename__ = "type_event"

    seq: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    code: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(16))
    """A step of ``licence_store.catalogue_steps``."""
    state: Mapped[str] = mapped_column(String(16))
    """Of the type or the draft from then on."""
    version: Mapped[int]
    """The type's newest version then; 0: none yet."""
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of that version's definition; empty where no version is concerned."""
    department: Mapped[str] = mapped_column(String(32))
    """Of a grant: whose."""
    draft: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(String(500))
    recorded: Mapped[datetime]

    __table_args__ = (Index("ix_type_event_code_seq", "code", "seq"), Index("ix_type_event_draft", "draft"))
