"""证照生命周期: which step may be taken by whom, from which state, under which rule. Pure; one table (R062-R068).

    take("suspend", LicenceState.CURRENT, Role.OFFICER)            # LicenceState.SUSPENDED
    take("resume", LicenceState.REVOKED, Role.OFFICER)              # Refused("licence.step")

``STEPS`` is the only place where this is written; ``docs/licences.md`` prints it and the tests try every
role × step × state against what is printed. How states lie one over the other, and what time alone brings, is in
``licence_store.standing``; the acts are in ``licence_store.life`` and ``licence_store.revising``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from seal import steps
from seal.roles import Role
from seal.steps import Refusals, Saying, StepTable, markdown_table, stay, to
from trust.i18n import N_
from verify.policy import STATE_NAMES


class LicenceState(StrEnum):
    """证照状态; the words are those of ``verify.policy`` and ``trust.status_list``."""

    NONE = "NONE"
    """Not issued yet."""
    CURRENT = "CURRENT"
    SUSPENDED = "SUSPENDED"
    LOST = "LOST"
    INSPECTION_OVERDUE = "INSPECTION_OVERDUE"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"
    ANNULLED = "ANNULLED"
    CANCELLED = "CANCELLED"
    SUPERSEDED = "SUPERSEDED"
    TRANSFERRED = "TRANSFERRED"

    @property
    def label(self) -> str:
        """The state's Chinese name."""
        return _NOT_ISSUED if self is LicenceState.NONE else STATE_NAMES[self]

    @property
    def is_referencable(self) -> bool:
        """可引用: may others rely on the licence?"""
        return self is LicenceState.CURRENT

    @property
    def is_ended(self) -> bool:
        """Has the licence come to its end, so that it does not stand in the way of another?"""
        return self in ENDED


_NOT_ISSUED: Final = N_("未签发")
LASTING: Final = frozenset(
    {
        LicenceState.REVOKED,
        LicenceState.ANNULLED,
        LicenceState.CANCELLED,
        LicenceState.TRANSFERRED,
        LicenceState.SUPERSEDED,
    }
)
"""States that nothing changes any more, running out of time neither."""
ENDED: Final = LASTING | {LicenceState.EXPIRED}


class Rule(StrEnum):
    """附加规则: what else must hold; the act checks each and names it when it does not."""

    OWN = "own"
    REASON = "reason"
    INSPECTION = "inspection"
    RENEWAL = "renewal"
    SAME_HOLDER = "same_holder"
    SEAL = "seal"

    @property
    def label(self) -> str:
        """The rule in words."""
        return _RULES[self]


_RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "own": N_("限颁证部门；持证者限本人的证照"),
        "reason": N_("须说明理由"),
        "inspection": N_("类型须有年检规则，且该年度的年检已开始"),
        "renewal": N_("须在类型规定的延续期内"),
        "same_holder": N_("持证者与证照编号不变"),
        "seal": N_("须有签发此类证照的权限和可用的印章"),
    }
)

Beneath = None
"""In ``Step.moves``: back to what lies beneath, as if the mark that is taken away had not been there."""


Step = steps.Step[LicenceState, LicenceState | None, Rule]

_S = LicenceState
_C, _SUS, _LOST, _OVER, _EXP = _S.CURRENT, _S.SUSPENDED, _S.LOST, _S.INSPECTION_OVERDUE, _S.EXPIRED
_OFFICER, _HOLDER, _SYSTEM = (Role.OFFICER,), (Role.OFFICER, Role.HOLDER), (Role.SYSTEM,)
_LIVE = (_C, _OVER, _SUS, _LOST)

_INSPECTED = MappingProxyType({_C: _C, _OVER: Beneath, _SUS: _SUS})
_NOTED = MappingProxyType({_C: _OVER, _SUS: _SUS, _LOST: _LOST})
_REASONED = (Rule.OWN, Rule.REASON)

