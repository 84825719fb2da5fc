"""列表相承: may this trust list follow the one believed? Older, forked, expired and unsigned ones are refused.

believed = accept_first(candidate, pin, now)          # once, by a digest known from elsewhere
believed = accept_next(believed, candidate, now)      # ever after, one number at a time
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from trust.errors import Refused
from trust.trust_list import Keeper, TrustList

SKEW: Final = timedelta(minutes=5)
"""How far two honest clocks may differ."""


class ListRefused(Refused):
    """A trust list that may not be believed: somebody may be attacking, or a keeper was careless."""

    remedy_template = "请勿更换现用的信任列表；向列表管理人核实后再试。"


def accept_first(candidate: TrustList, pin: str, now: datetime) -> TrustList:
    """首次采信 by ``pin``: SM3 (hex) of the payload, from paper, telephone or a meeting, never from where the list was.

    Raises ``ListRefused("trust_list.pin")`` and what ``check_signed`` and ``check_time`` raise.
    """
    if candidate.digest != pin.strip().lower():
        raise ListRefused(
            "trust_list.pin", "信任列表的摘要为 {got}，与所核对的 {pin} 不一致。", got=candidate.digest, pin=pin[:64]
        )
    check_signed(candidate, candidate.keepers, candidate.threshold)
    check_time(candidate, now)
    return candidate


def accept_next(believed: TrustList, candidate: TrustList, now: datetime, *, newest: bool = True) -> TrustList:
    """The list to be believed from now on: ``candidate``, or ``believed`` where it is the same list.

    ``newest`` is false for lists one passes on the way to a newer one: those may have expired. Raises ``ListRefused``:
    ``trust_list.other``, ``trust_list.older``, ``trust_list.fork``, ``trust_list.gap``, ``trust_list.backdated``,
    ``trust_list.future``, ``trust_list.expired``, ``trust_list.keepers``, ``trust_list.threshold``.
    """
    if candidate.digest == believed.digest:
        return believed
    _check_follows(believed, candidate)
    check_signed(candidate, believed.keepers, believed.threshold, code="trust_list.keepers")
    check_signed(candidate, candidate.keepers, candidate.threshold)
    if candidate.issued_at < believed.issued_at:
        raise ListRefused(
            "trust_list.backdated",
            "第 {number} 号信任列表的签发时间 {issued} 早于现用列表的 {ours}。",
            number=candidate.number,
            issued=candidate.issued_at.isoformat(),
            ours=believed.issued_at.isoformat(),
        )
    check_time(candidate, now, expiry=newest)
    return candidate


def _check_follows(believed: TrustList, candidate: TrustList) -> None:
    """One history: the next number, and the believed list is the one it names."""
    if candidate.name != believed.name:
        raise ListRefused(
            "trust_list.other",
            "所给的是“{got}”的信任列表，现用的是“{ours}”的。",
            got=candidate.name,
            ours=believed.name,
        )
    if candidate.number < believed.number:
        raise ListRefused(
            "trust_list.older",
            "所给的是第 {got} 号信任列表，现用的已是第 {ours} 号：拒绝退回。",
            got=candidate.number,
            ours=believed.number,
        )
    if candidate.number > believed.number + 1:
        raise ListRefused(
            "trust_list.gap",
            "所给的是第 {got} 号信任列表，现用的是第 {ours} 号：缺少其间的列表。",
            remedy="请依次取得其间的各号列表。",
            got=candidate.number,
            ours=believed.number,
        )
    if candidate.number == believed.number or candidate.previous != believed.digest:
        raise ListRefused(
            "trust_list.fork",
            "第 {number} 号信任列表与现用的列表不是同一历史（分叉），可能有人向各地出示不同的列表。",
            number=candidate.number,
        )


def check_signed(
    candidate: TrustList, keepers: Iterable[Keeper], threshold: int, *, code: str = "trust_list.threshold"
) -> None:
    """Have enough of ``keepers`` signed? Raises ``ListRefused`` under ``code``."""
    signers = candidate.signers(keepers)
    if len(signers) < threshold:
        raise ListRefused(
            code,
            "第 {number} 号信任列表只有 {count} 名管理人的有效签名，需要 {threshold} 名。",
            number=candidate.number,
            count=len(signers),
            threshold=threshold,
        )


def check_time(candidate: TrustList, now: datetime, *, expiry: bool = True) -> None:
    """Neither from the future nor, if it is to be used, expired. Raises ``ListRefused``."""
    if candidate.issued_at > now + SKEW:
        raise ListRefused(
            "trust_list.future",
            "第 {number} 号信任列表的签发时间 {issued} 在将来。",
            number=candidate.number,
            issued=candidate.issued_at.isoformat(),
        )
    if expiry and not candidate.is_fresh(now):
        raise ListRefused(
            "trust_list.expired",
            "第 {number} 号信任列表已于 {until} 到期。",
            number=candidate.number,
            until=candidate.next_update.isoformat(),
        )
