"""印章生命周期: which step may be taken by whom, from which state, under which rule. Pure; one table.

    after = take("freeze", State.ACTIVE, Role.SEAL_KEEPER)      # State.FROZEN
    take("freeze", State.ACTIVE, Role.OFFICER)                   # Refused("seal.role")

``STEPS`` is the only place where this is written; ``docs/seals.md`` prints it and the tests try every
role × step × state against what is printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from seal import steps
from seal.roles import Role
from seal.steps import Refusals, Saying, StepTable, markdown_table, stay, to
from trust.i18n import N_
from trust.journal import Actor

__all__ = [
    "STEPS",
    "Official",
    "Role",
    "Rule",
    "State",
    "Step",
    "is_allowed",
    "step_of",
    "table_markdown",
    "take",
]


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


Step = steps.Step[State, State, Rule]
_A, _F, _L = State.ACTIVE, State.FROZEN, State.LOST
_OFFICER, _KEEPER, _APPROVER = Role.OFFICER, Role.SEAL_KEEPER, Role.SEAL_APPROVER
_HOLDER, _AUDITOR, _SYSTEM = Role.HOLDER, Role.AUDITOR, Role.SYSTEM
_EVERY = tuple(State)[1:]
_MADE = (State.MADE, State.ISSUED, _A, _F, _L, State.CONFISCATED, State.DESTROYED)
_CHANGED = MappingProxyType({_A: _A, _F: _F, _L: State.ISSUED})
"""A lost seal with a new certificate must be received and activated anew."""

_ROWS: Final = (
    Step("apply", N_("申请"), to(State.APPLIED, State.NONE), (_OFFICER, _HOLDER), (Rule.BASIS,)),
    Step("enrol", N_("建库登记"), to(_A, State.NONE), (_SYSTEM,), (Rule.SOUND,)),
    Step("withdraw", N_("撤回申请"), to(State.WITHDRAWN, State.APPLIED), (_OFFICER, _HOLDER), (Rule.OWN,)),
    Step("approve", N_("批准"), to(State.APPROVED, State.APPLIED), (_APPROVER,), (Rule.NOT_OWN,)),
    Step("reject", N_("驳回"), to(State.REJECTED, State.APPLIED), (_APPROVER,), (Rule.NOT_OWN, Rule.REASON)),
    Step(
        "make", N_("制作"), to(State.MADE, State.APPROVED), (_KEEPER,),
        (Rule.REQUEST, Rule.NOT_OWN, Rule.ANOTHER_HAND, Rule.SOUND),
    ),
    Step(
        "import", N_("导入他处制作的印章"), to(State.MADE, State.APPROVED), (_KEEPER,),
        (Rule.REQUEST, Rule.NOT_OWN, Rule.ANOTHER_HAND, Rule.SOUND),
    ),
    Step("issue", N_("发放"), to(State.ISSUED, State.MADE), (_KEEPER,)),
    Step("activate", N_("签收启用"), to(_A, State.ISSUED), (_OFFICER, _HOLDER), (Rule.SOUND,)),
    Step("grant", N_("授权用章"), stay(State.MADE, State.ISSUED, _A, _F), (_KEEPER,)),
    Step("end_grant", N_("收回用章授权"), stay(*_MADE), (_KEEPER, _APPROVER)),
    Step("use", N_("用章"), stay(_A), (_OFFICER, _HOLDER), (Rule.GRANT,)),
    Step("freeze", N_("冻结印章"), to(_F, _A), (_KEEPER, _APPROVER), (Rule.REASON,)),
    Step("unfreeze", N_("解冻"), to(_A, _F), (_APPROVER,), (Rule.REASON, Rule.SOUND)),
    Step(
        "report_lost", N_("挂失印章"), to(_L, State.ISSUED, _A, _F), (_OFFICER, _HOLDER, _KEEPER), (Rule.REASON,)
    ),
    Step(
        "request", N_("申请变更或销毁"), stay(_A, _F, _L), (_OFFICER, _HOLDER), (Rule.BASIS, Rule.ONE_REQUEST)
    ),
    Step("approve_request", N_("批准变更或销毁"), stay(_A, _F, _L), (_APPROVER,), (Rule.NOT_OWN,)),
    Step("reject_request", N_("驳回变更或销毁"), stay(_A, _F, _L), (_APPROVER,), (Rule.NOT_OWN, Rule.REASON)),
    Step(
        "change_face", N_("变更印模"), stay(_A, _F), (_KEEPER,),
        (Rule.REQUEST, Rule.NOT_OWN, Rule.ANOTHER_HAND, Rule.SOUND),
    ),
    Step(
        "change_certificate", N_("变更证书"), _CHANGED, (_KEEPER,),
        (Rule.REQUEST, Rule.NOT_OWN, Rule.ANOTHER_HAND, Rule.SOUND),
    ),
    Step(
        "confiscate", N_("收缴"), to(State.CONFISCATED, State.MADE, State.ISSUED, _A, _F, _L), (_APPROVER,),
        (Rule.BASIS, Rule.REASON),
    ),
    Step(
        "destroy", N_("销毁"), to(State.DESTROYED, _F, _L), (_KEEPER,),
        (Rule.REQUEST, Rule.NOT_OWN, Rule.ANOTHER_HAND, Rule.REASON),
    ),
    Step("destroy_confiscated", N_("销毁收缴的印章"), to(State.DESTROYED, State.CONFISCATED), (_KEEPER,),
         (Rule.REASON,)),
    Step("audit", N_("查阅用章台账"), stay(*_EVERY), (_AUDITOR,)),
)  # fmt: skip
_TABLE: Final = StepTable(
    _ROWS,
    Refusals(
        unknown=Saying("seal.step_unknown", N_("没有“{step}”这一步骤。")),
        role=Saying("seal.role", N_("“{step}”应由{expected}办理，{got}不能办理（三员分立）。")),
        state=Saying("seal.step", N_("印章现为“{got}”，不能“{step}”：应为{expected}。")),
    ),
)
STEPS: Final = _TABLE.steps
"""The table, by name."""
step_of, is_allowed, take = _TABLE.step_of, _TABLE.is_allowed, _TABLE.take


@dataclass(frozen=True, slots=True)
class Official:
    """办理人: who acts, and in which role. Whoever calls has authenticated the account."""

    actor: Actor
    role: Role
    holder_code: str = ""
    """For a holder: the credit code or citizen number by which they were identified."""


def table_markdown() -> str:
    """The table as ``docs/seals.md`` prints it, with its words."""
    states = [(state.label, f"`{state}`", state.published or "—") for state in State]
    parts = (
        _TABLE.markdown(),
        markdown_table(("角色", "role"), [(role.label, f"`{role}`") for role in Role]),
        markdown_table(("状态", "state", "对外公布为 published as"), states),
        markdown_table(("规则", "rule"), [(rule.label, f"`{rule}`") for rule in Rule]),
    )
    return "\n".join(parts)
