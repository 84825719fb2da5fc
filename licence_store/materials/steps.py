"""可信等级规则: who may do what with an item of which level (role × level × action), and from which state.

The matrix is data, ``matrix.json``; ``docs/credibility.md`` prints it and tests try every cell, here and over HTTP.

    demand("check", view, "officer")        # nothing, or the refusal the cell names
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from licence_store.materials.kinds import kinds
from licence_store.materials.views import ACTIVE, DELETED, ENDED, REFUSED, REPLACED, MaterialView
from trust.errors import Conflict, LicenceTrustError, NotFound, Refused, Word
from trust.i18n import N_

_SOURCE = Path(__file__).with_name("matrix.json")
STATE_TITLES: Final = {
    ACTIVE: N_("可用"),
    REPLACED: N_("已被取代"),
    REFUSED: N_("已退回"),
    DELETED: N_("已删除"),
    ENDED: N_("已失效"),
}
_FROM: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "use": frozenset({ACTIVE}),
        "content": frozenset({ACTIVE, REPLACED, REFUSED}),
        "replace": frozenset({ACTIVE, REFUSED}),
        "delete": frozenset({ACTIVE, REFUSED, REPLACED}),
        "check": frozenset({ACTIVE, REFUSED}),
        "refuse": frozenset({ACTIVE}),
        "better": frozenset({ACTIVE, REFUSED}),
        "take_better": frozenset({ACTIVE, REFUSED}),
        "link": frozenset({ACTIVE}),
    }
)
"""From which states an act may be done; one that is not named: from all."""
EVENT_TITLES: Final = {
    "add": N_("上传"),
    "scan": N_("窗口扫描"),
    "check": N_("与原件核对，升为 B 级"),
    "refuse": N_("退回"),
    "offer": N_("登记簿中有更可信的原件"),
    "decline": N_("暂不改用原件"),
    "supersede": N_("由原件取代"),
    "replace": N_("由新上传的文件取代"),
    "delete": N_("删除"),
    "link": N_("关联办件"),
}
"""What a line of a material's history is called."""


@dataclass(frozen=True, slots=True)
class Named:
    """A row or column of the matrix."""

    code: str
    title: str
    title_en: str


@dataclass(frozen=True, slots=True)
class Action:
    """操作 and its cells: role → one letter for each level."""

    code: str
    title: str
    title_en: str
    right: str
    """The holder's right it takes (``HOLDER_RIGHTS``); empty: it is no holder's act."""
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Matrix:
    """角色 × 等级 × 操作."""

    levels: tuple[Named, ...]
    roles: tuple[Named, ...]
    verdicts: Mapping[str, str]
    """Letter → code of the refusal; empty: allowed."""
    actions: Mapping[str, Action]

    def verdict(self, action: str, level: str, role: str) -> str:
        """The code of the refusal; empty: it may be done."""
        column = next(number for number, one in enumerate(self.levels) if one.code == level)
        return self.verdicts[self.actions[action].cells[role][column]]


@cache
def matrix() -> Matrix:
    """The table as it stands in the data."""
    found = json.loads(_SOURCE.read_text(encoding="utf-8"))
    return Matrix(
        tuple(Named(**one) for one in found["levels"]),
        tuple(Named(**one) for one in found["roles"]),
        MappingProxyType(found["verdicts"]),
        MappingProxyType({one["code"]: Action(**one) for one in found["actions"]}),
    )


def demand(action: str, item: MaterialView, role: str) -> None:
    """Raises what the cell says, or ``Conflict("material.state")``."""
    code = matrix().verdict(action, item.column, role)
    if code:
        raise refusal(code, item.id)
    if item.state not in _FROM.get(action, frozenset(STATE_TITLES)):
        raise Conflict(
            "material.state",
            "材料现为“{state}”，不能办理“{action}”。",
            state=Word(STATE_TITLES[item.state]),
            action=Word(matrix().actions[action].title),
        )


def refusal(code: str, item_id: str) -> LicenceTrustError:
    """The error a cell's code stands for."""
    if code == "material.unknown":
        return unknown(item_id)
    return Refused(code, _REFUSALS[code][0], remedy=_REFUSALS[code][1])


def unknown(item_id: str) -> NotFound:
    """There is none, or it is none of theirs: the same words for both."""
    return NotFound("material.unknown", "没有材料 {id}。", id=item_id[:160])


_REFUSALS: Final = {
    "material.back_office": (
        N_("这是后台或窗口放入的内容，持证者不能改动。"),
        N_("内容有误的，请向颁证单位或放入它的窗口提出。"),
    ),
    "material.original_check": (
        N_("此件须先由窗口人员核验原件，才能使用。"),
        N_("请携带原件到受理窗口核验。"),
    ),
    "material.licence": (
        N_("这是登记簿中的证照，请在证照页面办理。"),
        N_("请按证照标识查找。"),
    ),
    "material.no_original": (
        N_("此类材料在登记簿中没有对应的原件。"),
        N_("只有证照扫描件可以由原件取代。"),
    ),
    "material.not_promotable": (
        N_("此件的可信等级不能由窗口核验提升。"),
        N_("只有 C 级证照扫描件和须核验原件的 D 级材料可以升为 B 级。"),
    ),
    "material.role": (
        N_("您的身份不能对材料办理此项操作。"),
        N_("请由持证者本人或受理窗口的经办人办理。"),
    ),
    "holder.right": (
        N_("授权范围不包括此项操作。"),
        N_("请向授权人申请更大的授权范围，或切换到本人的空间。"),
    ),
}
ACTION_TITLES: Final = (
    N_("查看"), N_("打开文件"), N_("查看来历"), N_("直接使用"), N_("替换"), N_("删除"), N_("核验为 B 级"), N_("退回"),
    N_("查找更可信的原件"), N_("以原件取代"), N_("关联办件"),
)  # fmt: skip
"""The titles of the actions, for the catalogue of messages."""


def usable(level: str, kind_code: str, state: str) -> str:
    """``directly``, ``after_check`` or ``no``."""
    if state != ACTIVE:
        return "no"
    return "directly" if level in ("A", "B") else kinds()[kind_code].usable
