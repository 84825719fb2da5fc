"""What pages show about people, the capacities they act in, delegations and sign-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from api.pages.verdict import when
from licence_store.holding.holder import LEVEL_TITLES, NEVER, RIGHT_TITLES, HolderSession
from licence_store.holding.terms import listed
from trust.i18n import N_

if TYPE_CHECKING:
    from licence_store.holding.accounts import AccountView, SignInView
    from licence_store.holding.sessions import Capacity

BY: Final[Mapping[str, str]] = {
    "self": N_("本人"),
    "office": N_("法定代表人"),
    "delegation": N_("受托"),
}
SIGN_IN_ACTS: Final[Mapping[str, str]] = {
    "sign_in": N_("登录"),
    "step_up": N_("重新认证"),
    "portal": N_("经其他门户登录"),
    "sign_out": N_("退出"),
}


def capacity_rows(
    capacities: Iterable[Capacity], session: HolderSession, translate: Callable[[str], str]
) -> list[dict[str, Any]]:
    """办事身份 to choose from."""
    return [
        {
            "key": one.key,
            "name": one.holder.name,
            "code": one.holder.masked_code,
            "by": translate(BY[one.by]),
            "by_key": one.by,
            "here": one.key == session.acting_key,
            "rights": rights_line(one.delegation.terms.rights, translate) if one.delegation else "",
            "until": when(one.delegation.terms.ends)[:16] if one.delegation else "",
        }
        for one in capacities
    ]


def rights_line(rights: Iterable[str], translate: Callable[[str], str]) -> str:
    return joined((translate(RIGHT_TITLES[one]) for one in listed(rights)), translate)


def joined(words: Iterable[str], translate: Callable[[str], str]) -> str:
    """A list in one line, as the reader's language writes it."""
    return ("、" if translate(BY["self"]) == BY["self"] else ", ").join(words)


def sign_in_row(one: SignInView, translate: Callable[[str], str]) -> dict[str, str]:
    """登录记录."""
    level = translate(LEVEL_TITLES[one.assurance]) if one.assurance else "—"
    return {"at": when(one.at), "act": translate(SIGN_IN_ACTS[one.act]), "level": level, "address": one.address or "—"}


def account_facts(
    view: AccountView, session: HolderSession, provider: str, now: datetime, translate: Callable[[str], str]
) -> list[tuple[str, str]]:
    """我的账号."""
    until = (
        translate("（有效至 {time}）").format(time=when(session.fresh_until)[11:16]) if session.proves(2, now) else ""
    )
    return [
        (translate("姓名"), view.person.name),
        (translate("证件号码"), view.person.masked_code),
        (translate("身份提供方"), provider),
        (translate("认证等级"), translate(LEVEL_TITLES[session.assurance])),
        (translate("最近一次认证"), (when(session.proved) if session.proved > NEVER else "—") + until),
        (translate("开立于"), when(view.opened)[:10]),
        (translate("本次登录至"), when(session.expires)[:16]),
    ]
