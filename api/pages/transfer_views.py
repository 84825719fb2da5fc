"""跨地区转移页面: a transfer as a row, as facts, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from api.pages.verdict import when
from licence_store.transferring.records import COMPLETED, CONSENTED, DECLINED, IN, OUT, RELEASED
from trust.errors import fill
from trust.i18n import N_
from trust.identifiers import parse_licence_id

if TYPE_CHECKING:
    from datetime import datetime

    from api.wiring import Services
    from licence_store.transferring.records import TransferView

Translate = Callable[[str], str]

DIRECTIONS: Final = {"": N_("全部"), OUT: N_("转出"), IN: N_("转入")}
_WORDS: Final = {
    (OUT, CONSENTED): ("unsure", N_("对方同意接收，待本地区转出")),
    (OUT, RELEASED): ("info", N_("已转出，待对方签发")),
    (OUT, COMPLETED): ("pass", N_("对方已签发后续证照")),
    (OUT, DECLINED): ("none", N_("已谢绝，证照仍在本地区")),
    (IN, CONSENTED): ("info", N_("已同意接收，待对方转出")),
    (IN, RELEASED): ("unsure", N_("对方已转出，待本地区签发")),
    (IN, COMPLETED): ("pass", N_("已签发后续证照")),
    (IN, DECLINED): ("none", N_("对方已谢绝")),
}
PAPERS: Final = {
    "consent": N_("接收函"),
    "release": N_("转出函"),
    "receipt": N_("回执"),
    "decline": N_("谢绝函"),
}
_COURSE: Final = (
    (CONSENTED, N_("接收地区核对原件，同意接收")),
    (RELEASED, N_("转出地区终止原证照")),
    (COMPLETED, N_("接收地区签发后续证照")),
)


def row(one: TransferView, type_name: str, translate: Translate) -> dict[str, Any]:
    """One transfer in the list."""
    tone, word = _WORDS[one.direction, one.state]
    return {
        "href": f"/transfers/{quote(one.id)}",
        "direction": translate(DIRECTIONS[one.direction]),
        "region": f"{one.region_name} {one.region}",
        "type": type_name,
        "licence_id": one.licence_id,
        "tone": tone,
        "word": translate(word),
        "changed": when(one.changed),
        "unsent": bool(one.unsent),
    }


def facts(one: TransferView, type_name: str, translate: Translate) -> list[dict[str, str]]:
    """What is known of it; ``href`` where it leads somewhere of ours."""
    ours = one.direction == OUT
    rows = [
        (N_("转出地区") if one.direction == IN else N_("接收地区"), f"{one.region_name} {one.region}", ""),
        (N_("证照类型"), type_name, ""),
        (N_("原证照"), one.licence_id, f"/licences/{quote(one.licence_id)}" if ours else ""),
        (N_("后续证照"), one.successor, f"/licences/{quote(one.successor)}" if one.successor and not ours else ""),
        (N_("接收函有效至"), when(one.expires) if one.state == CONSENTED else "", ""),
        (N_("办理编号"), one.id, ""),
    ]
    return [{"title": translate(title), "text": text, "href": href} for title, text, href in rows if text]


def course(one: TransferView, translate: Translate) -> list[dict[str, Any]]:
    """The three steps, and which are done."""
    reached = {CONSENTED: 1, RELEASED: 2, COMPLETED: 3, DECLINED: 1}[one.state]
    return [{"text": translate(text), "done": number <= reached} for number, (_, text) in enumerate(_COURSE, 1)]


def transfer_links(found: Services, licence_id: str, translate: Translate) -> list[dict[str, str]]:
    """For a licence's page: where it went, or came from."""
    base = parse_licence_id(licence_id).base
    words = {OUT: translate(N_("转往")), IN: translate(N_("转入自"))}
    return [
        {
            "title": words[one.direction],
            "href": f"/transfers/{quote(one.id)}",
            "text": f"{one.region_name} {one.successor if one.direction == OUT else one.licence_id}".strip(),
        }
        for one in found.desk.transfers.of_licence(base)
    ]


def delivery(one: TransferView, translate: Translate) -> str:
    """That a paper has not reached the other region; empty: it has."""
    if not one.unsent:
        return ""
    template = N_("{paper}尚未送到对方地区（{reason}），系统会继续送达；也可下载后另行转交。")
    return fill(translate(template), {"paper": translate(PAPERS[one.unsent]), "reason": one.failure or "—"})


def may(one: TransferView, officer: bool, now: datetime) -> dict[str, bool]:
    """Which forms the page shows."""
    waits = officer and one.state == CONSENTED and one.direction == OUT
    return {
        "release": waits and one.expires > now,
        "decline": waits,
        "issue": officer and one.state == RELEASED and one.direction == IN,
        "send": officer and bool(one.unsent),
    }
