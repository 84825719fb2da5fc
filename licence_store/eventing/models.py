"""订阅的表; what is sent to a subscriber stands among the notices."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base
from seal.models import ACCOUNT


class EventSubscription(Base):
    """事件订阅; its address and secret are its contact's (``licence_store.notices``)."""

    __tablename__ = "event_subscription"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    scheme: Mapped[str] = mapped_column(String(8))
    """``hmac`` or ``sm2``."""
    departments: Mapped[str] = mapped_column(Text)
    """Whose changes; words, ``*`` for all."""
    types: Mapped[str] = mapped_column(Text)
    steps: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(BigInteger)
    """Place in the feed up to which it has been told."""
    created: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(ACCOUNT)
    paused: Mapped[datetime | None]
    ended: Mapped[datetime | None]
