"""用证副本的表: what was granted, by which links it was fetched, what became of it.

Every table but ``copy_file`` only ever grows. That a copy is never used more often than granted is a rule of the tables
too: a use carries its number and the grant's own limit, and no number goes beyond it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base
from seal.models import ACCOUNT, DIGEST, SERIAL

COPY_ID = String(40)


class CopyGrant(Base):
    """用证授权: who may use what, for what, until when, how often; the copy's terms."""

    __tablename__ = "copy_grant"
    __table_args__ = (
        UniqueConstraint("copy_id", "uses"),
        Index("ix_copy_grant_holder_code_made", "holder_code", "made"),
        Index("ix_copy_grant_source_kind_source_id", "source_kind", "source_id"),
    )

    copy_id: Mapped[str] = mapped_column(COPY_ID, primary_key=True)
    holder_code: Mapped[str] = mapped_column(String(64))
    holder_kind: Mapped[str] = mapped_column(String(16))
    """``person`` or ``organisation``."""
    source_kind: Mapped[str] = mapped_column(String(16))
    """``licence`` or ``material``."""
    source_id: Mapped[str] = mapped_column(String(160))
    """A version's licence id, or a material's id."""
    title: Mapped[str] = mapped_column(String(400))
    type_code: Mapped[str] = mapped_column(String(21))
    level: Mapped[str] = mapped_column(String(1))
    """可信等级 of the original when the copy was made."""
    recipient: Mapped[str] = mapped_column(String(200))
    purpose: Mapped[str] = mapped_column(String(200))
    service_item: Mapped[str] = mapped_column(String(200))
    case_number: Mapped[str] = mapped_column(String(100))
    until: Mapped[datetime]
    """The moment from which it is over."""
    uses: Mapped[int]
    """How many acceptances it is good for; 0: not limited."""
    original_check: Mapped[bool]
    """使用时须核验原件."""
    form: Mapped[str] = mapped_column(String(8))
    terms: Mapped[str] = mapped_column(Text)
    """The copy's terms as JSON, as sealed into it."""
    digest: Mapped[str] = mapped_column(DIGEST, index=True)
    """SM3 of the copy."""
    size: Mapped[int] = mapped_column(BigInteger)
    made: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(ACCOUNT)


class CopyFile(Base):
    """副本文件: where the copy lies; gone when the copy has ended."""

    __tablename__ = "copy_file"

    copy_id: Mapped[str] = mapped_column(ForeignKey("copy_grant.copy_id"), primary_key=True)
    file: Mapped[str] = mapped_column(DIGEST, index=True)
    """SM3 of the ciphertext: its name in the file store."""
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    """The file's key, locked."""
    master: Mapped[int] = mapped_column(BigInteger, index=True, server_default="0")
    """Number of the master key that opens it."""
    until: Mapped[datetime] = mapped_column(index=True)


class CopyEnd(Base):
    """收回: a copy taken back, at most once."""

    __tablename__ = "copy_end"

    copy_id: Mapped[str] = mapped_column(ForeignKey("copy_grant.copy_id"), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(ACCOUNT)
    reason: Mapped[str] = mapped_column(String(500))


class CopyUse(Base):
    """用证: one acceptance, the only thing that counts as a use."""

    __tablename__ = "copy_use"
    __table_args__ = (
        ForeignKeyConstraint(["copy_id", "uses"], ["copy_grant.copy_id", "copy_grant.uses"]),
        CheckConstraint("number >= 1 AND (uses = 0 OR number <= uses)", name="within"),
        Index("uq_copy_use_key", "copy_id", "actor", "key", unique=True),
    )

    copy_id: Mapped[str] = mapped_column(COPY_ID, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1."""
    uses: Mapped[int]
    """The grant's limit."""
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(ACCOUNT)
    department: Mapped[str] = mapped_column(String(32))
    recipient: Mapped[str] = mapped_column(String(200))
    """For whom it was accepted, as stated."""
    purpose: Mapped[str] = mapped_column(String(200))
    service_item: Mapped[str] = mapped_column(String(200))
    case_number: Mapped[str] = mapped_column(String(100))
    original_seen: Mapped[bool]
    """The clerk has held the original beside it."""
    digest: Mapped[str] = mapped_column(DIGEST)
    """SM3 of the file that was shown; empty: the copy was named by its id."""
    key: Mapped[str] = mapped_column(String(200))
    """Same copy, same caller and same key: the same use."""


class CopyRefusal(Base):
    """不予采用: an acceptance that a rule or a clerk refused; counts nothing."""

    __tablename__ = "copy_refusal"

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    copy_id: Mapped[str] = mapped_column(ForeignKey("copy_grant.copy_id"), index=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(ACCOUNT)
    department: Mapped[str] = mapped_column(String(32))
    recipient: Mapped[str] = mapped_column(String(200))
    purpose: Mapped[str] = mapped_column(String(200))
    case_number: Mapped[str] = mapped_column(String(100))
    code: Mapped[str] = mapped_column(String(64))
    """Which rule, e.g. ``copy.purpose``; ``copy.clerk``: the clerk's own decision."""
    reason: Mapped[str] = mapped_column(String(500))


class CopyLink(Base):
    """一次性链接: good for one download; only the digest of its secret is kept."""

    __tablename__ = "copy_link"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    copy_id: Mapped[str] = mapped_column(ForeignKey("copy_grant.copy_id"), index=True)
    digest: Mapped[str] = mapped_column(DIGEST, unique=True)
    """SM3 of the token in the address."""
    made: Mapped[datetime]
    expires: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(ACCOUNT)


class CopyLinkEnd(Base):
    """链接用尽: taken or withdrawn. The primary key lets one taker through and no second."""

    __tablename__ = "copy_link_end"

    link_id: Mapped[str] = mapped_column(ForeignKey("copy_link.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    """``taken`` or ``withdrawn``."""
    at: Mapped[datetime]
