"""用户空间的页面内容: cards, groups, entries of the ledger, in the holder's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from api.pages.licence_views import badge, step_title
from api.pages.verdict import when
from licence_store.disputes.disputes import STATES
from licence_store.gathering import CaseGroup, NoticeLine, days_left
from licence_store.ledger.ledger import ACTS
from licence_store.ledger.witness import WORDS
from licence_store.standing import day_of
from trust.errors import fill
from trust.i18n import N_

if TYPE_CHECKING:
    from api.space_office import Subject
    from licence_store.disputes.disputes import DisputeStep, DisputeView
    from licence_store.materials.views import MaterialView
    from licence_store.presenting.presenter import PresentationView
    from licence_store.views import EventView, LicenceSummary
    from trust.use_ledger import UseEntry

Translate = Callable[[str], str]
GROUPS: Final = {"none": N_("不分组"), "issuer": N_("按颁证单位"), "type": N_("按类型"), "year": N_("按颁证年份")}
LEVELS: Final = {
    "A": N_("原件：颁证单位盖章"),
    "B": N_("已核验：窗口比对过原件"),
    "C": N_("自传证照：尚未核验"),
    "D": N_("自制材料：本人负责"),
}
RESULTS: Final = {
    "ok": N_("成功"),
    "offered": N_("已出示亮证码"),
    "holds": N_("与登记一致"),
    "differs": N_("与登记不一致"),
    "TOTAL-PASSED": N_("核验通过"),
    "TOTAL-FAILED": N_("核验未通过"),
    "INDETERMINATE": N_("无法确认"),
    "present.taken": N_("亮证码已被查验过"),
    "present.expired": N_("亮证码已过时效"),
    "present.ended": N_("亮证已收回"),
    "present.other_verifier": N_("限其他部门查验"),
    "licence.unknown": N_("无权查看"),
    "token.scope": N_("超出授权范围"),
    "revoked": N_("已收回"),
    "REVOKED": N_("已收回"),
    "ACTIVE": N_("可用"),
    "USED_UP": N_("次数已用完"),
    "EXPIRED": N_("副本已过期"),
    "copy.clerk": N_("窗口决定不采用"),
    "copy.purpose_differs": N_("用途不符"),
    "copy.recipient_differs": N_("使用单位不符"),
    "copy.service_item_differs": N_("办理事项不符"),
    "copy.case_differs": N_("办件不符"),
    "copy.original_check_required": N_("未核验原件"),
    "copy.original_ended": N_("原件已失效"),
    "copy.file_differs": N_("不是登记的那一份"),
    "copy.not_passed": N_("核验未通过"),
    "copy.revoked": N_("副本已收回"),
    "copy.used_up": N_("次数已用完"),
    "copy.expired": N_("副本已过期"),
}
"""What an act came to, where it is one of these; other codes are shown as they are."""
_AT_WINDOWS: Final = {"check": N_("核对原件"), "refuse": N_("退回")}
_BAD: Final = frozenset({"differs", "TOTAL-FAILED"})


# Licences and materials


def address(licence_id: str) -> str:
    """The licence's page in the space."""
    return f"/space/licences/{quote(licence_id)}"


def card(one: LicenceSummary, moment: datetime, translate: Translate) -> dict[str, Any]:
    """A licence as the home page shows it."""
    left = days_left(one, moment) if one.valid_to else None
    return {
        "href": address(one.licence_id),
        "picture": f"{address(one.licence_id)}/small.jpg",
        "title": translate(one.type_name),
        "number": one.licence_number,
        "issuer": one.issuer_name,
        "issued_on": one.issued_on,
        "valid_to": one.valid_to or translate("长期"),
        "badge": badge(one.state, translate),
        "current": one.state == "CURRENT",
        "level": "A",
        "soon": left if left is not None and 0 <= left <= 90 and one.state == "CURRENT" else None,
        "present": f"{address(one.licence_id)}/present",
    }


def groups(found: Sequence[LicenceSummary], by: str) -> list[tuple[str, list[LicenceSummary]]]:
    """Under headings, in the order in which they first appear."""
    heading: dict[str, Callable[[LicenceSummary], str]] = {
        "issuer": lambda one: one.issuer_name,
        "type": lambda one: one.type_name,
        "year": lambda one: one.issued_on[:4],
    }
    gathered: dict[str, list[LicenceSummary]] = {}
    for one in found:
        gathered.setdefault(heading[by](one) if by in heading else "", []).append(one)
    return list(gathered.items())


def matching(
    found: Iterable[LicenceSummary], text: str, state: str, translate: Translate = str
) -> list[LicenceSummary]:
    """Those that have all the words, in Chinese or as the reader is shown them, and are in the state."""
    words = text.casefold().split()

    def has(one: LicenceSummary) -> bool:
        names = f"{one.type_name} {translate(one.type_name)} {one.issuer_name}"
        told = f"{names} {one.licence_number} {one.licence_id}".casefold()
        return all(word in told for word in words)

    live = {"current": lambda one: one.state == "CURRENT", "other": lambda one: one.state != "CURRENT"}.get(state)
    return [one for one in found if has(one) and (live is None or live(one))]


def material_card(one: MaterialView, translate: Translate) -> dict[str, Any]:
    """A material as the home page shows it."""
    return {
        "href": f"/space/materials/{quote(one.id)}",
        "title": one.title,
        "kind": one.kind.title,
        "kind_en": one.kind.title_en,
        "level": one.level,
        "level_words": translate(LEVELS.get(one.level, one.level)),
        "created": when(one.created)[:10],
        "better": bool(one.better) and one.state == "active",
        "state": one.state,
        "check": one.original_check_required,
    }


