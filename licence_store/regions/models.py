"""地区之间的表: trust lists believed and refused, what peers published, what lower nodes reported.

Lists that were believed or refused and batches that came from below only ever grow (the database refuses to change or
delete a row). Moments are aware UTC; digests are SM3 in lower-case hex.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from licence_store.models import LICENCE_ID, NAME
from seal.database import Base
from seal.models import ACCOUNT, DIGEST, SERIAL

REGION = String(6)
ADDRESS = String(500)


class BelievedList(Base):
    """采信的信任列表: the one with the highest number counts; never changed."""

    __tablename__ = "trust_list"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(DIGEST, unique=True)
    issued: Mapped[datetime]
    next_update: Mapped[datetime]
    data: Mapped[bytes] = mapped_column(LargeBinary)
    source: Mapped[str] = mapped_column(ADDRESS)
    """``pin``, ``published``, ``file`` or the address it came from."""
    actor: Mapped[str] = mapped_column(ACCOUNT)
    accepted: Mapped[datetime]


class RefusedList(Base):
    """拒绝的信任列表: evidence of a rollback, a fork or a forgery; never changed."""

    __tablename__ = "trust_list_refused"

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    digest: Mapped[str] = mapped_column(DIGEST)
    number: Mapped[int] = mapped_column(BigInteger)
    """0 where it could not be read."""
    code: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(ADDRESS)
    refused: Mapped[datetime]
    data: Mapped[bytes] = mapped_column(LargeBinary)
    """Empty where it was too large to keep."""

    __table_args__ = (Index("uq_trust_list_refused_digest_code", "digest", "code", unique=True),)


class PeerEvidence(Base):
    """对端材料: what a peer publishes, as it was last got, and how its address fared since."""

    __tablename__ = "peer_evidence"

    region: Mapped[str] = mapped_column(REGION, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    """``trust_bundle``, ``status_list``, ``seal_status``, ``catalogue``."""
    address: Mapped[str] = mapped_column(ADDRESS, primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    """Empty: never got."""
    digest: Mapped[str] = mapped_column(DIGEST, server_default="")
    issued: Mapped[datetime | None]
    next_update: Mapped[datetime | None]
    got: Mapped[datetime | None]
    asked: Mapped[datetime | None]
    failure: Mapped[str] = mapped_column(String(64), server_default="")
    """Code of what went wrong when last asked; empty: nothing."""
    failing_since: Mapped[datetime | None]


class UpwardSent(Base):
    """上报进度 at a lower node: how far the upper region has been told."""

    __tablename__ = "upward_sent"

    upper: Mapped[str] = mapped_column(REGION, primary_key=True)
    number: Mapped[int]
    """Of the newest batch the upper region has taken."""
    digest: Mapped[str] = mapped_column(DIGEST)
    event: Mapped[int] = mapped_column(BigInteger)
    """The place in the change feed it went up to."""
    sent: Mapped[datetime]


class UpwardBatch(Base):
    """上报批次 at an upper node: each follows the one before it; never changed."""

    __tablename__ = "upward_batch"

    region: Mapped[str] = mapped_column(REGION, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(DIGEST)
    event: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int]
    made: Mapped[datetime]
    received: Mapped[datetime]


class UpwardLicence(Base):
    """下级证照 at an upper node: the newest that its own region has said of it."""

    __tablename__ = "upward_licence"

    region: Mapped[str] = mapped_column(REGION, primary_key=True)
    base: Mapped[str] = mapped_column(LICENCE_ID, primary_key=True)
    licence_id: Mapped[str] = mapped_column(LICENCE_ID)
    version: Mapped[int]
    type_code: Mapped[str] = mapped_column(String(21))
    number: Mapped[str] = mapped_column(String(100))
    holder_name: Mapped[str] = mapped_column(NAME)
    holder_code: Mapped[str] = mapped_column(String(64))
    holder_code_type: Mapped[str] = mapped_column(String(3))
    issuer_name: Mapped[str] = mapped_column(String(200))
    issuer_code: Mapped[str] = mapped_column(String(18))
    state: Mapped[str] = mapped_column(String(32))
    since: Mapped[datetime]
    ends: Mapped[str] = mapped_column(String(10))
    file_digest: Mapped[str] = mapped_column(DIGEST)
    status_list: Mapped[str] = mapped_column(ADDRESS)
    status_index: Mapped[int]
    as_of: Mapped[datetime]
    """When its region said so."""
    batch: Mapped[int]

    __table_args__ = (
        Index("ix_upward_licence_holder", "holder_code", "type_code"),
        Index("ix_upward_licence_number", "type_code", "number"),
        Index("ix_upward_licence_licence_id", "licence_id"),
        Index("ix_upward_licence_type", "region", "type_code"),
    )
