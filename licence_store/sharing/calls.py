"""共享调用: who asks, what, for which purpose; as the operations see it, however it was proved.

``Caller`` is made by ``licence_store.sharing.callers`` for systems that are registered here, and for another region's
node from the trust list (``kind="region"``); a clerk at a page is ``kind="clerk"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from licence_store.sharing.purposes import Purpose
from trust.errors import Refused
from trust.journal import Actor

ANY: Final = "*"
OPERATIONS: Final = (
    "catalogue", "fields", "licence", "holder", "qr", "batch", "check", "verify", "compare", "download",
)  # fmt: skip
"""目录 字段说明 按标识 按持证者 按二维码 批量 真伪 核验文件 比对文件 下载."""


BETWEEN: Final = ("copy", "accept")
"""副本状态 采用副本: asked by other regions' nodes alone, and not a matter of scopes: the holder has decided."""


@dataclass(frozen=True, slots=True)
class Caller:
    """调用方."""

    id: str
    """Client id, ``region:<code>``, or ``clerk:<account>``."""
    name: str
    kind: str
    """``system``, ``region`` or ``clerk``."""
    region: str
    """Where it asks from."""
    operations: frozenset[str]
    types: frozenset[str]
    regions: frozenset[str]
    """Whose licences it may ask for."""
    rate: int = 0
    """Calls a minute; 0: not limited."""
    quota: int = 0
    """Calls a day; 0: not limited."""
    key_id: str = ""
    mode: str = ""
    """``signature``, ``hmac`` or ``page``."""

    def demand(self, operation: str, *, type_code: str = "", region: str = "") -> None:
        """Raises ``Refused("sharing.scope_operation", "sharing.scope_type", "sharing.scope_region")``."""
        if operation not in self.operations and ANY not in self.operations:
            raise Refused("sharing.scope_operation", "授权范围不包括操作“{wanted}”。", wanted=operation)
        if type_code and type_code not in self.types and ANY not in self.types:
            raise Refused("sharing.scope_type", "授权范围不包括证照类型 {wanted}。", wanted=type_code)
        if region and region not in self.regions and ANY not in self.regions:
            raise Refused("sharing.scope_region", "授权范围不包括行政区划 {wanted}。", wanted=region)


@dataclass(frozen=True, slots=True)
class Call:
    """One question: ``operation`` with its ``parameters`` (as JSON brought them, not yet checked)."""

    caller: Caller
    operation: str
    parameters: Mapping[str, Any]
    purpose: Purpose
    request: str
    """SM3 of the question's octets, hex."""
    actor: Actor = field(default_factory=lambda: Actor("system"))
