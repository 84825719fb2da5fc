"""印章登记的内容: what goes into the seal register and what comes out, as plain values.

Nothing here decides anything: ``seal.lifecycle`` says who may do what, ``seal.register`` does it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from seal.kinds import PERSONAL_SEAL, find_kind
from seal.lifecycle import State
from seal.models import Seal, SealEvent, SealGrant, SealObject, SealRequest
from trust.errors import Malformed
from trust.i18n import N_

HOLDERS: Final[Mapping[str, str]] = MappingProxyType(
    {"institution": N_("单位"), "office": N_("任职人员"), "applicant": N_("申请人")}
)
"""持章人种类: institutions, people with an office (法定代表人名章), applicants (R072)."""
REQUESTS: Final[Mapping[str, str]] = MappingProxyType(
    {"new": N_("新制"), "face": N_("变更印模"), "certificate": N_("变更证书"), "destruction": N_("销毁")}
)
"""申请种类."""
MAX_BASIS: Final = 20 << 20


@dataclass(frozen=True, slots=True)
class NewSeal:
    """拟制印章: what an application asks for."""

    name: str
    """印章名称, normally the unit's full name and what the seal is for."""
    department: str
    """Id of the unit that keeps it on the register."""
    kind: str = "special"
    """A code of ``seal.kinds.KINDS``."""
    purpose: str = ""
    """What it is for, in words."""
    holder_kind: str = "institution"
    holder_name: str = ""
    """Empty: the unit's name."""
    holder_code: str = ""
    """Empty: the unit's code."""
    seal_id: str = ""
    """Only for a seal made elsewhere: its own code (esID)."""

    def check(self) -> None:
        """Raises ``Malformed("seal.application", "seal.kind")``."""
        if not 0 < len(self.name) <= 128 or not self.name.isprintable():
            raise _wrong(N_("印章申请有误：印章名称应为 1 至 128 个字符。"))
        personal = find_kind(self.kind).type == PERSONAL_SEAL
        if self.holder_kind not in HOLDERS:
            raise _wrong(N_("印章申请有误：持章人种类不在所列之内。"))
        if personal and self.holder_kind == "institution":
            raise _wrong(N_("印章申请有误：名章的持章人应为个人。"))
        if self.holder_kind != "institution" and not self.holder_name:
            raise _wrong(N_("印章申请有误：应写明持章人姓名或名称。"))
        if self.holder_kind == "applicant" and not self.holder_code:
            raise _wrong(N_("印章申请有误：应写明申请人的代码。"))
        if max(len(self.holder_name), len(self.purpose)) > 200 or len(self.holder_code) > 64:
            raise _wrong(N_("印章申请有误：持章人名称、代码或用途过长。"))
        if not (self.seal_id.isascii() and self.seal_id.isalnum() and len(self.seal_id) <= 64) and self.seal_id:
            raise _wrong(N_("印章申请有误：印章编码应为 1 至 64 位字母或数字。"))


def _wrong(template: str) -> Malformed:
    return Malformed("seal.application", template)


@dataclass(frozen=True, slots=True)
class Basis:
    """依据文件: the document a step rests on (a decision, an appointment, a report of loss)."""

    name: str
    data: bytes

    def check(self) -> None:
        """Raises ``Malformed("seal.basis")``."""
        if not self.data or len(self.data) > MAX_BASIS or not 0 < len(self.name) <= 200 or not self.name.isprintable():
            raise Malformed("seal.basis", "依据文件应有文件名，内容为 1 字节至 {limit} 兆字节。", limit=MAX_BASIS >> 20)


@dataclass(frozen=True, slots=True)
class SealSummary:
    """印章 as a list shows it."""

    id: str
    name: str
    kind: str
    purpose: str
    holder_kind: str
    holder_name: str
    holder_code: str
    department_id: str
    department_name: str
    state: State
    object_number: int
    """0: not made yet."""
    digest: str
    key_name: str
    created: datetime

    @classmethod
    def of(cls, seal: Seal, department_name: str) -> SealSummary:
        return cls(
            seal.id,
            seal.name,
            seal.kind,
            seal.purpose,
            seal.holder_kind,
            seal.holder_name,
            seal.holder_code,
            seal.department_id,
            department_name,
            State(seal.state),
            seal.object_number,
            seal.digest,
            seal.key_name,
            seal.created,
        )


@dataclass(frozen=True, slots=True)
class GrantView:
    """用章授权 as it was given."""

    id: str
    account: str
    """Empty: every officer of the department."""
    department_id: str
    types: tuple[str, ...]
    daily_limit: int | None
    granted: datetime
    granted_by: str
    ended: datetime | None
    ended_by: str

    @classmethod
    def of(cls, row: SealGrant) -> GrantView:
        return cls(
            row.id,
            row.account,
            row.department_id,
            tuple(json.loads(row.types)),
            row.daily_limit,
            row.granted,
            row.granted_by,
            row.ended,
            row.ended_by,
        )


@dataclass(frozen=True, slots=True)
class SealView:
    """印章 in full: its objects, requests, events and grants, each oldest first."""

    summary: SealSummary
    objects: tuple[SealObject, ...]
    requests: tuple[SealRequest, ...]
    events: tuple[SealEvent, ...]
    grants: tuple[GrantView, ...]

    @property
    def id(self) -> str:
        return self.summary.id

    @property
    def state(self) -> State:
        return self.summary.state

    def open_request(self) -> SealRequest | None:
        """The request that waits for a decision or to be carried out."""
        return next((r for r in self.requests if r.state in ("open", "approved")), None)


@dataclass(frozen=True, slots=True)
class Permission:
    """拟授予的用章权: for ``grant``."""

    department: str = ""
    """Empty: the seal's own."""
    account: str = ""
    """One officer; empty: every officer of the department."""
    types: Sequence[str] = ("*",)
    """Codes of licence types; ``*``: all."""
    daily_limit: int | None = None

    def check(self) -> None:
        """Raises ``Malformed("seal.grant")``."""
        if not self.types or len(self.types) > 1000 or not all(0 < len(code) <= 21 for code in self.types):
            raise Malformed("seal.grant", "用章授权应写明证照类型（* 表示全部）。")
        if self.daily_limit is not None and not 0 < self.daily_limit <= 10_000_000:
            raise Malformed("seal.grant", "每日用章次数应为正整数。")
