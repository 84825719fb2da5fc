"""材料的表: what a holder or a window put there, and everything that has happened to it.

No table has a column for the level: ``verify.credibility`` works it out of the events, and only a statement signed by
a department raises it. ``material``, ``material_event`` and ``case_material`` only ever grow (the database refuses to
change or delete a row); ``material_words`` is what is wiped when a holder deletes an item; ``material_standing`` is for
finding items and is believed by nobody.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base
from seal.models import ACCOUNT, DIGEST, SERIAL

MATERIAL_ID = String(40)
LICENCE_ID = String(160)


class Material(Base):
    """材料: one uploaded document of a holder, as it came; only ever added."""

    __tablename__ = "material"

    id: Mapped[str] = mapped_column(MATERIAL_ID, primary_key=True)
    """``m-`` and then the moment, so that ids are in that order."""
    holder_code: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    """A code of ``licence_store/materials/kinds.json``."""
    origin: Mapped[str] = mapped_column(String(16))
    """``holder``: uploaded by the holder or for them; ``window``: put there by an officer (R059)."""
    upload_id: Mapped[str] = mapped_column(String(64), unique=True)
    digest: Mapped[str] = mapped_column(DIGEST, index=True)
    """SM3 of the content in clear, hex."""
    media_type: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    pages: Mapped[int]
    type_code: Mapped[str] = mapped_column(String(21))
    """证照类型 it is said to be; empty: none of ours."""
    department_id: Mapped[str] = mapped_column(String(32))
    """Whose window it is for, or whose window scanned it; empty: any that may issue its type."""
    uploaded_by: Mapped[str] = mapped_column(ACCOUNT)
    created: Mapped[datetime]

    __table_args__ = (Index("ix_material_holder_code_id", "holder_code", "id"),)


class MaterialWords(Base):
    """材料的文字: what the holder called it; wiped when it is deleted."""

    __tablename__ = "material_words"

    material_id: Mapped[str] = mapped_column(ForeignKey("material.id"), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    stated_number: Mapped[str] = mapped_column(String(100))


class MaterialEvent(Base):
    """材料事件: one step, chained to the one before; only ever added."""

    __tablename__ = "material_event"

    material_id: Mapped[str] = mapped_column(ForeignKey("material.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1."""
    kind: Mapped[str] = mapped_column(String(16))
    """A step of ``licence_store.materials.steps``."""
    actor: Mapped[str] = mapped_column(ACCOUNT)
    role: Mapped[str] = mapped_column(String(16))
    department_id: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(500))
    details: Mapped[str] = mapped_column(Text)
    """Canonical JSON of strings."""
    statement: Mapped[bytes] = mapped_column(LargeBinary)
    """核验声明, signed with a seal key of the department; empty: the step needs none."""
    previous: Mapped[str] = mapped_column(DIGEST)
    digest: Mapped[str] = mapped_column(DIGEST)


class MaterialStanding(Base):
    """材料现状, for lists only: it follows the events and can be made anew from them."""

    __tablename__ = "material_standing"

    material_id: Mapped[str] = mapped_column(ForeignKey("material.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    """``active``, ``replaced``, ``refused`` or ``deleted``."""
    waiting: Mapped[bool]
    """An officer has yet to compare it with the original."""
    better: Mapped[str] = mapped_column(LICENCE_ID)
    """The licence that is offered instead of it, or took its place; empty: none."""
    changed: Mapped[datetime]

    __table_args__ = (
        Index(
            "ix_material_standing_waiting", "material_id",
            sqlite_where=text("waiting"), postgresql_where=text("waiting"),
        ),
    )  # fmt: skip


class CaseMaterial(Base):
    """办件材料: what was received for a case, and how (R093, R101); only ever added."""

    __tablename__ = "case_material"

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    case_number: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(LICENCE_ID, index=True)
    """Id of a material or of a licence; empty: it lies there on paper only."""
    title: Mapped[str] = mapped_column(String(200))
    """材料名称 in the case's list."""
    received: Mapped[str] = mapped_column(String(16))
    """收取方式: ``paper`` 纸质, ``attachment`` 附件, ``repository`` 证照库."""
    holder_code: Mapped[str] = mapped_column(String(64))
    service_item: Mapped[str] = mapped_column(String(200))
    actor: Mapped[str] = mapped_column(ACCOUNT)
    department_id: Mapped[str] = mapped_column(String(32))
    recorded: Mapped[datetime]

    __table_args__ = (Index("uq_case_material_subject", "case_number", "subject", "title", unique=True),)
