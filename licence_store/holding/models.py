"""用户空间的表: accounts and sessions of holders, and delegations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base
from seal.models import SERIAL

_OPEN = text("closed IS NULL")
_ID = String(32)
_DIGEST = String(64)
_CODE = String(64)
_NAME = String(300)


def of_number(column: Any, code: str) -> ColumnElement[bool]:
    """Rows of a table that only grows, of the holder with this number: an earlier version kept a letter as it was
    written, and what was added then is not changed.
    """
    found: ColumnElement[bool] = column.in_(sorted({code, code.lower()}))
    return found


class HolderAccount(Base):
    """用户账号: one subject of one identity provider. Closed, it keeps no personal data."""

    __tablename__ = "holder_account"
    __table_args__ = (
        Index(
            "uq_holder_account_subject", "issuer", "subject", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
        ),
        Index("ix_holder_account_code", "code"),
    )

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    issuer: Mapped[str] = mapped_column(String(300))
    subject: Mapped[str] = mapped_column(String(255))
    code: Mapped[str] = mapped_column(_CODE)
    code_type: Mapped[str] = mapped_column(String(3))
    name: Mapped[str] = mapped_column(_NAME)
    opened: Mapped[datetime]
    closed: Mapped[datetime | None]


class SpaceSession(Base):
    """用户会话; of the token only the digest."""

    __tablename__ = "holder_session"

    digest: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("holder_account.id"), index=True)
    channel: Mapped[str] = mapped_column(String(16))
    """``page``: a cookie; ``http``: a bearer token of a portal; ``kiosk``: a cookie of a self-service terminal."""
    address: Mapped[str] = mapped_column(String(100))
    opened: Mapped[datetime]
    expires: Mapped[datetime] = mapped_column(index=True)
    assurance: Mapped[int]
    proved: Mapped[datetime]
    offices: Mapped[str] = mapped_column(Text)
    """JSON: organisations that the identity provider says they are the legal representative of."""
    acting: Mapped[str] = mapped_column(String(80))
    """For whom: empty for themself, an organisation's code, or a delegation's id."""
    word: Mapped[str] = mapped_column(Text, server_default="")
    """``kiosk``: the identity token, shown to the provider when it is to forget them; else empty."""


class SpaceSignIn(Base):
    """登录记录, shown to the person; gone with the account."""

    __tablename__ = "holder_sign_in"
    __table_args__ = (Index("ix_holder_sign_in_account_id", "account_id", "id"),)

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("holder_account.id"))
    at: Mapped[datetime]
    act: Mapped[str] = mapped_column(String(16))
    """``sign_in``, ``step_up``, ``portal``, ``sign_out``."""
    assurance: Mapped[int]
    address: Mapped[str] = mapped_column(String(100))


class SignInAttempt(Base):
    """登录途中: what the answer of the identity provider is compared with; taken once."""

    __tablename__ = "holder_attempt"

    digest: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    """Of ``state``."""
    browser: Mapped[str] = mapped_column(_DIGEST)
    """Of the cookie of the browser that began."""
    facts: Mapped[str] = mapped_column(Text)
    """JSON: nonce, PKCE verifier, redirect address, where to go on, level asked for."""
    expires: Mapped[datetime] = mapped_column(index=True)


class UsedProof(Base):
    """已用的身份令牌: what a portal has shown is good for one session."""

    __tablename__ = "holder_proof"

    digest: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    expires: Mapped[datetime] = mapped_column(index=True)


class Delegation(Base):
    """授权: as it stands; every change is an event."""

    __tablename__ = "delegation"
    __table_args__ = (
        Index("ix_delegation_delegate_code", "delegate_code", "state"),
        Index("ix_delegation_holder_code", "holder_code", "id"),
        Index("ix_delegation_root_id", "root_id"),
    )

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    """Begins with the moment, so that ids are in that order."""
    root_id: Mapped[str] = mapped_column(_ID)
    """The first of its branch, itself perhaps; whoever changes a branch takes that row first."""
    parent_id: Mapped[str] = mapped_column(_ID)
    """Empty: given by the holder."""
    depth: Mapped[int]
    """1 to 3."""
    holder_code: Mapped[str] = mapped_column(_CODE)
    holder_code_type: Mapped[str] = mapped_column(String(3))
    holder_name: Mapped[str] = mapped_column(_NAME)
    delegate_code: Mapped[str] = mapped_column(_CODE)
    delegate_code_type: Mapped[str] = mapped_column(String(3))
    delegate_name: Mapped[str] = mapped_column(_NAME)
    state: Mapped[str] = mapped_column(String(16))
    """``requested``, ``granted``, ``refused``, ``cancelled``."""
    rights: Mapped[str] = mapped_column(Text)
    """JSON list, as the next two."""
    types: Mapped[str] = mapped_column(Text)
    items: Mapped[str] = mapped_column(Text)
    starts: Mapped[datetime]
    ends: Mapped[datetime]
    """From this moment on it counts no more."""
    events: Mapped[int]


class DelegationEvent(Base):
    """授权经过; only ever added."""

    __tablename__ = "delegation_event"

    delegation_id: Mapped[str] = mapped_column(ForeignKey("delegation.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    act: Mapped[str] = mapped_column(String(16))
    """``request``, ``grant``, ``change``, ``refuse``, ``cancel``, ``narrow``, ``cut``."""
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(100))
    terms: Mapped[str] = mapped_column(Text)
    """JSON: rights, types, items, from and until, as of then."""
    reason: Mapped[str] = mapped_column(String(500))
