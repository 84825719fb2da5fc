"""任务与通知页面: jobs and deliveries as rows and facts. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from api.pages.verdict import when
from licence_store.jobs.kinds import KINDS
from licence_store.notices.texts import text_of
from trust.i18n import N_

if TYPE_CHECKING:
    from licence_store.jobs.queue import JobView, ResultLine
    from licence_store.notices.contacts import ContactView
    from licence_store.notices.outbox import AttemptView, DeliveryView

Translate = Callable[[str], str]
Rows = list[tuple[str, str]]

JOB_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "waiting": (N_("等待"), "info"),
    "running": (N_("进行中"), "info"),
    "done": (N_("完成"), "pass"),
    "failed": (N_("失败"), "fail"),
    "cancelled": (N_("已取消"), "none"),
}
"""Word and tone."""
DELIVERY_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "waiting": (N_("待投递"), "info"),
    "sent": (N_("已送出"), "pass"),
    "dead": (N_("已放弃"), "fail"),
}
CHANNELS: Final = {"log": N_("仅记入日志"), "smtp": N_("邮件"), "webhook": N_("回调"), "event": N_("事件回调")}
PARTIES: Final = {"holder": N_("持证者"), "department": N_("颁证部门"), "subscriber": N_("事件订阅方")}
_OUTCOME: Final = {
    "records": N_("记录"),
    "issued": N_("已签发"),
    "failed": N_("未签发"),
    "expired": N_("到期"),
    "overdue": N_("年检逾期"),
    "posted": N_("新通知"),
    "sent": N_("已送出"),
    "forgotten": N_("已清理"),
}


def badge(states: Mapping[str, tuple[str, str]], state: str, translate: Translate) -> dict[str, str]:
    word, tone = states[state]
    return {"word": translate(word), "tone": tone}


def chips(
    states: Mapping[str, tuple[str, str]], chosen: str, address: str, translate: Translate
) -> list[dict[str, Any]]:
    """Filters: all, and each state."""
    first = {"word": translate("全部"), "href": address, "on": not chosen}
    rest = [{"word": translate(word), "href": f"{address}?state={name}", "on": name == chosen}
            for name, (word, _) in states.items()]  # fmt: skip
    return [first, *rest]


def kind_title(kind: str, translate: Translate) -> str:
    return translate(KINDS[kind].title) if kind in KINDS else kind


def who(account: str, translate: Translate) -> str:
    return translate("系统") if account == "system" else account


def job_row(one: JobView, translate: Translate) -> dict[str, Any]:
    return {
        "href": f"/jobs/{quote(one.id)}",
        "title": kind_title(one.kind, translate),
        "who": who(one.actor.account, translate),
        "enqueued": when(one.enqueued),
        "badge": badge(JOB_STATES, one.state, translate),
        "percent": one.percent if one.state == "running" else None,
        "progress": _progress(one, translate),
    }


def _progress(one: JobView, translate: Translate) -> str:
    if one.total:
        text = translate("{done}/{total}，失败 {failed}")
        return text.format(done=one.done, total=one.total, failed=one.failed)
    return str(one.done) if one.done else ""


def job_facts(one: JobView, translate: Translate) -> Rows:
    """What there is to know of one job."""
    rows = [
        (translate("任务标识"), one.id),
        (translate("谁要求的"), who(one.actor.account, translate)),
        (translate("要求于"), when(one.enqueued)),
        (translate("开始于"), when(one.started)),
        (translate("结束于"), when(one.finished)),
        (translate("执行次数"), str(one.attempts) if one.attempts else ""),
        (translate("下次执行"), when(one.due) if one.state == "waiting" else ""),
    ]
    outcome = [(translate(_OUTCOME.get(name, name)), str(value)) for name, value in one.outcome.items()]
    return [(title, text) for title, text in [*rows, *outcome] if text]


def result_row(one: ResultLine, translate: Translate) -> dict[str, Any]:
    """One record that failed."""
    assert one.error is not None
    return {"record": one.number, "code": one.error.code, "message": one.error.message(translate)}


def delivery_row(one: DeliveryView, language: str, translate: Translate) -> dict[str, Any]:
    """One delivery, its heading in the reader's language."""
    return {
        "href": f"/notices/{quote(one.id)}",
        "heading": text_of(one.kind, one.party_kind, one.facts, language).heading,
        "created": when(one.created),
        "party": translate(PARTIES[one.party_kind]),
        "channel": translate(CHANNELS[one.channel]),
        "badge": badge(DELIVERY_STATES, one.state, translate),
        "attempts": one.attempts,
    }


def delivery_facts(one: DeliveryView, address: str, translate: Translate) -> Rows:
    rows = [
        (translate("收件方"), translate(PARTIES[one.party_kind])),
        (translate("渠道"), translate(CHANNELS[one.channel])),
        (translate("地址"), address),
        (translate("形成于"), when(one.created)),
        (translate("下次投递"), when(one.due) if one.state == "waiting" else ""),
        (translate("办结于"), when(one.settled)),
        (translate("通知标识"), one.id),
    ]
    return [(title, text) for title, text in rows if text]


def attempt_row(one: AttemptView, translate: Translate) -> dict[str, Any]:
    return {
        "number": one.number,
        "time": when(one.at),
        "fine": one.error is None,
        "message": one.error.message(translate) if one.error else translate("对方已接收"),
        "code": one.error.code if one.error else "",
    }


def contact_row(one: ContactView, departments: Mapping[str, str], translate: Translate) -> dict[str, Any]:
    return {
        "id": one.id,
        "party": departments.get(one.party, one.party) if one.party_kind == "department" else one.party,
        "party_kind": translate(PARTIES[one.party_kind]),
        "channel": translate(CHANNELS[one.channel]),
        "address": one.address,
        "signed": one.channel == "webhook",
        "language": "English" if one.language == "en" else "中文",
        "since": when(one.created),
    }