def notice_row(one: NoticeLine, known: dict[str, str]) -> dict[str, str]:
    """A notice; it leads to the licence where it is one of theirs, to the material or the copy it is about."""
    body, _, _ = one.text.body.partition("\n\n")
    return {
        "when": when(one.created)[:16],
        "heading": one.text.heading,
        "body": body,
        "href": known.get(one.licence_id) or _own_address(one.licence_id),
    }


def _own_address(subject: str) -> str:
    pages = {"m-": "/space/materials/", "c-": "/space/copies/"}
    page = pages.get(subject[:2], "")
    return f"{page}{quote(subject)}" if page else ""


def case_row(one: CaseGroup, translate: Translate) -> dict[str, Any]:
    """A case with what belongs to it."""
    return {
        "number": one.number,
        "item": one.service_item,
        "links": [
            *((address(licence.licence_id), translate(licence.type_name), "A") for licence in one.licences),
            *((f"/space/materials/{quote(material.id)}", material.title, material.level) for material in one.materials),
            *((f"/space/copies/{quote(copy.id)}", copy.title, copy.level) for copy in one.copies),
        ],
    }


def course_row(event: EventView, translate: Translate) -> dict[str, str]:
    """An event of the licence, as its holder reads it: what, when, why; not which officer."""
    return {
        "title": step_title(event.kind, translate),
        "when": when(event.effective)[:16],
        "reason": event.reason,
        "badge": badge(event.state, translate)["word"],
        "tone": badge(event.state, translate)["tone"],
    }


# The ledger


def who(name: str, translate: Translate) -> str:
    """Who acted: a department's name as it is, a word of ours translated."""
    return translate(name) if name in WORDS else name


def entry_row(one: UseEntry, subject: Subject, translate: Translate, *, may_dispute: bool = False) -> dict[str, Any]:
    """An entry of the ledger."""
    code = one.result.partition(" ")[0]
    mine = one.who_id.startswith("holder:")
    return {
        "seq": one.seq,
        "when": when(one.at),
        "act": translate(_act(one)),
        "kind": one.act,
        "who": who(one.who, translate),
        "mine": mine,
        "why": one.why,
        "result": translate(RESULTS[code]) if code in RESULTS else one.result,
        "tone": "fail" if one.act == "refuse" or code in _BAD else "unsure" if code == "INDETERMINATE" else "pass",
        "title": translate(subject.title) if subject.licence_id else subject.title,
        "number": subject.number,
        "href": address(subject.licence_id) if subject.licence_id else "",
        "dispute": "" if mine or not may_dispute else f"/space/ledger/{one.seq}/dispute",
    }


def _act(one: UseEntry) -> str:
    """In the holder's words: what is done with a material at a window is no check of a licence."""
    if one.subject.startswith("m-") and one.act in _AT_WINDOWS:
        return _AT_WINDOWS[one.act]
    if one.subject.startswith("c-") and one.act == "refuse":
        return N_("未采用")
    return ACTS.get(one.act, one.act)


def query(values: dict[str, str], **more: str) -> str:
    """The address's question, without what is empty."""
    return urlencode({name: value for name, value in {**values, **more}.items() if value})


# Presentations and disputes


def presentation_row(one: PresentationView, subject: Subject, moment: datetime, translate: Translate) -> dict[str, Any]:
    """A presentation made lately."""
    state = one.state(moment)
    words = {
        "open": ("info", N_("待查验")),
        "opened": ("pass", N_("已查验")),
        "expired": ("none", N_("已失效")),
        "ended": ("none", N_("已收回")),
    }
    tone, word = words[state]
    return {
        "id": one.id,
        "title": translate(subject.title) if subject.licence_id else subject.title,
        "when": when(one.made),
        "tone": tone,
        "word": translate(word),
        "state": state,
        "who": who(one.opened_by, translate),
        "purpose": one.purpose,
    }


def dispute_row(one: DisputeView, subject: Subject, moment: datetime, translate: Translate) -> dict[str, Any]:
    """A dispute, for its holder or the department."""
    late = one.is_overdue(moment)
    tones = {"open": "unsure", "upheld": "pass", "rejected": "fail", "withdrawn": "none"}
    about = N_("用证记录第 {seq} 条") if one.kind == "entry" else N_("证照内容")
    return {
        "id": one.id,
        "title": translate(subject.title) if subject.licence_id else subject.title,
        "number": subject.number,
        "licence_id": subject.licence_id,
        "about": fill(translate(about), {"seq": one.entry_seq}),
        "kind": one.kind,
        "field": one.field,
        "words": one.words,
        "opened": when(one.opened)[:16],
        "deadline": day_of(one.deadline - timedelta(seconds=1)).isoformat(),
        "state": one.state,
        "tone": "fail" if late and one.state == "open" else tones[one.state],
        "word": translate(N_("逾期未答复")) if late and one.state == "open" else translate(STATES[one.state]),
        "late": late,
        "answer": one.answer,
        "closed": when(one.closed)[:16] if one.closed else "",
    }


STEPS: Final = {
    "open": N_("提出异议"),
    "note": N_("办理情况"),
    "uphold": N_("答复：异议成立"),
    "reject": N_("答复：异议不成立"),
    "withdraw": N_("撤回异议"),
}


def dispute_step(one: DisputeStep, translate: Translate) -> dict[str, str]:
    """One step of a dispute."""
    return {"title": translate(STEPS.get(one.act, one.act)), "when": when(one.at)[:16], "words": one.words}
