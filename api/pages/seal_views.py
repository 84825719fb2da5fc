"""印章页面: the seal register as rows, facts and offers for pages.

Nothing is decided here: which step a person is offered is asked of ``seal.lifecycle`` and of the register.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from api.pages.public import mask_code, mask_name
from api.pages.verdict import BEIJING, data_address, joined, period, when
from seal.kinds import KINDS
from seal.lifecycle import STEPS, Official, Role, Rule, State, Step
from seal.records import HOLDERS, REQUESTS
from trust.errors import fill
from trust.i18n import N_
from trust.seal_status import STATES, VALID

if TYPE_CHECKING:
    from seal.models import SealEvent, SealObject, SealRequest, SealUse
    from seal.records import GrantView, SealSummary, SealView
    from seal.register import SealRegister
    from trust.seal_status import SealHistory, SealStatus
    from verify.report import Report, SealInfo

Translate = Callable[[str], str]
Rows = list[tuple[str, str]]

_TONES: Final[Mapping[State, str]] = {
    State.APPLIED: "info",
    State.WITHDRAWN: "none",
    State.REJECTED: "none",
    State.APPROVED: "info",
    State.MADE: "info",
    State.ISSUED: "info",
    State.ACTIVE: "pass",
    State.FROZEN: "unsure",
    State.LOST: "fail",
    State.CONFISCATED: "fail",
    State.DESTROYED: "fail",
}
FILTERS: Final = tuple(_TONES)
"""States in the order in which the list offers them."""
PAGE_STEPS: Final = tuple(name for name in STEPS if name not in ("apply", "enrol", "use", "audit"))
"""Steps that have a form of their own under the seal's page."""
GRAVE: Final = frozenset({"reject", "report_lost", "confiscate", "destroy", "destroy_confiscated", "reject_request"})
_FIRST: Final = (
    "approve",
    "make",
    "issue",
    "activate",
    "approve_request",
    "change_face",
    "change_certificate",
    "unfreeze",
)
"""Steps that carry a matter on: shown as the thing to do."""


def step_title(name: str, translate: Translate) -> str:
    """A step as a button or heading names it."""
    return translate(STEPS[name].title)


def badge(state: State, translate: Translate) -> dict[str, str]:
    """A state as chip."""
    return {"tone": _TONES.get(state, "none"), "word": translate(state.label)}


def kind_title(code: str, language: str) -> str:
    kind = KINDS.get(code)
    return code if kind is None else kind.title_en if language == "en" else kind.title


def list_row(
    one: SealSummary, pending: tuple[str, str] | None, role: Role, language: str, translate: Translate
) -> dict[str, Any]:
    """A seal in the list, and what of it waits for this person."""
    return {
        "href": f"/seals/{quote(one.id)}",
        "id": one.id,
        "name": one.name,
        "kind": kind_title(one.kind, language),
        "holder": one.holder_name,
        "holder_kind": translate(HOLDERS.get(one.holder_kind, one.holder_kind)),
        "department": one.department_name,
        "badge": badge(one.state, translate),
        "todo": _todo(one, pending, role, translate),
    }


_CARRIES_OUT: Final = {"face": "change_face", "certificate": "change_certificate", "destruction": "destroy"}


def _todo(one: SealSummary, pending: tuple[str, str] | None, role: Role, translate: Translate) -> dict[str, str] | None:
    """The step by which this person would carry the matter on, if it is theirs."""
    kind, stage = pending or ("new", "")
    wanted = ["approve", "make", "issue", "activate", "destroy_confiscated"] if kind == "new" else []
    if kind != "new":
        wanted = ["approve_request"] if stage == "open" else [_CARRIES_OUT[kind]]
    for name in wanted:
        step = STEPS[name]
        if role in step.roles and one.state in step.moves:
            return {"href": f"/seals/{quote(one.id)}/steps/{name}", "title": step_title(name, translate)}
    return None


def first_steps(translate: Translate) -> list[dict[str, str]]:
    """From application to use: who does what, as the one table has it."""
    return [
        {"title": translate(step.title), "who": joined((translate(role.label) for role in step.roles), translate)}
        for step in (STEPS[name] for name in ("apply", "approve", "make", "issue", "activate"))
    ]


