"""信任列表的起草: the next list, put together from the one believed; pure.

What a region no longer offers is not taken off: it gets an end (``overlap``), so that old and new stand side by side
while keys are changed, and what was sealed before keeps its answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from trust.anchors import TrustAnchor
from trust.certificates import Certificate
from trust.errors import NotFound, Refused
from trust.trust_list import Entitlement, Keeper, ListedKey, Period, RegionEntry, TrustList


def first_list(
    name: str,
    keepers: Iterable[Keeper],
    threshold: int,
    regions: Iterable[RegionEntry],
    now: datetime,
    valid: timedelta,
) -> TrustList:
    """第一份列表, unsigned."""
    start = now.replace(microsecond=0)
    return TrustList(
        name=name,
        number=1,
        previous="",
        issued_at=start,
        next_update=start + valid,
        threshold=threshold,
        keepers=tuple(keepers),
        regions=tuple(sorted(regions, key=lambda one: one.code)),
    )


def next_list(believed: TrustList, now: datetime, valid: timedelta) -> TrustList:
    """The same content under the next number, unsigned."""
    start = max(now.replace(microsecond=0), believed.issued_at)
    return replace(
        believed,
        number=believed.number + 1,
        previous=believed.digest,
        issued_at=start,
        next_update=start + valid,
        signatures=(),
    )


def with_region(draft: TrustList, entry: RegionEntry, until: datetime) -> TrustList:
    """``entry`` on the list, or in the place of the region's former one, whose keys stay believed up to ``until``."""
    before = draft.region(entry.code)
    merged = entry if before is None else merge(before, entry, until)
    others = [one for one in draft.regions if one.code != entry.code]
    return replace(draft, regions=tuple(sorted([*others, merged], key=lambda one: one.code)))


def merge(before: RegionEntry, after: RegionEntry, until: datetime) -> RegionEntry:
    """重叠期: what ``after`` leaves out of ``before`` ends at ``until``, where it did not end before."""
    anchors = {one.certificate.digest for one in after.anchors}
    certificates = {one.digest for one in after.intermediates}
    keys = {one.key.spki for one in after.request_keys}
    places = {place.prefix for place in after.status_places}
    named = {one.id for one in after.request_keys}
    old_keys = [one for one in before.request_keys if one.key.spki not in keys]
    old_anchors = [one for one in before.anchors if one.certificate.digest not in anchors]
    return replace(
        after,
        anchors=(*after.anchors, *(_anchor_until(one, until) for one in old_anchors)),
        intermediates=(*after.intermediates, *(c for c in before.intermediates if c.digest not in certificates)),
        request_keys=(*after.request_keys, *(_key_until(one, until, named) for one in old_keys)),
        status_places=(*after.status_places, *(p for p in before.status_places if p.prefix not in places)),
    )


def _anchor_until(anchor: TrustAnchor, until: datetime) -> TrustAnchor:
    end = anchor.period[1]
    return anchor if end <= until else replace(anchor, valid_to=max(until, anchor.period[0]))


def _key_until(listed: ListedKey, until: datetime, taken: set[str]) -> ListedKey:
    """A former key under a name of its own where the new one has taken its."""
    begin, end = listed.period.begin, listed.period.end
    period = listed.period if end is not None and end <= until else Period(begin, max(until, begin or until))
    name = listed.id if listed.id not in taken else f"{listed.id}.{listed.key.spki[-4:].hex()}"
    return replace(listed, id=name[:80], period=period)


def leaving(draft: TrustList, code: str, at: datetime) -> TrustList:
    """退出: the region stays on the list, and nothing it makes from ``at`` on counts. ``NotFound("peer.unlisted")``."""
    return _changed(draft, code, left_at=at.replace(microsecond=0))


def entitle(draft: TrustList, code: str, entitlements: Iterable[Entitlement]) -> TrustList:
    """授权: the region may seal exactly this. ``NotFound("peer.unlisted")``."""
    return _changed(draft, code, entitlements=tuple(entitlements))


def _changed(draft: TrustList, code: str, **fields: object) -> TrustList:
    if draft.region(code) is None:
        raise NotFound("peer.unlisted", "信任列表中没有地区 {region}。", region=code[:20])
    regions = tuple(replace(one, **fields) if one.code == code else one for one in draft.regions)  # type: ignore[arg-type]
    return replace(draft, regions=regions)


def with_keepers(
    draft: TrustList, added: Iterable[Certificate], dropped: Iterable[str], threshold: int | None
) -> TrustList:
    """管理人变更. Raises ``Refused("trust_list.threshold_range")``."""
    gone = {one.lower() for one in dropped}
    kept = [one for one in draft.keepers if one.id not in gone]
    keepers = (*kept, *(Keeper(one.common_name, one) for one in added))
    wanted = threshold if threshold is not None else draft.threshold
    if not 1 <= wanted <= len(keepers):
        raise Refused(
            "trust_list.threshold_range",
            "门限应为 1 至 {count}（管理人数），实为 {got}。",
            count=len(keepers),
            got=wanted,
        )
    return replace(draft, keepers=keepers, threshold=wanted)
