"""持证者: somebody who holds licences, and the session in which they, or somebody for them, act (R098–R100).

    session.demand("upload", type_code)             # may they do this for this holder?
    session.demand_assurance(2, clock())            # is it proved well enough, and lately?
    licences_of(session.holder.code)                # never of ``session.person`` while acting for another

Every question of the space is asked for ``session.holder``: the person themself, the company whose officer they are,
or whoever has delegated to them. What may be done stands in ``rights``, for which licence types in ``types`` and for
which service items in ``items``; ``*`` is all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from trust.errors import Refused, Unauthenticated
from trust.i18n import N_
from trust.journal import Actor

PERSON, ORGANISATION = "person", "organisation"
CITIZEN_NUMBER, CREDIT_CODE = "111", "001"
"""持证者代码类型 of the codes whose form we know."""
HOLDER_RIGHTS: Final = ("view", "use", "upload", "report_loss", "delegate")
"""查看、用证（制作副本、亮证）、上传、挂失、转授权: what somebody may do in a holder's space."""
RIGHT_TITLES: Final = {
    "view": N_("查看"),
    "use": N_("用证、亮证和异议"),
    "upload": N_("上传材料"),
    "report_loss": N_("办理挂失"),
    "delegate": N_("再授权"),
}
ALL: Final = "*"
NONE: Final = "-"
"""No type, no item: within no list of them."""
EVERYTHING: Final = frozenset({ALL})
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
LEVELS: Final = (1, 2, 3)
"""认证等级: 1 a password or the like, 2 two factors, 3 the face or the document compared."""
LEVEL_TITLES: Final = {1: N_("一级（基本认证）"), 2: N_("二级（增强认证）"), 3: N_("三级（高级认证）")}


class StepUpNeeded(Unauthenticated):
    """提升认证: known, but not proved well enough, or not lately, for what is asked."""

    remedy_template = "请重新认证后再办理。"

    def __init__(self, level: int) -> None:
        super().__init__("holder.step_up", "此操作需要达到{level}级的近期身份认证。", level=level)
        self.level = level


@dataclass(frozen=True, slots=True)
class Holder:
    """持证者 by their code, as licences name them."""

    code: str
    """Citizen number, credit code, or what else the licence types take."""
    code_type: str
    name: str

    @property
    def kind(self) -> str:
        """``person`` or ``organisation``."""
        return ORGANISATION if self.code_type == CREDIT_CODE else PERSON

    def holds(self, code: str, code_type: str) -> bool:
        """Is this their number, and of its kind? Two kinds of documents may bear the same."""
        return (code, code_type) == (self.code, self.code_type)

    def same(self, other: Holder) -> bool:
        """Is it the same person or body, whatever name is written?"""
        return self.holds(other.code, other.code_type)

    @property
    def speaks_for_itself(self) -> bool:
        """Does the number's own form say of which kind it is?"""
        return self.code_type in (CITIZEN_NUMBER, CREDIT_CODE)

    @property
    def masked_code(self) -> str:
        """隐去年月日 (R100) of a person's number; an organisation's is public."""
        return self.code if self.kind == ORGANISATION else mask_number(self.code)

    @property
    def masked_name(self) -> str:
        """A person's name without the given name; an organisation's is public."""
        return self.name if self.kind == ORGANISATION else mask_person(self.name)


def mask_number(code: str) -> str:
    """A person's number without year, month and day (R100); of other forms without the middle.

    >>> mask_number("990000199001011234"), mask_number("X1234567")
    ('990000********1234', 'X1****67')
    """
    if len(code) == 18:
        return f"{code[:6]}********{code[14:]}"
    kept = min(2, len(code) // 4)
    return code[:kept] + "*" * max(4, len(code) - 2 * kept) + (code[-kept:] if kept else "")


def mask_person(name: str) -> str:
    """A person's name: the first character stays.

    >>> mask_person("林望舒"), mask_person("阿依古丽·买买提")
    ('林**', '阿*******')
    """
    return name[:1] + "*" * max(1, len(name) - 1)


@dataclass(frozen=True, slots=True)
class HolderSession:
    """用户会话: who acts, for whom, with which rights, and how well that is proved."""

    account_id: str
    """Empty where an officer acts for somebody who stands at the counter."""
    person: Holder
    """Whoever signed in."""
    holder: Holder
    """Whose space it is: the same, or whoever they act for."""
    delegation_id: str = ""
    """The delegation they act by; empty: for themself, or as an organisation's officer."""
    rights: frozenset[str] = frozenset(HOLDER_RIGHTS)
    types: frozenset[str] = EVERYTHING
    items: frozenset[str] = EVERYTHING
    """服务事项 for which what is held may be used."""
    assurance: int = 1
    proved: datetime = NEVER
    """When the identity was last proved at ``assurance``."""
    fresh_until: datetime = NEVER
    """Until when that counts for what needs more than the lowest level."""
    expires: datetime = NEVER
    token: str = field(default="", repr=False)
    csrf: str = field(default="", repr=False)
    counter: Actor | None = None
    """The officer who acts for the holder at the counter, or the console of a demonstration."""

    @property
    def acts_for_another(self) -> bool:
        return not self.holder.same(self.person)

    @property
    def acting_key(self) -> str:
        """For whom, as ``Capacity.key`` has it: empty for themself, a delegation's id, an organisation's code."""
        return self.delegation_id or (self.holder.code if self.acts_for_another else "")

    def actor(self, address: str | None = "", channel: str = "page") -> Actor:
        """For the journal: the account, never name or number."""
        return self.counter or Actor(f"holder:{self.account_id}", None, address, channel)

    def may(self, right: str, type_code: str = "", item: str = "") -> bool:
        """Do the rights cover this, for that type and service item (empty: whichever)?"""
        asked = ((type_code, self.types), (item, self.items))
        return right in self.rights and all(not one or one in given or ALL in given for one, given in asked)

    def demand(self, right: str, type_code: str = "", item: str = "") -> None:
        """Raises ``Refused("holder.right")``."""
        if not self.may(right, type_code, item):
            raise Refused(
                "holder.right",
                "授权范围不包括此项操作。",
                remedy="请向授权人申请更大的授权范围，或切换到本人的空间。",
            )

    def proves(self, level: int, moment: datetime) -> bool:
        """Is the identity proved at ``level``; for more than the lowest also lately?"""
        return self.assurance >= level and (level < 2 or moment < self.fresh_until)

    def demand_assurance(self, level: int, moment: datetime) -> None:
        """Raises ``StepUpNeeded``."""
        if not self.proves(level, moment):
            raise StepUpNeeded(level)