# One seal


@dataclass(frozen=True, slots=True)
class Offer:
    """A step as the seal's page offers it; ``why``: what speaks against it now."""

    name: str
    title: str
    href: str
    first: bool
    grave: bool
    why: str


def offers(register: SealRegister, view: SealView, who: Official, translate: Translate) -> list[Offer]:
    """The steps of this person's role from this state; those a further rule forbids say which."""
    answer = []
    for name in PAGE_STEPS:
        step = STEPS[name]
        if who.role in step.roles and view.state in step.moves and not _idle(name, view):
            refusal = register.refusal(name, view.id, who)
            why = refusal.localised(translate)[0] if refusal else ""
            answer.append(_offer(step, view.id, why, translate))
    return sorted(answer, key=lambda one: (bool(one.why), not one.first, one.grave))


def _offer(step: Step, seal_id: str, why: str, translate: Translate) -> Offer:
    href = f"/seals/{quote(seal_id)}/steps/{step.name}"
    return Offer(step.name, step_title(step.name, translate), href, step.name in _FIRST, step.name in GRAVE, why)


def _idle(name: str, view: SealView) -> bool:
    """There is nothing the step could be about, so that it need not be mentioned."""
    request = view.open_request()
    if name == "end_grant":
        return all(one.ended for one in view.grants)
    if name in ("approve_request", "reject_request"):
        return request is None or request.state != "open"
    return name in _CARRIES_OUT.values() and (request is None or _CARRIES_OUT.get(request.kind) != name)


def identity(one: SealSummary, language: str, translate: Translate) -> Rows:
    """印章信息 as registered."""
    rows = [
        (translate("印章编码"), one.id),
        (translate("印章种类"), kind_title(one.kind, language)),
        (translate("用途"), one.purpose),
        (translate("持章人"), one.holder_name),
        (translate("持章人种类"), translate(HOLDERS.get(one.holder_kind, one.holder_kind))),
        (translate("持章人代码"), one.holder_code if one.holder_kind == "institution" else mask_code(one.holder_code)),
        (translate("登记单位"), one.department_name),
        (translate("登记时间"), when(one.created)),
    ]
    return [(title, text) for title, text in rows if text]


def inside(info: SealInfo, translate: Translate) -> Rows:
    """What the seal object says of itself."""
    rows = [
        (translate("结构"), info.structure),
        (translate("尺寸"), f"{info.width_mm} × {info.height_mm} mm"),
        (translate("制作时间"), when(info.created)),
        (translate("印章有效期"), period(info.valid_from, info.valid_to)),
        (translate("制章机构"), info.maker),
        (translate("可使用的证书"), "\n".join(info.listed)),
    ]
    return [(title, text) for title, text in rows if text]


def timeline(view: SealView, translate: Translate) -> list[dict[str, Any]]:
    """办理经过, newest first: who, when, why."""
    names = {one.basis_digest: one.basis_name for one in view.requests}
    before = ["", *(one.state for one in view.events)]
    shown = [_event(one, one.state != was, names, translate) for one, was in zip(view.events, before, strict=False)]
    return shown[::-1]


def _event(one: SealEvent, moved: bool, names: Mapping[str, str], translate: Translate) -> dict[str, Any]:
    step, state, role = STEPS.get(one.step), State(one.state), Role(one.role)
    return {
        "title": step_title(one.step, translate) if step else one.step,
        "when": when(one.recorded),
        "since": when(one.effective) if one.effective < one.recorded.replace(microsecond=0) else "",
        "who": one.actor,
        "role": translate(role.label),
        "reason": one.reason,
        "badge": badge(state, translate),
        "moved": moved,
        "basis": one.basis_digest,
        "basis_name": names.get(one.basis_digest) or translate("依据文件"),
        "basis_href": f"/seals/{quote(one.seal_id)}/basis/{one.basis_digest}",
        "grave": one.step in GRAVE,
    }


_ORIGINS: Final = {"own": N_("本系统制作"), "import": N_("导入"), "enrol": N_("建库登记")}


