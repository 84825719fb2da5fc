"""印章生命周期: which step may be taken by whom, from which state, under which rule. Pure; one table.

    after = take("freeze", State.ACTIVE, Role.SEAL_KEEPER)      # State.FROZEN
    take("freeze", State.ACTIVE, Role.OFFICER)                   # Refused("seal.role")

Roles are kept apart (三员分立): who manages seals does not use them, who uses them does not audit, who
keeps the system does neither. An account has one role. ``STEPS`` is the only place where this is written;
``docs/seals.md`` prints it and the tests try every role × step × state against what is printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from trust.errors import NotFound, Refused, Word, Words
from trust.i18n import N_
from trust.journal import Actor


class Role(StrEnum):
    """角色 of an account."""

    OFFICER = "officer"
    SEAL_KEEPER = "seal_keeper"
    SEAL_APPROVER = "seal_approver"
    AUDITOR = "auditor"
    ADMIN = "admin"
    HOLDER = "holder"
    SYSTEM = "system"

    @property
    def label(self) -> str:
        """The role's Chinese name."""
        return _ROLES[self]


_ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "officer": N_("经办人（用章人）"),
        "seal_keeper": N_("印章管理员"),
        "seal_approver": N_("印章审批人"),
        "auditor": N_("审计员"),
        "admin": N_("系统管理员"),
        "holder": N_("持章人（申请人自有印章）"),
        "system": N_("系统"),
    }
)


class State(StrEnum):
    """印章状态."""

    NONE = "NONE"
    """Not on the register yet."""
    APPLIED = "APPLIED"
    WITHDRAWN = "WITHDRAWN"
    REJECTED = "REJECTED"
    APPROVED = "APPROVED"
    MADE = "MADE"
    ISSUED = "ISSUED"
    ACTIVE = "ACTIVE"
    FROZEN = "FROZEN"
    LOST = "LOST"
    CONFISCATED = "CONFISCATED"
    DESTROYED = "DESTROYED"

    @property
    def label(self) -> str:
        """The state's Chinese name."""
        return _STATES[self]

    @property
    def published(self) -> str:
        """What a published list calls it (``trust.seal_status.STATES``); empty: never published."""
        return _PUBLISHED.get(self, "")


_STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "NONE": N_("未登记"),
        "APPLIED": N_("已申请"),
        "WITHDRAWN": N_("已撤回"),
        "REJECTED": N_("已驳回"),
        "APPROVED": N_("已批准"),
        "MADE": N_("已制作"),
        "ISSUED": N_("已发放"),
        "ACTIVE": N_("有效"),
        "FROZEN": N_("冻结"),
        "LOST": N_("挂失"),
        "CONFISCATED": N_("已收缴"),
        "DESTROYED": N_("已销毁"),
    }
)
_PUBLISHED: Final = {
    State.MADE: "INACTIVE",
    State.ISSUED: "INACTIVE",
    State.ACTIVE: "VALID",
    State.FROZEN: "FROZEN",
    State.LOST: "LOST",
    State.CONFISCATED: "CONFISCATED",
    State.DESTROYED: "DESTROYED",
}


class Rule(StrEnum):
    """附加规则: what else must hold; ``seal.register`` checks each and names it when it does not."""

    BASIS = "basis"
    REASON = "reason"
    OWN = "own"
    NOT_OWN = "not_own"
    ANOTHER_HAND = "another_hand"
    REQUEST = "request"
    ONE_REQUEST = "one_request"
    SOUND = "sound"
    GRANT = "grant"

    @property
    def label(self) -> str:
        """The rule in words."""
        return _RULES[self]


_RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "basis": N_("须附依据文件"),
        "reason": N_("须说明理由"),
        "own": N_("限申请人本人"),
        "not_own": N_("不得办理本人提出的申请"),
        "another_hand": N_("不得由批准该申请的人办理"),
        "request": N_("须有已批准的相应申请"),
        "one_request": N_("没有未办结的申请"),
        "sound": N_("印章与其签章人证书须通过检查"),
        "grant": N_("须在用章授权之内（人员、证照类型、每日次数）"),
    }
)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the table."""

    name: str
    title: str
    """Never the name of a state: an act must not read like one, in either language."""
    moves: Mapping[State, State]
    """From which state to which; the same twice: the state stays."""
    roles: tuple[Role, ...]
    rules: tuple[Rule, ...] = ()


_A, _F, _L = State.ACTIVE, State.FROZEN, State.LOST
_OFFICER, _KEEPER, _APPROVER = Role.OFFICER, Role.SEAL_KEEPER, Role.SEAL_APPROVER
_HOLDER, _AUDITOR, _SYSTEM = Role.HOLDER, Role.AUDITOR, Role.SYSTEM
_EVERY = tuple(State)[1:]
_MADE = (State.MADE, State.ISSUED, _A, _F, _L, State.CONFISCATED, State.DESTROYED)


def _to(after: State, *before: State) -> Mapping[State, State]:
    return MappingProxyType(dict.fromkeys(before, after))


def _stay(*states: State) -> Mapping[State, State]:
    return MappingProxyType({state: state for state in states})


_CHANGED = MappingProxyType({_A: _A, _F: _F, _L: State.ISSUED})
"""A lost seal with a new certificate must be received and activated anew."""

_TABLE: Final = (
    Step("apply", N_("申请"), _to(State.APPLIED, State.NONE), (_OFFICER, _HOLDER), (Rule.BASIS,)),
    Step("enrol", N_("建库登记"), _to(_A, State.NONE), (_SYSTEM,), (Rule.SOUND,)),
    Step("withdraw", N_("撤回申请"), _to(State.WITHDRAWN, State.APPLIED), (_OFFICER, _HOLDER), (Rule.OWN,)),
    Step("approve", N_("批准"), _to(State.APPROVED, State.APPLIED), (_APPROVER,), (Rule.NOT_OWN,)),
    Step("reject", N_("驳回"), _to(State.REJECTED, State.APPLIED), (_APPROVER,), (Rule.NOT_OWN, Rule.REASON)),
    Step(
        "make", N_("制作"), _to(State.MADE, State.APPROVED), (_KEEPER,),
        (Rule.REQUEST, Rule.NOT_OWN, Rule.ANOTHER_HAND, Rule.SOUND),
    ),
    Step(
        "import", N_("导入他处制作的印章"), _to(State.MADE, State.APPROVED), (_KEEPER,),
        (Rule.REQUEST, Rule.NOT_OWN, Rule.ANOTHER_HAND, Rule.SOUND),
    ),
    Step("issue", N_("发放"), _to(State.ISSUED, State.MADE), (_KEEPER,)),
    Step("activate", N_("签收启用"), _to(_A, State.ISSUED), (_OFFICER, _HOLDER), (Rule.SOUND,)),
    Step("grant", N_("授权用章"), _stay(State.MADE, State.ISSUED, _A, _F), (_KEEPER,)),
    Step("end_grant", N_("收回用章授权"), _stay(*_MADE), (_KEEPER, _APPROVER)),
    Step("use", N_("用章"), _stay(_A), (_OFFICER, _HOLDER), (Rule.GRANT,)),
    Step("freeze", N_("冻结印章"), _to(_F, _A), (_KEEPER, _APPROVER), (Rule.REASON,)),
    Step("unfreeze", N_("解冻"), _to(_A, _F), (_APPROVER,), (Rule.REASON, Rule.SOUND)),
    Step(
        "report_lost", N_("挂失印章"), _to(_L, State.ISSUED, _A, _F), (_OFFICER, _HOLDER, _KEEPER), (Rule.REASON,)
    ),
    Step(
        "request", N_("申请变更或销毁"), _stay(_A, _F, _L), (_OFFICER, _HOLDER), (Rule.BASIS, Rule.ONE_REQUEST)
    ),
    Step("approve_request", N_("批准变更或销毁"), _stay(_A, _F, _L), (_APPROVER,), (Rule.NOT_OWN,)),
    Step("reject_request", N_("驳回变更或销毁"), _stay(_A, _F, _L), (_APPROVER,), (Rule.NOT_OWN, Rule.REASON)),
    Step(
        "change_face", N_("变更印模"), _stay(_A, _F), (_KEEPER,),
        (Rule.REQUEST, Rule.NOT_OWN, Rule.ANOTHER_HAND, Rule.SOUND),
    ),
    Step(
        "change_certificate", N_("变更证书"), _CHANGED, (_KEEPER,),
        (Rule.REQUEST, Rule.NOT_OWN, Rule.ANOTHER_HAND, Rule.SOUND),
    ),
    Step(
        "confiscate", N_("收缴"), _to(State.CONFISCATED, State.MADE, State.ISSUED, _A, _F, _L), (_APPROVER,),
        (Rule.BASIS, Rule.REASON),
    ),
    Step(
        "destroy", N_("销毁"), _to(State.DESTROYED, _F, _L), (_KEEPER,),
        (Rule.REQUEST, Rule.NOT_OWN, Rule.ANOTHER_HAND, Rule.REASON),
    ),
    Step("destroy_confiscated", N_("销毁收缴的印章"), _to(State.DESTROYED, State.CONFISCATED), (_KEEPER,),
         (Rule.REASON,)),
    Step("audit", N_("查阅用章台账"), _stay(*_EVERY), (_AUDITOR,)),
)  # fmt: skip
STEPS: Final[Mapping[str, Step]] = MappingProxyType({step.name: step for step in _TABLE})
"""The table, by name."""


@dataclass(frozen=True, slots=True)
class Official:
    """办理人: who acts, and in which role. Whoever calls has authenticated the account."""

    actor: Actor
    role: Role
    holder_code: str = ""
    """For a holder: the credit code or citizen number by which they were identified."""


def step_of(name: str) -> Step:
    """The step of this name; raises ``NotFound("seal.step_unknown")``."""
    try:
        return STEPS[name]
    except KeyError:
        raise NotFound("seal.step_unknown", "没有“{step}”这一步骤。", step=name[:40]) from None


def is_allowed(name: str, state: State, role: Role) -> bool:
    """Would ``take`` allow it?"""
    step = STEPS[name]
    return role in step.roles and state in step.moves


def take(name: str, state: State, role: Role) -> State:
    """The state after the step. Raises ``Refused("seal.role")`` or ``Refused("seal.step")``, naming the rule."""
    step = step_of(name)
    if role not in step.roles:
        raise Refused(
            "seal.role",
            "“{step}”应由{expected}办理，{got}不能办理（三员分立）。",
            step=Word(step.title),
            expected=Words(one.label for one in step.roles),
            got=Word(role.label),
        )
    after = step.moves.get(state)
    if after is None:
        raise Refused(
            "seal.step",
            "印章现为“{got}”，不能“{step}”：应为{expected}。",
            remedy="请先办理前面的步骤，或刷新后重试。",
            step=Word(step.title),
            got=Word(state.label),
            expected=Words(one.label for one in step.moves),
        )
    return after


def table_markdown() -> str:
    """The table as ``docs/seals.md`` prints it, with its words."""
    steps = [
        (step.title, f"`{step.name}`", _words(step.roles), "<br>".join(_moves(step)), _words(step.rules))
        for step in _TABLE
    ]
    parts = (
        markdown_table(("步骤", "step", "由谁办理 by", "从 → 到 from → to", "规则 rules"), steps),
        markdown_table(("角色", "role"), [(role.label, f"`{role}`") for role in Role]),
        markdown_table(
            ("状态", "state", "对外公布为 published as"), [(s.label, f"`{s}`", s.published or "—") for s in State]
        ),
        markdown_table(("规则", "rule"), [(rule.label, f"`{rule}`") for rule in Rule]),
    )
    return "\n".join(parts)


def _moves(step: Step) -> list[str]:
    """``A, B → C``, one for each state arrived at; ``A, B → =`` where the state stays."""
    arrivals: dict[str, list[str]] = {}
    for before, after in step.moves.items():
        arrivals.setdefault("=" if before is after else str(after), []).append(str(before))
    return [f"{', '.join(before)} → {after}" for after, before in arrivals.items()]


def _words(words: tuple[Role, ...] | tuple[Rule, ...]) -> str:
    return ", ".join(str(word) for word in words) or "—"


def markdown_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table of a document."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
