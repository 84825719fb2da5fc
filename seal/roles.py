"""角色: in which capacity somebody acts. Kept apart (三员分立): who manages seals does not use them, who uses them
does not audit, who keeps the system does neither. An account has one role.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from trust.i18n import N_


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
