"""信任锚的变更: take one in, let one follow another with an overlap, take one out; and what each is worth now.

Pure: each act gives a new ``TrustStore``; who keeps it, keeps it at once. An anchor is taken out *from a moment
on*, not wiped away: documents whose time is proved to lie before it keep their answer, everything else loses
it at once. Only an anchor whose key was never to be trusted goes entirely (``forget_anchor``): a stolen
time-stamp key, above all, can stamp any past.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.certificates import Certificate
from trust.errors import Conflict, NotFound, Refused
from trust.path import check_self_signature
from trust.profiles import Role, check_profile


class AnchorState(StrEnum):
    """信任锚状态 at a moment."""

    CURRENT = "current"
    COMING = "coming"
    """Its period has not begun."""
    ENDED = "ended"
    """Its period is over: it speaks for the past only."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class ListedAnchor:
    """信任锚清单 entry."""

    anchor: TrustAnchor
    state: AnchorState
    begins_at: datetime
    ends_at: datetime
    """Its removal counts."""


def list_anchors(store: TrustStore, moment: datetime) -> tuple[ListedAnchor, ...]:
    """All anchors of ``store`` as they stand at ``moment``, by name."""
    listed = [ListedAnchor(a, _state(a, moment), a.period[0], _end(a)) for a in store.anchors]
    return tuple(sorted(listed, key=lambda one: (one.anchor.certificate.common_name, one.begins_at)))


def add_anchor(
    store: TrustStore,
    certificate: Certificate,
    purposes: Iterable[Purpose],
    *,
    moment: datetime,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
) -> TrustStore:
    """``store`` with a new anchor, believed from ``valid_from`` (default: as its certificate says) on.

    Whether the certificate is the right one, its bearer must know from elsewhere: compare its digest. Raises
    ``Refused("profile.…")`` unless it may be a CA, ``Refused("anchor.self_signature")``,
    ``Refused("anchor.expired")``, ``Conflict("anchor.exists")``, ``Malformed("anchor.…")``.
    """
    anchor = TrustAnchor(certificate, frozenset(purposes), valid_from, valid_to)
    check_profile(certificate, Role.AUTHORITY)
    if certificate.is_self_issued and not check_self_signature(certificate):
        raise Refused("anchor.self_signature", "根证书“{name}”的自签名不正确。", name=certificate.common_name)
    if anchor.period[1] < moment:
        raise Refused("anchor.expired", "信任锚“{name}”的信任期已经结束。", name=certificate.common_name)
    if any(a.certificate.digest == certificate.digest and a.removed_at is None for a in store.anchors):
        raise Conflict("anchor.exists", "信任锚“{name}”已在信任库中。", name=certificate.common_name)
    return store.changed(anchors=(*store.anchors, anchor))


def remove_anchor(store: TrustStore, digest: bytes, *, moment: datetime, since: datetime | None = None) -> TrustStore:
    """移出: ``store`` in which the anchor with this certificate digest (SM3) is believed no more from ``moment`` on.

    ``since`` is earlier where its key was unsafe before anyone noticed. Raises ``NotFound("anchor.unknown")``.
    """
    end = moment if since is None else min(since, moment)
    return _changed(store, digest, lambda anchor: replace(anchor, removed_at=end))


def forget_anchor(store: TrustStore, digest: bytes) -> TrustStore:
    """抹除: ``store`` without the anchor, taken out before or not, for the past too. ``NotFound("anchor.unknown")``."""
    if digest not in store.anchors_by_digest:
        _demand(store, digest)
    return store.changed(anchors=tuple(a for a in store.anchors if a.certificate.digest != digest))


def roll_over(
    store: TrustStore,
    old: bytes,
    successor: Certificate,
    *,
    moment: datetime,
    begins_at: datetime,
    ends_at: datetime,
) -> TrustStore:
    """换代: ``successor`` is believed from ``begins_at`` on for all the old anchor is; the old one until ``ends_at``.

    In between both are. Raises ``Refused("anchor.gap")`` where the old would end before the new begins, and
    what ``add_anchor`` raises.
    """
    if ends_at < begins_at:
        raise Refused(
            "anchor.gap",
            "新旧信任锚之间不能有空档：旧锚止于 {ends_at}，新锚始于 {begins_at}。",
            ends_at=ends_at.isoformat(),
            begins_at=begins_at.isoformat(),
        )
    purposes = frozenset(p for anchor in _demand(store, old) for p in anchor.purposes)
    added = add_anchor(store, successor, purposes, moment=moment, valid_from=begins_at)
    return _changed(added, old, lambda anchor: replace(anchor, valid_to=min(ends_at, anchor.period[1])))


def _changed(store: TrustStore, digest: bytes, change: Callable[[TrustAnchor], TrustAnchor]) -> TrustStore:
    """Anchors already taken out stay as they are."""
    _demand(store, digest)
    chosen = [change(a) if a.certificate.digest == digest and a.removed_at is None else a for a in store.anchors]
    return store.changed(anchors=tuple(chosen))


def _demand(store: TrustStore, digest: bytes) -> tuple[TrustAnchor, ...]:
    found = tuple(a for a in store.anchors_by_digest.get(digest, ()) if a.removed_at is None)
    if not found:
        raise NotFound("anchor.unknown", "信任库中没有摘要为 {digest} 的信任锚。", digest=digest.hex())
    return found


def _state(anchor: TrustAnchor, moment: datetime) -> AnchorState:
    begin, end = anchor.period
    if anchor.removed_at is not None and moment >= anchor.removed_at:
        return AnchorState.REMOVED
    if moment < begin:
        return AnchorState.COMING
    return AnchorState.ENDED if moment > end else AnchorState.CURRENT


def _end(anchor: TrustAnchor) -> datetime:
    end = anchor.period[1]
    return end if anchor.removed_at is None else min(end, anchor.removed_at)
