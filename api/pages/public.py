"""What anybody may see: the home page's words, and a licence's state behind its QR code, names masked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from api.pages.verdict import state_view, when
from trust.errors import fill
from trust.i18n import N_

if TYPE_CHECKING:
    from licence_store.register import LicenceView

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


def public_state(licence: LicenceView, now: datetime, translate: Callable[[str], str]) -> dict[str, Any]:
    """The QR page's content: state, and masked facts."""
    tone, name = state_view(licence.state, translate)
    said = {"state": name, "when": when(now)}
    rows = [
        (translate("证照类型"), licence.summary.type_name),
        (translate("持证者"), mask_name(licence.summary.holder_name)),
        (translate("证照编号"), mask_code(licence.summary.licence_number)),
        (translate("颁证单位"), licence.summary.issuer_name),
        (translate("颁证日期"), licence.summary.issued_on),
        (translate("有效期至"), licence.summary.valid_to or translate("长期")),
        (translate("版本"), str(licence.summary.version)),
    ]
    return {
        "tone": tone,
        "state_title": fill(translate("登记状态：{state}"), said),
        "sentence": fill(translate("证照库中这份证照登记为“{state}”（查询时间 {when}）。"), said),
        "rows": rows,
    }