def versions(view: SealView, translate: Translate) -> list[dict[str, Any]]:
    """印章数据的各版, newest first."""
    return [_version(one, view, translate) for one in reversed(view.objects)]


def _version(one: SealObject, view: SealView, translate: Translate) -> dict[str, Any]:
    base = f"/seals/{quote(view.id)}/objects/{one.number}"
    return {
        "number": one.number,
        "digest": one.digest,
        "origin": translate(_ORIGINS.get(one.origin, one.origin)),
        "when": when(one.effective),
        "who": one.actor,
        "key": one.key_name,
        "present": one.number == view.summary.object_number,
        "picture": f"{base}/picture.png",
        "file": f"{base}/seal.esl",
    }


_DECISIONS: Final = {
    "open": N_("待批"),
    "approved": N_("已批准，待办理"),
    "rejected": N_("已驳回"),
    "withdrawn": N_("已撤回"),
    "done": N_("已办结"),
}


def request_row(one: SealRequest, translate: Translate) -> dict[str, Any]:
    """申请 and what became of it."""
    return {
        "kind": translate(REQUESTS.get(one.kind, one.kind)),
        "state": translate(_DECISIONS.get(one.state, one.state)),
        "tone": {"open": "info", "approved": "info", "done": "pass", "rejected": "fail"}.get(one.state, "none"),
        "reason": one.reason,
        "applicant": one.applicant,
        "applied": when(one.applied),
        "decided_by": one.decided_by,
        "decided": when(one.decided),
        "decision": one.decision,
        "basis_name": one.basis_name,
        "basis": one.basis_digest,
        "basis_href": f"/seals/{quote(one.seal_id)}/basis/{one.basis_digest}",
    }


def grant_row(
    one: GrantView, types: Mapping[str, str], departments: Mapping[str, str], translate: Translate
) -> dict[str, Any]:
    """用章授权."""
    every = "*" in one.types
    return {
        "id": one.id,
        "who": one.account or translate("该单位所有经办人"),
        "department": departments.get(one.department_id, one.department_id),
        "types": translate("全部证照") if every else joined((types.get(code, code) for code in one.types), translate),
        "limit": str(one.daily_limit) if one.daily_limit is not None else translate("不限"),
        "granted": when(one.granted),
        "granted_by": one.granted_by,
        "ended": when(one.ended),
    }


# The ledger


def use_row(one: SealUse, types: Mapping[str, str], objects: Mapping[str, int]) -> dict[str, Any]:
    """用章台账 line."""
    return {
        "number": one.id,
        "when": when(one.used),
        "subject": one.subject,
        "short": "…" + ".".join(one.subject.split(".")[-3:]) if one.subject.count(".") > 4 else one.subject,
        "href": "" if one.subject.startswith("sm3:") else f"/licences/{quote(one.subject)}",
        "type": types.get(one.type_code, one.type_code),
        "officer": one.officer,
        "department": one.department,
        "document": one.document,
        "object": objects.get(one.object_digest, 0),
    }


CSV_HEAD: Final = (
    N_("序号"),
    N_("盖章时间"),
    N_("证照标识"),
    N_("证照类型代码"),
    N_("经办人"),
    N_("单位"),
    N_("文件摘要（SM3）"),
    N_("印章数据摘要（SM3）"),
    N_("登记时间"),
)


def use_cells(one: SealUse) -> tuple[str, ...]:
    """用章台账 line of the exported table; moments are RFC 3339, Beijing time."""
    used, recorded = (m.astimezone(BEIJING).isoformat(timespec="seconds") for m in (one.used, one.recorded))
    cells = (str(one.id), used, one.subject, one.type_code, one.officer, one.department, one.document)
    return (*cells, one.object_digest, recorded)


# What anybody may see


def public_rows(one: SealSummary, language: str, translate: Translate) -> Rows:
    """A seal without its holder's person: people's names are masked."""
    personal = one.holder_kind != "institution"
    return [
        (translate("印章名称"), mask_name(one.name) if personal else one.name),
        (translate("印章编码"), one.id),
        (translate("印章种类"), kind_title(one.kind, language)),
        (translate("持章人"), mask_name(one.holder_name) if personal else one.holder_name),
        (translate("登记单位"), one.department_name),
    ]


