"""亮证的表: what was shown to whom, for how long, and who opened it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base
from seal.models import ACCOUNT, DIGEST


class Presentation(Base):
    """亮证一次; opened at most once."""

    __tablename__ = "presentation"
    __table_args__ = (
        Index("ix_presentation_holder", "holder_code", "made"),
        Index("ix_presentation_code", "code_digest", "expires"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    token_digest: Mapped[str] = mapped_column(DIGEST, unique=True)
    """Of what the QR code carries; the token itself is kept nowhere."""
    code_digest: Mapped[str] = mapped_column(DIGEST)
    """Of the short code for typing, which staff signed in may use."""
    holder_code: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[str] = mapped_column(ACCOUNT)
    base: Mapped[str] = mapped_column(String(160))
    """The licence shown."""
    shown: Mapped[str] = mapped_column(Text)
    """JSON: names of the fields the holder shows."""
    verifier: Mapped[str] = mapped_column(String(32))
    """The department it is for; empty: whoever opens it first."""
    purpose: Mapped[str] = mapped_column(String(200))
    made: Mapped[datetime]
    expires: Mapped[datetime]
    """Not to be opened from then on."""
    opened: Mapped[datetime | None]
    opened_by: Mapped[str] = mapped_column(String(200))
    """As the holder reads it."""
    claim_digest: Mapped[str] = mapped_column(DIGEST)
    """Of what tells the one who opened it from everybody else."""
    ended: Mapped[datetime | None]
    """The holder took it back."""
