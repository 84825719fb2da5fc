"""目录生命周期: draft → review → published → retired; who may take which step from which state (R010). Pure; one table.

    after = take("publish", TypeState.REVIEW, Role.ADMIN)       # TypeState.PUBLISHED
    take("publish", TypeState.REVIEW, Role.OFFICER)             # Refused("type.role")

``docs/licence-types.md`` prints the table; the tests try every role × step × state against it.
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


TypeStep = steps.Step[TypeState, TypeState, TypeRule]
_OFFICER, _ADMIN, _SYSTEM = Role.OFFICER, Role.ADMIN, Role.SYSTEM
_WRITERS = (_OFFICER, _ADMIN)
_D, _R, _P, _X = TypeState.DRAFT, TypeState.REVIEW, TypeState.PUBLISHED, TypeState.RETIRED
_ROWS: Final = (
    TypeStep("draft", N_("起草"), to(_D, TypeState.NONE), _WRITERS),
    TypeStep("save", N_("保存草稿"), stay(_D), _WRITERS),
    TypeStep("submit", N_("提交审核"), to(_R, _D), _WRITERS, (TypeRule.SOUND,)),
    TypeStep("recall", N_("收回修改"), to(_D, _R), _WRITERS),
    TypeStep("reject", N_("退回修改"), to(_D, _R), (_ADMIN,), (TypeRule.ANOTHER_HAND, TypeRule.REASON)),
    TypeStep("withdraw", N_("作废草稿"), to(TypeState.WITHDRAWN, _D), _WRITERS),
    TypeStep(
        "publish", N_("审核发布"), to(_P, _R), (_ADMIN,), (TypeRule.ANOTHER_HAND, TypeRule.SOUND, TypeRule.CURRENT)
    ),
    TypeStep("import", N_("控制台导入"), MappingProxyType({TypeState.NONE: _P, _P: _P, _X: _P}), (_SYSTEM,),
             (TypeRule.SOUND,)),
    TypeStep("retire", N_("停用类型"), to(_X, _P), (_ADMIN,), (TypeRule.REASON,)),
    TypeStep("restore", N_("恢复启用"), to(_P, _X), (_ADMIN,), (TypeRule.REASON,)),
    TypeStep("grant", N_("授权颁证"), stay(_P), (_ADMIN,), (TypeRule.ENTITLED,)),
    TypeStep("end_grant", N_("收回颁证授权"), stay(_P, _X), (_ADMIN,), (TypeRule.REASON,)),
)  # fmt: skip
_TABLE: Final = StepTable(
    _ROWS,
    Refusals(
        unknown=Saying("type.step_unknown", N_("目录没有“{step}”这一步骤。")),
        role=Saying("type.role", N_("“{step}”应由{expected}办理，{got}不能办理。")),
        state=Saying("type.step", N_("现为“{got}”，不能“{step}”：应为{expected}。")),
    ),
)
STEPS: Final = _TABLE.steps
"""The table, by name."""
DRAFT_STEPS: Final = ("submit", "recall", "reject", "withdraw", "publish")
"""What is done with a draft that is there, besides saving it."""
PUBLIC: Final = ("publish", "import", "retire", "restore", "grant", "end_grant")
"""Kinds of event that the change feed tells."""
step_of, is_allowed, take = _TABLE.step_of, _TABLE.is_allowed, _TABLE.take


def table_markdown() -> str:
    """The table as ``docs/licence-types.md`` prints it, with its words."""
    states = [(state.label, f"`{state}`") for state in TypeState]
    parts = (
        _TABLE.markdown(),
        markdown_table(("状态", "state"), states),
        markdown_table(("规则", "rule"), [(rule.label, f"`{rule}`") for rule in TypeRule]),
    )
    return "\n".join(parts)
