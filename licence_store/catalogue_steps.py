"""目录生命周期: draft → review → published → retired; who may take which step from which state (R010). Pure; one table.

    after = take("publish", TypeState.REVIEW, Role.ADMIN)       # TypeState.PUBLISHED
    take("publish", TypeState.REVIEW, Role.OFFICER)             # Refused("type.role")

``docs/licence-types.md`` prints the table; the tests try every role × step × state against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from seal.lifecycle import Role, markdown_table
from trust.errors import NotFound, Refused, Word, Words
from trust.i18n import N_


class TypeState(StrEnum):
    """目录状态, of a draft or of a type."""

    NONE = "NONE"
    DRAFT = "DRAFT"
    REVIEW = "REVIEW"
    WITHDRAWN = "WITHDRAWN"
    PUBLISHED = "PUBLISHED"
    RETIRED = "RETIRED"

    @property
    def label(self) -> str:
        """The state's Chinese name."""
        return _STATES[self]


_STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "NONE": N_("尚未编制"),
        "DRAFT": N_("编制中"),
        "REVIEW": N_("待审核"),
        "WITHDRAWN": N_("已作废"),
        "PUBLISHED": N_("已发布"),
        "RETIRED": N_("已停用"),
    }
)


class TypeRule(StrEnum):
    """附加规则; ``licence_store.catalogue_life`` checks each and names it when it does not hold."""

    SOUND = "sound"
    REASON = "reason"
    ANOTHER_HAND = "another_hand"
    CURRENT = "current"
    ENTITLED = "entitled"

    @property
    def label(self) -> str:
        """The rule in words."""
        return _RULES[self]


_RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sound": N_("定义须完整、正确，示例照面可以绘制"),
        "reason": N_("须说明理由"),
        "another_hand": N_("不得由编制或提交过该草稿的人办理"),
        "current": N_("提交之后该类型没有发布过别的版本"),
        "entitled": N_("部门所在地区须在该类型的颁证范围之内"),
    }
)


@dataclass(frozen=True, slots=True)
class TypeStep:
    """One line of the table."""

    name: str
    title: str
    moves: Mapping[TypeState, TypeState]
    roles: tuple[Role, ...]
    rules: tuple[TypeRule, ...] = ()


_OFFICER, _ADMIN, _SYSTEM = Role.OFFICER, Role.ADMIN, Role.SYSTEM
_WRITERS = (_OFFICER, _ADMIN)


def _to(after: TypeState, *before: TypeState) -> Mapping[TypeState, TypeState]:
    return MappingProxyType(dict.fromkeys(before, after))


_D, _R, _P, _X = TypeState.DRAFT, TypeState.REVIEW, TypeState.PUBLISHED, TypeState.RETIRED
_TABLE: Final = (
    TypeStep("draft", N_("起草"), _to(_D, TypeState.NONE), _WRITERS),
    TypeStep("save", N_("保存草稿"), _to(_D, _D), _WRITERS),
    TypeStep("submit", N_("提交审核"), _to(_R, _D), _WRITERS, (TypeRule.SOUND,)),
    TypeStep("recall", N_("收回修改"), _to(_D, _R), _WRITERS),
    TypeStep("reject", N_("退回修改"), _to(_D, _R), (_ADMIN,), (TypeRule.ANOTHER_HAND, TypeRule.REASON)),
    TypeStep("withdraw", N_("作废草稿"), _to(TypeState.WITHDRAWN, _D), _WRITERS),
    TypeStep(
        "publish", N_("审核发布"), _to(_P, _R), (_ADMIN,), (TypeRule.ANOTHER_HAND, TypeRule.SOUND, TypeRule.CURRENT)
    ),
    TypeStep("import", N_("控制台导入"), MappingProxyType({TypeState.NONE: _P, _P: _P, _X: _P}), (_SYSTEM,),
             (TypeRule.SOUND,)),
    TypeStep("retire", N_("停用类型"), _to(_X, _P), (_ADMIN,), (TypeRule.REASON,)),
    TypeStep("restore", N_("恢复启用"), _to(_P, _X), (_ADMIN,), (TypeRule.REASON,)),
    TypeStep("grant", N_("授权颁证"), _to(_P, _P), (_ADMIN,), (TypeRule.ENTITLED,)),
    TypeStep("end_grant", N_("收回颁证授权"), MappingProxyType({_P: _P, _X: _X}), (_ADMIN,), (TypeRule.REASON,)),
)  # fmt: skip
STEPS: Final[Mapping[str, TypeStep]] = MappingProxyType({step.name: step for step in _TABLE})
DRAFT_STEPS: Final = ("submit", "recall", "reject", "withdraw", "publish")
"""What is done with a draft that is there, besides saving it."""
PUBLIC: Final = ("publish", "import", "retire", "restore", "grant", "end_grant")
"""Kinds of event that the change feed tells."""


def step_of(name: str) -> TypeStep:
    """The step of this name; raises ``NotFound("type.step_unknown")``."""
    try:
        return STEPS[name]
    except KeyError:
        raise NotFound("type.step_unknown", "目录没有“{step}”这一步骤。", step=name[:40]) from None


def is_allowed(name: str, state: TypeState, role: Role) -> bool:
    """Would ``take`` allow it?"""
    step = STEPS[name]
    return role in step.roles and state in step.moves


def take(name: str, state: TypeState, role: Role) -> TypeState:
    """The state after the step. Raises ``Refused("type.role")`` or ``Refused("type.step")``."""
    step = step_of(name)
    if role not in step.roles:
        raise Refused(
            "type.role",
            "“{step}”应由{expected}办理，{got}不能办理。",
            step=Word(step.title),
            expected=Words(one.label for one in step.roles),
            got=Word(role.label),
        )
    after = step.moves.get(state)
    if after is None:
        raise Refused(
            "type.step",
            "现为“{got}”，不能“{step}”：应为{expected}。",
            remedy="请先办理前面的步骤，或刷新后重试。",
            step=Word(step.title),
            got=Word(state.label),
            expected=Words(one.label for one in step.moves),
        )
    return after


def table_markdown() -> str:
    """The table as ``docs/licence-types.md`` prints it, with its words."""
    steps = [
        (
            step.title,
            f"`{step.name}`",
            ", ".join(step.roles),
            "<br>".join(_moves(step)),
            ", ".join(step.rules) or "—",
        )
        for step in _TABLE
    ]
    return "\n".join(
        (
            markdown_table(("步骤", "step", "由谁办理 by", "从 → 到 from → to", "规则 rules"), steps),
            markdown_table(("状态", "state"), [(state.label, f"`{state}`") for state in TypeState]),
            markdown_table(("规则", "rule"), [(rule.label, f"`{rule}`") for rule in TypeRule]),
        )
    )


def _moves(step: TypeStep) -> list[str]:
    arrivals: dict[str, list[str]] = {}
    for before, after in step.moves.items():
        arrivals.setdefault("=" if before is after else str(after), []).append(str(before))
    return [f"{', '.join(before)} → {after}" for after, before in arrivals.items()]
