"""通知的表: whom one reaches where, what was to be told, how each attempt went."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base

_WAITING = text("state = 'waiting'")
_VALID = text("ended IS NULL")


class Contact(Base):
    """联系方式: where a holder or a department is reached."""

    __tablename__ = "contact"
    __table_args__ = (
        Index(
            "uq_contact_valid",
            "party_kind",
            "party",
            "channel",
            "address",
            unique=True,
            sqlite_where=_VALID,
            postgresql_where=_VALID,
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    party_kind: Mapped[str] = mapped_column(String(16))
    """``holder`` or ``department``."""
    party: Mapped[str] = mapped_column(String(64))
    """The holder's code, or the department's id."""
    channel: Mapped[str] = mapped_column(String(16))
    """``smtp`` or ``webhook``."""
    address: Mapped[str] = mapped_column(String(500))
    language: Mapped[str] = mapped_column(String(8))
    created: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(100))
    ended: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(String(100))


class HookSecret(Base):
    """回调密钥 of a webhook; several while an older one still counts."""

    __tablename__ = "webhook_secret"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    contact_id: Mapped[str] = mapped_column(ForeignKey("contact.id"), index=True)
    sealed: Mapped[str] = mapped_column(Text)
    """Base64 of what the region's master key wrapped; ``whsec_…``: from before, locked away at the next start."""
    master: Mapped[int | None] = mapped_column(BigInteger)
    """Number of that master key; ``None``: it stands in clear yet."""
    created: Mapped[datetime]
    ends: Mapped[datetime | None]
    """``None``: the newest."""


class Notice(Base):
    """通知: something to be told to one party; the same thing never twice."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("uq_notice_occasion", "licence_id", "occasion", "party_kind", "party", unique=True),
        Index("ix_notice_party", "party_kind", "party", "id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    """Begins with the moment, so that ids are in that order."""
    kind: Mapped[str] = mapped_column(String(32))
    licence_id: Mapped[str] = mapped_column(String(160))
    """Of the version it is about."""
    occasion: Mapped[str] = mapped_column(String(64))
    """``expiring-30``: which of the several notices of its kind."""
    party_kind: Mapped[str] = mapped_column(String(16))
    party: Mapped[str] = mapped_column(String(64))
    department: Mapped[str] = mapped_column(String(32))
    """The issuing department, whose staff may look at it."""
    facts: Mapped[str] = mapped_column(Text)
    """JSON: what the texts are filled with."""
    created: Mapped[datetime]


class Delivery(Base):
    """投递: one notice to one address."""

    __tablename__ = "notice_delivery"
    __table_args__ = (
        Index("ix_notice_delivery_due", "due", "id", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_notice_delivery_state_id", "state", "id"),
        Index("ix_notice_delivery_notice_id", "notice_id"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    notice_id: Mapped[str] = mapped_column(ForeignKey("notice.id"))
    channel: Mapped[str] = mapped_column(String(16))
    contact_id: Mapped[str] = mapped_column(String(32))
    """Empty: nobody can be reached, it only goes into the log."""
    language: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(16))
    """``waiting``, ``sent``, ``dead``."""
    attempts: Mapped[int]
    due: Mapped[datetime]
    """Not before this; while an attempt is under way, when it counts as broken off."""
    settled: Mapped[datetime | None]


class DeliveryAttempt(Base):
    """投递尝试: append-only."""

    __tablename__ = "notice_attempt"

    delivery_id: Mapped[str] = mapped_column(ForeignKey("notice_delivery.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    error: Mapped[str] = mapped_column(Text)
    """As ``Job.error``; empty: it was accepted."""
