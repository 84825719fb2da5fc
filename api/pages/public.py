"""What anybody may see: the home page's words, and a licence's state behind its QR code, names masked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from api.pages.verdict import state_view, when
from trust.errors import fill
from trust.i18n import N_

if TYPE_CHECKING:
    from licence_store.register import LicenceView
    from verify.policy import LicenceStatus

QUESTIONS = (
    ("whole", N_("文件完整吗"), N_("看得到、读得到的内容都在签名保护之内，盖章后一字未改。")),
    ("seal", N_("印章可靠吗"), N_("印章由可信机构制作，盖章人在印章名单之内。")),
    ("pen", N_("签名相符吗"), N_("签名值与文件、证书一致，不是从别处拼接而来。")),
    ("clock", N_("何时盖的章"), N_("有可信时间戳证明，还是仅为文件自称。")),
    ("chain", N_("证书可信吗"), N_("盖章证书来自认可的机构，当时有效且未被吊销。")),
    ("card", N_("现在仍有效吗"), N_("对照证照库：有无挂失、注销、吊销或换发。")),
)


def mask_name(name: str) -> str:
    """A holder's name, enough to recognise and not to learn: 林望舒 → 林**, 某某有限公司 → 某某****公司."""
    if len(name) <= 4:
        return name[:1] + "*" * (len(name) - 1)
    head, tail = (3, 2) if len(name) > 8 else (1, 1)
    return name[:head] + "*" * min(8, len(name) - head - tail) + name[-tail:]


def mask_code(code: str) -> str:
    """A code's first and last characters; the shorter it is, the fewer."""
    head, tail = min(4, len(code) // 4), min(2, len(code) // 6)
    return code[:head] + "*" * max(4, min(10, len(code) - head - tail)) + (code[-tail:] if tail else "")


STATE_WORDS: Final[Mapping[str, str]] = {
    "CURRENT": N_("这份证照自 {since} 起有效，现在仍然有效。"),
    "SUSPENDED": N_("这份证照自 {since} 起被暂扣，暂扣期间不得使用，可能恢复。"),
    "LOST": N_("这份证照自 {since} 起已挂失，不得使用。请向持证者要求补发后的证照。"),
    "INSPECTION_OVERDUE": N_("这份证照自 {since} 起年检逾期，补办年检前不得使用。"),
    "EXPIRED": N_("这份证照的有效期已于 {since} 届满，不再有效。"),
    "REVOKED": N_("这份证照自 {since} 起被吊销（行政处罚），不再有效。"),
    "ANNULLED": N_("这份证照自 {since} 起被撤销，不再有效。"),
    "CANCELLED": N_("这份证照自 {since} 起已注销，不再有效。"),
    "SUPERSEDED": N_("这份证照自 {since} 起已换发，由新的证照取代，不再有效。"),
    "TRANSFERRED": N_("这份证照自 {since} 起已转出本地区，请到转入地查询。"),
}
"""What a state means for whoever is shown the licence."""
OLD_VERSION: Final = N_("这是旧版本，自 {since} 起已被新版本取代，不再有效。")


def public_state(
    licence: LicenceView, standing: LicenceStatus | None, now: datetime, translate: Callable[[str], str]
) -> dict[str, Any]:
    """The QR page's content: the state of the very version the code names, since when, and masked facts."""
    replaced = standing is not None and standing.state == "SUPERSEDED" and licence.state != "SUPERSEDED"
    state, since = (licence.state, licence.summary.since) if standing is None else (standing.state, standing.since)
    tone, name = state_view(state, translate)
    template = OLD_VERSION if replaced else STATE_WORDS.get(state, "{state}")
    said = {"state": name, "since": when(since), "when": when(now)}
    rows = [
        (translate("证照类型"), translate(licence.summary.type_name)),
        (translate("持证者"), mask_name(licence.summary.holder_name)),
        (translate("证照编号"), mask_code(licence.summary.licence_number)),
        (translate("颁证单位"), licence.summary.issuer_name),
        (translate("颁证日期"), licence.summary.issued_on),
        (translate("有效期至"), licence.summary.valid_to or translate("长期")),
        (translate("现行版本") if replaced else translate("版本"), str(licence.summary.version)),
    ]
    return {
        "tone": tone,
        "state_title": fill(translate("登记状态：{state}"), said),
        "sentence": fill(translate(template), said),
        "asked": fill(translate("以证照库的登记为准，查询时间 {when}。"), said),
        "replaced": _newest(licence, translate) if replaced else "",
        "rows": rows,
    }


def _newest(licence: LicenceView, translate: Callable[[str], str]) -> str:
    """How the present version stands, for somebody who holds an old one."""
    _, name = state_view(licence.state, translate)
    said = {"n": licence.summary.version, "state": name, "since": when(licence.summary.since)}
    text = fill(translate("现行的是第 {n} 版，状态为“{state}”（自 {since}）。"), said)
    return f"{text} {translate('请持证者出示现行版本。')}" if licence.state == "CURRENT" else text
