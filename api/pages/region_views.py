"""互认地区页面: the trust list's age, the regions on it, what they publish, and lists that were refused, as rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from api.pages.verdict import when
from trust.i18n import N_
from trust.trust_list import ANY, Entitlement

if TYPE_CHECKING:
    from licence_store.regions.keeping import Refusal
    from licence_store.regions.peers import ListState, Peer
    from licence_store.regions.publications import Publication

Translate = Callable[[str], str]

_KINDS: Final = {
    "trust_bundle": N_("信任包"),
    "seal_status": N_("印章状态"),
    "status_list": N_("证照状态列表"),
    "catalogue": N_("证照目录"),
}
_REFUSED: Final = {
    "trust_list.fork": N_("分叉：同一编号的另一份列表，或另一段历史"),
    "trust_list.older": N_("退回：比现用的列表旧"),
    "trust_list.gap": N_("缺号：其间的列表没有给出"),
    "trust_list.expired": N_("已到期"),
    "trust_list.future": N_("签发时间在将来"),
    "trust_list.keepers": N_("现用列表的管理人会签不足"),
    "trust_list.threshold": N_("管理人会签不足"),
    "trust_list.other": N_("另一联盟的列表"),
    "trust_list.pin": N_("摘要与所核对的不一致"),
    "trust_list.backdated": N_("签发时间早于现用列表"),
    "trust_list.malformed": N_("无法解析"),
}


def list_card(state: ListState, now: datetime, translate: Translate) -> dict[str, Any]:
    """信任列表有多旧."""
    left = state.next_update - now
    life = state.next_update - state.issued_at
    if not state.fresh:
        tone, word = "fail", N_("已到期：其他地区的证照现在不能据以采信")
    elif left < life / 3:
        tone, word = "unsure", N_("即将到期，尚未取得新的列表")
    else:
        tone, word = "pass", N_("有效")
    return {
        "tone": tone,
        "word": translate(word),
        "number": state.number,
        "digest": state.digest,
        "age": lasting(state.age, translate),
        "issued": when(state.issued_at),
        "until": when(state.next_update),
        "accepted": when(state.accepted),
        "source": state.source,
        "keepers": translate(N_("{count} 名管理人，须 {threshold} 名会签")).format(
            count=state.keepers, threshold=state.threshold
        ),
        "regions": state.regions,
    }


def lasting(length: timedelta, translate: Translate) -> str:
    """``3 小时`` in the largest unit that fits."""
    seconds = int(length.total_seconds())
    if seconds < 120:
        return translate(N_("{count} 秒")).format(count=seconds)
    if seconds < 7200:
        return translate(N_("{count} 分钟")).format(count=seconds // 60)
    if seconds < 172800:
        return translate(N_("{count} 小时")).format(count=seconds // 3600)
    return translate(N_("{count} 天")).format(count=seconds // 86400)


def peer_cards(
    peers: Sequence[Peer], known: Sequence[Publication], home: str, now: datetime, translate: Translate
) -> list[dict[str, Any]]:
    """Each region of the list with how what it publishes fares."""
    cards = []
    for peer in peers:
        own = [one for one in known if one.region == peer.code]
        entry = peer.entry
        silent = any(one.failure for one in own)
        if entry.left_at is not None and now >= entry.left_at:
            tone, word = "none", N_("已退出")
        elif peer.code == home:
            tone, word = "info", N_("本地区")
        elif silent:
            tone, word = "unsure", N_("现在无法访问")
        elif own:
            tone, word = "pass", N_("可以访问")
        else:
            tone, word = "none", N_("尚未访问")
        cards.append(
            {
                "code": peer.code,
                "name": peer.name,
                "tone": tone,
                "word": translate(word),
                "address": entry.endpoints.get("api", ""),
                "upper": entry.upper,
                "rights": [right(one, translate) for one in entry.entitlements],
                "published": [_published(one, translate) for one in own],
            }
        )
    return cards


def right(one: Entitlement, translate: Translate) -> str:
    """``110000 · 全部类型``."""
    types = translate(N_("全部类型")) if ANY in one.types else "、".join(sorted(one.types))
    ends = ""
    if one.period.end is not None:
        ends = translate(N_("（至 {end}）")).format(end=when(one.period.end))
    return f"{one.division} · {types}{ends}"


def _published(one: Publication, translate: Translate) -> dict[str, Any]:
    if one.failure and one.issued is not None:
        tone, template = "unsure", N_("无法访问，所知截至 {issued}（{reason}）")
    elif one.failure:
        tone, template = "fail", N_("从未取得（{reason}）")
    else:
        tone, template = "pass", N_("所知截至 {issued}")
    issued = when(one.issued) if one.issued is not None else "—"
    text = translate(template).format(issued=issued, reason=one.failure)
    return {"kind": translate(_KINDS.get(one.kind, one.kind)), "tone": tone, "text": text}


def refusal_rows(found: Sequence[Refusal], translate: Translate) -> list[dict[str, Any]]:
    """拒绝过的列表."""
    return [
        {
            "number": one.number or "—",
            "why": translate(_REFUSED.get(one.code, one.code)),
            "code": one.code,
            "source": one.source,
            "when": when(one.refused),
            "digest": one.digest,
        }
        for one in found
    ]
