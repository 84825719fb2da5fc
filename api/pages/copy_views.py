"""用证副本的页面所示: copies, their uses and links in the reader's words; nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from api.copy_office import last_day
from api.pages.verdict import when
from licence_store.copying.grants import STATE_WORDS, CopyState, CopyView
from licence_store.qr import qr_rows
from trust.i18n import N_

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.copying.copies import CopyHistory
    from licence_store.copying.links import LinkView
    from licence_store.holding.holder import HolderSession

Translate = Callable[[str], str]
TONES: Final[Mapping[CopyState, str]] = {
    CopyState.ACTIVE: "pass",
    CopyState.REVOKED: "fail",
    CopyState.USED_UP: "none",
    CopyState.EXPIRED: "none",
}
LINK_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "open": ("pass", N_("可用一次")),
    "taken": ("none", N_("已取走")),
    "withdrawn": ("fail", N_("已撤回")),
    "expired": ("none", N_("已过期")),
}
MINUTES: Final = ((60, N_("1 小时")), (24 * 60, N_("1 天")), (3 * 24 * 60, N_("3 天")), (7 * 24 * 60, N_("7 天")))
"""How long a link may be good for, as offered."""
LEVEL_WORDS: Final[Mapping[str, str]] = {
    "A": N_("A 级 · 颁证单位签发"),
    "B": N_("B 级 · 窗口核验"),
    "C": N_("C 级 · 本人上传，须核验原件"),
    "D": N_("D 级 · 本人自制"),
}


@dataclass(frozen=True, slots=True)
class Badge:
    tone: str
    word: str


@dataclass(frozen=True, slots=True)
class Choice:
    """可选的原件."""

    id: str
    title: str
    under: str
    level: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the form."""

    recipient: str = ""
    purpose: str = ""
    until: str = ""
    uses: str = "1"
    service_item: str = ""
    case_number: str = ""
    form: str = "ofd"
    masked: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    """Field → what is wrong with it; ``""``: with none in particular."""


def badge(view: CopyView, moment: datetime, translate: Translate) -> Badge:
    state = view.state(moment)
    return Badge(TONES[state], translate(STATE_WORDS[state]))


def row(view: CopyView, moment: datetime, translate: Translate) -> dict[str, Any]:
    """A line of the list."""
    return {
        "id": view.id,
        "title": view.title,
        "level": view.level,
        "recipient": view.recipient,
        "purpose": view.purpose,
        "until": last_day(view.until),
        "uses": _uses(view, translate),
        "badge": badge(view, moment, translate),
        "made": when(view.made)[:16],
    }


def facts(view: CopyView, translate: Translate) -> list[tuple[str, str]]:
    """What the copy is good for."""
    found = [
        (translate(N_("使用单位")), view.recipient),
        (translate(N_("用途")), view.purpose),
        (translate(N_("办理事项")), view.service_item),
        (translate(N_("办件编号")), view.case_number),
        (translate(N_("有效期至")), last_day(view.until)),
        (translate(N_("使用次数")), _uses(view, translate)),
        (translate(N_("原件")), view.title),
        (translate(N_("制作地区")), view.region),
        (translate(N_("可信等级")), translate(LEVEL_WORDS[view.level])),
        (translate(N_("遮盖的字段")), "、".join(_masked(view))),
    ]
    return [(title, text) for title, text in found if text]


def public_facts(view: CopyView, translate: Translate) -> list[tuple[str, str]]:
    """The same for everybody; fields that are masked are named nowhere."""
    masked = translate(N_("遮盖的字段"))
    return [(title, text) for title, text in facts(view, translate) if title != masked]


def identity(view: CopyView, translate: Translate) -> list[tuple[str, str]]:
    """How the copy is told from others."""
    return [
        (translate(N_("副本编号")), view.id),
        (translate(N_("制作")), when(view.made)),
        (translate(N_("格式")), view.form.upper()),
        (translate(N_("文件杂凑值（SM3）")), view.digest),
    ]


def course(history: CopyHistory, translate: Translate) -> list[dict[str, Any]]:
    """采用与拒绝 in one list, newest first."""
    lines: list[tuple[datetime, Badge, str, str]] = [
        (
            one.at,
            Badge("pass", translate(N_("第 {n} 次采用")).format(n=one.number)),
            one.recipient,
            "，".join(filter(None, (one.purpose, one.case_number))),
        )
        for one in history.uses
    ]
    for refusal in history.refusals:
        why = refusal.reason or "，".join(filter(None, (refusal.purpose, refusal.case_number)))
        lines.append((refusal.at, Badge("fail", translate(N_("未采用"))), refusal.recipient, why))
    lines.sort(key=lambda line: line[0], reverse=True)
    return [{"when": when(at), "badge": badge, "who": who, "why": why} for at, badge, who, why in lines]


def link_row(one: LinkView, moment: datetime, translate: Translate) -> dict[str, Any]:
    tone, word = LINK_WORDS[one.state(moment)]
    return {
        "id": one.id,
        "made": when(one.made),
        "expires": when(one.expires),
        "badge": Badge(tone, translate(word)),
        "open": one.state(moment) == "open",
    }


def qr_path(text: str) -> dict[str, Any]:
    """A QR code for an inline SVG: its side with the quiet zone, and one path of dark modules."""
    rows = qr_rows(text)
    path = "".join(f"M{x + 4} {y + 4}h1v1h-1z" for y, line in enumerate(rows) for x, dark in enumerate(line) if dark)
    return {"side": len(rows) + 8, "path": path}


def choices(services: Services, who: HolderSession, translate: Translate) -> list[Choice]:
    """What a copy may be made of: licences in force, then materials."""
    licences = [
        Choice(one.licence_id, translate(one.type_name), f"{one.issuer_name} · {one.licence_number}", "A")
        for one in services.register.holdings(who.holder.code, code_type=who.holder.code_type)
        if one.state == "CURRENT" and who.may("use", one.type_code)
    ]
    materials = [
        Choice(one.id, one.title, translate(LEVEL_WORDS[one.level]), one.level)
        for one in services.desk.materials.of_holder(who, state="active", limit=200).items
        if who.may("use", one.type_code) and not one.is_licence
    ]
    return licences + sorted(materials, key=lambda one: one.level)


def first_draft(moment: datetime) -> Draft:
    """A copy for one acceptance within a month."""
    return Draft(until=last_day(moment + timedelta(days=30)))


def shown_fields(face: Sequence[Any]) -> list[tuple[str, str, str]]:
    """Name, title and value of the fields that can be masked; empty ones need no mask."""
    return [(one.name, one.title, one.text) for one in face if one.text]


def _uses(view: CopyView, translate: Translate) -> str:
    if not view.uses:
        return translate(N_("已用 {used} 次，不限次数")).format(used=view.used)
    return translate(N_("已用 {used} 次，限 {uses} 次")).format(used=view.used, uses=view.uses)


def _masked(view: CopyView) -> list[str]:
    titles = {one["name"]: one["title"] for one in view.terms.get("face", ())}
    return [titles.get(name, name) for name in view.terms.get("masked", ())]
