"""印章登记的表: what the seal register remembers.

``Seal`` holds the present state, ``SealEvent`` all that led to it; seal objects, events and uses only ever
grow (the database refuses to change or delete a row, see ``licence_store.migrations``). Moments are aware UTC;
digests are SM3 in lower-case hex.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base


def table(model: type[Base]) -> Table:
    """The model's table: statements on the straight path speak of tables, which costs less than models."""
    return cast("Table", model.__table__)


SERIAL = BigInteger().with_variant(Integer(), "sqlite")
DIGEST = String(64)
SEAL_ID = String(64)
ACCOUNT = String(100)


class Department(Base):
    """单位: an authority that issues licences and keeps seals."""

    __tablename__ = "department"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    """Short, e.g. ``market``."""
    code: Mapped[str] = mapped_column(String(18), unique=True)
    """统一社会信用代码 (GB 32100)."""
    name: Mapped[str] = mapped_column(String(200))
    created: Mapped[datetime]


class Seal(Base):
    """电子印章: one seal through all its objects (GB/T 38540). The pictures are inside the objects' files."""

    __tablename__ = "seal"

    id: Mapped[str] = mapped_column(SEAL_ID, primary_key=True)
    """印章编码 (esID)."""
    name: Mapped[str] = mapped_column(String(200))
    department_id: Mapped[str] = mapped_column(ForeignKey("department.id"), index=True)
    """Who keeps it on the register."""
    digest: Mapped[str] = mapped_column(DIGEST)
    """SM3 of the present seal object's DER; empty until it is made."""
    key_name: Mapped[str] = mapped_column(String(100))
    """The signer's name in the keyring; empty until it is made."""
    created: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(32), server_default="special")
    """A code of ``seal.kinds.KINDS``."""
    purpose: Mapped[str] = mapped_column(String(200), server_default="")
    """What it is for, in words."""
    holder_kind: Mapped[str] = mapped_column(String(16), server_default="institution")
    """``institution`` 单位, ``office`` 任职人员 (法定代表人名章), ``applicant`` 申请人."""
    holder_name: Mapped[str] = mapped_column(String(200), server_default="")
    holder_code: Mapped[str] = mapped_column(String(64), server_default="")
    state: Mapped[str] = mapped_column(String(16), server_default="ACTIVE", index=True)
    """The state after the newest event (``seal.lifecycle.State``)."""
    object_number: Mapped[int] = mapped_column(server_default="1")
    """Number of the present seal object; 0: none yet."""


class SealObject(Base):
    """印章数据: one seal object, made here or elsewhere; never changed. A new face or certificate is a new object."""

    __tablename__ = "seal_object"

    seal_id: Mapped[str] = mapped_column(ForeignKey("seal.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(DIGEST, unique=True)
    key_name: Mapped[str] = mapped_column(String(100))
    origin: Mapped[str] = mapped_column(String(16))
    """``own`` 本系统制作, ``import`` 导入, ``enrol`` 建库登记."""
    effective: Mapped[datetime]
    """From when on it is the seal (whole seconds)."""
    recorded: Mapped[datetime]
    actor: Mapped[str] = mapped_column(ACCOUNT)


class SealRequest(Base):
    """印章申请: what somebody asked for, on which basis, and who decided."""

    __tablename__ = "seal_request"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    seal_id: Mapped[str] = mapped_column(ForeignKey("seal.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    """``new``, ``face``, ``certificate`` or ``destruction``."""
    reason: Mapped[str] = mapped_column(String(500))
    basis_name: Mapped[str] = mapped_column(String(200))
    """File name of the basis document (依据文件)."""
    basis_digest: Mapped[str] = mapped_column(DIGEST)
    applicant: Mapped[str] = mapped_column(ACCOUNT)
    applied: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    """``open``, ``approved``, ``rejected``, ``withdrawn`` or ``done``."""
    decided_by: Mapped[str] = mapped_column(ACCOUNT)
    decided: Mapped[datetime | None]
    decision: Mapped[str] = mapped_column(String(500))


class SealEvent(Base):
    """印章事件: one step in the life of a seal; only ever added."""

    __tablename__ = "seal_event"

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    seal_id: Mapped[str] = mapped_column(ForeignKey("seal.id"))
    step: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    """The state from ``effective`` on."""
    effective: Mapped[datetime]
    """Whole seconds; a loss may lie before ``recorded``."""
    recorded: Mapped[datetime]
    actor: Mapped[str] = mapped_column(ACCOUNT)
    role: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(500))
    basis_digest: Mapped[str] = mapped_column(DIGEST)
    request_id: Mapped[str] = mapped_column(String(32))
    object_number: Mapped[int]

    __table_args__ = (Index("ix_seal_event_seal_id_id", "seal_id", "id"),)


class SealGrant(Base):
    """用章授权: who may put a seal on which types of licence, and how often a day."""

    __tablename__ = "seal_grant"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    seal_id: Mapped[str] = mapped_column(ForeignKey("seal.id"), index=True)
    account: Mapped[str] = mapped_column(ACCOUNT)
    """One officer; empty: every officer of ``department_id``."""
    department_id: Mapped[str] = mapped_column(ForeignKey("department.id"))
    types: Mapped[str] = mapped_column(Text)
    """Canonical JSON list of type codes; ``["*"]``: all."""
    daily_limit: Mapped[int | None]
    granted: Mapped[datetime]
    granted_by: Mapped[str] = mapped_column(ACCOUNT)
    ended: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(ACCOUNT)


class SealDayCount(Base):
    """当日用章次数 under a grant that has a limit."""

    __tablename__ = "seal_day_count"

    grant_id: Mapped[str] = mapped_column(ForeignKey("seal_grant.id"), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    """Beijing day, ``YYYY-MM-DD``."""
    used: Mapped[int]


class SealUse(Base):
    """用章台账: one document the seal was put on; only ever added."""

    __tablename__ = "seal_use"

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    seal_id: Mapped[str] = mapped_column(SEAL_ID)
    object_digest: Mapped[str] = mapped_column(DIGEST)
    """Which object of the seal."""
    document: Mapped[str] = mapped_column(DIGEST)
    """SM3 of the sealed file."""
    subject: Mapped[str] = mapped_column(String(200))
    """What the document is, e.g. a licence id."""
    type_code: Mapped[str] = mapped_column(String(21))
    officer: Mapped[str] = mapped_column(ACCOUNT)
    department: Mapped[str] = mapped_column(String(32))
    used: Mapped[datetime]
    """The signing time."""
    recorded: Mapped[datetime]

    __table_args__ = (Index("ix_seal_use_seal_id_used", "seal_id", "used"),)
