"""容量: how much each holder may keep, and that nobody keeps more, however many uploads come at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from licence_store.uploads.models import UploadKey
from licence_store.uploads.stored import QuotaMeter
from trust.errors import Refused

_LOCK: Final = 5_870_214


@dataclass(frozen=True, slots=True)
class Quota:
    """容量限制 of one holder."""

    octets: int = 200 << 20
    files: int = 200


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """上传设置, as the desk needs them."""

    quota: Quota = Quota()
    scanner: str = ""
    """Address of the virus scanner, see ``uploads.scanning``; empty: none."""
    cipher: str = "aes256"
    """``aes256`` or ``sm4``: of what is written from now on."""


def measure(session: Session, owner: str, quota: Quota) -> QuotaMeter:
    """What is kept of ``owner`` now."""
    query = select(func.coalesce(func.sum(UploadKey.size), 0), func.count()).where(UploadKey.owner == owner)
    used, count = session.execute(query).one()
    return QuotaMeter(int(used), quota.octets, int(count), quota.files)


def admit(session: Session, owner: str, size: int, quota: Quota) -> None:
    """May ``owner`` keep ``size`` octets more? Until the transaction ends, nobody else is asked about this owner.

    Raises ``Refused("upload.quota", "upload.quota_count")``.
    """
    if session.get_bind().dialect.name == "postgresql":  # on SQLite one writer at a time holds the whole database
        session.execute(text("SELECT pg_advisory_xact_lock(:a, hashtext(:b))"), {"a": _LOCK, "b": owner})
    check(measure(session, owner, quota), size)


def check(meter: QuotaMeter, size: int) -> None:
    """Raises as ``admit`` does."""
    if meter.used + size > meter.limit:
        raise Refused(
            "upload.quota", "您的存储空间不足：已用 {used}，共 {limit}，此文件需要 {size}。",
            remedy="请先清理不再需要的材料，再上传。",
            used=megabytes(meter.used), limit=megabytes(meter.limit), size=megabytes(size),
        )  # fmt: skip
    if meter.count >= meter.most:
        raise Refused(
            "upload.quota_count", "您已存有 {count} 份材料，最多 {most} 份。",
            remedy="请先清理不再需要的材料，再上传。", count=meter.count, most=meter.most,
        )  # fmt: skip


def megabytes(octets: int) -> str:
    """For people: ``3.4 MB``."""
    return f"{octets / (1 << 20):.1f} MB"