_PUBLIC_TONES: Final = {VALID: "pass", "INACTIVE": "none", "FROZEN": "unsure", "SUPERSEDED": "unsure"}
_PUBLIC_SAID: Final = {
    VALID: N_("在所问时刻，这枚印章有效；用它盖章的文件仍应核验。"),
    "INACTIVE": N_("在所问时刻，这枚印章尚未启用，不能盖章。"),
    "FROZEN": N_("在所问时刻，这枚印章被冻结，不能盖章。"),
    "LOST": N_("在所问时刻，这枚印章已挂失；自挂失时起盖的章不予采信。"),
    "CONFISCATED": N_("在所问时刻，这枚印章已被收缴，不能盖章。"),
    "DESTROYED": N_("在所问时刻，这枚印章已被销毁，不能盖章。"),
}


def standing(status: SealStatus, translate: Translate) -> dict[str, str]:
    """印章状态 at a moment, in words."""
    return {
        "tone": _PUBLIC_TONES.get(status.state, "fail"),
        "word": translate(STATES.get(status.state, status.state)),
        "sentence": translate(_PUBLIC_SAID.get(status.state, "")),
        "since": when(status.since),
    }


def published_states(history: SealHistory, translate: Translate) -> list[dict[str, str]]:
    """公开履历, newest first."""
    return [
        {"when": when(since), "word": translate(STATES[word]), "tone": _PUBLIC_TONES.get(word, "fail")}
        for since, word in reversed(history.states)
    ]


# The one table, and the rules of use


def step_facts(step: Step, translate: Translate) -> Rows:
    """One line of the table, for somebody whose step was refused."""
    arrivals = [
        translate("状态不变")
        if before is after
        else fill(translate("变为“{state}”"), {"state": translate(after.label)})
        for before, after in step.moves.items()
    ]
    return [
        (translate("由谁办理"), joined((translate(role.label) for role in step.roles), translate)),
        (translate("办理前的状态"), joined((translate(before.label) for before in step.moves), translate)),
        (translate("办理后"), joined(dict.fromkeys(arrivals), translate)),
        (translate("规则"), joined((translate(rule.label) for rule in step.rules), translate) or "—"),
    ]


def table_rows(translate: Translate) -> list[dict[str, Any]]:
    """The whole table in the reader's language."""
    return [
        {"title": step_title(step.name, translate), "name": step.name, "facts": step_facts(step, translate)}
        for step in STEPS.values()
    ]


Block = tuple[str, Any]


def blocks(markdown: str) -> list[Block]:
    """The few forms of Markdown the rules of use are written in: headings, paragraphs, one table."""
    answer: list[Block] = []
    for chunk in markdown.split("\n\n"):
        for kind, lines in _grouped(chunk.splitlines()):
            if kind == "table":
                cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
                answer.append(("table", {"head": cells[0], "rows": cells[2:]}))
            elif kind == "text":
                answer.append(("p", _spans("".join(lines))))
            else:
                answer.append((kind, lines[0].lstrip("# ")))
    return answer


def _grouped(lines: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Neighbouring lines of one kind."""
    found: list[tuple[str, list[str]]] = []
    for line in filter(str.strip, lines):
        kind = "table" if line.startswith("|") else f"h{line.count('#', 0, 3)}" if line.startswith("#") else "text"
        if found and found[-1][0] == kind and kind in ("table", "text"):
            found[-1][1].append(line)
        else:
            found.append((kind, [line]))
    return found


def _spans(text: str) -> list[tuple[bool, str]]:
    """``(bold, text)`` in order."""
    return [(index % 2 == 1, part) for index, part in enumerate(text.split("**")) if part]


def needs_reason(step: Step) -> bool:
    return Rule.REASON in step.rules


def picture_address(info: SealInfo) -> str:
    """The picture inside the page; empty for a kind browsers should not draw."""
    return data_address(info.picture, info.picture_type)


def registered(register: SealRegister, report: Report) -> frozenset[str]:
    """Which of a document's seals are on our register, so that their standing can be asked here."""
    named = {one.seal.id for one in report.signatures if one.seal}
    return frozenset(one for one in named if register.status(one) is not None)
