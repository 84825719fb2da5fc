"""证书与信任页面: anchors, keys in use, lists of revocation, and what ends soon, as rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from api.pages.verdict import period, usage_words, when
from trust.anchor_changes import AnchorState, list_anchors
from trust.anchors import Purpose, TrustStore
from trust.certificates import Certificate
from trust.errors import fill
from trust.expiry import Ending, Kind, Lifetime, Severity, certificate_lifetimes, expiring, store_lifetimes
from trust.i18n import N_

Translate = Callable[[str], str]
Keys = Sequence[tuple[str, Certificate]]

_SEVERITIES: Final = {
    Severity.EXPIRED: ("fail", N_("已到期")),
    Severity.URGENT: ("fail", N_("急需更换")),
    Severity.SOON: ("unsure", N_("即将到期")),
}
_KINDS: Final = {
    Kind.CERTIFICATE: N_("证书"),
    Kind.ANCHOR: N_("信任锚"),
    Kind.CRL: N_("证书废止列表"),
    Kind.OCSP: N_("在线状态应答"),
    Kind.STATUS_LIST: N_("状态列表"),
    Kind.BUNDLE: N_("信任包"),
}
_STATES: Final = {
    AnchorState.CURRENT: ("pass", N_("采信中")),
    AnchorState.COMING: ("info", N_("尚未开始")),
    AnchorState.ENDED: ("none", N_("已结束，仅用于过去")),
    AnchorState.REMOVED: ("fail", N_("已移出")),
}
_PURPOSES: Final = {
    Purpose.SEAL_MAKER: N_("制章"),
    Purpose.SIGNER: N_("签章"),
    Purpose.TIMESTAMP: N_("时间戳"),
    Purpose.BUNDLE: N_("发布信任包与状态列表"),
}


def endings(store: TrustStore, keys: Keys, now: datetime, translate: Translate) -> list[dict[str, str]]:
    """即将到期, the first to end first; a certificate that is in store and keyring is told once."""
    lifetimes = [*store_lifetimes(store), *certificate_lifetimes(certificate for _, certificate in keys)]
    once: dict[tuple[str, datetime], Lifetime] = {}
    for one in lifetimes:
        once.setdefault((one.name, one.ends_at), one)
    return [_ending(one, translate) for one in expiring(once.values(), now)]


def _ending(one: Ending, translate: Translate) -> dict[str, str]:
    tone, word = _SEVERITIES[one.severity]
    return {
        "tone": tone,
        "word": translate(word),
        "kind": translate(_KINDS[one.kind]),
        "name": one.name,
        "ends": when(one.ends_at),
        "left": left(one.remaining, translate),
    }


def left(remaining: timedelta, translate: Translate) -> str:
    """How long yet, in words."""
    if remaining < timedelta(0):
        return translate("已过期")
    if remaining < timedelta(days=2):
        return fill(translate("还有 {n} 小时"), {"n": int(remaining.total_seconds() // 3600)})
    return fill(translate("还有 {n} 天"), {"n": remaining.days})


def anchors(store: TrustStore, now: datetime, translate: Translate) -> list[dict[str, Any]]:
    """信任锚 with purposes and periods."""
    answer = []
    for one in list_anchors(store, now):
        tone, word = _STATES[one.state]
        certificate = one.anchor.certificate
        answer.append(
            {
                "name": certificate.common_name,
                "issuer": certificate.issuer,
                "purposes": [translate(_PURPOSES[p]) for p in Purpose if p in one.anchor.purposes],
                "period": period(one.begins_at, one.ends_at),
                "left": left(one.ends_at - now, translate) if one.state is AnchorState.CURRENT else "",
                "tone": tone,
                "word": translate(word),
                "digest": certificate.digest.hex(),
            }
        )
    return answer


def keys(found: Keys, store: TrustStore, now: datetime, translate: Translate) -> list[dict[str, Any]]:
    """Keys this service signs with, and their certificates."""
    ending = {one.name: one.severity for one in expiring(certificate_lifetimes(c for _, c in found), now)}
    answer = []
    for name, certificate in sorted(found, key=lambda pair: pair[1].not_after):
        severity = ending.get(certificate.common_name)
        tone, word = _SEVERITIES[severity] if severity else ("pass", N_("在有效期内"))
        usage = (*sorted(certificate.key_usage or ()), *sorted(certificate.extended_key_usage or ()))
        answer.append(
            {
                "key": name,
                "name": certificate.common_name,
                "usage": usage_words(usage, translate),
                "period": period(certificate.not_before, certificate.not_after),
                "left": left(certificate.not_after - now, translate),
                "tone": tone,
                "word": translate(word),
            }
        )
    return answer


def lists(store: TrustStore, now: datetime, translate: Translate) -> list[dict[str, Any]]:
    """证书废止列表 at hand."""
    answer = []
    for one in sorted(store.crls, key=lambda crl: crl.this_update, reverse=True):
        issuers = store.issuers_by_name.get(one.issuer_name_der, ())
        fresh = one.next_update is None or one.next_update >= now
        answer.append(
            {
                "name": issuers[0].common_name if issuers else "—",
                "number": one.number,
                "issued": when(one.this_update),
                "next": when(one.next_update),
                "left": left(one.next_update - now, translate) if one.next_update else "",
                "revoked": len(one.revoked),
                "tone": "pass" if fresh else "fail",
                "word": translate("有效") if fresh else translate("已过期"),
            }
        )
    return answer
