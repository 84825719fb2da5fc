"""回调密钥: what the calls of a webhook are signed with. Kept under the region's master key, told once, renewed with
overlap: while an older one still counts, each call carries a signature by each (Standard Webhooks).
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from keys.master import KeyWrapper, number_of
from licence_store.notices.addresses import SECRET_PREFIX
from licence_store.notices.models import HookSecret
from seal.database import Sessions
from trust.errors import Conflict, LicenceTrustError, Malformed, Unavailable

OVERLAP: Final = timedelta(days=1)
"""So long the older secret signs too, where nothing else is said."""
LONGEST_OVERLAP: Final = timedelta(days=30)
_MOST: Final = 3
"""Secrets of one webhook at a time: a receiver that never learns of new ones shall be noticed."""
_OCTETS: Final = 24


@dataclass(frozen=True, slots=True)
class SecretPeriod:
    """What may be shown of a webhook's secrets."""

    since: datetime
    """When the newest was made."""
    older_until: datetime | None
    """Until when an older one signs too."""


@dataclass(frozen=True, slots=True)
class HookSecrets:
    """回调密钥登记."""

    sessions: Sessions
    clock: Callable[[], datetime]
    wrapper: KeyWrapper

    def make(self, contact_id: str) -> NewSecret:
        """A new one, for ``NewSecret.put``; made before the transaction, since a machine may have to wrap it."""
        told = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_OCTETS)).decode()
        secret_id = secrets.token_hex(12)
        columns = {"id": secret_id, "contact_id": contact_id, **_locked(self.wrapper, secret_id, told)}
        return NewSecret(contact_id, told, columns)

    def of(self, contact_id: str) -> tuple[str, ...]:
        """Those that count now, the newest first. Raises ``Unavailable("notice.secret_locked")``."""
        query = select(HookSecret).where(HookSecret.contact_id == contact_id, _counts(self.clock()))
        with self.sessions.read() as session:
            rows = list(session.execute(query.order_by(HookSecret.created.desc(), HookSecret.id)).scalars())
        try:
            return tuple(_opened(self.wrapper, one) for one in rows)
        except (LicenceTrustError, ValueError) as error:
            raise Unavailable(
                "notice.secret_locked",
                "回调密钥无法打开，暂不能签名。",
                remedy="请由系统管理员恢复主密钥，或更换回调密钥。",
            ) from error

    def rotate(self, session: Session, new: NewSecret, overlap: timedelta) -> None:
        """更换: the older ones sign for ``overlap`` more; nothing, and they are gone.

        Raises ``Malformed("contact.overlap")``, ``Conflict("contact.secrets_many")``. The caller holds the contact.
        """
        if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
            raise Malformed("contact.overlap", "新旧密钥并用时间应为0至{days}天。", days=LONGEST_OVERLAP.days)
        now = self.clock()
        mine = HookSecret.contact_id == new.contact_id
        session.execute(delete(HookSecret).where(mine, ~_counts(now) if overlap else HookSecret.id != ""))
        kept = list(session.execute(select(HookSecret).where(mine)).scalars())
        if len(kept) >= _MOST:
            raise Conflict(
                "contact.secrets_many", "已有 {count} 个密钥并用，请待旧密钥到期后再更换。", count=len(kept),
                remedy="如密钥已泄露，请把并用时间设为0，旧密钥立即作废。",
            )  # fmt: skip
        for one in kept:
            one.ends = min(one.ends or now + overlap, now + overlap)
        session.flush()
        new.put(session, now)

    def periods(self, session: Session, contact_ids: Collection[str]) -> dict[str, SecretPeriod]:
        """Of each webhook that has secrets."""
        now, found = self.clock(), dict[str, SecretPeriod]()
        query = select(HookSecret.contact_id, HookSecret.created, HookSecret.ends)
        query = query.where(HookSecret.contact_id.in_(list(contact_ids)), _counts(now)).order_by(HookSecret.created)
        for contact_id, created, ends in session.execute(query):
            before = found.get(contact_id)
            ended = max((one for one in (ends, before and before.older_until) if one), default=None)
            found[contact_id] = SecretPeriod(created, ended)
        return found


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret that is not yet in the register."""

    contact_id: str
    told: str = field(repr=False)
    columns: Mapping[str, object] = field(repr=False)

    def put(self, session: Session, now: datetime) -> None:
        session.execute(insert(HookSecret), [{**self.columns, "created": now, "ends": None}])


def has_secret(session: Session, contact_id: str) -> bool:
    """Is it a webhook with a shared secret?"""
    query = select(HookSecret.id).where(HookSecret.contact_id == contact_id).limit(1)
    return session.execute(query).first() is not None


def forget(session: Session, contact_id: str) -> None:
    """销毁: all secrets of a contact that has ended."""
    session.execute(delete(HookSecret).where(HookSecret.contact_id == contact_id))


def lock_away(sessions: Sessions, wrapper: KeyWrapper) -> int:
    """What an older version of the product left in clear goes under the master key; how many there were.

    Raises as wrapping does. Harmless at any time and in any number of processes.
    """
    query = select(HookSecret).where(HookSecret.sealed.like(f"{SECRET_PREFIX}%"))
    with sessions.read() as session:
        left = [(one.id, one.sealed) for one in session.execute(query).scalars()]
    for secret_id, clear in left:
        still = update(HookSecret).where(HookSecret.id == secret_id, HookSecret.sealed == clear)
        with sessions.begin() as session:
            session.execute(still.values(_locked(wrapper, secret_id, clear)))
    return len(left)


def context_of(secret_id: str) -> bytes:
    """What a wrapped secret is bound to."""
    return f"webhook {secret_id}".encode()


def _counts(now: datetime) -> Any:
    return or_(HookSecret.ends.is_(None), HookSecret.ends > now)


def _locked(wrapper: KeyWrapper, secret_id: str, told: str) -> dict[str, Any]:
    """The columns that keep it."""
    wrapped = wrapper.wrap(told.encode(), context_of(secret_id))
    return {"sealed": base64.b64encode(wrapped).decode(), "master": number_of(wrapped)}


def _opened(wrapper: KeyWrapper, row: HookSecret) -> str:
    if row.sealed.startswith(SECRET_PREFIX):
        return row.sealed
    return wrapper.unwrap(base64.b64decode(row.sealed), context_of(row.id)).decode()