_ROWS: Final[tuple[Step, ...]] = (
    Step("issue", N_("签发"), to(_C, _S.NONE), _OFFICER, (Rule.SEAL,)),
    Step("suspend", N_("暂扣证照"), to(_SUS, _C, _OVER), _OFFICER, _REASONED),
    Step("resume", N_("解除暂扣"), to(Beneath, _SUS), _OFFICER, _REASONED),
    Step("report_lost", N_("办理挂失"), to(_LOST, _C, _OVER, _SUS), _HOLDER, _REASONED),
    Step("found", N_("解除挂失"), to(Beneath, _LOST), _OFFICER, _REASONED),
    Step("inspect", N_("办理年检"), _INSPECTED, _OFFICER, (Rule.OWN, Rule.INSPECTION)),
    Step("overdue", N_("登记年检逾期"), _NOTED, _SYSTEM),
    Step("expire", N_("登记到期"), to(_EXP, *_LIVE), _SYSTEM),
    Step("revoke", N_("吊销证照"), to(_S.REVOKED, *_LIVE, _EXP), _OFFICER, _REASONED),
    Step("annul", N_("撤销证照"), to(_S.ANNULLED, *_LIVE, _EXP), _OFFICER, _REASONED),
    Step("cancel", N_("注销证照"), to(_S.CANCELLED, *_LIVE, _EXP), _OFFICER, _REASONED),
    Step("revise", N_("变更"), stay(_C, _OVER), _OFFICER, (Rule.OWN, Rule.REASON, Rule.SAME_HOLDER, Rule.SEAL)),
    Step("reseal", N_("重新盖章"), stay(*_LIVE), _OFFICER, (Rule.REASON, Rule.SEAL)),
    Step(
        "reissue", N_("补发"), to(Beneath, _LOST), _OFFICER,
        (Rule.OWN, Rule.REASON, Rule.SAME_HOLDER, Rule.SEAL),
    ),
    Step(
        "renew", N_("延续（换证）"), to(_S.SUPERSEDED, _C, _EXP), _OFFICER,
        (Rule.OWN, Rule.REASON, Rule.RENEWAL, Rule.SAME_HOLDER, Rule.SEAL),
    ),
    Step("transfer_out", N_("转出至其他地区"), to(_S.TRANSFERRED, _C, _OVER), _OFFICER, _REASONED),
)  # fmt: skip
ROLE_NAMES: Final[Mapping[Role, str]] = MappingProxyType(
    {Role.OFFICER: N_("颁证部门经办人"), Role.HOLDER: N_("持证者本人"), Role.SYSTEM: N_("系统")}
)
"""Who takes steps with licences; the other roles take none."""
_TABLE: Final = StepTable(
    _ROWS,
    Refusals(
        unknown=Saying("licence.step_unknown", N_("证照没有“{step}”这一步骤。")),
        role=Saying("licence.role", N_("“{step}”应由{expected}办理，{got}不能办理。")),
        state=Saying("licence.step", N_("证照现为“{got}”，不能办理“{step}”：应为{expected}。")),
    ),
    ROLE_NAMES,
)
STEPS: Final = _TABLE.steps
"""The table, by name."""
MARKS: Final = ("suspend", "resume", "report_lost", "found", "revoke", "annul", "cancel", "transfer_out")
"""Steps taken by ``LicenceLife.take``: with no more to them than a reason and, where there is one, a basis."""
step_of, is_allowed, check_role = _TABLE.step_of, _TABLE.is_allowed, _TABLE.check_role


def allowed(state: LicenceState, role: Role) -> tuple[Step, ...]:
    """What somebody of this role may do with a licence in this state, as far as the table goes."""
    return tuple(step for step in STEPS.values() if is_allowed(step.name, state, role))


def take(name: str, state: LicenceState, role: Role, beneath: LicenceState = _C) -> LicenceState:
    """The state after the step; ``beneath`` is what lies under a mark that is taken away.

    Raises ``Refused("licence.role")`` or ``Refused("licence.step")``, naming the rule.
    """
    after = _TABLE.take(name, state, role)
    return beneath if after is Beneath else after


def table_markdown() -> str:
    """The table as ``docs/licences.md`` prints it, with its words."""
    states = [(s.label, f"`{s}`", "是 yes" if s.is_referencable else "否 no") for s in LicenceState]
    parts = (
        _TABLE.markdown(),
        markdown_table(("角色", "role"), [(name, f"`{role}`") for role, name in ROLE_NAMES.items()]),
        markdown_table(("状态", "state", "可引用 referencable"), states),
        markdown_table(("规则", "rule"), [(rule.label, f"`{rule}`") for rule in Rule]),
    )
    return "\n".join(parts)
