"""共享的表: callers and their keys, tokens, nonces, use, tiers, applications for access, providers, calls."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base
from seal.models import DIGEST, SERIAL

_CLIENT = String(64)
_TYPE = String(21)


class SharingClient(Base):
    """接入系统: a system that may ask."""

    __tablename__ = "sharing_client"

    id: Mapped[str] = mapped_column(_CLIENT, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    organisation: Mapped[str] = mapped_column(String(200))
    organisation_code: Mapped[str] = mapped_column(String(18))
    region: Mapped[str] = mapped_column(String(12))
    """行政区划 it works in."""
    operations: Mapped[str] = mapped_column(Text)
    """JSON list, with the next two: no token of its goes beyond; ``*`` all."""
    types: Mapped[str] = mapped_column(Text)
    regions: Mapped[str] = mapped_column(Text)
    """Whose licences it may ask for."""
    rate: Mapped[int]
    """Calls a minute."""
    quota: Mapped[int]
    """Calls a day."""
    certificate: Mapped[str] = mapped_column(DIGEST)
    """SHA-256 of its TLS certificate, where a proxy tells it; empty: not asked for."""
    created: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(100))
    suspended: Mapped[datetime | None]
    ended: Mapped[datetime | None]


class SharingKey(Base):
    """接入密钥: a public key, or the name of a secret (AK)."""

    __tablename__ = "sharing_key"

    id: Mapped[str] = mapped_column(_CLIENT, primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("sharing_client.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    """``sm2``, ``es256`` or ``hmac``."""
    public: Mapped[str] = mapped_column(Text)
    """Base64 of SubjectPublicKeyInfo; of an ``hmac`` key its secret, wrapped by the region's master key."""
    master: Mapped[int | None] = mapped_column(BigInteger)
    """Number of that master key; ``None``: there is no secret."""
    added: Mapped[datetime]
    added_by: Mapped[str] = mapped_column(String(100))
    ended: Mapped[datetime | None]


class SharingToken(Base):
    """访问令牌: short, for one client, no wider than the client."""

    __tablename__ = "sharing_token"

    digest: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("sharing_client.id"))
    operations: Mapped[str] = mapped_column(Text)
    types: Mapped[str] = mapped_column(Text)
    regions: Mapped[str] = mapped_column(Text)
    issued: Mapped[datetime]
    expires: Mapped[datetime] = mapped_column(index=True)


class SharingNonce(Base):
    """一次性随机数 that were seen, until their window has passed."""

    __tablename__ = "sharing_nonce"

    caller: Mapped[str] = mapped_column(String(100), primary_key=True)
    digest: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    expires: Mapped[datetime] = mapped_column(index=True)


class SharingUsage(Base):
    """用量: calls of a client within a minute or a day."""

    __tablename__ = "sharing_usage"

    client_id: Mapped[str] = mapped_column(_CLIENT, primary_key=True)
    period: Mapped[str] = mapped_column(String(16), primary_key=True)
    """``2026-11-22`` or ``2026-11-22T08:15``, UTC."""
    count: Mapped[int]


class SharingTier(Base):
    """共享属性 of one department's licences of one type; only ever added, the newest counts."""

    __tablename__ = "sharing_tier"
    __table_args__ = (Index("ix_sharing_tier_type_code", "type_code", "department_id", "id"),)

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    type_code: Mapped[str] = mapped_column(ForeignKey("licence_type.code"))
    department_id: Mapped[str] = mapped_column(ForeignKey("department.id"))
    tier: Mapped[str] = mapped_column(String(16))
    """``open``, ``application`` or ``closed``."""
    reason: Mapped[str] = mapped_column(String(500))
    account: Mapped[str] = mapped_column(String(100))
    recorded: Mapped[datetime]


class SharingApplication(Base):
    """共享申请: a client asks the owning department for a type; never changed."""

    __tablename__ = "sharing_application"
    __table_args__ = (Index("ix_sharing_application_client_id", "client_id", "type_code"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("sharing_client.id"))
    type_code: Mapped[str] = mapped_column(ForeignKey("licence_type.code"))
    department_id: Mapped[str] = mapped_column(ForeignKey("department.id"), index=True)
    operations: Mapped[str] = mapped_column(Text)
    """JSON list."""
    items: Mapped[str] = mapped_column(Text)
    """JSON list of service items."""
    basis: Mapped[str] = mapped_column(String(500))
    reason: Mapped[str] = mapped_column(String(500))
    account: Mapped[str] = mapped_column(String(100))
    recorded: Mapped[datetime]


class SharingDecision(Base):
    """申请审核: what was decided on an application; only ever added, the newest counts."""

    __tablename__ = "sharing_decision"

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("sharing_application.id"), index=True)
    decision: Mapped[str] = mapped_column(String(16))
    """``approve``, ``refuse``, ``end`` or ``withdraw``."""
    until: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(500))
    department_id: Mapped[str] = mapped_column(String(32))
    account: Mapped[str] = mapped_column(String(100))
    recorded: Mapped[datetime]


class SharingProvider(Base):
    """外部证照源: licences kept in another system, served through this one (R114)."""

    __tablename__ = "sharing_provider"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    """``http`` or ``sql``."""
    type_code: Mapped[str] = mapped_column(ForeignKey("licence_type.code"), index=True)
    department_id: Mapped[str] = mapped_column(ForeignKey("department.id"))
    definition: Mapped[str] = mapped_column(Text)
    """JSON."""
    added: Mapped[datetime]
    added_by: Mapped[str] = mapped_column(String(100))
    ended: Mapped[datetime | None]


class SharingCall(Base):
    """共享调用: who asked what for which purpose, and what became of it; only ever added."""

    __tablename__ = "sharing_call"
    __table_args__ = (
        Index("ix_sharing_call_client_id", "client_id", "id"),
        Index("ix_sharing_call_department_id", "department_id", "id"),
        Index("ix_sharing_call_holder_code", "holder_code", "id"),
        Index("ix_sharing_call_result", "result", "id"),
    )

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    at: Mapped[datetime]
    client_id: Mapped[str] = mapped_column(_CLIENT)
    """Empty: nobody known."""
    region: Mapped[str] = mapped_column(String(12))
    """Where the question came from."""
    operation: Mapped[str] = mapped_column(String(16))
    type_code: Mapped[str] = mapped_column(_TYPE)
    department_id: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(160))
    """Licence id, or digest of a file; empty: none."""
    holder_code: Mapped[str] = mapped_column(String(64))
    purpose: Mapped[str] = mapped_column(Text)
    """JSON; empty: none was declared."""
    result: Mapped[str] = mapped_column(String(100))
    """Outcome in capitals, or the code of the refusal."""
    request: Mapped[str] = mapped_column(DIGEST)
    """SM3 of the question."""
    answer: Mapped[str] = mapped_column(DIGEST)
    """SM3 of the signed answer; empty: none was given."""
    address: Mapped[str] = mapped_column(String(100))
