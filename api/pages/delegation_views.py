"""What the pages of the space show about delegations, and what their forms bring."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import FormData

from api.pages.form_text import text_of
from api.pages.holder_views import joined, rights_line
from api.pages.verdict import BEIJING, when
from licence_store.holding.holder import ALL, HOLDER_RIGHTS, RIGHT_TITLES, Holder, HolderSession
from licence_store.holding.terms import listed
from trust.i18n import N_

if TYPE_CHECKING:
    from licence_store.definitions import LicenceTypeDefinition
    from licence_store.holding.delegation import DelegationStep, DelegationView

Translate = Callable[[str], str]
STATES: Final = {
    "requested": (N_("等待答复"), "unsure"),
    "granted": (N_("有效"), "pass"),
    "future": (N_("尚未开始"), "info"),
    "ended": (N_("已到期"), "none"),
    "refused": (N_("已拒绝"), "none"),
    "cancelled": (N_("已收回"), "none"),
}
ACTS: Final = {
    "request": N_("申请"),
    "grant": N_("授权"),
    "change": N_("变更"),
    "refuse": N_("拒绝"),
    "cancel": N_("收回"),
    "narrow": N_("随上级授权缩小"),
    "cut": N_("随上级授权收回"),
}
DONE: Final = {
    "given": N_("已授权。被授权人登录后，在“切换身份”中即可看到。"),
    "asked": N_("申请已提交，等待对方答复。"),
    "changed": N_("授权已变更，下级授权已随之调整。"),
    "refused": N_("已拒绝这件申请。"),
    "cancelled": N_("已收回，连同其下各级，立即生效。"),
}
WORDS: Final = {
    "give": (N_("授权给一个人"), N_("授权"), N_("被授权人以自己的身份登录后，可在这一范围内代为办事。")),
    "ask": (N_("申请授权"), N_("提交申请"), N_("对方登录后可以同意、缩小范围后同意，或拒绝。")),
    "decide": (N_("答复授权申请"), N_("同意授权"), N_("可以缩小范围后同意。")),
    "change": (N_("变更授权"), N_("保存变更"), N_("缩小后，其下各级授权随之缩小或收回，立即生效。")),
}


def rows(found: Iterable[DelegationView], now: datetime, translate: Translate) -> list[dict[str, Any]]:
    return [row(one, now, translate) for one in found]


def row(one: DelegationView, now: datetime, translate: Translate) -> dict[str, Any]:
    """One delegation in a list."""
    state = one.stands(now)
    word, tone = STATES[state]
    return {
        "id": one.id,
        "href": f"/space/delegations/{one.id}",
        "state": translate(word),
        "tone": tone,
        "acts": state == "granted",
        "holder": one.holder.name,
        "delegate": one.delegate.name,
        "delegate_code": one.delegate.masked_code,
        "rights": rights_line(one.terms.rights, translate),
        "until": when(one.terms.ends - timedelta(seconds=1))[:10],
        "depth": one.depth,
        "children": [],
    }


def tree(found: Sequence[DelegationView], now: datetime, translate: Translate) -> list[dict[str, Any]]:
    """Delegations with those below them; one whose forerunner is not shown stands at the top."""
    nodes = {one.id: row(one, now, translate) for one in found}
    top: list[dict[str, Any]] = []
    for one in found:
        parent = nodes.get(one.parent_id)
        (parent["children"] if parent else top).append(nodes[one.id])
    return top


def below(found: Sequence[DelegationView], top: str, now: datetime, translate: Translate) -> list[dict[str, Any]]:
    """The branch below one delegation."""
    nodes = {one.id: row(one, now, translate) for one in found}
    for one in found:
        if one.parent_id in nodes:
            nodes[one.parent_id]["children"].append(nodes[one.id])
    children: list[dict[str, Any]] = nodes[top]["children"] if top in nodes else []
    return children


def facts(
    one: DelegationView,
    now: datetime,
    types: Iterable[LicenceTypeDefinition],
    language: str,
    translate: Translate,
) -> list[tuple[str, str]]:
    names = {each.code: type_name(each, language) for each in types}
    everything = translate("不限")
    level = translate("第{n}级（至多三级）").format(n=one.depth)
    shown_types = (
        everything if ALL in one.terms.types else joined((names.get(c, c) for c in sorted(one.terms.types)), translate)
    )
    return [
        (translate("持证者"), _named(one.holder, translate)),
        (translate("被授权人"), _named(one.delegate, translate)),
        (translate("授权事项"), rights_line(one.terms.rights, translate)),
        (translate("证照类型"), shown_types),
        (translate("服务事项"), everything if ALL in one.terms.items else joined(sorted(one.terms.items), translate)),
        (translate("期限"), f"{when(one.terms.starts)[:16]} — {when(one.terms.ends)[:16]}"),
        (translate("层级"), level),
    ]


def _named(holder: Holder, translate: Translate) -> str:
    return translate("{name}（{code}）").format(name=holder.name, code=holder.masked_code)


def steps(found: Iterable[DelegationStep], translate: Translate) -> list[dict[str, Any]]:
    """授权经过, the newest first."""
    return [
        {
            "at": when(one.at),
            "act": translate(ACTS[one.act]),
            "reason": one.reason,
            "grave": one.act in ("cancel", "cut"),
        }
        for one in reversed(list(found))
    ]


# Forms


def blank(now: datetime) -> dict[str, Any]:
    today = now.astimezone(BEIJING)
    return {
        "code": "",
        "name": "",
        "rights": ["view", "use"],
        "types": [],
        "items": [],
        "since": "",
        "until": (today + timedelta(days=365)).date().isoformat(),
        "reason": "",
    }


def of(view: DelegationView) -> dict[str, Any]:
    """The form filled with what there is."""
    terms = view.terms
    return {
        "code": view.delegate.masked_code,
        "name": view.delegate.name,
        "rights": listed(terms.rights),
        "types": [] if ALL in terms.types else sorted(terms.types),
        "items": [] if ALL in terms.items else sorted(terms.items),
        "since": day(terms.starts),
        "until": day(terms.ends - timedelta(seconds=1)),
        "reason": "",
    }


def day(moment: datetime) -> str:
    return when(moment)[:10]


def entered(data: FormData) -> dict[str, Any]:
    """What a form brings; nothing of it is believed."""
    one = {name: text_of(data, name, 300) for name in ("code", "name", "since", "until", "reason")}
    items = [each.strip() for each in text_of(data, "items", 6000).replace("，", "\n").replace(",", "\n").split("\n")]
    return {
        **one,
        "rights": _texts(data, "right"),
        "types": _texts(data, "type"),
        "items": [each for each in items if each],
    }


def right_choices(chosen: Iterable[str], who: HolderSession | None, translate: Translate) -> list[dict[str, Any]]:
    """Rights to choose from: of those who give, only what they have themselves."""
    held = [one for one in HOLDER_RIGHTS if who is None or one in who.rights]
    return [{"key": one, "title": translate(RIGHT_TITLES[one]), "on": one in set(chosen)} for one in held]


def type_choices(types: Iterable[LicenceTypeDefinition], chosen: Iterable[str], language: str) -> list[dict[str, Any]]:
    return [{"key": one.code, "title": type_name(one, language), "on": one.code in set(chosen)} for one in types]


def type_name(one: LicenceTypeDefinition, language: str) -> str:
    return one.name if language == "zh-CN" else one.name_en or one.name


def words(purpose: str, translate: Translate) -> dict[str, str]:
    title, button, lead = WORDS[purpose]
    return {"title": translate(title), "button": translate(button), "lead": translate(lead)}


def _texts(data: FormData, name: str) -> list[str]:
    return [one[:100] for one in data.getlist(name)[:60] if isinstance(one, str)]
