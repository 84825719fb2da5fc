"""跨地区的表: where the state of another region's licence can be looked up when that region itself is silent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from licence_store.models import LICENCE_ID
from seal.database import Base


class KnownElsewhere(Base):
    """他地证照的所知: what its region last told us, signed; a licence without its versions, nothing of its holder."""

    __tablename__ = "known_elsewhere"

    licence: Mapped[str] = mapped_column(LICENCE_ID, primary_key=True)
    """``LicenceId.base``, or a copy's id, ``@`` and the region that spoke of it (``licence_store.crossing.copies``)."""
    region: Mapped[str] = mapped_column(String(6))
    address: Mapped[str] = mapped_column(String(500))
    """Of its status list; empty: not told."""
    place: Mapped[str] = mapped_column(String(8))
    """Its index there."""
    state: Mapped[str] = mapped_column(String(20))
    as_of: Mapped[datetime]
